"""Fault-injection tests: kills, flipped bits, output faults, fuzz, leaks, repetition. See docs/reliability.md.

Usage: python benchmarks/torture.py [PARTS [COUNT [SEED]]], with PARTS one or more of kills, saving, bits, leaks,
repeats, output, streams, fuzz, guided, separated by commas; `kills=5` is a part with a count of its own. Without PARTS,
all of them run at full length.

Every training and every fuzzed input runs in a new or forked process, so that kills are real and crashes are detected.
A failure is printed with the seed that reproduces it, and the exit code is 1.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks import fuzz as feeding
from benchmarks.fuzz import KINDS, Target, altered, targets
from benchmarks.output_faults import lost_output, repeated_streams
from seqpred.errors import SeqpredError

FULL = {"kills": 200, "saving": 200, "bits": 10_000, "leaks": 1000, "repeats": 20, "output": 1000, "streams": 500}
FULL |= {"fuzz": 100_000, "guided": 100_000}
PATIENCE, ROOM = 5, 1 << 30  # limits of a fuzzed input in seconds and bytes
IN_MEMORY, MEMORY = ("fuzz", "guided"), Path("/dev/shm")  # parts with many files, which need no disk


def warm() -> None:
    """Import everything that a training needs, so that forked processes start quickly."""
    import safetensors.numpy  # noqa: F401
    import torch

    import seqpred
    import tests.invariants.conftest
    import tests.invariants.leaks  # noqa: F401
    from seqpred.runtime.onnx_runtime import import_onnxruntime

    import_onnxruntime()

    torch.set_num_threads(1)  # torch must not have started threads before a fork
    for module in pkgutil.walk_packages(seqpred.__path__, "seqpred."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def forked(work: Callable[[], object]) -> int:
    """Fork a process that runs `work` and exits without cleaning up; returns its id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001, this process exits
        traceback.print_exc()
        os._exit(1)


def ended(process: int) -> bool:
    """Wait for a process; returns whether it succeeded."""
    return os.waitpid(process, 0)[1] == 0


def kill_after(process: int, seconds: float) -> bool:
    """Kill a process after `seconds` unless it has ended; returns whether it was killed."""
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def contents(folder: Path) -> dict[str, bytes]:
    """The contents of all files in a folder that are the same for identical runs."""
    from seqpred.storage.model_folder import reproducible_part

    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: reproducible_part(content) if name == "manifest.json" else content for name, content in files.items()}


# ------------------------------------------------------------------ trainings


def small(seed: int) -> dict[str, Any]:
    """A config for a short training with a random network and dropout."""
    rng = np.random.default_rng(seed)
    return {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {
            "cell": str(rng.choice(["rnn", "lstm", "gru"])),
            "depth": int(rng.integers(1, 4)),
            "bidirectional": bool(rng.integers(2)),
            "dropout": 0.3,
            "hidden_size": 6,
            "window": 14,
            "members": 2,
        },
        "forecast": {"horizon": 7, "season": 7},
        "training": {
            "max_steps": 60,
            "validation": 7,
            "batch_size": 8,
            "threads": 1,
            "learning_rate": 0.01,
            "seed": seed,
        },
    }


FORWARD = next(seed for seed in range(1, 100) if not small(seed)["model"]["bidirectional"])  # can stream


def train(seed: int, out: Path, *, resume: bool = False, force: bool = False) -> None:
    """Train, writing a checkpoint fifty times a second."""
    import seqpred
    from seqpred.training import checkpoint
    from tests.invariants.conftest import frame

    checkpoint.EVERY, checkpoint.COST = 0.02, 1e9
    seqpred.train(small(seed), frame(), out, resume=resume, force=force)


def kills(count: int, seed: int, place: Path) -> Iterator[str]:
    """Compare trainings that were killed one to three times and resumed with uninterrupted ones."""
    rng = np.random.default_rng(seed)
    done = resumed = 0
    while done < count:
        own = seed + done
        began = time.monotonic()
        if not ended(forked(lambda: train(own, place / "whole"))):
            yield f"seed {own}: training failed"
        whole = time.monotonic() - began
        for _ in range(int(rng.integers(1, 4))):
            process = forked(lambda: train(own, place / "killed", resume=True))
            if kill_after(process, rng.uniform(0.0, 1.2 * whole)):
                done += 1
            resumed += (place / "killed" / "checkpoint" / "state").exists()
        if not ended(forked(lambda: train(own, place / "killed", resume=True))):
            yield f"seed {own}: resuming failed"
        elif contents(place / "killed") != contents(place / "whole"):
            yield f"seed {own}: different bytes"
        if [p.name for p in place.iterdir() if p.name not in ("killed", "whole")]:
            yield f"seed {own}: temporary files remain next to the folder"
        for name in ("killed", "whole"):
            shutil.rmtree(place / name, ignore_errors=True)
    print(f"kills: {done} kills at random moments, {resumed} of them with a checkpoint to resume", end="")


