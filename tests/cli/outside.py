"""Run the command as its users do: a process with arguments, a working directory and separate streams."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from seqpred.storage.layout import MANIFEST
from seqpred.storage.model_folder import reproducible_part
from tests.cli import warm

COMMAND = (sys.executable, "-m", "seqpred")
FORKED = Path(__file__).with_name("warm_command.py")
QUICK = ("training.max_steps=5", "training.threads=1", "model.hidden_size=8", "model.members=1")
TINY = tuple(word for setting in QUICK for word in ("--set", setting))


@dataclass(frozen=True)
class Done:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Trained:
    """A model folder, its training data, the working directory of the training, and the output of the training."""

    folder: Path
    data: Path
    place: Path
    done: Done


Run = Callable[..., Done]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    return {**kept, "TERM": "xterm-256color", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}


def call(place: Path, args: Sequence[object], stdin: str | bytes = b"") -> Done:
    """Run the command in a folder and wait for it."""
    content = stdin.encode() if isinstance(stdin, str) else stdin
    code, out, err = warm.run([*map(str, args)], place, content, environment())
    return Done(code, out.decode(), err.decode())


def piped(place: Path, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which SEQPRED is replaced by the command, forked by the server of `warm`."""
    server = warm.server().fileno()
    return subprocess.run(
        ["bash", "-c", line.replace("SEQPRED", f"{sys.executable} -S {FORKED} {server}")],
        cwd=place,
        env={**environment(), **variables},
        pass_fds=[server],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def listing(place: Path) -> dict[str, bytes | None]:
    """Everything in a folder by relative path: the bytes of files, None for folders.

    The date and duration of a training are removed from manifests, so that identical runs have equal listings.
    """
    return {str(p.relative_to(place)): contents(p) if p.is_file() else None for p in place.rglob("*")}


def contents(path: Path) -> bytes:
    """The bytes of a file; of a manifest, those that are the same for identical runs."""
    content = path.read_bytes()
    try:
        return reproducible_part(content) if path.name == MANIFEST else content
    except (ValueError, AttributeError):  # a test has damaged it
        return content


def wave(i: int) -> float:
    """A value with a season of 12 rows, a trend and an irregular part."""
    return round(100 + i / 4 + 20 * math.sin(math.pi * i / 6) + (i * 7 % 5), 2)


def monthly(rows: int = 96) -> str:
    """A CSV of one monthly series that starts in 2015."""
    lines = [f"{2015 + i // 12}-{i % 12 + 1:02d}-01,{wave(i)}" for i in range(rows)]
    return "\n".join(["month,sales", *lines]) + "\n"


def long_table() -> str:
    """A CSV of three series of unequal length with digits as names and integers as timestamps."""
    rows = [("007", 60), ("08", 72), ("100", 48)]
    lines = [f"{name},{100 + 2 * i},{wave(i) * (k + 1)}" for k, (name, n) in enumerate(rows) for i in range(n)]
    return "\n".join(["store,day,value", *lines]) + "\n"


def wide_table(rows: int = 72) -> str:
    """A CSV of two targets and no time column."""
    return "\n".join(["in,out", *(f"{wave(i)},{wave(i + 3) / 2}" for i in range(rows))]) + "\n"


def call_all(commands: Mapping[str, tuple[Path, Sequence[object]]], stdin: str = "") -> dict[str, Done]:
    """Run several commands in parallel, each in its own folder."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(lambda c: call(*c, stdin), commands.values()), strict=True))
