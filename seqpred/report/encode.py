"""Curves as compact text for a page: numbers as two characters each, times as runs of equal steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.report.collect import Collector, Curves

MICROSECONDS = 1e6
# Printable ASCII that needs no escape in JSON or in a script element.
ALPHABET = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\<&')
MISSING = len(ALPHABET) ** 2 - 1  # 8280; known numbers are 0 to 8279

_CHARACTERS = np.frombuffer(ALPHABET.encode(), np.uint8)


def pack(values: Float) -> list[Any]:
    """Numbers as the lowest, the size of a step, and the count of steps of each as two characters of `ALPHABET`.

    The rounding error is at most half a step, 1/16558 of the range of the numbers.

    >>> pack(np.array([0.0, 8279.0, np.nan]))
    [0.0, 1.0, '  ~}~~']
    """
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    step = (high / (MISSING - 1) - low / (MISSING - 1)) or 1.0
    counts = np.full(values.shape, MISSING)
    counts[known] = np.rint(values[known] / step - low / step).clip(0, MISSING - 1)
    digits = np.stack(np.divmod(counts, len(ALPHABET)), axis=-1)
    return [low, step, _CHARACTERS[digits].tobytes().decode()]


def pack_times(times: Int, dated: bool) -> list[Any]:
    """Times as the first one and runs [step, count]; dates in seconds since 1970.

    >>> pack_times(np.array([3, 4, 5, 7]), dated=False)
    [3, [1, 2], [2, 1]]
    """
    scaled = times / MICROSECONDS if dated else times
    steps = np.diff(scaled)
    starts = np.flatnonzero(np.diff(steps, prepend=np.nan) != 0)
    counts = np.diff(np.append(starts, len(steps)))
    return [_short(scaled[0]), *([_short(steps[i]), int(n)] for i, n in zip(starts, counts, strict=True))]


def _short(number: float) -> float | int:
    return int(number) if number == int(number) else round(float(number), 6)


def encode_tracks(collected: Collector, dated: bool) -> dict[str, Any]:
    """The curves of all tracks that are shown.

    `times` are distinct grids. Each of `tracks` has its name, its first window, the index of its grid and its packed
    numbers: actual values, each quantile of all windows, each baseline of all windows.
    """
    grids: dict[str, int] = {}
    times: list[list[Any]] = []
    tracks = []
    for name, curves in collected.tracks.items():
        packed = pack_times(curves.times, dated)
        index = grids.setdefault(repr(packed), len(times))
        if index == len(times):
            times.append(packed)
        tracks.append([name, curves.first_window, index, pack(_flat(curves))])
    names = [*next(iter(collected.tracks.values())).points] if tracks else []
    return {"times": times, "tracks": tracks, "points": names}


def _flat(curves: Curves) -> Float:
    """All numbers of a track, one curve after the other."""
    quantiles = np.concatenate(curves.quantiles).T.ravel()  # level by level
    points: Sequence[Float] = [np.concatenate(windows) for windows in curves.points.values()]
    return np.concatenate([*curves.actual, quantiles, *points])
