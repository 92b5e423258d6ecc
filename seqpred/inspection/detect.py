"""Detect the format of a file and the roles of its columns, each decision with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from seqpred.calendar.infer import infer_step, is_explained
from seqpred.calendar.step import DAILY
from seqpred.config.data_section import DataSection
from seqpred.inspection.clock_changes import find_zone
from seqpred.inspection.columns import MOST_DUPLICATES, Guess, choose_columns, find_id, guess_columns
from seqpred.inspection.sentinels import find_sentinels
from seqpred.inspection.times import Choice
from seqpred.inspection.wide_layout import VALUE, choose_wide_columns, is_wide, suggest_statics
from seqpred.inspection.year_layout import find_year_layout, year_columns
from seqpred.panel.duplicates import find_duplicates
from seqpred.reading.column_profile import ColumnProfile, profile_columns
from seqpred.reading.number_columns import WordsError
from seqpred.reading.table import Table, read_table
from seqpred.reading.wide import read_wide
from seqpred.reading.year_columns import unfold_years
from seqpred.sources.source import BROKEN, Source


@dataclass
class Detected:
    """Values of config keys.

    Attributes:
        source: with the dialect detected so far.
        keys: values by dotted key.
        reasons: why a key has its value, by the part of the key after `data.`; none for a key that was given.
        guess: the columns, and how those were chosen that are not given.
    """

    source: Source
    keys: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    guess: Guess | None = None
    profiles: Sequence[ColumnProfile] = ()

    def decide(self, key: str, value: Any, reason: str = "") -> None:
        """Record a decision; what concerns the dialect applies to all further reading."""
        self.keys[f"data.{key}"] = value
        if reason:
            self.reasons[key] = reason
        if hasattr(self.source.dialect, key):
            changes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value}
            self.source = self.source.with_dialect(replace(self.source.dialect, **changes))


def detect(source: Source, given: Mapping[str, Any]) -> Detected:
    """All that a config must contain for a file to be read.

    Args:
        given: values by dotted key that the user has set.
    Raises:
        DataError: no numeric column, or a malformed cell.
    """
    found = Detected(source)
    for key, value in given.items():
        if key.startswith("data."):
            found.decide(key.removeprefix("data."), value)
    if "data.encoding" not in given and not is_text(source, "auto") and is_text(source, "cp1252"):
        found.decide("encoding", "cp1252", "not UTF-8, and every byte is a character of cp1252")
    found.profiles = profile_columns(found.source)
    table = _detect_wide(found, given) if _is_wide(found, given) else _detect_rows(found, given)
    if "data.duplicates" not in given:
        _decide_duplicates(found, table)
    if "data.frequency" not in given:
        _decide_frequency(found, table)
    return found


def _detect_rows(found: Detected, given: Mapping[str, Any]) -> Table:
    """Decide the columns and the sentinels of a table with timestamps in its rows; the table."""
    source, profiles = found.source, found.profiles
    guess = partial(guess_columns, profiles, source.name, knows_times="data.time" in given, named=_named_targets(given))
    _decide_columns(found, guess(), given)
    years = year_columns(profiles, found.keys["data.time"]) if not {"data.target", "data.layout"} & set(given) else ()
    if years:
        found.decide("target", list(years), "one column for each year")
        found.decide("id", None, "one series")
    table = _read_marked(found, given, lambda: _read(found, profiles))
    series = find_id(table, profiles) if "data.id" not in given and not years else None
    if series and series != found.keys["data.id"]:
        _decide_columns(found, guess(series), given)
        table = _read(found, profiles)
    return _decide_values(found, table, years, given)


def _named_targets(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The target columns that the user has named."""
    value = given.get("data.target", "auto")
    return () if value in (None, "auto") else (value,) if isinstance(value, str) else tuple(value)


def _is_wide(found: Detected, given: Mapping[str, Any]) -> bool:
    if "data.layout" in given:
        return bool(given["data.layout"] == "wide")
    return not {"data.target", "data.time"} & set(given) and is_wide(found.profiles)


def _detect_wide(found: Detected, given: Mapping[str, Any]) -> Table:
    """Decide the columns of a table with timestamps as column names; its first series as rows."""
    keys = {"target": VALUE, "id": "auto", "time": "auto"}
    data = DataSection(**{key: given.get(f"data.{key}", value) for key, value in keys.items()})
    wide = choose_wide_columns(found.source, [p.name for p in found.profiles], data)
    reason = "different in every row" if wide.id else "one series"
    decided = {
        "layout": ("wide", f"{len(wide.headers.names)} columns are named by timestamps"),
        "target": (wide.target, "a name for the values of these columns"),
        "time": (one_or_list(wide.time), "a name for the timestamps in these column names"),
        "id": (wide.id_name, reason),
        "covariates.static": (suggest_statics(found.source, wide, found.profiles), "text that groups the series"),
    }
    for key, (value, why) in decided.items():
        if f"data.{key}" not in given:
            found.decide(key, value, why)
    found.guess = Guess(wide.unfolded, {"id": Choice(wide.id, reason)} if "data.id" not in given else {})
    return _read_marked(found, given, lambda: next(read_wide(found.source, wide).parts()))


