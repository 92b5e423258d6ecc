"""The time columns of a frame become times: counters, or microseconds since 1970-01-01."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.step import DAY
from seqpred.errors import DataError
from seqpred.sources.dialect import LETTERS
from seqpred.sources.source import Source
from seqpred.timestamps.format import INTEGER, TimestampFormat, may_be_timestamps
from seqpred.timestamps.localize import localize, skipped
from seqpred.timestamps.offsets import is_offset, offset_of
from seqpred.timestamps.units import unit_of

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.timestamps.infer import Inferred
    from seqpred.timestamps.unreadable import UnreadableError

FILL_TIME = (
    "Every row needs a timestamp: repeat it where one cell stands for several rows, or remove the rows without it."
)
UNFOLDED = "%Y-%m-%d %H:%M:%S"  # how timestamps are written that were never text


@dataclass(frozen=True)
class Timestamps:
    """The times of a table's rows.

    Attributes:
        format: how they are written.
        times: [rows].
        notes: choices that were made, for people.
    """

    format: TimestampFormat
    times: Int
    notes: tuple[str, ...] = ()


def read_timestamps(source: Source, frame: pd.DataFrame, names: Sequence[str], codes: Int) -> Timestamps:
    """Read the time columns of a frame.

    Args:
        names: the column, or several; none if the rows are in order, to be counted within each series.
        codes: [rows], which series a row belongs to.
    Raises:
        DataError: empty cells, texts without a common pattern or with several, or times that the clocks of the zone
            skip.
    """
    found = _read(source, frame, names, codes)
    tz = source.dialect.timezone
    if tz == "auto" or found.format.tz is not None:
        return found
    if not found.format.dated:
        message = f"data.timezone is {tz}, but the times are whole numbers or none"
        raise DataError(message, hint="Remove data.timezone.", where=source.name)
    instants = localize(tz, codes, found.times)
    if instants is None:
        return replace(found, format=replace(found.format, tz=tz))
    absent = skipped(tz, instants, found.times)
    if len(absent):
        shown = " ".join(str(frame[name].iloc[absent[0]]) for name in names)
        hint = "Remove such rows, or set data.timezone to the zone of the timestamps (maybe UTC)."
        raise source.fault(absent, f"{shown!r} does not exist in {tz}: the clocks there skip it", hint)
    return replace(found, format=replace(found.format, tz=tz, is_local=False), times=instants)


def _read(source: Source, frame: pd.DataFrame, names: Sequence[str], codes: Int) -> Timestamps:
    from pandas.api import types

    if not names:
        return Timestamps(TimestampFormat(None), np.asarray(frame.groupby(codes).cumcount(), np.int64))
    for name in names:
        empty = np.flatnonzero(frame[name].isna().to_numpy())
        if len(empty):
            raise source.fault(empty, f"column {name!r} is empty", FILL_TIME)
    if len(names) > 1:
        return _split(source, frame[list(names)])
    column = frame[names[0]]
    if types.is_datetime64_any_dtype(column):
        return _datetimes(source, column)
    if types.is_numeric_dtype(column):
        return _numbers(source, column)
    return _texts(source, column)


def _datetimes(source: Source, column: pd.Series) -> Timestamps:
    """Timestamps that are not text; their type may name a zone, or an offset such as UTC+02:00."""
    tz = getattr(column.dtype, "tz", None)
    if tz is None:
        times = column.to_numpy().astype("datetime64[us]").astype(np.int64)
        return Timestamps(TimestampFormat("%Y-%m-%d" if not (times % DAY).any() else UNFOLDED), times)
    instants = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    name, named = str(tz), source.dialect.timezone
    offset = name.removeprefix("UTC") if is_offset(name.removeprefix("UTC")) else "+00:00"
    if named == "auto":
        named = "" if is_offset(name.removeprefix("UTC")) else name
    form = TimestampFormat(f"{UNFOLDED}%z", offset, tz=named or None, is_local=not named)
    if named and _have_one_hour(instants) and not _have_one_hour(form.local(instants)):
        found = (
            f"the timestamps have the same hour in UTC, not in {named} with its daylight saving time: days are UTC's"
        )
        return Timestamps(replace(form, zone="Z"), instants, (found,))
    return Timestamps(form, instants if named else instants + offset_of(offset))


def _have_one_hour(times: Int) -> bool:
    """Whether all times have the same hour of the day."""
    return bool((times % DAY == times[:1] % DAY).all())


def _numbers(source: Source, column: pd.Series) -> Timestamps:
    """A column of numbers: timestamps such as 202401, or a counter."""
    from pandas.api import types

    values = column.to_numpy()
    if not types.is_integer_dtype(column) and bool((values == np.round(values)).all()):
        values = values.astype(np.int64)
    if values.dtype == np.int64 and not may_be_timestamps(int(values.min()), int(values.max())):
        return Timestamps(TimestampFormat(INTEGER), values)
    return _texts(source, column if values.dtype != np.int64 else column.astype(np.int64))


def _texts(source: Source, column: pd.Series) -> Timestamps:
    """A column of texts."""
    from seqpred.timestamps.unreadable import UnreadableError

    places, distinct = _factorized(stripped(column))
    name = str(column.name)
    try:
        return infer_timestamps(source, name, distinct, places)
    except UnreadableError as e:
        raise _fault(source, e, places, distinct, name) from None


def infer_timestamps(source: Source, name: str, distinct: Sequence[str], places: Int) -> Timestamps:
    """The timestamps of a column of texts.

    Args:
        name: of the column.
        distinct: the distinct texts, without blanks around them, in order of appearance.
        places: [rows], of each row's text among them.
    Raises:
        UnreadableError: neither timestamps nor whole numbers.
    """
    from seqpred.timestamps.column import infer_column

    dialect = source.dialect
    inferred = infer_column(distinct, dialect.date_order, unit_of(name), known=dialect.timestamp_format)
    if inferred is None:
        return Timestamps(TimestampFormat(INTEGER), np.array([int(float(text)) for text in distinct], np.int64)[places])
    return _with_zone(source, inferred, places, distinct, name)


def _split(source: Source, columns: pd.DataFrame) -> Timestamps:
    """Timestamps that are split over columns."""
    from seqpred.timestamps.column import infer_columns
    from seqpred.timestamps.split import UnreadablePartError
    from seqpred.timestamps.unreadable import UnreadableError

    texts = {str(name): stripped(columns[name]) for name in columns}
    joined = None
    for column in texts.values():
        joined = column if joined is None else joined.str.cat(column, sep="\t")
    assert joined is not None
    places, distinct = _factorized(joined)
    parts = [(name, list(column.unique())) for name, column in texts.items()]
    dialect = source.dialect
    try:
        inferred = infer_columns(parts, distinct, dialect.date_order, known=dialect.timestamp_format)
    except UnreadablePartError as e:
        places, distinct = _factorized(texts[e.column.name])
        raise _fault(source, e, places, distinct, e.column.name) from None
    except UnreadableError as e:
        raise _fault(source, e, places, [text.replace("\t", " ") for text in distinct], *texts) from None
    return _with_zone(source, inferred, places, distinct, " ".join(texts))


def stripped(column: pd.Series) -> pd.Series:
    """The cells as texts, without the blanks around them."""
    return column.astype(str).str.strip()


def _factorized(column: pd.Series) -> tuple[Int, list[str]]:
    """The place of each cell among the distinct texts, [rows], and these in order of appearance."""
    import pandas as pd

    places, distinct = pd.factorize(column)
    return np.asarray(places, np.int64), distinct.to_numpy(object).tolist()


def _fault(source: Source, error: UnreadableError, places: Int, distinct: Sequence[str], *names: str) -> DataError:
    """The error with the rows of the offending texts."""
    rows = np.flatnonzero(np.isin(places, error.places))
    text = distinct[places[rows[0]]]
    return source.fault(
        rows,
        f"{text[:LETTERS]!r} in column{'s' if names[1:] else ''} {', '.join(map(repr, names))} {error.message}",
        error.hint,
    )


def _with_zone(source: Source, inferred: Inferred, places: Int, distinct: Sequence[str], name: str) -> Timestamps:
    """The times of all rows, local where all have one offset from UTC or the same hour of the day; else UTC.

    If the zone is known by name, they are UTC whatever the offsets are.
    """
    pattern, readings = inferred.pattern, inferred.readings
    notes = tuple(f"column {name!r}: {note}" for note in inferred.notes)
    local, tz = readings.times, source.dialect.timezone
    if pattern.counts_instants:
        known = None if tz == "auto" else tz
        return Timestamps(TimestampFormat(pattern.text, "Z", tz=known, is_local=known is None), local[places], notes)
    if not pattern.has_zone:
        return Timestamps(TimestampFormat(pattern.text), local[places], notes)
    instants, last = local - readings.offsets, pattern.zone_of(distinct[places[-1]])
    if tz != "auto":
        return Timestamps(TimestampFormat(pattern.text, last, tz=tz, is_local=False), instants[places], notes)
    has_one_offset = bool((readings.offsets == readings.offsets[0]).all())
    is_local = has_one_offset or len(np.unique(local % DAY)) == 1
    if not has_one_offset:
        _, firsts = np.unique(readings.offsets, return_index=True)
        zones = [pattern.zone_of(distinct[place]) for place in firsts.tolist()]
        used = "the local times are used" if is_local else "UTC is used, for the calendar as well"
        notes = (
            *notes,
            f"the timestamps have {len(zones)} offsets from UTC ({', '.join(zones[:3])}): {used}; "
            "set data.timezone to the name of their zone, such as Europe/Berlin",
        )
    if is_local:
        return Timestamps(TimestampFormat(pattern.text, last), local[places], notes)
    # named, so that a stream and files of one season are in UTC too
    return Timestamps(TimestampFormat(pattern.text, "+00:00", tz="UTC", is_local=False), instants[places], notes)
