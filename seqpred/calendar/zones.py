"""Named time zones: from instants to the clock on the wall there, and back.

Instants and the times of the wall are microseconds since 1970-01-01, of UTC and of the zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int

YEARS = 1800, 2200  # before and after them the first and the last offset hold
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = 1_000_000  # in a second
_DAY = 86_400 * _MICROSECONDS
_WEEK = 7 * 86_400  # no zone has turned its clocks twice in one


def to_wall(zone: str, instants: Int) -> Int:
    """What the clock on the wall shows, [rows].

    >>> to_wall("Europe/Berlin", np.array([0])).astype("datetime64[us]").astype(str).tolist()
    ['1970-01-01T01:00:00.000000']
    """
    changes, offsets = _changes(zone)
    wall: Int = instants + offsets[np.searchsorted(changes, instants, side="right")]
    return wall


def to_instants(zone: str, wall: Int, later: npt.NDArray[np.bool_] | bool = False) -> Int:
    """The instants at which the clock on the wall shows these times, [rows].

    A time that the clock skips is taken as if it had not been turned; `to_wall` then gives another one back.

    Args:
        later: [rows], of a time that the clock shows twice, whether it is the second one.
    Source: PEP 495, "Local Time Disambiguation": `later` is its fold.
    """
    changes, offsets = _changes(zone)
    before, after = changes + offsets[:-1], changes + offsets[1:]
    first = np.searchsorted(np.maximum(before, after), wall, side="right")
    second = np.searchsorted(np.minimum(before, after), wall, side="right")
    instants: Int = wall - offsets[np.where(later, second, first)]
    return instants


def are_repeated(zone: str, wall: Int) -> npt.NDArray[np.bool_]:
    """Whether the clock shows each of these times twice, as it is turned back, [rows]."""
    repeated: npt.NDArray[np.bool_] = to_instants(zone, wall, later=True) > to_instants(zone, wall)
    return repeated


def skips_between(zone: str, first: int, last: int) -> bool:
    """Whether the clock is turned forward between two instants.

    >>> day = 86_400_000_000
    >>> skips_between("Europe/Berlin", 0, 365 * day), skips_between("Europe/Berlin", 19_723 * day, 20_000 * day)
    (False, True)
    """
    changes, offsets = _changes(zone)
    within = (first < changes) & (changes < last)
    return bool((np.diff(offsets)[within] > 0).any())


def to_days(zone: str, instants: Int) -> Int:
    """As `to_wall`, for rows that are days apart, [rows].

    Where the clock skips a midnight, the day begins at one, and still is the one that follows: a row at the very
    instant of a change stands where the clock would have been, if that is the usual time of day.
    """
    wall, unturned = to_wall(zone, instants), to_wall(zone, instants - 1) + 1
    clocks, counts = np.unique(wall % _DAY, return_counts=True)
    usual = clocks[counts.argmax()]
    days: Int = np.where((wall % _DAY != usual) & (unturned % _DAY == usual), unturned, wall)
    return days


@cache
def _changes(zone: str) -> tuple[Int, Int]:
    """The instants [n] at which the offset from UTC changes, and the offsets [n + 1] before, between and after."""
    place = ZoneInfo(zone)

    def offset(seconds: int) -> int:
        """Microseconds east of UTC, so many seconds after 1970 began."""
        there = (_EPOCH + timedelta(seconds=seconds)).astimezone(place).utcoffset()
        return (there or timedelta(0)) // timedelta(microseconds=1)

    begin, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in YEARS)
    changes, offsets = [], [offset(begin)]
    for week in range(begin, end, _WEEK):
        low, high = week, week + _WEEK
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        changes.append(high * _MICROSECONDS)
        offsets.append(offset(high))
    return np.array(changes, np.int64), np.array(offsets, np.int64)
