"""Infer the time columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from seqpred.errors import DataError
from seqpred.inspection.names import PART_NAMES, TIME_NAMES, normal
from seqpred.reading.column_profile import ColumnProfile
from seqpred.timestamps.units import Unit, is_time_name

# Units that make up a timestamp together, coarse to fine; of two equally long chains the first is used.
CHAINS: Sequence[Sequence[Unit]] = (
    ("year", "month", "day", "hour", "minute"),
    ("year", "day_of_year", "hour", "minute"),
    ("year", "week"),
    ("year", "quarter"),
    ("year", "half"),
)


class Choice(NamedTuple):
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
        return Choice((), "no timestamps: rows are in order")
    if len(found.names) > 1:
        return found
    finer = _distinct_timestamps(profiles, found) if one_series else None
    return _with_time_of_day(profiles, found) or finer or found


def check_none_ignored(profiles: Profiles, times: Choice, source_name: str) -> None:
    """Reject rows without timestamps if a column looks like timestamps and cannot be parsed.

    Raises:
        DataError: there is one, and no other time column but a counter was found.
    """
    if any(p.kind == "time" for p in profiles if p.name in times.names) or len(times.names) > 1:
        return
    suspects = [p for p in profiles if p.unreadable and p.name not in times.names]
    if times.names or not any(p.kind in ("number", "whole") and not p.counted for p in profiles):
        suspects = [p for p in suspects if not p.counted]  # a target that grows evenly
    ignored = next(iter(suspects), None)
    if ignored:
        instead = f"Name the time column in data.time{', or set it to null to take rows in order' * (not times.names)}."
        raise DataError(
            f"column {ignored.name!r} looks like timestamps, but {ignored.unreadable}",
            hint=f"Write timestamps as 2024-12-31 or 2024-12-31 23:00:00. {instead}",
            where=source_name,
        )


def _parts_of_a_date(profiles: Profiles) -> Choice | None:
    """A year and finer parts of a timestamp, each in a separate column, and no column of timestamps."""
    if any(p.kind == "time" for p in profiles):
        return None
    by_unit = {p.part: p.name for p in reversed(profiles) if p.part}
    chains = (list(takewhile(by_unit.__contains__, chain)) for chain in CHAINS)
    units = max(chains, key=len)
    if len(units) < 2:
        return None
    clocks = [p.name for p in profiles if p.kind == "clock"] if units[-1] in ("day", "day_of_year") else []
    return Choice((*(by_unit[unit] for unit in units), *clocks[:1]), "parts of a timestamp, by name")


def _named_timestamps(profiles: Profiles) -> Choice | None:
    return _named(profiles, "time", (*TIME_NAMES, *PART_NAMES), "by name, contains timestamps")


def _named_integers(profiles: Profiles) -> Choice | None:
    return _named(profiles, "whole", TIME_NAMES, "by name, contains whole numbers")


def _timestamps_of_a_unit(profiles: Profiles) -> Choice | None:
    """Timestamps in a column that is named like a time in another language or with qualifiers."""
    names = [p.name for p in profiles if p.kind == "time"]
    named = [name for name in names if is_time_name(name)]
    if not named:
        return None
    return Choice((named[0],), "by name, contains timestamps", tuple(n for n in names if n != named[0]))


def _first_timestamps(profiles: Profiles) -> Choice | None:
    names = [p.name for p in profiles if p.kind == "time"]
    return Choice((names[0],), "the first column of timestamps", tuple(names[1:])) if names else None


def _named_part(profiles: Profiles) -> Choice | None:
    return _named(profiles, "whole", PART_NAMES, "by name, contains whole numbers")


_RULES: Sequence[Callable[[Profiles], Choice | None]] = (
    _parts_of_a_date,
    _named_timestamps,
    _timestamps_of_a_unit,
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
    """The dates and the nearest column of times of day, or of hours, where dates repeat."""
    place = next(i for i, p in enumerate(profiles) if p.name == found.names[0])
    dates = profiles[place]
    if not dates.dated or dates.distinct >= dates.rows:
        return None
    clocks = [(abs(i - place), p.name) for i, p in enumerate(profiles) if p.kind == "clock"]
    if clocks:
        return Choice((dates.name, min(clocks)[1]), "a column of dates and one of times of day")
    by_unit = {p.part: p.name for p in reversed(profiles) if p.part}
    if "hour" in by_unit:
        minutes = [by_unit["minute"]] if "minute" in by_unit else []
        return Choice((dates.name, by_unit["hour"], *minutes), "a column of dates and one of hours")
    if "slot" in by_unit:
        return Choice((dates.name, by_unit["slot"]), "a column of dates and one of periods of a day")
    return None


def _distinct_timestamps(profiles: Profiles, found: Choice) -> Choice | None:
    """A column of timestamps without duplicates, where those found have some and no text could name series."""
    dates = next(p for p in profiles if p.name == found.names[0])
    finer = [p.name for p in profiles if p.kind == "time" and p.distinct == p.rows]
    if not finer or dates.distinct >= dates.rows or any(p.kind == "text" for p in profiles):
        return None
    return Choice((finer[0],), f"timestamps without duplicates, unlike {dates.name}")
