"""The forecasts that every model is scored beside; they know no model."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float
from seqpred.features.inputs import bridge
from seqpred.features.naive import repeat_last


def naive(history: Float, steps: int) -> Float:
    """The last observed value, again and again.

    >>> naive(np.array([1.0, 2.0, np.nan]), 2).tolist()
    [2.0, 2.0]
    """
    return repeat_last(bridge(history, 1), 1, steps)


def seasonal_naive(history: Float, season: int, steps: int) -> Float:
    """The last season, again and again; a missing value is that of the season before.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0, 4.0]), 2, 3).tolist()
    [3.0, 4.0, 3.0]
    """
    return repeat_last(bridge(history, season), season, steps)


def drift(history: Float, steps: int) -> Float:
    """The line through the first and the last observed value, continued.

    >>> drift(np.array([1.0, 2.0, 5.0]), 2).tolist()
    [7.0, 9.0]
    """
    rows = np.flatnonzero(np.isfinite(history))
    if not len(rows):
        return np.full(steps, np.nan)
    first, last = rows[0], rows[-1]
    slope = (history[last] - history[first]) / max(1, last - first)
    line: Float = history[last] + slope * (len(history) - 1 - last + np.arange(1, steps + 1))
    return line
