"""Time two calls alternately (A B A B ...), so that slow phases of the machine affect both."""

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
    """Time of the first call relative to the second: median and quartiles over all pairs."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(first: Sequence[float], second: Sequence[float]) -> Ratio:
        """Compute the ratio of each pair of times."""
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
    """Wall time of one call in a new process, which needs new memory pages like a command; imports are not timed."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(seconds, call).result()


def compare(first: Callable[[], object], second: Callable[[], object], rounds: int = 15, apart: bool = False) -> Ratio:
    """Measure the time of `first` relative to `second`; the first round is a warm-up and is not counted.

    Args:
        apart: run each call in a new process, where its module is imported before timing starts.
    """
    clock = seconds_apart if apart else seconds
    pairs = [(clock(first), clock(second)) for _ in range(rounds + 1)][1:]
    return Ratio.of(*zip(*pairs, strict=True))


def data_path(default: Path = M4_HOURLY) -> Path:
    """The CSV to measure on: the first argument or the default. Exits with a note if it does not exist."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if not path.exists():
        print(f"SKIPPED: {path} not found. Pass M4 hourly (unique_id, ds, y) as an argument.", file=sys.stderr)
        raise SystemExit(0)
    return path


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(map(str, row)) + " |")
