"""Convert local times of a named zone to instants: resolve repeated hours and find skipped ones."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.step import DAY
from seqpred.calendar.zones import are_repeated, to_instants, to_local


def localize(tz: str, codes: Int, local: Int) -> Int | None:
    """The instants of local times, [rows]; None if they stay local, since all have the same hour of the day.

    Of a time that the clock shows twice, the second row of its series is the later one; in rows with the newest
    first, the first.

    Args:
        codes: [rows], which series a row belongs to.
        local: [rows].
    """
    if len(np.unique(local % DAY)) == 1:
        return None
    later = np.zeros(len(local), bool)
    twice = np.flatnonzero(are_repeated(tz, local))
    later[twice] = _have_occurred(codes[twice], local[twice], newest_first=_are_newest_first(codes, local))
    return to_instants(tz, local, later)


def skipped(tz: str, instants: Int, local: Int) -> Int:
    """The rows whose local time the clocks of a zone skip, as they go forward."""
    return np.flatnonzero(to_local(tz, instants) != local)


def _are_newest_first(codes: Int, local: Int) -> bool:
    """Whether the rows of most series are in reverse order."""
    same = codes[1:] == codes[:-1]
    return bool(np.sign(local[1:] - local[:-1])[same].sum() < 0)


def _have_occurred(codes: Int, local: Int, *, newest_first: bool) -> Bool:
    """Whether a row of the same series and time precedes each row, [rows]; follows it, with the newest first."""
    order = np.lexsort((local, codes))  # stable
    if newest_first:
        order = np.lexsort((local[::-1], codes[::-1]))
        order = len(local) - 1 - order
    again = np.zeros(len(local), bool)
    again[order[1:]] = (np.diff(codes[order]) == 0) & (np.diff(local[order]) == 0)
    return again
