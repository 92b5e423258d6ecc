"""Guess the time columns of a table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seqpred.inspection.names import DATE_PARTS, PART_NAMES, TIME_NAMES, normal
from seqpred.reading.table import ColumnProfile


@dataclass(frozen=True)
class Choice:
    """The columns chosen for a role.

    Attributes:
        names: none if no column has the role.
        reason: why, for the user.
        others: the columns that could have the role as well.
    """

    names: tuple[str, ...]
    reason: str
    others: tuple[str, ...] = ()


Profiles: TypeAlias = Sequence[ColumnProfile]


def guess_times(profiles: Profiles, *, one_series: bool = False) -> Choice:
    """The time column, or several that make up a timestamp; none if the rows are in order.

    Args:
        one_series: whether all rows belong to one series, so that no timestamp should occur twice.
    """
    found = next((choice for rule in _RULES if (choice := rule(profiles))), None)
    if found is None:
        return Choice((), "no timestamps: rows are taken in order")
    if len(found.names) > 1:
        return found
    finer = _distinct_timestamps(profiles, found) if one_series else None
    return _with_time_of_day(profiles, found) or finer or found


def _parts_of_a_date(profiles: Profiles) -> Choice | None:
    """Whole numbers called year, month and so on, at least the first two, and no column of timestamps."""
    if any(p.kind == "time" for p in profiles):
        return None
    whole = {normal(p.name): p.name for p in profiles if p.kind == "whole"}
    found = (next((whole[name] for name in names if name in whole), None) for names in DATE_PARTS)
    names = tuple(name for name in itertools.takewhile(lambda name: name is not None, found) if name)
    return Choice(names, "parts of a date by name, contain whole numbers") if len(names) > 1 else None


def _named_timestamps(profiles: Profiles) -> Choice | None:
    return _named(profiles, "time", (*TIME_NAMES, *PART_NAMES), "by name, contains timestamps")


def _named_integers(profiles: Profiles) -> Choice | None:
    return _named(profiles, "whole", TIME_NAMES, "by name, contains whole numbers")


def _first_timestamps(profiles: Profiles) -> Choice | None:
    names = [p.name for p in profiles if p.kind == "time"]
    return Choice((names[0],), "the first column of timestamps", tuple(names[1:])) if names else None


def _named_part(profiles: Profiles) -> Choice | None:
    return _named(profiles, "whole", PART_NAMES, "by name, contains whole numbers")


_RULES: Sequence[Callable[[Profiles], Choice | None]] = (
    _parts_of_a_date,
    _named_timestamps,
    _named_integers,
    _first_timestamps,
    _named_part,
)


def _named(profiles: Profiles, kind: str, names: Sequence[str], reason: str) -> Choice | None:
    """The column of a kind with the first of these names."""
    by_name = {normal(p.name): p.name for p in profiles if p.kind == kind}
    found = next((by_name[name] for name in names if name in by_name), None)
    if found is None:
        return None
    return Choice((found,), reason, tuple(p.name for p in profiles if p.kind == "time" and p.name != found))


def _with_time_of_day(profiles: Profiles, found: Choice) -> Choice | None:
    """The dates and the nearest column of times of day, where dates repeat."""
    place = next(i for i, p in enumerate(profiles) if p.name == found.names[0])
    clocks = [(abs(i - place), p.name) for i, p in enumerate(profiles) if p.kind == "clock"]
    dates = profiles[place]
    if not clocks or not dates.dated or dates.distinct >= dates.rows:
        return None
    return Choice((dates.name, min(clocks)[1]), "a column of dates and one of times of day")


def _distinct_timestamps(profiles: Profiles, found: Choice) -> Choice | None:
    """A column of timestamps without duplicates, where those found have some and no text could name series."""
    dates = next(p for p in profiles if p.name == found.names[0])
    finer = [p.name for p in profiles if p.kind == "time" and p.distinct == p.rows]
    if not finer or dates.distinct >= dates.rows or any(p.kind == "text" for p in profiles):
        return None
    return Choice((finer[0],), f"timestamps without duplicates, unlike {dates.name}")
