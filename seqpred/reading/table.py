"""Files, standard input or a DataFrame become a table of numbers; pandas lives here, in `frames.py` and `dates.py`.

Faults carry the line of the file on which they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.zones import are_repeated
from seqpred.errors import DataError, did_you_mean
from seqpred.notes import Count
from seqpred.reading.frame import Wanted, find_nested, header, read_frame
from seqpred.reading.number_columns import find_decimal, is_open, may_group, read_numbers
from seqpred.reading.plain import read_plain
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Decimal, Dialect
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.reader import read_timestamps, stripped

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """The rows of a source, as numbers, in the order in which they stand there.

    Attributes:
        names: the series, in order of appearance; one nameless series where there is no id column.
        codes: [rows], which series a row belongs to.
        times: [rows], see `timing`.
        values: [rows, columns], NaN where the cell is empty; of a column of categories, places in its `words`.
        words: the categories of each such column, as they stand there.
        remarks: what was inferred or skipped.
        marked: how many cells are sentinels.
        places: [rows], which row of the source each comes from, where that is another one.
        continues: whether its first series is the last one of the table before; see `store.Stored`.
    """

    source: Source
    columns: Columns
    clock: TimestampFormat
    names: list[str]
    codes: Int
    times: Int
    values: npt.NDArray[np.float64]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str | Count, ...] = ()
    marked: int = 0
    places: Int | None = None
    continues: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What was inferred, skipped or treated as missing."""
        return (*map(str, self.remarks), *sentinel_notes(self.source.dialect, self.marked))

    def parts(self) -> Iterator[Table]:
        """Itself: what is in memory is looked at in one go; see `store.Stored`."""
        yield self

    def where(self, row: int) -> str:
        """The place of a row in the file."""
        return self.source.where(row if self.places is None else int(self.places[row]))


# ------------------------------------------------------------------ the columns asked for


def read_table(source: Source, columns: Columns, categories: Collection[str] = ()) -> Table:
    """The rows of a source as numbers.

    Args:
        categories: the covariates that hold categories; what stands in their cells is a word, whatever it is.
    Raises:
        DataError: a column is absent, a cell is not what its column holds, a time or id is missing; the first
            three lines are named, and how many there are.
    """
    ignored = _check_columns(source, columns)
    plain = read_plain(source, columns, categories)
    if plain:
        parts = (plain.clock, plain.names, plain.codes, plain.times, plain.values, plain.words)
        return Table(source, columns, *parts, tuple(_id_notes(plain.names, columns.id)), plain.marked)
    numbers = [name for name in columns.values if name not in categories]
    frame, decimal, note = _read_as_written(source, columns, numbers)
    empty = int(frame.isna().all(axis=1).sum()) if columns.time and source.is_csv and not source.drops_empty else 0
    if empty:
        table = read_table(replace(source, drops_empty=True), columns, categories)
        dropped = len(frame) - len(table.times)
        return replace(table, remarks=(*table.remarks, f"{dropped} lines without a value are skipped"))
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
    ids = frame[columns.id].unique() if columns.id else ()
    notes = (*source.notes, *ignored, *([note] if note else []), *formats, *_id_notes(ids, columns.id), *stamps.notes)
    remarks: tuple[str | Count, ...] = (*notes, *_once_notes(stamps.format, codes, stamps.times))
    source = source.with_dialect(replace(source.dialect, unit=units)) if units else source
    return Table(source, columns, stamps.format, names, codes, stamps.times, values, words, remarks, marked)


def _read_as_written(source: Source, columns: Columns, numbers: Sequence[str]) -> tuple[pd.DataFrame, Decimal, str]:
    """The frame, the decimal sign of its numbers, and a note on it.

    pandas parses plain numbers. Columns in which a dot can group thousands, or all if the sign is a comma, are read
    again as text.
    """
    categories = frozenset(columns.values) - {*numbers}
    texts = {*columns.time, *categories, *(numbers if source.dialect.decimal == "," else ())}
    undecided = is_open(source, numbers)
    while True:
        frame = read_frame(source, Wanted(tuple(_names(columns)), columns.id, frozenset(texts), categories))
        if not len(frame):
            raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
        suspects = [n for n in numbers if n not in texts and _is_suspect(frame[n])] if undecided else []
        decimal, note = (source.dialect.decimal, "") if suspects else find_decimal(source, frame, numbers)
        more = {*numbers} - texts if decimal == "," and source.is_csv else {*suspects}
        if not more:
            return frame, decimal, note
        texts |= more


def _is_suspect(column: pd.Series) -> bool:
    """Whether the numbers of a column can be thousands that were read as fractions."""
    from pandas.api import types

    return types.is_numeric_dtype(column) and may_group(column.to_numpy(np.float64, na_value=np.nan))


def _names(columns: Columns) -> list[str]:
    return [c for c in (columns.id, *columns.time, *columns.values) if c is not None]


def _check_columns(source: Source, columns: Columns) -> list[str]:
    """Refuse columns that are absent or not unique; the notes on columns that are ignored."""
    there = header(source)
    nested = find_nested(source)
    for name in _names(columns):
        if name in nested:
            hint = "Name columns of numbers, text or timestamps."
            raise DataError(f"column {name!r} is nested: its cells are lists or mappings", hint=hint, where=source.name)
        if name not in there:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, there), where=source.name)
        if there.count(name) > 1:
            raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=source.name)
    return [f"nested columns are ignored: {', '.join(map(repr, nested))}"] if nested else []


def sentinel_notes(dialect: Dialect, marked: int) -> Iterator[str]:
    """The note on so many cells that are sentinels."""
    if marked:
        signs = ", ".join(s if isinstance(s, str) else f"{s:g}" for s in dialect.sentinels)
        yield f"{marked} {'cell is a sentinel' if marked == 1 else 'cells are sentinels'} ({signs}), treated as missing"


def _id_notes(ids: Iterable[object], id_name: str | None) -> Iterator[str]:
    """Notes on ids with blanks around them, and on ids that differ only in case."""
    if id_name is None:
        return
    found = [str(i) for i in ids]
    if list(map(str.strip, found)) == found and len(set(map(str.casefold, found))) == len(found):
        return  # as in most files, of which some have very many series
    blank = sorted({i for i in found if i != i.strip()})
    if blank:
        yield f"blanks around the id are removed in {len(blank)} ids: {', '.join(map(repr, blank[:3]))}"
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(i.strip() for i in found):
        folded.setdefault(name.casefold(), []).append(name)
    alike = [" and ".join(map(repr, names)) for names in folded.values() if len(names) > 1]
    if alike:
        yield f"ids that differ in capitals alone are taken as different series: {', '.join(alike[:3])}"


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
        raise source.fault(empty, f"column {id_name!r} is empty", "Every row needs its series.")
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


# ------------------------------------------------------------------ and back


def to_frame(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A forecast table as a DataFrame, its columns in order."""
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame(dict(columns))
    return frame
