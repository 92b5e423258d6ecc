"""What seqpred withstands, counted: kills, flipped bits, fuzz, leaks, repetition. See docs/reliability.md.

Usage: python benchmarks/torture.py [PART [COUNT [SEED]]], with PART one of kills, saving, bits, leaks, repeats, fuzz;
without one, all of them at full length.

Every training and every fuzzed input runs in a process of its own or in a forked one, so that a kill is a kill and a
crash is seen. A failure is printed with the seed that makes it again, and the exit code is 1.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
FULL = {"kills": 200, "saving": 200, "bits": 10_000, "leaks": 500, "repeats": 20, "fuzz": 100_000}
PATIENCE, ROOM = 5, 1 << 30  # seconds and bytes that a fuzzed input may take


def warm() -> None:
    """Import all that a training needs, so that a forked process begins with it; no training is begun here."""
    import onnx.checker
    import onnxruntime  # noqa: F401
    import safetensors.numpy
    import torch

    import seqpred
    import tests.invariants.conftest
    import tests.invariants.leaks  # noqa: F401

    torch.set_num_threads(1)  # none of torch's threads may be there when a process forks
    for module in pkgutil.walk_packages(seqpred.__path__, "seqpred."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def forked(work: Callable[[], object]) -> int:
    """The process that does the work; silent, and gone at its end without tidying up."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001, it is this process's last
        import traceback

        traceback.print_exc()
        os._exit(1)


def ended(process: int) -> bool:
    """Waits for a process; whether all went well."""
    return os.waitpid(process, 0)[1] == 0


def kill_after(process: int, seconds: float) -> bool:
    """Kill a process after a time, unless it has ended; whether it was killed."""
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# ------------------------------------------------------------------ trainings


def small(seed: int) -> dict[str, Any]:
    """A quick training of any network; dropout draws too."""
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


def train(seed: int, out: Path, *, resume: bool = False, force: bool = False) -> None:
    """Train, and write the state fifty times a second."""
    import seqpred
    from seqpred.training import checkpoint
    from tests.invariants.conftest import frame

    checkpoint.EVERY, checkpoint.COST = 0.02, 1e9
    seqpred.train(small(seed), frame(), out, resume=resume, force=force)


def kills(count: int, seed: int, place: Path) -> Iterator[str]:
    """Trainings killed one to three times at random moments, then resumed, against ones that were not."""
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
            yield f"seed {own}: going on failed"
        elif contents(place / "killed") != contents(place / "whole"):
            yield f"seed {own}: other bytes"
        if [p.name for p in place.iterdir() if p.name not in ("killed", "whole")]:
            yield f"seed {own}: something was left beside the folder"
        for name in ("killed", "whole"):
            shutil.rmtree(place / name, ignore_errors=True)
    print(f"kills: {done} kills at random moments, {resumed} of them with a state to go on from", end="")


def saving(count: int, seed: int, place: Path) -> Iterator[str]:
    """A process killed while it writes one model folder over another, again and again."""
    from seqpred.folder import read_folder, write_folder
    from tests.test_folder import CONFIGURED

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
        except Exception as e:  # noqa: BLE001, any is a failure
            yield f"kill {i}: {e}"
            continue
        if not any(np.array_equal(found, s["w"]) for s in sets):
            yield f"kill {i}: neither the old model nor the new"
    print(f"saving: {count} kills, {kinds} of them before the write was done", end="")


def bits(count: int, seed: int, place: Path) -> Iterator[str]:
    """Single bits flipped in every file of a model folder and in the state of an unfinished training."""
    from seqpred.errors import FolderError
    from seqpred.folder import read_folder
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
            yield f"bit {bit} of byte {where} of {file.name if file else 'state'} was not noticed"
        except (FolderError, ValueError):
            pass
    print(f"bits: {count} flips in {', '.join(f.name for f in files)} and a state", end="")


def leaks(count: int, seed: int, place: Path) -> Iterator[str]:
    """Configs drawn at random, all before a cut held together while all after it changes."""
    from tests.invariants.leaks import check_config, draw_config, make_data

    for i in range(seed, seed + count):
        if not ended(forked(lambda i=i: check_config(draw_config(i), make_data(i), i))):  # type: ignore[misc]
            yield f"config {i} leaks"
    print(f"leaks: {count} configs drawn at random", end="")


def repeats(count: int, seed: int, place: Path) -> Iterator[str]:
    """The same training again and again."""
    seen = set()
    for i in range(count):
        if not ended(forked(lambda i=i: train(seed, place / str(i)))):  # type: ignore[misc]
            yield f"run {i} failed"
        seen.add(repr(contents(place / str(i))))
    if len(seen) > 1:
        yield f"{len(seen)} different folders"
    print(f"repeats: {count} runs with one seed and one thread", end="")


# ------------------------------------------------------------------ fuzz


