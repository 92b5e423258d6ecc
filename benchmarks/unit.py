"""The unit of `speed.py`: 1,000 products of 1024 x 1024 float32 matrices on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

MULTIPLY_ADDS = 1000 * 1024**3


@dataclass(frozen=True)
class Unit:
    """The time of 1,000 products on one core, from a few of them.

    Attributes:
        clock: of wall time; `time.thread_time` for processor time.
    """

    products: int = 20
    clock: Callable[[], float] = time.perf_counter

    def measure(self) -> float:
        """Seconds for 1,000 products."""
        torch.set_num_threads(1)
        a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
        torch.mm(a, b)
        ends = [self.clock()]
        for _ in range(self.products):
            torch.mm(a, b)
            ends.append(self.clock())
        return 1000 * statistics.median(after - before for before, after in pairwise(ends))

    def ratios(self, call: Callable[[], float], rounds: int) -> list[float]:
        """What the call returns, in seconds, relative to the products before and after it."""
        found, before = [], self.measure()
        for _ in range(rounds):
            taken = call()
            after = self.measure()
            found.append(taken / ((before + after) / 2))
            before = after
        return found


UNIT = Unit()
PROCESSOR_UNIT = Unit(clock=time.thread_time)


def spread(values: Sequence[float]) -> str:
    """The median, with the range in brackets."""
    middle = statistics.median(values)
    return f"{middle:.2f} ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else f"{middle:.2f}"
