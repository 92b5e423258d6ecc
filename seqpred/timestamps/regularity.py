"""How plausible a reading of a column is: rows are usually regular, and in order or in reverse order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.step import DAY

SHORTEST_MONTH = 28 * DAY
REGULAR = 0.7  # the share of usual distances from which dates are regular, weekends excluded


def regularity(times: Int) -> float:
    """The share of distances between neighboring times that are the most frequent one, by days or by months.

    Args:
        times: in microseconds, [times], in any order; duplicates count once.

    >>> regularity(np.array([0, 5, 10, 15, 25]))
    0.75
    """
    distinct = np.unique(times)
    if len(distinct) < 2:
        return 1.0
    gaps = np.diff(distinct)
    share = _share_of_usual(gaps)
    return share if np.median(gaps) < SHORTEST_MONTH else max(share, _share_of_usual(np.diff(_months(distinct))))


def monotony(times: Int) -> float:
    """The share of times that continue in the direction of most of them.

    >>> monotony(np.array([9, 7, 8, 6, 5]))
    0.75
    """
    change = np.sign(np.diff(times))
    return float(max((change >= 0).mean(), (change <= 0).mean())) if len(change) else 1.0


def exchanged(times: Int) -> Int:
    """The places of times whose day and month are exchanged; none unless all are regular and in order without that.

    A spreadsheet that expects the month first exchanges them in those dates of which that is possible.

    >>> dates = ["2024-01-11", "2024-01-12", "2024-01-13", "2024-01-14", "2024-01-15"]
    >>> exchanged(np.array(["2024-11-01", "2024-12-01", *dates[2:]], "datetime64[us]").astype(np.int64))
    array([0, 1])
    """
    if monotony(times) == 1:
        return np.empty(0, np.int64)
    days = times // DAY
    months = _months(times)
    day = days - months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)  # from 0, as the month
    month = months % 12
    found = (day < 12) & (day != month)
    if 2 * found.sum() > len(times):  # of dates in any order, those that cannot be exchanged are the most
        return np.empty(0, np.int64)
    other = (months - month + day).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + month
    meant = np.where(found, other * DAY + times % DAY, times)
    is_better = monotony(meant) == 1 and regularity(meant) >= max(REGULAR, regularity(times))
    return np.flatnonzero(found) if is_better else np.empty(0, np.int64)


def are_four_week_periods(mondays: Int) -> bool:
    """Whether the ISO weeks of several years never exceed 13: they are periods of four weeks, of unknown dates."""
    thursdays = mondays + 3 * DAY  # of the same ISO year
    years = years_of(thursdays)
    first = thursdays.astype("datetime64[us]").astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
    return len(np.unique(years)) > 1 and bool(((thursdays - first) // (7 * DAY) + 1).max() <= 13)


def usual_months(times: Int) -> int:
    """The most frequent distance in months from one time to the next, in the order given; 0 for a single time."""
    if len(times) < 2:
        return 0
    sizes, counts = np.unique(np.abs(np.diff(_months(times))), return_counts=True)
    return int(sizes[counts.argmax()])


def years_of(times: Int) -> Int:
    """The calendar years of local times."""
    return times.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970


def _months(times: Int) -> Int:
    """Months since January 1970."""
    return times.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def share_of_usual(values: Sequence[float]) -> float:
    """The share of distances between neighboring values that are the most frequent one.

    >>> share_of_usual([1, 2, 3, 3, 5])
    0.6666666666666666
    """
    distinct = np.unique(np.asarray(values))
    return _share_of_usual(np.diff(distinct)) if len(distinct) > 1 else 1.0


def _share_of_usual(gaps: npt.NDArray[np.generic]) -> float:
    return float(np.unique(gaps, return_counts=True)[1].max() / len(gaps))
