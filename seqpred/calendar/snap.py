"""How far timestamps are off a step, and whether they can be moved onto it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.infer import gaps_within
from seqpred.calendar.step import DAY, SECOND, Step

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
ROUND = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    DAY,
    7 * DAY,
)  # steps that people choose
NEAR_ROUND = 0.02  # of the median gap, by which it is a round step that jitters
UNITS = (DAY, HOUR, MINUTE, SECOND, SECOND // 1000, 1)
MONTHLY = (Step("month", 1), Step("month-end", 1), Step("month", 3), Step("month-end", 3))


def suggest_snap(times: Int, starts: Bool, step: Step) -> tuple[Step, Step] | None:
    """A step, and the tolerance within which all rows are on its grid, one after another; None if there is none.

    Args:
        times: [rows], dates, increasing within each series.
        starts: [rows], whether a row is the first of its series.
        step: the most frequent one; round ones near the median gap, and months, are tried as well.

    >>> fridays = 7 * DAY * np.arange(9)
    >>> fridays[4] -= DAY
    >>> list(map(str, suggest_snap(fridays, np.arange(9) == 0, Step.parse("P7D"))))
    ['P7D', 'P1D']
    """
    origins = times[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    for candidate in _candidates(int(np.median(gaps_within(times, starts))), step):
        wide = replace(candidate, tolerance=candidate.shortest)
        positions = wide.positions(times, origins)[0]
        off = int(np.abs(candidate.times(origins, positions) - times).max())
        if (np.diff(positions)[~starts[1:]] > 0).all() and 0 < 2 * off < candidate.shortest:
            unit = next(unit for unit in UNITS if unit <= max(off, 1))
            return candidate, Step("microsecond", -(-off // unit) * unit)
    return None


def _candidates(median: int, step: Step) -> Iterator[Step]:
    yield step
    yield from (Step("microsecond", size) for size in ROUND if abs(size - median) <= NEAR_ROUND * median)
    yield from (monthly for monthly in MONTHLY if abs(monthly.count * 30 * DAY - median) <= 5 * DAY * monthly.count)
