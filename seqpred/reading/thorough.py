"""The thorough way to read a table: pandas parses it, and every inference and malformed cell is reported."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.zones import are_repeated
from seqpred.errors import DataError
from seqpred.notes import PLACES, Count
from seqpred.reading.frame import Wanted, read_frame
from seqpred.reading.number_columns import find_decimal, read_numbers
from seqpred.reading.plain import TableParts
from seqpred.reading.thousands import is_open, may_group
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Decimal
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.reader import read_timestamps, stripped

if TYPE_CHECKING:
    import pandas as pd


class Thorough(NamedTuple):
    """What was read and inferred.

    Attributes:
        source: in the dialect that was found.
        ids: as they are written.
    """

    source: Source
    parts: TableParts
    remarks: tuple[str | Count, ...]
    ids: Iterable[object]


class Reread(NamedTuple):
    """The source without lines that are not rows: it has to be read again.

    Attributes:
        rows: how many rows were read, those lines included.
        note: on these lines; None if they are lines without a value.
    """

    source: Source
    rows: int
    note: Count | None = None


def read_thoroughly(source: Source, columns: Columns, categories: Collection[str]) -> Thorough | Reread:
    """The rows of any source, read with pandas; see `table.read_table`."""
    numbers = [name for name in columns.values if name not in categories]
    frame, decimal, note = _read_as_written(source, columns, numbers)
    if columns.time and source.is_csv and not source.drops_empty and frame.isna().all(axis=1).any():
        return Reread(replace(source, drops_empty=True), len(frame))
    repeated = _repeated_headers(frame, columns.time)
    if len(repeated) and source.is_csv and not source.drops_headers:
        return Reread(replace(source, drops_headers=True), len(frame), _repetition_note(source, repeated))
    if decimal != source.dialect.decimal:
        source = source.with_dialect(replace(source.dialect, decimal=decimal))
    names, codes = _series(source, frame, columns.id)
    stamps = read_timestamps(source, frame, columns.time, codes)
    values = np.empty((len(frame), len(columns.values)))
    words: dict[str, tuple[str, ...]] = {}
    marked, units, formats = 0, dict(source.dialect.unit), list[str]()
    for i, name in enumerate(columns.values):
        if name in categories:
            values[:, i], words[name] = _categories(frame[name])
        else:
            found = read_numbers(source, frame[name], name)
            values[:, i], marked = found.values, marked + found.marked
            units |= {name: found.unit} if found.unit else {}
            formats += [found.note] if found.note else []
    notes = (*source.notes, *([note] if note else []), *formats)
    remarks: tuple[str | Count, ...] = (*notes, *_once_notes(stamps.format, codes, stamps.times))
    source = source.with_dialect(replace(source.dialect, unit=units)) if units else source
    ids = frame[columns.id].unique() if columns.id else ()
    parts = TableParts(stamps.format, names, codes, stamps.times, values, words, marked, stamps.notes)
    return Thorough(source, parts, remarks, ids)


def _read_as_written(source: Source, columns: Columns, numbers: Sequence[str]) -> tuple[pd.DataFrame, Decimal, str]:
    """The frame, the decimal sign of its numbers, and a note on it.

    pandas parses plain numbers. Columns in which a dot can group thousands, or all if the sign is a comma, are read
    again as text.
    """
    categories = frozenset(columns.values) - {*numbers}
    texts = {*columns.time, *categories, *(numbers if source.dialect.decimal == "," else ())}
    undecided = is_open(source, numbers)
    while True:
        frame = read_frame(source, Wanted(tuple(columns.all_names), columns.id, frozenset(texts), categories))
        if not len(frame):
            raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
        suspects = [n for n in numbers if n not in texts and _is_suspect(frame[n])] if undecided else []
        decimal, note = (source.dialect.decimal, "") if suspects else find_decimal(source, frame, numbers)
        more = {*numbers} - texts if decimal == "," and source.is_csv else {*suspects}
        if not more:
            return frame, decimal, note
        texts |= more


def _repeated_headers(frame: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.intp]:
    """The rows whose time columns contain their own names, after a byte-order mark where files were joined."""
    is_header = np.full(len(frame), bool(names))
    for name in names:
        is_header &= frame[name].isin([name, f"\ufeff{name}"]).to_numpy()
    return np.flatnonzero(is_header)


def _repetition_note(source: Source, rows: npt.NDArray[np.intp]) -> Count:
    lines = [source.where(int(row)).removeprefix(source.name).lstrip(":, ") for row in rows[:PLACES]]
    several, one = "lines that repeat the header are skipped", "line that repeats the header is skipped"
    return Count(len(rows), several, one, tuple(lines))


def _is_suspect(column: pd.Series) -> bool:
    """Whether the numbers of a column can be thousands that were read as fractions."""
    from pandas.api import types

    return types.is_numeric_dtype(column) and may_group(column.to_numpy(np.float64, na_value=np.nan))


def _once_notes(clock: TimestampFormat, codes: Int, times: Int) -> Iterator[Count]:
    """The note on ambiguous local times, repeated by a clock change, that occur only once."""
    if clock.tz is None or clock.is_local or clock.zone:
        return
    wall = clock.local(times)
    twice = are_repeated(clock.tz, wall)
    _, counts = np.unique(np.stack([codes[twice], wall[twice]]), axis=1, return_counts=True)
    once = int((counts == 1).sum())
    if once:
        yield Count(once, f"local times that occur twice in {clock.tz} occur once here: the first is assumed")


def _series(source: Source, frame: pd.DataFrame, id_name: str | None) -> tuple[list[str], Int]:
    import pandas as pd

    if id_name is None:
        return [""], np.zeros(len(frame), np.int64)
    column = frame[id_name].astype("category")
    raw = column.cat.codes.to_numpy()
    empty = np.flatnonzero(raw < 0)
    if len(empty):
        raise source.fault(empty, f"column {id_name!r} is empty", "Every row needs an id.")
    if any(str(c) != str(c).strip() for c in column.cat.categories):
        column = column.astype(str).str.strip().astype("category")
        raw = column.cat.codes.to_numpy()
    order = pd.unique(raw)  # of appearance; the categories are in that of the alphabet
    place = np.empty(len(column.cat.categories), np.int64)
    place[order] = np.arange(len(order))
    labels = column.cat.categories.astype(str).tolist()
    return [labels[i] for i in order], place[raw]


def _categories(column: pd.Series) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """The words of a column, an empty cell being one of them, and the place in them of each row's, [rows]."""
    words = stripped(column.astype("object").where(column.notna(), "")).astype("category")
    return np.asarray(words.cat.codes, np.float64), tuple(words.cat.categories.tolist())
