"""Sums without rounding errors, so that they depend neither on the order nor on how the numbers are divided."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class ExactSum:
    """The exact sum of some numbers.

    Source: the expansions of Shewchuk 1997, "Adaptive precision floating-point arithmetic", computed with `math.fsum`.

    Attributes:
        parts: numbers whose exact sum it is, each the rounded sum of what remains without those before; a single inf
            or NaN if a number, or the sum, is not finite.

    >>> ExactSum.of([1e16, 1.0, 1.0, -1e16]).value
    2.0
    """

    parts: tuple[float, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[float]) -> ExactSum:
        """The sum of these numbers."""
        total = cls()
        total.add(numbers)
        return total

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return self.parts[0] if self.parts else 0.0

    def add(self, numbers: Iterable[float]) -> None:
        """Add numbers."""
        rest, parts = [*self.parts, *numbers], []
        try:
            while total := math.fsum(rest):
                parts.append(total)
                if not math.isfinite(total):
                    break
                rest.append(-total)
        except (OverflowError, ValueError):  # beyond the range of numbers, or inf - inf
            parts = [math.inf]
        self.parts = tuple(parts if not parts or math.isfinite(parts[-1]) else parts[-1:])
