"""Output faults for benchmarks/torture.py: full disks, slow readers, signals, closed pipes, repeated streams.

Each command is a forked process, so that Python and torch start only once. Its standard output is a pipe of 4 KB or a
file of limited size.
"""

from __future__ import annotations

import fcntl
import io
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

PIPE = 4096  # bytes, the smallest pipe
LONGEST = 60  # seconds, after which a command is killed
FAULTS = ("full disk", "full device", "slow reader", "SIGTERM", "SIGKILL", "closed pipe")
INTERRUPTIONS = ("full disk", "SIGTERM", "closed pipe")
STEPS = 5  # of the streams


@dataclass
class Command:
    """A command to run in a forked process.

    Attributes:
        words: after `seqpred`.
        stdin: the file to read.
        unbuffered: as with PYTHONUNBUFFERED=1.
    """

    words: Sequence[str]
    stdin: Path = Path(os.devnull)
    unbuffered: bool = False
    received: bytes = field(default=b"", init=False)
    code: int = field(default=0, init=False)

    def start(self, output: int, limit: int | None = None) -> int:
        """Fork the process; returns its id.

        Args:
            output: the descriptor that becomes standard output; closed here.
            limit: bytes after which a regular file is full.
        """
        sys.stdout.flush()
        process = os.fork()
        if process:
            os.close(output)
            return process
        try:
            os.dup2(output, 1)
            os.closerange(3, 256)
            os.dup2(os.open(self.stdin, os.O_RDONLY), 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            self._run()
        finally:
            os._exit(1)

    def _run(self) -> None:
        """Run the command in this process, with the streams of a new interpreter."""
        raw = io.FileIO(1, "w", closefd=False)
        out: Any = raw if self.unbuffered else io.BufferedWriter(raw)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115, as long as the process
        sys.stdout = io.TextIOWrapper(out, "utf-8", write_through=self.unbuffered)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(LONGEST)
        sys.argv = ["seqpred", *self.words]
        from seqpred.cli import main

        main()

    def run(self, fault: str, rng: np.random.Generator, size: int, place: Path) -> None:
        """Run the command with a fault; fills in `received` and `code`.

        Args:
            size: about how many bytes the output has.
            place: a folder for the output file of a full disk.
        """
        if fault in ("full disk", "full device"):
            path = Path("/dev/full") if fault == "full device" else place / "out"
            process = self.start(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), int(rng.integers(size)))
            self._wait(process)
            self.received = b"" if fault == "full device" else path.read_bytes()
            return
        there, here = os.pipe()
        fcntl.fcntl(here, fcntl.F_SETPIPE_SZ, PIPE)
        process = self.start(here)
        stop = int(rng.integers(size)) if fault in ("SIGTERM", "SIGKILL", "closed pipe") else size
        with open(there, "rb", buffering=0) as pipe:
            self.received = read(pipe, stop, pause=2e-4 if fault == "slow reader" else 0.0)
            if fault in ("SIGTERM", "SIGKILL"):
                time.sleep(float(rng.choice([0.0, 0.002])))  # with the second, the pipe is full and the write blocks
                os.kill(process, signal.SIGTERM if fault == "SIGTERM" else signal.SIGKILL)
            if fault != "closed pipe":
                self.received += read(pipe)
        self._wait(process)

    def _wait(self, process: int) -> None:
        self.code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def read(pipe: io.FileIO, size: int | None = None, pause: float = 0.0) -> bytes:
    """The next `size` bytes of a pipe, or all to its end."""
    parts: list[bytes] = []
    left = sys.maxsize if size is None else size
    while left > 0:
        select.select([pipe], [], [])
        part = pipe.read(min(left, 3000))
        if not part:
            break
        parts.append(part)
        left -= len(part)
        time.sleep(pause)
    return b"".join(parts)


def complete_output(command: Command) -> bytes:
    """What a command writes without a fault."""
    there, here = os.pipe()
    process = command.start(here)
    with open(there, "rb", buffering=0) as pipe:
        whole = read(pipe)
    command._wait(process)
    if command.code:
        raise RuntimeError(f"{' '.join(command.words)} ends with exit code {command.code}")
    return whole


