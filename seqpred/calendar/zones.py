"""Named time zones: from instants to local time, and back.

Instants and local times are int64 microseconds since 1970-01-01, of UTC and of the zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from seqpred.arrays import Bool, Int

DECADES = 180, 220  # 1800 to 2209; beyond them, the first and the last offset apply
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = 1_000_000  # in a second
_DAY = 86_400 * _MICROSECONDS
_WEEK = 7 * 86_400  # seconds; no zone has changed its clocks twice within one
_DECADE = 3652 * _DAY  # or a day more


def to_local(zone: str, instants: Int) -> Int:
    """Local times, [rows].

    >>> to_local("Europe/Berlin", np.array([0])).astype("datetime64[us]").astype(str).tolist()
    ['1970-01-01T01:00:00.000000']
    """
    changes, offsets = _changes(zone, instants)
    return instants + offsets[np.searchsorted(changes, instants, side="right")]


def to_instants(zone: str, local: Int, later: Bool | bool = False) -> Int:
    """The instants of local times, [rows].

    A time that the clocks skip is converted as if they had not changed; `to_local` then returns another time.

    Args:
        later: [rows], for a time that occurs twice, whether it is the second one.
    Source: PEP 495, "Local Time Disambiguation": `later` is its fold.
    """
    changes, offsets = _changes(zone, local)
    before, after = changes + offsets[:-1], changes + offsets[1:]
    first = np.searchsorted(np.maximum(before, after), local, side="right")
    second = np.searchsorted(np.minimum(before, after), local, side="right")
    return local - offsets[np.where(later, second, first)]


def are_repeated(zone: str, local: Int) -> Bool:
    """Whether each local time occurs twice, because the clocks go back, [rows]."""
    return to_instants(zone, local, later=True) > to_instants(zone, local)


def skips_between(zone: str, first: int, last: int) -> bool:
    """Whether the clocks go forward between two instants.

    >>> day = 86_400_000_000
    >>> skips_between("Europe/Berlin", 0, 365 * day), skips_between("Europe/Berlin", 19_723 * day, 20_000 * day)
    (False, True)
    """
    changes, offsets = _changes(zone, np.array([first, last]))
    within = (first < changes) & (changes < last)
    return bool((np.diff(offsets)[within] > 0).any())


def to_days(zone: str, instants: Int) -> Int:
    """Local times of rows that are days apart, [rows].

    Where the clocks skip midnight, the day begins at one o'clock and is still the day after the previous one: a row at
    the instant of a change gets the local time without the change, if that is the usual time of day.
    """
    local, unchanged = to_local(zone, instants), to_local(zone, instants - 1) + 1
    times_of_day, counts = np.unique(local % _DAY, return_counts=True)
    usual = times_of_day[counts.argmax()]
    return np.where((local % _DAY != usual) & (unchanged % _DAY == usual), unchanged, local)


def _changes(zone: str, times: Int) -> tuple[Int, Int]:
    """The instants [n] around some times at which the offset from UTC changes, and the offsets [n + 1] between them."""
    first, last = (_near_decade(int(t)) for t in (times.min(), times.max())) if len(times) else (197, 197)
    return _changes_in(zone, first - 1, last + 1)


def _near_decade(time: int) -> int:
    """The decade of a time, counted from the year 0; it may be off by one."""
    return min(max(197 + time // _DECADE, DECADES[0]), DECADES[1])


@cache
def _changes_in(zone: str, first: int, last: int) -> tuple[Int, Int]:
    """The changes and offsets from the first to the last of some decades."""
    decades = [_changes_of(zone, decade) for decade in range(first, last + 1)]
    changes = np.concatenate([changes for changes, _ in decades])
    offsets = np.concatenate([decades[0][1][:1], *(offsets[1:] for _, offsets in decades)])
    return changes, offsets


@cache
def _changes_of(zone: str, decade: int) -> tuple[Int, Int]:
    """The changes and offsets of one decade, found by bisecting the weeks over which the offset changes."""
    place = ZoneInfo(zone)

    def offset(seconds: int) -> int:
        """Microseconds east of UTC, at a number of seconds since 1970-01-01."""
        local = (_EPOCH + timedelta(seconds=seconds)).astimezone(place)
        return (local.utcoffset() or timedelta(0)) // timedelta(microseconds=1)

    begin, end = (int(datetime(10 * d, 1, 1, tzinfo=UTC).timestamp()) for d in (decade, decade + 1))
    changes, offsets = [], [offset(begin)]
    for week in range(begin, end, _WEEK):
        low, high = week, min(week + _WEEK, end)
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        changes.append(high * _MICROSECONDS)
        offsets.append(offset(high))
    return np.array(changes, np.int64), np.array(offsets, np.int64)