def is_text(source: Source, encoding: str) -> bool:
    """Whether all bytes of a CSV are text in this encoding; True for any other format."""
    source = source.with_dialect(replace(source.dialect, encoding=encoding))
    if isinstance(source.content, tuple):
        return all(is_text(part, encoding) for part in source.parts)
    if not source.is_csv:
        return True
    try:
        with source.open_text() as text:
            return not any("\0" in line for line in text) or encoding == "auto"
    except UnicodeDecodeError:
        return False
    except BROKEN:
        return True  # the reader meets the same fault and reports it


# ------------------------------------------------------------------ columns and values


def one_or_list(names: Sequence[str]) -> str | list[str] | None:
    """Columns as a config has them: null, one name or a list."""
    return list(names) if len(names) > 1 else names[0] if names else None


def _decide_columns(found: Detected, guess: Guess, given: Mapping[str, Any]) -> None:
    columns, open_choices = guess.columns, {}
    values = {"time": one_or_list(columns.time), "target": one_or_list(columns.targets), "id": columns.id}
    for role, value in values.items():
        if f"data.{role}" not in given:
            found.decide(role, value, guess.choices[role].reason)
            open_choices[role] = guess.choices[role]
    found.guess = Guess(columns, open_choices)


def _read(found: Detected, profiles: Sequence[ColumnProfile]) -> Table:
    roles = {role: found.keys[f"data.{role}"] for role in ("time", "target", "id")}
    return read_table(found.source, choose_columns(profiles, found.source.name, DataSection(**roles)).columns)


def _read_marked(found: Detected, given: Mapping[str, Any], read: Callable[[], Table]) -> Table:
    """The table; words that are used for missing numbers become sentinels."""
    try:
        return read()
    except WordsError as e:
        if "data.sentinels" in given or not e.are_missing:
            raise
        found.decide("sentinels", [*e.words], "used for missing values among numbers")
        return read()


def _decide_values(found: Detected, table: Table, years: Sequence[str], given: Mapping[str, Any]) -> Table:
    """The table in the layout of rows, without its sentinels."""
    if years and table.clock.dated:
        found.decide("layout", *find_year_layout(table))
        return unfold_years(replace(table, source=found.source))
    if found.source.dialect.layout != "rows":
        return unfold_years(table)
    if "data.sentinels" in given:
        return table
    sentinels, reason = find_sentinels(table.values)
    if not sentinels:
        return table
    found.decide("sentinels", [*found.keys.get("data.sentinels", []), *sentinels], reason)
    values = np.where(np.isin(table.values, sentinels), np.nan, table.values)
    return replace(table, values=values, source=found.source)


# ------------------------------------------------------------------ times


def _decide_duplicates(found: Detected, table: Table) -> None:
    """`first` if duplicates agree in the targets, else `mean`; open if they may be several series."""
    repeated = find_duplicates(table)
    count = int(repeated.sum())
    if not count:
        return
    order, begins = np.lexsort((table.times, table.codes)), np.flatnonzero(~repeated)
    low, high = (how.reduceat(table.values[order], begins, axis=0) for how in (np.fmin, np.fmax))
    agree = bool(((low == high) | np.isnan(low)).all())
    if not agree and count > MOST_DUPLICATES * len(table.times):
        return  # the reader lists the remedies
    reason = f"{count} duplicate timestamps with {'the same' if agree else 'other'} target values"
    clock = table.clock
    if clock.dated and not clock.zone and not clock.tz:
        zone = find_zone(table.times, table.times[order][repeated])
        reason += f", as when clocks go back in {zone}; `timezone: {zone}` would keep both hours" if zone else ""
    found.decide("duplicates", "first" if agree else "mean", reason)


def _decide_frequency(found: Detected, table: Table) -> None:
    """`irregular` if no step describes the rows; open otherwise, even if some rows are not on the grid."""
    order, fresh = np.lexsort((table.times, table.codes)), ~find_duplicates(table)
    codes, times = table.codes[order][fresh], table.times[order][fresh]
    starts = np.append(True, codes[1:] != codes[:-1])
    step = infer_step(table.clock.on_grid(times, DAILY)[1], starts, table.clock.dated)
    if step is None or is_explained(step, table.clock.on_grid(times, step)[1], starts):
        return
    found.decide("frequency", "irregular", f"no fixed step; {step} is the most frequent one")
