"""Infer the time step of a series from its timestamps."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.step import DAY, Step, day_of_month, months_since_1970

BLOCK = 1 << 16  # rows compared at once, so that the buffers of one comparison are reused by the next
MOST_STEPS = 10  # median gap in steps; beyond that, the step is only the resolution of the timestamps
NEARLY_ALL = 0.99  # share of rows on the same day of the month


def gaps_within(times: Int, starts: Bool) -> Int:
    """Time from each row to the next one of its series, [rows - series]."""
    return np.diff(times)[~starts[1:]]


def infer_step(times: Int, starts: Bool, dated: bool) -> Step | None:
    """Infer the most frequent step; None if no series has two rows.

    Args:
        times: [rows], increasing within each series.
        starts: [rows], whether a row is the first of its series.
        dated: whether the times are dates, so that months and business days are possible.
    """
    sizes, counts = _gap_sizes(times, starts)
    if not len(sizes):
        return None
    usual = int(sizes[counts.argmax()])
    if not dated:
        return Step("row", usual)
    if usual >= 28 * DAY and (month := _infer_months(times, starts)):
        return month
    if usual == DAY and _on_business_days(times, sizes):
        return Step("business-day", 1)
    return Step("microsecond", usual)


def find_change(times: Int) -> tuple[int, int, int] | None:
    """Find where the step of one series changes for good: the last row before the change, and both steps.

    >>> find_change(np.array([0, 10, 20, 30, 40, 50, 51, 52, 53, 54, 55]))
    (5, 10, 1)
    >>> find_change(np.array([0, 10, 20, 21, 30, 40]))
    """
    gaps = np.diff(times)
    sizes, counts = np.unique(gaps, return_counts=True)
    if len(sizes) < 2:
        return None
    two = sizes[np.argsort(-counts, kind="stable")[:2]]
    candidates = []
    for before, after in (two, two[::-1]):
        early, late = np.cumsum(gaps == before), np.cumsum((gaps == after)[::-1])[::-1]
        explained = early + np.append(late[1:], 0)
        candidates.append((int(explained.max()), int(explained.argmax()) + 1, int(before), int(after)))
    most, row, before, after = max(candidates)
    is_clear = most >= 0.9 * len(gaps) and most - counts.max() >= 0.1 * len(gaps)
    return (row, before, after) if is_clear else None


def is_explained(step: Step, times: Int, starts: Bool) -> bool:
    """Whether a step describes the rows: half of the gaps are whole steps, and the median gap has at most ten.

    >>> times = np.array([0, 2, 4, 6, 10, 15])
    >>> [is_explained(Step("row", count), times, times == 0) for count in (2, 5)]
    [True, False]
    """
    if step.unit not in ("row", "microsecond"):
        return True
    gaps = gaps_within(times, starts)
    return bool((gaps % step.count == 0).mean() >= 0.5 and np.median(gaps) <= MOST_STEPS * step.count)


def is_even(times: Int, starts: Bool, distance: int) -> bool:
    """Whether every row follows the previous one of its series at this distance."""
    for low in range(0, len(times) - 1, BLOCK):
        block = times[low : low + BLOCK + 1]
        if not ((np.diff(block) == distance) | starts[low + 1 : low + len(block)]).all():
            return False
    return True


def _gap_sizes(times: Int, starts: Bool) -> tuple[Int, Int]:
    """The distinct gaps, increasing, and how often each occurs."""
    row = int(starts.argmin())  # the first row that follows another one
    if starts[row]:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = times[row : row + 1] - times[row - 1 : row]
    if is_even(times, starts, int(first[0])):  # the usual case, and far cheaper than counting
        return first, np.ones(1, np.int64)
    return np.unique(gaps_within(times, starts), return_counts=True)


def _infer_months(times: Int, starts: Bool) -> Step | None:
    """A step of months if all rows are on the same day of the month, or all on its last day."""
    days, is_last = day_of_month(times), day_of_month(times + DAY) == 0
    usual_day = np.maximum.reduceat(days, np.flatnonzero(starts))[np.cumsum(starts) - 1]
    same_day = (days == usual_day) | (is_last & (days >= 27))  # the 31st is the 28th in February
    sizes, counts = _gap_sizes(months_since_1970(times), starts)
    counts = np.where(sizes > 0, counts, 0)
    if not counts.any() or not (same_day.mean() > NEARLY_ALL or is_last.mean() > NEARLY_ALL):
        return None
    at_end = is_last.mean() > NEARLY_ALL and not (days == 27).all()
    return Step("month-end" if at_end else "month", int(sizes[counts.argmax()]))


def _on_business_days(times: Int, sizes: Int) -> bool:
    """Whether daily rows skip the weekends and nothing else."""
    if not (sizes == 3 * DAY).any():
        return False
    weekday = (times // DAY + 3) % 7  # 1970-01-01 was a Thursday
    return bool((weekday < 5).all() and len(np.unique(weekday)) == 5)