def write_rows(place: Path) -> tuple[Path, Path]:
    """A file for forecasts and one for streams, whose series alternate."""
    from tests.invariants.conftest import frame

    frame().to_csv(place / "rows.csv", index=False)
    frame().sort_values(["day", "id"]).to_csv(place / "stream.csv", index=False)
    return place / "rows.csv", place / "stream.csv"


# ------------------------------------------------------------------ bytes lost with exit code 0


def lost_output(count: int, seed: int, place: Path) -> Iterator[str]:
    """Run commands with faults; the output must be complete, or the exit code must not be 0.

    Args:
        place: contains the model folder `model`.
    """
    model, (rows, stream) = place / "model", write_rows(place)
    predict = ["predict", str(model), str(rows)]
    commands = [
        [*predict, "--steps", "400"],
        [*predict, "--steps", "200", "--format", "jsonl"],
        ["predict", str(model), "-", "--stream", "--steps", "9"],
        ["eval", str(model), str(rows), "--json", "--windows", "5"],
        ["check", str(rows), "--json"],
        ["schema"],
    ]
    expected = [complete_output(Command(words, stream)) for words in commands]
    lost = ended_with_0 = 0
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        which, fault = int(rng.integers(len(commands))), FAULTS[i % len(FAULTS)]
        whole = expected[which]
        command = Command(commands[which], stream, unbuffered=bool(i // len(FAULTS) % 2))
        command.run(fault, rng, len(whole), place)
        missing = 0 if fault == "closed pipe" else len(whole) - len(command.received)
        ended_with_0 += command.code == 0
        if command.code == 0 and missing:
            lost += missing
            yield f"run {i}: {missing} bytes lost with exit code 0 ({fault}, {' '.join(command.words)})"
        if command.code == 1 or not whole.startswith(command.received):
            yield f"run {i}: exit code {command.code}, or other bytes ({fault}, {' '.join(command.words)})"
    print(f"output: {count} runs, {ended_with_0} with exit code 0, {lost} bytes lost in these", end="")


# ------------------------------------------------------------------ forecasts lost or repeated


def repeated_streams(count: int, seed: int, place: Path) -> Iterator[str]:
    """Interrupt streams with `--state` and repeat them; together they must emit every forecast once.

    Args:
        place: contains the model folder `model`.
    """
    model, (_, stream) = place / "model", write_rows(place)
    words = ["predict", str(model), "-", "--stream", "--steps", str(STEPS), "--quantiles", "0.1,0.9"]
    whole = complete_output(Command(words, stream))
    expected, wrong, interrupted = sorted(_keys(whole)), 0, 0
    for i in range(count):
        rng = np.random.default_rng((seed, i))
        state, emitted = place / f"state{i}", list[tuple[str, ...]]()
        for attempt in range(20):
            command = Command([*words, "--state", str(state)], stream, unbuffered=bool(rng.integers(2)))
            fault = str(rng.choice(INTERRUPTIONS)) if attempt < 1 + i % 4 else "none"
            left = len(whole) * (len(expected) - len(emitted)) // len(expected) - 2 * PIPE
            if fault == "closed pipe" and left <= 0:
                fault = "SIGTERM"  # everything fits into the pipe, and the stream cannot notice that it is closed
            command.run(fault, rng, left if fault == "closed pipe" else len(whole), place)
            emitted += _keys(command.received)
            interrupted += fault != "none"
            if fault == "none":
                break
        if sorted(emitted) != expected:
            wrong += 1
            missing, surplus = len(set(expected) - set(emitted)), len(emitted) - len(set(emitted))
            yield f"stream {i}: {missing} forecasts lost, {surplus} repeated"
        state.unlink(missing_ok=True)
    print(f"streams: {count} streams, interrupted {interrupted} times, {wrong} with lost or repeated forecasts", end="")


def _keys(output: bytes) -> list[tuple[str, ...]]:
    """Series, timestamp and step of the forecasts that arrived completely: all steps of a row, or none."""
    lines = [line.split(",")[:3] for line in output.decode().split("\n")[:-1] if not line.startswith("id,")]
    return [(*cells,) for cells in lines[: len(lines) // STEPS * STEPS]]
