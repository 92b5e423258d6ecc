"""Find numbers such as -999 that represent a missing value."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float

CUSTOMARY = (-1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, -99999.0, -32768.0, 999.0, 9999.0, 99999.0)
OFTEN = 5  # times that a sentinel occurs in a column, at least
MOST_TYPICAL = -99  # a negative number up to this one is suspicious if no other value is negative


def find_sentinels(values: Float) -> tuple[list[int], str]:
    """The sentinels among the values [rows, columns], and the reason; none if nothing stands out."""
    columns = list(values.T)
    found = [v for v in CUSTOMARY if any(_stands_out(c, v) for c in columns) and all(_is_apart(c, v) for c in columns)]
    marked = np.isin(values, found)
    held = int(marked.any(axis=0).sum())
    return [int(v) for v in found], f"{int(marked.sum())} cells of {held} columns, far from all other values"


def _stands_out(values: Float, sentinel: float) -> bool:
    """Whether a value is frequent and farther from all others than these are from one another.

    A negative value among non-negative ones need only be farther below them than their median is above the minimum.
    """
    if int((values == sentinel).sum()) < OFTEN:
        return False
    rest = values[np.isfinite(values) & ~np.isin(values, CUSTOMARY)]
    if len(np.unique(rest)) < 10:
        return False
    low, high = float(rest.min()), float(rest.max())
    distance = max(low - sentinel, sentinel - high)
    below = sentinel <= MOST_TYPICAL and low >= 0 and distance > float(np.median(rest)) - low
    return distance > high - low or below


def _is_apart(values: Float, sentinel: float) -> bool:
    """Whether a value is absent from a column, or outside the range of all others there."""
    rest = values[np.isfinite(values) & (values != sentinel)]
    return not (values == sentinel).any() or not len(rest) or sentinel < rest.min() or sentinel > rest.max()
