"""A source as a table of numbers: its type, and the choice between the fast and the thorough way to read one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.errors import DataError, did_you_mean
from seqpred.notes import Count
from seqpred.reading.header import find_nested, header
from seqpred.reading.plain import TableParts, read_plain
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat


@dataclass(frozen=True)
class Table:
    """The rows of a source as numbers, in their order.

    Attributes:
        names: the series, in order of appearance; one series without a name if there is no id column.
        codes: [rows], which series a row belongs to.
        times: [rows], see `timing`.
        values: [rows, columns], NaN where the cell is empty; of a column of categories, places in its `words`.
        words: the categories of each such column, as in the source.
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
        """Itself: a table in memory is a single part."""
        yield self

    def where(self, row: int) -> str:
        """The place of a row in the file."""
        return self.source.where(row if self.places is None else int(self.places[row]))


# ------------------------------------------------------------------ the requested columns


def read_table(source: Source, columns: Columns, categories: Collection[str] = ()) -> Table:
    """The rows of a source as numbers.

    Args:
        categories: the covariates that contain categories; every cell of them is a word.
    Raises:
        DataError: a column is absent, a cell is not of the type of its column, a time or id is missing; the first
            three lines are named, and how many there are.
    """
    ignored = _check_columns(source, columns)
    parts = read_plain(source, columns, categories)
    if parts:
        return _table(source, columns, parts, [*source.sheet_notes, *parts.notes, *id_notes(parts.names, columns.id)])
    from seqpred.reading.thorough import Reread, read_thoroughly

    found = read_thoroughly(source, columns, categories)
    if isinstance(found, Reread):
        table = read_table(found.source, columns, categories)
        repeated = sum(r.count for r in table.remarks if isinstance(r, Count) and r.places)  # skipped after that
        note = found.note or Count(found.rows - len(table.times) - repeated, "lines without a value are skipped")
        return replace(table, remarks=(*table.remarks, note))
    remarks = (*ignored, *found.remarks, *found.parts.notes, *id_notes(found.ids, columns.id))
    return _table(found.source, columns, found.parts, remarks)


def _table(source: Source, columns: Columns, parts: TableParts, remarks: Iterable[str | Count]) -> Table:
    clock, names, codes, times, values, words, marked, _ = parts
    return Table(source, columns, clock, names, codes, times, values, words, tuple(remarks), marked)


def _check_columns(source: Source, columns: Columns) -> list[str]:
    """Refuse columns that are absent or not unique; the notes on columns that are ignored."""
    there = header(source)
    nested = find_nested(source)
    for name in columns.all_names:
        if name in nested:
            hint = "Name columns of numbers, text or timestamps."
            raise DataError(f"column {name!r} is nested: its cells are lists or mappings", hint=hint, where=source.name)
        if name not in there:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, there), where=source.name)
        if there.count(name) > 1:
            raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=source.name)
    return [f"nested columns are ignored: {', '.join(map(repr, nested))}"] if nested else []


def sentinel_notes(dialect: Dialect, marked: int) -> Iterator[str]:
    """The note on a number of cells that are sentinels."""
    if marked:
        signs = ", ".join(s if isinstance(s, str) else f"{s:g}" for s in dialect.sentinels)
        yield f"{marked} {'cell is a sentinel' if marked == 1 else 'cells are sentinels'} ({signs}), treated as missing"


def id_notes(ids: Iterable[object], id_name: str | None) -> Iterator[str]:
    """Notes on ids with blanks around them, and on ids that differ only in case."""
    if id_name is None:
        return
    found = [str(i) for i in ids]
    if list(map(str.strip, found)) == found and len(set(map(str.casefold, found))) == len(found):
        return  # as in most files, of which some have very many series
    blank = sorted({i for i in found if i != i.strip()})
    if blank:
        yield f"blanks around ids are removed, as in {', '.join(map(repr, blank[:3]))}"
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(i.strip() for i in found):
        folded.setdefault(name.casefold(), []).append(name)
    alike = [" and ".join(map(repr, names)) for names in folded.values() if len(names) > 1]
    if alike:
        yield f"ids that differ in capitals alone are treated as different series: {', '.join(alike[:3])}"