def saving(count: int, seed: int, place: Path) -> Iterator[str]:
    """Kill a process while it repeatedly replaces one model folder by another."""
    from seqpred.storage.model_folder import read_folder, write_folder
    from tests.storage.test_model_folder import CONFIGURED

    rng = np.random.default_rng(seed)
    sets = [{"w": rng.normal(size=(1 << 18) + i).astype(np.float32)} for i in range(2)]
    write_folder(place / "m", CONFIGURED, sets[0], {})

    def write_for_ever() -> None:
        while True:
            for weights in sets:
                write_folder(place / "m", CONFIGURED, weights, {})

    kinds = 0
    for i in range(count):
        kill_after(forked(write_for_ever), rng.uniform(0.0, 0.2))
        kinds += any(p.name.startswith(".m") for p in place.iterdir())
        try:
            found = read_folder(place / "m").weights()["w"]
        except Exception as e:  # noqa: BLE001, any exception is a failure
            yield f"kill {i}: {e}"
            continue
        if not any(np.array_equal(found, s["w"]) for s in sets):
            yield f"kill {i}: neither the old model nor the new"
    print(f"saving: {count} kills, {kinds} of them during a write", end="")


def bits(count: int, seed: int, place: Path) -> Iterator[str]:
    """Flip single bits in every file of a model folder and in a checkpoint."""
    from seqpred.errors import FolderError
    from seqpred.storage.model_folder import read_folder
    from seqpred.training.checkpoint import pack, unpack

    ended(forked(lambda: train(seed, place / "m")))
    rng = np.random.default_rng(seed)
    state = bytearray(pack({"weights": rng.normal(size=500), "step": 3, "losses": [0.1] * 50}))
    files = sorted((place / "m").iterdir())
    for i in range(count):
        file = files[i % (len(files) + 1)] if i % (len(files) + 1) < len(files) else None
        content = bytearray(file.read_bytes()) if file else bytearray(state)
        where, bit = int(rng.integers(len(content))), int(rng.integers(8))
        content[where] ^= 1 << bit
        try:
            if file:
                whole = file.read_bytes()
                file.write_bytes(content)
                try:
                    read_folder(place / "m")
                finally:
                    file.write_bytes(whole)
            else:
                unpack(bytes(content))
            yield f"bit {bit} of byte {where} of {file.name if file else 'state'} was not detected"
        except (FolderError, ValueError):
            pass
    print(f"bits: {count} flips in {', '.join(f.name for f in files)} and a state", end="")


def leaks(count: int, seed: int, place: Path) -> Iterator[str]:
    """For random configs, compare everything before a cut while everything after it changes."""
    from tests.invariants.leaks import check_config, draw_case

    for i in range(seed, seed + count):
        if not ended(forked(lambda i=i: check_config(*draw_case(i), i))):  # type: ignore[misc]
            yield f"config {i} leaks"
    print(f"leaks: {count} random configs", end="")


def repeats(count: int, seed: int, place: Path) -> Iterator[str]:
    """Repeat one training; other machines of the same kind should print the same digest."""
    seen = set()
    for i in range(count):
        if not ended(forked(lambda i=i: train(seed, place / str(i)))):  # type: ignore[misc]
            yield f"run {i} failed"
        seen.add(repr(contents(place / str(i))))
    if len(seen) > 1:
        yield f"{len(seen)} different folders"
    digest = hashlib.sha256("".join(sorted(seen)).encode()).hexdigest()[:16]
    print(f"repeats: {count} runs with one seed and one thread, digest {digest} on {processor()}", end="")


