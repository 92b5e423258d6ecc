"""Choose the columns of a table: those in the config, and inferred ones for the other roles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from seqpred.config.data_section import DataSection
from seqpred.errors import DataError, did_you_mean
from seqpred.inspection.names import ID_NAMES, TARGET_NAMES, USUAL_TARGETS, is_calendar, normal, words
from seqpred.inspection.times import Choice, Profiles, check_none_ignored, guess_times
from seqpred.panel.duplicates import find_duplicates
from seqpred.reading.column_profile import ColumnProfile, Kind
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import LETTERS
from seqpred.sources.source import Source

MOST_DUPLICATES = 0.4  # share of rows; two series without an id column would duplicate half of the timestamps
ID_KINDS: Sequence[Kind] = ("text", "whole")  # of values, the likelier one first
NAMED_ID = "by name, its values repeat"
UNIQUE = "timestamps are unique within each of its values"
ROWS_PER_SERIES = 5  # on average, at least, for a column to be an id
FORECAST_NAMES = re.compile(r"step|target|forecast|cutoff|actual|q0?\.\d+")  # columns of our output


class Guess(NamedTuple):
    """The columns of a table, and how those were chosen that the config does not name, by role."""

    columns: Columns
    choices: Mapping[str, Choice]

    @property
    def note(self) -> str:
        """The chosen columns and their alternatives, for the user; empty if nothing was chosen.

        >>> ds = Choice(("ds",), "by name", ("created",))
        >>> Guess(Columns(("ds",), None, ("y",)), {"time": ds, "id": Choice((), "one series")}).note
        "time column 'ds' (by name; or created)"
        """
        return ", ".join(_described(role, choice) for role, choice in self.choices.items() if choice.names)


def _described(role: str, choice: Choice) -> str:
    names = " + ".join(map(repr, choice.names[:5])) + (", ..." if len(choice.names) > 5 else "")
    others = f"; or {', '.join(choice.others[:3])}{', ...' if len(choice.others) > 3 else ''}" if choice.others else ""
    return f"{role} column{'s' if len(choice.names) > 1 else ''} {names} ({choice.reason}{others})"


def guess_columns(
    profiles: Profiles,
    source_name: str,
    series: str | None = None,
    *,
    knows_times: bool = False,
    named: Sequence[str] = (),
) -> Guess:
    """Guess the time, id and target columns.

    Args:
        series: the id column, if it is known from the rows.
        knows_times: whether the time columns are given, or that there are none.
        named: the target columns, if they are given: numbers such as 1700000000 are then no timestamps.
    Raises:
        DataError: no numeric column to forecast.
    """
    profiles = [p for p in profiles if p.name not in named]
    times = guess_times(profiles)
    series_choice = Choice((series,), UNIQUE) if series else guess_id(profiles, times.names)
    if not series_choice.names:
        times = guess_times(profiles, one_series=True)
    if not knows_times:
        check_none_ignored(profiles, times, source_name)
    free = [p for p in profiles if p.name not in (*times.names, *series_choice.names)]
    targets = Choice(tuple(named), "given") if named else guess_targets(free, is_long=bool(series_choice.names))
    if targets is None:
        raise _no_target(profiles, source_name)
    columns = Columns(times.names, next(iter(series_choice.names), None), targets.names)
    return Guess(columns, {"time": times, "id": series_choice, "target": targets})


def _no_target(profiles: Profiles, source_name: str) -> DataError:
    kinds = ", ".join(
        f"{p.name} ({p.kind}{f', such as {p.example[:LETTERS]!r}' if p.example else ''})" for p in profiles[:8]
    )
    mixed = next((p.name for p in profiles if p.mixed), None)
    hint = "At least one column must contain numbers, such as 1234.5."
    if mixed:
        hint = f"Column {mixed!r} contains numbers except for such cells: correct them, or leave them empty."
    return DataError(f"no numeric column to forecast; the columns are {kinds}", hint=hint, where=source_name)


# ------------------------------------------------------------------ id


def guess_id(profiles: Profiles, times: Sequence[str]) -> Choice:
    """The id column by its name or as the only text; none if all rows are one series."""
    free = [p for p in profiles if p.name not in times and not is_calendar(p.name) and p.part is None]
    repeated = [p for p in free if p.kind in ID_KINDS and p.distinct < max(2, p.rows)]
    by_name = {normal(p.name): p.name for p in repeated}
    named = next((by_name[name] for name in ID_NAMES if name in by_name), None)
    texts = [p.name for p in repeated if p.kind == "text"]
    if named is not None:
        return Choice((named,), NAMED_ID, tuple(t for t in texts if t != named))
    stamps = [p for p in profiles if p.name in times]
    if len(texts) == 1 and (not stamps or (len(stamps) == 1 and stamps[0].distinct < stamps[0].rows)):
        return Choice((texts[0],), "the only text column, and its values repeat")
    return Choice((), "one series")


def with_id(guess: Guess, source: Source, profiles: Profiles) -> Guess:
    """The columns with the id column that the rows of a source suggest, unless one was chosen by its name."""
    columns = guess.columns
    taken = (*columns.time, *columns.values)
    free = [p for p in profiles if p.name not in taken and p.kind in ID_KINDS and p.part is None]
    if "id" not in guess.choices or guess.choices["id"].reason == NAMED_ID or not free:
        return guess
    found = find_id(read_table(source, Columns(columns.time, columns.id, columns.targets)), free)
    if found is None or found == columns.id:
        return guess
    return Guess(replace(columns, id=found), {**guess.choices, "id": Choice((found,), UNIQUE)})


def find_id(table: Table, profiles: Profiles) -> str | None:
    """The column that distinguishes the series of a table with many duplicate timestamps; None if there is none.

    The id that the table was read with, if it does; else the first text column, else the first of whole numbers, with
    unique timestamps and enough rows within each of its values.
    """
    if table.columns.id is not None and not find_duplicates(table).any():
        return table.columns.id
    rows = len(table.times)
    if rows - len(np.unique(table.times)) <= MOST_DUPLICATES * rows:
        return None
    for kind in ID_KINDS:
        for name in (p.name for p in profiles if p.kind == kind and p.part is None):
            if name not in table.columns.time and not is_calendar(name) and _is_id(table, name):
                return name
    return None


def _is_id(table: Table, name: str) -> bool:
    targets = tuple(t for t in table.columns.targets if t != name)
    if not targets:
        return False
    try:
        split = read_table(table.source, Columns(table.columns.time, name, targets))
    except DataError:
        return False  # an empty cell
    return len(split.names) * ROWS_PER_SERIES <= len(table.times) and not find_duplicates(split).any()


# ------------------------------------------------------------------ target


def guess_targets(profiles: Profiles, *, is_long: bool) -> Choice | None:
    """The columns to forecast, among those without another role; None if none is numeric.

    Args:
        is_long: whether a column names the series.
    """
    numeric = [p for p in profiles if p.kind in ("number", "whole")]
    if not numeric:
        return None
    varying = [p for p in numeric if not (p.counted or p.distinct < 2 or _is_part(p))]
    names = [p.name for p in varying or numeric]
    named = _named_target(names)
    texts = [p.name for p in profiles if p.kind == "text" and p.distinct < p.rows]
    if named:
        return Choice((named,), "by name" + _not_numbers(profiles), tuple(n for n in names if n != named))
    if not is_long and not texts:
        reason = "every numeric column" if len(names) > 1 else "the only numeric column"
        return Choice(tuple(names), reason + _not_numbers(profiles))
    reason = ("the last numeric column" if len(names) > 1 else "the only numeric column") + _not_numbers(profiles)
    if texts and not is_long and len(names) > 1:
        reason += f", since a table with text ({', '.join(texts[:3])}) is not wide"
    return Choice((names[-1],), reason, tuple(names[:-1]))


def _not_numbers(profiles: Profiles) -> str:
    """What keeps a column of numbers from being one; empty if there is none."""
    mixed = next((p for p in profiles if p.mixed), None)
    return f", as {mixed.name!r} is text: it contains {mixed.example[:LETTERS]!r}" if mixed else ""


def _is_part(profile: ColumnProfile) -> bool:
    """Whether a column of whole numbers is a part of a date."""
    return profile.kind == "whole" and (profile.part is not None or is_calendar(profile.name))


def _named_target(names: Sequence[str]) -> str | None:
    """The column whose name is a usual one; else the one that is or contains the most conventional word.

    None if there is none or several.

    >>> _named_target(["Close", "Adj Close", "Volume"]), _named_target(["Size", "Weekly_Sales", "Price"])
    ('Close', 'Weekly_Sales')
    >>> _named_target(["sales", "my target"]), _named_target(["salesNorth", "sales_south"])
    ('sales', None)
    """
    usual = [n for n in names if normal(n) in USUAL_TARGETS]
    if len(usual) == 1:
        return usual[0]
    for conventional in TARGET_NAMES:
        exact = [n for n in names if normal(n) == conventional]
        found = exact or [n for n in names if len(conventional) > 1 and conventional in words(n)]
        if found:
            return found[0] if len(found) == 1 else None
    return None


# ------------------------------------------------------------------ the config's columns


def choose_columns(profiles: Profiles, source_name: str, data: DataSection) -> Guess:
    """The columns that a config names, and guesses where it has `auto`.

    Raises:
        DataError: a named column is absent, or two roles have the same column.
    """
    header = [p.name for p in profiles]
    taken = (*data.targets, *data.covariates.columns)
    for name in (*data.times, data.id, *taken):
        if name not in (None, "auto", *header):
            raise DataError(f"no column {name!r}", hint=did_you_mean(str(name), header), where=source_name)
    times, series, choices = tuple(data.times), data.id, {}
    free = [p for p in profiles if p.name not in taken]
    guesses_time, guesses_id = (value == "auto" and "auto" not in header for value in (data.time, data.id))
    if guesses_time:
        choices["time"] = guess_times([p for p in free if p.name != series])
        times = choices["time"].names
    if guesses_id:
        choices["id"] = guess_id(free, times)
        series = next(iter(choices["id"].names), None)
    if guesses_time and series is None:
        choices["time"] = guess_times(free, one_series=True)
        times = choices["time"].names
    if guesses_time:
        check_none_ignored(free, choices["time"], source_name)
    known, past, static = (
        tuple(names) for names in (data.covariates.known, data.covariates.past, data.covariates.static)
    )
    columns = Columns(times, series, tuple(data.targets), known, past, static)
    _check_roles(columns, source_name)
    return Guess(columns, choices)


def _check_roles(columns: Columns, source_name: str) -> None:
    roles = [r for r in (*columns.time, columns.id, *columns.values) if r is not None]
    for name in (*columns.time, columns.id):
        if name is not None and FORECAST_NAMES.fullmatch(name):
            hint = "Rename the column, or set its key to null."
            raise DataError(f"column {name!r} has the name of a forecast column", hint=hint, where=source_name)
    for name in roles:
        if roles.count(name) > 1:
            hint = "Name each column once in 'data:'."
            raise DataError(f"column {name!r} has two roles", hint=hint, where=source_name)


def find_categories(profiles: Profiles, columns: Columns) -> set[str]:
    """The covariates that contain categories, not numbers."""
    numeric = {p.name for p in profiles if p.kind in ("number", "whole")}
    return {*columns.known, *columns.past, *columns.static} - numeric
