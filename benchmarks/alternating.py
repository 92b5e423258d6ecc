"""Two things timed in turn, A B A B ..., so that a slow moment of the machine meets both."""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
M4_HOURLY = ROOT.parent / "shared" / "data" / "m4_hourly_train.csv.gz"


@dataclass(frozen=True)
class Ratio:
    """How many times as long the first takes: the middle pair, and the middle half of all pairs."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(first: Sequence[float], second: Sequence[float]) -> Ratio:
        """From the times of both, pair by pair."""
        return Ratio(*_quartiles([a / b for a, b in zip(first, second, strict=True)]))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def _quartiles(numbers: Sequence[float]) -> tuple[float, float, float]:
    low, _, high = statistics.quantiles(numbers, n=4)
    return statistics.median(numbers), low, high


def seconds(call: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def seconds_apart(call: Callable[[], object]) -> float:
    """Wall time of one call in a process of its own, which gets its memory anew as a command does; imports apart."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(seconds, call).result()


def compare(first: Callable[[], object], second: Callable[[], object], rounds: int = 15, apart: bool = False) -> Ratio:
    """The ratio of two calls; the first round warms both up and is not counted.

    Args:
        apart: each call in a process of its own; its module is imported there before the clock runs.
    """
    clock = seconds_apart if apart else seconds
    pairs = [(clock(first), clock(second)) for _ in range(rounds + 1)][1:]
    return Ratio.of(*zip(*pairs, strict=True))


def data_path(default: Path = M4_HOURLY) -> Path:
    """The CSV to measure on: the first argument, or the default; without it the benchmark is skipped, aloud."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if not path.exists():
        print(f"SKIPPED: {path} is not there; give M4 hourly (unique_id, ds, y) as an argument.", file=sys.stderr)
        raise SystemExit(0)
    return path


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A markdown table on stdout."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(map(str, row)) + " |")