def processor() -> str:
    """What the bytes of a result depend on: the processor and the versions of torch and numpy."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    fields = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    named = [fields.get(key, "?") for key in ("model name", "cpu family", "model")]
    return f"{' '.join(named)} with torch {torch.__version__} and numpy {np.__version__}"


# ------------------------------------------------------------------ fuzz


SHARES = {"csv": 15, "table": 10, "config": 25, "folder": 10, "lines": 12, "state": 14, "checkpoint": 14}  # of 100
CHUNK = 250  # inputs in one process


def fuzz(count: int, seed: int, place: Path) -> Iterator[str]:
    """Feed randomly altered files to the readers; each must be accepted, or rejected with a message, within limits."""
    print("fuzz: ", end="")
    for kind, target in targets(place).items():
        read, share = 0, count * SHARES[kind] // 100
        for begin in range(seed, seed + share, CHUNK):
            report = place / "report"
            seeds = range(begin, min(begin + CHUNK, seed + share))
            whole = ended(forked(lambda: _feed_all(target, kind, seeds, report)))
            if whole:
                read += int(report.read_text())
            else:
                yield f"{kind}, {report.read_text()}"
        print(f"{share:,} {kind} ({read:,} accepted), ", end="", flush=True)
    print("altered", end="")


def _feed_all(target: Target, kind: str, seeds: range, report: Path) -> None:
    """Feed altered files to a reader; writes to `report` how many were accepted, or the one that failed."""
    warnings.simplefilter("ignore")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    pyarrow.array([0])  # reserves a gigabyte of addresses, which an input need not have caused
    held = os.sysconf("SC_PAGE_SIZE") * int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, held + ROOM))
    read = 0
    for seed in seeds:
        content = altered(target.good[seed % len(target.good)], np.random.default_rng((seed, len(kind))))
        report.write_text(f"seed {seed}: died, or took longer than {PATIENCE} s")
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)  # CPU time, so that other work is not counted
        signal.alarm(12 * PATIENCE)
        try:
            target.read(content)
            read += 1
        except SeqpredError:
            pass
        except BaseException as e:
            lines = traceback.format_tb(e.__traceback__)[-2:]
            report.write_text(f"seed {seed}: {type(e).__name__}: {str(e)[:200]}\n{''.join(lines)}")
            raise
        signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)
    report.write_text(str(read))


def guided(count: int, seed: int, place: Path) -> Iterator[str]:
    """Feed the same readers with atheris, which searches for inputs that reach new branches."""
    if find_spec("atheris") is None:
        print("guided: atheris is not installed", end="")
        return
    summary = []
    for kind in KINDS:
        share = count * SHARES[kind] // 100
        (place / kind).mkdir()
        limits = [f"-timeout={12 * PATIENCE}", "-rss_limit_mb=3000", "-max_len=65536", f"-artifact_prefix={place}/"]
        command = [sys.executable, "-W", "ignore", feeding.__file__, kind, str(place / kind), f"-runs={share}"]
        done = subprocess.run([*command, f"-seed={seed}", *limits], capture_output=True, text=True, check=False)
        branches = re.findall(r"cov: (\d+)", done.stderr)
        if done.returncode:
            kept = [shutil.copy(p, tempfile.gettempdir()) for p in place.iterdir() if p.is_file()]
            yield f"{kind}: {' '.join(kept)}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        summary.append(
            f"{share:,} {kind} ({branches[0]} branches at the start, {branches[-1]} at the end)" if branches else kind
        )
    print(f"guided: {', '.join(summary)}", end="")


def output(count: int, seed: int, place: Path) -> Iterator[str]:
    """Run commands while their output fails; see `benchmarks.output_faults`."""
    ended(forked(lambda: train(FORWARD, place / "model")))
    yield from lost_output(count, seed, place)


def streams(count: int, seed: int, place: Path) -> Iterator[str]:
    """Interrupt and repeat streams with `--state`; see `benchmarks.output_faults`."""
    ended(forked(lambda: train(FORWARD, place / "model")))
    yield from repeated_streams(count, seed, place)


PARTS: dict[str, Callable[[int, int, Path], Iterator[str]]] = {
    "kills": kills,
    "saving": saving,
    "bits": bits,
    "leaks": leaks,
    "repeats": repeats,
    "output": output,
    "streams": streams,
    "fuzz": fuzz,
    "guided": guided,
}


def main() -> None:
    warm()
    words = sys.argv[1:]
    chosen = [word.partition("=") for word in (words[0].split(",") if words else PARTS)]
    seed = int(words[2]) if len(words) > 2 else 1
    failures = 0
    for part, _, own in chosen:
        count, began = int(own or (words[1] if len(words) > 1 else FULL[part])), time.monotonic()
        with tempfile.TemporaryDirectory(dir=MEMORY if part in IN_MEMORY and MEMORY.is_dir() else None) as place:
            for failure in PARTS[part](count, seed, Path(place)):
                failures += 1
                print(f"FAILED {part}: {failure}", flush=True)
        print(f"; {failures} failures so far ({time.monotonic() - began:.0f} s)", flush=True)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