CSV = "".join(f"s{i // 30},2024-01-{i % 30 + 1:02d},{10 + i % 7}.5,x\n" for i in range(60))
WORDS = [b",", b"\n", b'"', b"\r", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b";", b"\t", b"1e999", b"-", b"NaN", b"inf"]
WORDS += [
    b"=1+1",
    b"2024-13-45",
    b"1970-01-01T00:00:00+99:99",
    b"9" * 400,
    b"0x1p3",
    b"\x1b[2J",
    b"{",
    b"[",
    b"&a ",
    b"*a",
]
WORDS += [b"!!python/object:os.system ", b": ", b"- ", b"null", b"true", b"1:59:59", b"? ", b"|", b"%", b"@", b"'"]


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with a few cuts, repeats, flips and unkind words."""
    for _ in range(int(rng.integers(1, 8))):
        a, b = sorted(int(x) for x in rng.integers(0, len(content) + 1, 2))
        kind = rng.integers(6)
        if kind == 0:
            content = content[:a] + content[b:]
        elif kind == 1:
            content = content[:b] + content[a:b] * int(rng.integers(1, 4)) + content[b:]
        elif kind == 2 and len(content):
            altered = bytearray(content)
            altered[a % len(content)] = int(rng.integers(256))
            content = bytes(altered)
        elif kind == 3:
            content = content[:a] + rng.bytes(int(rng.integers(1, 9))) + content[a:]
        else:
            content = content[:a] + WORDS[int(rng.integers(len(WORDS)))] + content[a:]
        content = content[: 1 << 16]
    return content


def fuzz_csv(content: bytes, place: Path) -> None:
    from seqpred import verbs
    from seqpred.data.sources import Source

    verbs.check(Source("fuzz.csv", content)).tell()


def fuzz_yaml(content: bytes, place: Path) -> None:
    from seqpred.config import load_config

    path = place / f"{os.getpid()}.yaml"
    path.write_bytes(content)
    load_config(path)


def fuzz_folder(content: bytes, place: Path) -> None:
    """The bytes are those of the folder's three files, one after another, and the hashes are made to fit."""
    from seqpred import folder

    path = place / f"{os.getpid()}.model"
    path.mkdir(exist_ok=True)
    import hashlib

    config, manifest, weights = [*content.split(b"\n\x00\n"), b"", b""][:3]
    (path / folder.CONFIG).write_bytes(config)
    (path / folder.WEIGHTS).write_bytes(weights)
    try:
        told = json.loads(manifest)
        told["sha256"] = {
            n: hashlib.sha256((path / n).read_bytes()).hexdigest() for n in (folder.CONFIG, folder.WEIGHTS)
        }
        told["manifest_sha256"] = folder._own_hash(told)
        manifest = folder._as_written(told)
    except (ValueError, TypeError, RecursionError):
        pass
    (path / folder.MANIFEST).write_bytes(manifest)
    from seqpred.verbs import load

    model = load(path)
    _ = model.covariates
    _ = model.forecast


def fuzz_state(content: bytes, place: Path) -> None:
    import hashlib

    from seqpred.training.checkpoint import unpack

    try:
        unpack(hashlib.sha256(content).digest() + content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # what `Checkpoint.read` words
        return


def seeds_of(place: Path) -> dict[str, tuple[bytes, Callable[[bytes, Path], None]]]:
    """What the fuzz begins with, and what is done with it."""
    from seqpred.config import Config
    from seqpred.training.checkpoint import pack
    from seqpred.yaml_lines import dump_yaml

    ended(forked(lambda: train(1, place / "m")))
    files = [(place / "m" / name).read_bytes() for name in ("config.yaml", "manifest.json", "model.safetensors")]
    yaml = dump_yaml(Config.from_tree(small(0)).model_dump()).encode()
    state = pack({"a": np.arange(9), "b": [1, {"c": "x"}], "d": None})[32:]
    return {
        "csv": (f"id,day,y,w\n{CSV}".encode(), fuzz_csv),
        "yaml": (yaml, fuzz_yaml),
        "folder": (b"\n\x00\n".join(files), fuzz_folder),
        "state": (state, fuzz_state),
    }


SHARES = {"csv": 0.35, "yaml": 0.35, "folder": 0.2, "state": 0.1}
CHUNK = 250  # inputs in one process


def fuzz(count: int, seed: int, place: Path) -> Iterator[str]:
    """Mutated files: each is read or refused in words, soon and in little memory."""
    kinds = seeds_of(place)
    for kind, share in SHARES.items():
        first, work = kinds[kind]
        for begin in range(0, int(count * share), CHUNK):
            last = min(begin + CHUNK, int(count * share))
            told = place / "told"
            told.unlink(missing_ok=True)
            if not ended(forked(lambda: _try_all(first, work, kind, range(seed + begin, seed + last), told, place))):
                yield f"{kind}: {told.read_text() if told.exists() else 'crashed'}"
    print("fuzz: " + ", ".join(f"{int(count * share):,} {kind}" for kind, share in SHARES.items()), end="")


def _try_all(
    first: bytes, work: Callable[[bytes, Path], None], kind: str, seeds: range, told: Path, place: Path
) -> None:
    import warnings

    from seqpred.errors import SeqpredError

    warnings.simplefilter("ignore")
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    held = 1024 * int(Path("/proc/self/statm").read_text().split()[0]) * 4
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, held + ROOM))
    for seed in seeds:
        content = mutated(first, np.random.default_rng((seed, len(kind))))
        told.write_text(f"seed {seed}: died, or took longer than {PATIENCE} s")
        signal.alarm(PATIENCE)
        try:
            work(content, place)
        except SeqpredError:
            pass
        except BaseException as e:
            import traceback

            lines = traceback.format_tb(e.__traceback__)[-1:]
            told.write_text(f"seed {seed}: {type(e).__name__}: {str(e)[:200]}\n{''.join(lines)}")
            raise
        signal.alarm(0)
    told.unlink()


PARTS: dict[str, Callable[[int, int, Path], Iterator[str]]] = {
    "kills": kills,
    "saving": saving,
    "bits": bits,
    "leaks": leaks,
    "repeats": repeats,
    "fuzz": fuzz,
}


def main() -> None:
    warm()
    words = sys.argv[1:]
    chosen = words[:1] or list(PARTS)
    seed = int(words[2]) if len(words) > 2 else 1
    failures = 0
    for part in chosen:
        count, began = int(words[1]) if len(words) > 1 else FULL[part], time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            for failure in PARTS[part](count, seed, Path(place)):
                failures += 1
                print(f"FAILED {part}: {failure}", flush=True)
        print(f"; {failures} failures so far ({time.monotonic() - began:.0f} s)", flush=True)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
