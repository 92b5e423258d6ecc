"""Outliers, empty cells and constant stretches in columns of equal length."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Float, Int

FAR = 8.0  # spreads beyond which a value is an outlier; even long-tailed sales rarely reach that


def describe_values(x: Float, present: Bool, season: int) -> dict[str, npt.NDArray[Any]]:
    """Statistics of n columns, each [n].

    Args:
        x: [n, T], NaN where missing.
        present: [n, T], whether the row is in the source.
    """
    known = np.isfinite(x)
    ordered = np.sort(x, axis=1)  # NaN last
    median, spread = _median_and_spread(x, ordered)
    is_outlier = (np.abs(x - median) > FAR * spread) | _is_spike(x, season)
    distance = np.where(is_outlier, np.abs(x - median), -1.0)
    return {
        "empty": (present & ~known).sum(axis=1),
        "outliers": is_outlier.sum(axis=1),
        "farthest": distance.argmax(axis=1),
        "distance": distance.max(axis=1),  # of the farthest outlier
        "longest_constant": np.where(known.any(axis=1), longest_run(x[:, 1:] == x[:, :-1]) + 1, 0),
        "low": ordered[:, 0],
        "high": _quantile(ordered, 1.0)[:, 0],
    }


def longest_run(flags: Bool) -> Int:
    """Length of the longest run of true values in each row of [n, T], [n].

    >>> longest_run(np.array([[True, True, False, True], [False, False, False, False]])).tolist()
    [2, 0]
    """
    position = np.arange(1, flags.shape[1] + 1)
    last_false = np.maximum.accumulate(np.where(flags, 0, position), axis=1)
    return (position - last_false).max(axis=1, initial=0)


def _is_spike(x: Float, season: int) -> Bool:
    """Values far from the same place in both the season before and the one after, on the same side, [n, T].

    A value that recurs each season is not a spike, nor is a new level; a single spike is one even where a trend takes
    the values farther. The first and the last season are compared with the two nearest ones; a row with no known
    value on either side is not judged.

    Args:
        x: [n, T].
    """
    rows = x.shape[1]
    lag = season if rows >= 3 * season else 1
    if rows < 3 * lag:
        return np.zeros(x.shape, bool)
    change = x[:, lag:] - x[:, :-lag]
    spread = _median_and_spread(change, np.sort(change, axis=1))[1]
    before = x - np.concatenate([x[:, 2 * lag : 3 * lag], x[:, :-lag]], axis=1)
    after = x - np.concatenate([x[:, lag:], x[:, rows - 3 * lag : rows - 2 * lag]], axis=1)
    same_side = np.sign(before) == np.sign(after)
    return same_side & (np.minimum(np.abs(before), np.abs(after)) > FAR * spread)


def _median_and_spread(x: Float, ordered: Float) -> tuple[Float, Float]:
    """Median and interquartile range of each row of x, [n, 1].

    Where at least half of the values are equal, the range is 0; the spread is then the median distance of the others
    from the median, so that sales on one day in ten are not outliers. It is NaN if all are equal.
    """
    median = _quantile(ordered, 0.5)
    spread = _quantile(ordered, 0.75) - _quantile(ordered, 0.25)
    tight = np.flatnonzero(spread[:, 0] == 0)
    if len(tight):
        away = np.abs(x[tight] - median[tight])
        spread[tight] = _quantile(np.sort(np.where(away > 0, away, np.nan), axis=1), 0.5)
    return median, spread


def _quantile(ordered: Float, level: float) -> Float:
    """A quantile of each row, [n, 1]; NaN for a row without values.

    Args:
        ordered: [n, T], increasing, NaN last.
    """
    last = np.maximum(np.isfinite(ordered).sum(axis=1, keepdims=True) - 1, 0)
    place = level * last
    low = np.floor(place).astype(np.int64)
    below, above = (np.take_along_axis(ordered, i, axis=1) for i in (low, np.minimum(low + 1, last)))
    return below + (place - low) * (above - below)
