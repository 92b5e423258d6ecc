"""Recognize a wide table, with timestamps as column names, and choose its id and static columns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from seqpred.config.data_section import DataSection
from seqpred.errors import DataError, did_you_mean
from seqpred.inspection.names import ID_NAMES, normal
from seqpred.reading.column_profile import ColumnProfile
from seqpred.reading.time_headers import Coarse, TimeHeaders, find_part_headers, find_time_headers
from seqpred.reading.wide import WideColumns, read_texts
from seqpred.sources.source import Source
from seqpred.timestamps.units import unit_of

TIME, VALUE = "time", "value"  # columns of the rows that a wide table becomes
NUMERIC, TIMES = ("number", "whole", "empty"), ("time", "clock")
COARSE: Sequence[Coarse] = ("day", "month", "year")
MOSTLY = 0.9  # share of the columns named by timestamps that contain numbers
MAX_ID_COLUMNS = 3


def is_wide(profiles: Sequence[ColumnProfile]) -> bool:
    """Whether the columns of a table are named by timestamps, and its rows have none, or the coarser part."""
    names = [p.name for p in profiles]
    headers, row_parts = _find_headers(names, [p.name for p in profiles if p.kind == "time" and p.dated])
    if headers is None:
        return False
    named = [p for p in profiles if p.name in headers.names]
    others = [p for p in profiles if p.name not in (*headers.names, *row_parts)]
    if sum(p.kind in NUMERIC or p.distinct < 2 for p in named) < MOSTLY * len(named) or any(
        p.kind in TIMES for p in others
    ):
        return False
    has_id = any(p.kind == "text" for p in others) or profiles[0].rows == 1 or bool(row_parts)
    return has_id and sum(p.kind in NUMERIC for p in others) < len(named)


def _find_headers(names: Sequence[str], dated: Sequence[str] = ()) -> tuple[TimeHeaders | None, tuple[str, ...]]:
    """The columns that are named by timestamps, and the columns of the rows to whose year, month or day they belong.

    Args:
        dated: the columns that contain dates, as far as they are known; else those that are named so.
    """
    units = {unit: name for name in reversed(names) if (unit := unit_of(name))}
    tried: dict[Coarse, tuple[str | None, ...]] = {
        "day": (dated[0] if dated else units.get("date"),),
        "month": (units.get("year"), units.get("month")),
        "year": (units.get("year"),),
    }
    for coarse, row_parts in tried.items():
        rest = [name for name in names if name not in row_parts]
        if all(row_parts) and (headers := find_part_headers(rest, coarse)):
            return headers, tuple(filter(None, row_parts))
        if coarse == "day" and (headers := find_time_headers(names)):
            return headers, ()
    return None, ()


def choose_wide_columns(source: Source, names: Sequence[str], data: DataSection) -> WideColumns:
    """The columns of a wide table: those that the config names, and inferred ones where it has `auto`.

    Raises:
        DataError: no column is named by a timestamp, or a named column is absent.
    """
    series = () if data.id in (None, "auto") else _id_columns(str(data.id), names, source.name)
    static = () if data.covariates.static_file else tuple(data.covariates.static)
    for name in static:
        if name not in names:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, names), where=source.name)
    row_parts = tuple(name for name in data.times if name in names)
    free = [name for name in names if name not in (*series, *static)]
    headers, inferred = _find_headers(free, row_parts[:1] if len(row_parts) == 1 else ())
    if row_parts:
        rest = [name for name in free if name not in row_parts]
        headers = next(filter(None, (find_part_headers(rest, coarse) for coarse in COARSE)), None)
    if headers is None:
        hint = "Name columns such as 2024-01-31, 2024 or Jan (with a column for the year), or set data.layout: rows."
        raise DataError("data.layout is wide, but no columns are named by timestamps", hint=hint, where=source.name)
    if data.covariates.known or data.covariates.past or len(data.targets) > 1:
        hint = "Keep one target and static covariates, or set data.layout: rows."
        raise DataError("data.layout is wide: every cell is a value of one target", hint=hint, where=source.name)
    row_parts = row_parts or inferred
    if data.id == "auto":
        series = find_wide_id(source, [n for n in free if n not in (*headers.names, *row_parts)], row_parts)
    own = [name for name in data.times if name not in ("auto", *row_parts)]
    time = (own[0] if own else headers.part.capitalize() or TIME,)
    return WideColumns(series, (*row_parts, *time), data.targets[0], headers, static)


def _id_columns(name: str, names: Sequence[str], source_name: str) -> tuple[str, ...]:
    """The columns of an id: one, or several as in `Province + Country`."""
    parts = (name,) if name in names else tuple(name.split(" + "))
    for part in parts:
        if part not in names:
            raise DataError(f"no column {part!r}", hint=did_you_mean(part, names), where=source_name)
    return parts


def find_wide_id(source: Source, names: Sequence[str], row_parts: Sequence[str]) -> tuple[str, ...]:
    """The fewest columns whose cells together are different in every row of one time; none if none are needed.

    Columns of fractions, such as latitudes, identify nothing.
    """
    keys = list(row_parts)
    if not (names or keys):
        return ()
    texts = read_texts(source, [*names, *keys])
    usable = [name for name in names if not texts[name].str.fullmatch(r"-?\d*\.\d+").any()]
    ordered = sorted(usable, key=_id_rank)
    for count in range(0 if keys or len(texts) == 1 else 1, MAX_ID_COLUMNS + 1):
        for chosen in itertools.combinations(ordered, count):
            unique = len(texts) == 1 or not texts.duplicated([*chosen, *keys]).any()
            if unique and (not chosen or (texts[list(chosen)] != "").any(axis=1).all()):
                return chosen
    return ()


def _id_rank(name: str) -> int:
    """The place of a name among those of ids; after them if it is none."""
    return ID_NAMES.index(normal(name)) if normal(name) in ID_NAMES else len(ID_NAMES)


def suggest_statics(source: Source, wide: WideColumns, profiles: Sequence[ColumnProfile]) -> list[str]:
    """The columns of text that group the series: not constant, and with half as many values as rows at most."""
    used = {*wide.id, *wide.time, *wide.headers.names}
    names = [p.name for p in profiles if p.kind == "text" and p.name not in used]
    if not names:
        return []
    texts = read_texts(source, names)
    return [name for name in names if 2 <= texts[name].nunique() <= len(texts) / 2]
