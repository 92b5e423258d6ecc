"""A wide table, with one row for each series and timestamps as column names, becomes rows of one value each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Float, Int
from seqpred.errors import DataError
from seqpred.reading.frame import Wanted, read_frame
from seqpred.reading.table import Table, read_table
from seqpred.reading.time_headers import TimeHeaders
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.reader import Timestamps, read_timestamps, stripped

if TYPE_CHECKING:
    import pandas as pd

PART = 1_000_000  # cells of the series that are processed at once


@dataclass(frozen=True)
class WideColumns:
    """The columns of a wide table.

    Attributes:
        id: the columns that identify a series; several are joined.
        time: names of the time columns once unfolded. All but the last are columns of the table, with the year, month
            or date of each row.
        target: the name of the values once unfolded.
        headers: the columns that contain the values.
        static: the static covariates.
    """

    id: tuple[str, ...]
    time: tuple[str, ...]
    target: str
    headers: TimeHeaders
    static: tuple[str, ...] = ()

    @property
    def id_name(self) -> str | None:
        """The name of the id column once unfolded."""
        return " + ".join(self.id) or None

    @property
    def unfolded(self) -> Columns:
        """The columns of the rows that the table becomes, without static covariates."""
        return Columns(self.time, self.id_name, (self.target,))


@dataclass(frozen=True)
class WideRows:
    """The cells of a wide table as rows, in parts of whole series.

    Attributes:
        table: one row for each row of the file, its values in the order of the headers.
        times: `[rows, headers]`, or `[1, headers]` if all rows have the same.
        names: the series that have a value, in order of appearance.
        notes: what was inferred or skipped.
    """

    table: Table
    columns: Columns
    clock: TimestampFormat
    times: Int
    names: list[str]
    notes: tuple[str, ...]

    def parts(self) -> Iterator[Table]:
        """Tables of whole series, in order of appearance."""
        order = np.argsort(self.table.codes, kind="stable")
        codes = self.table.codes[order]
        ends = np.flatnonzero(np.diff(codes, append=-1)) + 1  # of the rows of each series
        per_part = max(1, PART // (self.times.shape[1] * max(1, len(order) // len(ends))))
        begin, first = 0, True
        for end in [*ends[per_part - 1 : -1 : per_part].tolist(), len(order)]:
            part = self._unfold(order[begin:end])
            if len(part.names):
                yield replace(part, remarks=self.notes if first else ())
                first = False
            begin = end

    def _unfold(self, rows: Int) -> Table:
        """The cells of some rows, from the first to the last value of each series."""
        values = self.table.values[rows]
        times = np.broadcast_to(self.times if len(self.times) == 1 else self.times[rows], values.shape)
        series, codes = np.unique(self.table.codes[rows], return_inverse=True)
        flat_codes = np.repeat(codes, values.shape[1])
        kept, filled = _between_values(values.ravel(), times.ravel(), flat_codes, len(series))
        places = np.cumsum(filled) - 1  # of the series that have a value
        return replace(
            self.table,
            columns=self.columns,
            clock=self.clock,
            names=[self.table.names[s] for s in series[filled]],
            codes=places[flat_codes[kept]],
            times=times.ravel()[kept],
            values=values.ravel()[kept][:, None],
            places=np.repeat(rows, values.shape[1])[kept],
        )


def _between_values(values: Float, times: Int, codes: Int, series: int) -> tuple[Bool, Bool]:
    """Which cells lie between the first and the last value of their series, and which series have a value."""
    known = np.isfinite(values)
    first, last = np.full(series, np.iinfo(np.int64).max), np.full(series, np.iinfo(np.int64).min)
    np.minimum.at(first, codes[known], times[known])
    np.maximum.at(last, codes[known], times[known])
    return (times >= first[codes]) & (times <= last[codes]), first <= last


# ------------------------------------------------------------------ reading


def read_wide(source: Source, wide: WideColumns) -> WideRows:
    """The cells of a wide table as rows. Empty cells before the first and after the last value are skipped.

    Raises:
        DataError: as `read_table`; a duplicate row of a series, or a header that is not a timestamp.
    """
    names, codes = _read_series(source, wide)
    unit = source.dialect.unit.get(wide.target)
    own = dict.fromkeys(wide.headers.names, unit) if unit else {}
    table = read_table(source.with_dialect(replace(source.dialect, unit=own)), Columns((), None, wide.headers.names))
    stamps = _read_headers(source, wide, table.values)
    known = np.zeros(len(names), bool)
    known[codes[np.isfinite(table.values).any(axis=1)]] = True
    if not known.any():
        raise DataError("has no value", hint="Check data.layout, or the export that made the file.", where=source.name)
    kept = [name for name, is_known in zip(names, known.tolist(), strict=True) if is_known]
    notes = (*_of_all_headers(table.notes), *stamps.notes, *_describe(wide, names, kept))
    units = {*table.source.dialect.unit.values()}
    dialect = replace(table.source.dialect, unit={wide.target: units.pop()} if len(units) == 1 else {})
    table = replace(table, source=source.with_dialect(dialect), names=names, codes=codes, marked=0)
    times = stamps.times.reshape(-1, len(wide.headers.names))
    return WideRows(table, wide.unfolded, stamps.format, times, kept, notes)


def read_wide_statics(source: Source, wide: WideColumns, categories: Collection[str]) -> Table:
    """The static covariates of a wide table, one row for each series."""
    own = read_table(source, Columns((), None, (), static=wide.static), categories)
    names, codes = _read_series(source, wide)
    rows = np.unique(codes, return_index=True)[1]
    columns = replace(own.columns, id=wide.id_name)
    return replace(own, columns=columns, names=names, codes=np.arange(len(names)), values=own.values[rows], remarks=())


def _read_series(source: Source, wide: WideColumns) -> tuple[list[str], Int]:
    """The names of the series in order of appearance, and which of them each row belongs to, `[rows]`."""
    texts = read_texts(source, wide.id or wide.headers.names[:1])
    keys = ["" for _ in range(len(texts))] if not wide.id else texts.agg(_joined, axis=1).tolist()
    if wide.id:
        _check_ids(source, wide, np.array(keys, object))
    elif len(keys) > 1 and not wide.headers.part:
        hint = "Name the column that identifies the series in data.id, or several as in 'Province + Country'."
        raise DataError(f"data.layout is wide, and {len(keys)} rows have no id", hint=hint, where=source.name)
    place: dict[str, int] = {}
    codes = np.array([place.setdefault(key, len(place)) for key in keys], np.int64)
    return list(place), codes


def _joined(cells: Iterable[str]) -> str:
    return ", ".join(cell for cell in cells if cell)


def _check_ids(source: Source, wide: WideColumns, keys: npt.NDArray[np.object_]) -> None:
    """Refuse a row without an id and, unless a series has one row for each year, a second row of a series."""
    empty = np.flatnonzero(keys == "")
    if len(empty):
        raise source.fault(empty, f"column {wide.id_name!r} is empty", "Every row needs an id.")
    if wide.headers.part:
        return
    _, first, count = np.unique(keys.astype(str), return_index=True, return_counts=True)
    again = np.setdiff1d(np.arange(len(keys)), first)
    if (count > 1).any():
        hint = "Keep one row per series, or name several columns in data.id, as in 'Province + Country'."
        raise source.fault(again, f"duplicate row of series {keys[again[0]]!r}", hint)


def read_texts(source: Source, names: Sequence[str]) -> pd.DataFrame:
    """These columns as they are written, without blanks around the cells; an empty cell is an empty text."""
    frame = read_frame(source, Wanted(tuple(names), None, frozenset(names), frozenset(names)))[list(names)]
    return frame.apply(lambda column: stripped(column.astype("object").where(column.notna(), "").astype(str)))


def _read_headers(source: Source, wide: WideColumns, values: Float) -> Timestamps:
    """The timestamps in the headers: `[headers]`, or `[rows * headers]` with the coarser part of each row.

    An empty cell may be on a day that does not exist: its time is before all others.
    """
    import pandas as pd

    texts = pd.DataFrame({wide.time[-1]: list(wide.headers.texts)}, dtype="str")
    known = np.ones(len(texts), bool)
    if wide.headers.part:
        texts, known = read_texts(source, wide.time[:-1]).merge(texts, how="cross"), np.isfinite(values.ravel())
        texts = texts[known].reset_index(drop=True)
    headers = Source(f"{source.name}, column headers", texts, source.dialect)
    found = read_timestamps(headers, texts, wide.time, np.zeros(len(texts), np.int64))
    times = np.full(len(known), np.iinfo(np.int64).min)
    times[known] = found.times
    return replace(found, times=times)


def _of_all_headers(notes: Iterable[str]) -> Iterator[str]:
    """The notes of a table, of those on single columns only the first."""
    is_shown = False
    for note in notes:
        if not note.startswith("column "):
            yield note
        elif not is_shown:
            is_shown = True
            yield f"{note}, and so on in the other columns"


def _describe(wide: WideColumns, names: Sequence[str], kept: Sequence[str]) -> Iterator[str]:
    first, last = wide.headers.names[0], wide.headers.names[-1]
    part = wide.headers.part
    what = "times of day" if part == "clock" else f"{part}s" if part else "timestamps"
    yield f"data.layout is wide: {len(wide.headers.names)} columns are named by {what}, {first!r} to {last!r}"
    if len(kept) < len(names):
        dropped = [name for name in names if name not in {*kept}]
        shown = ", ".join(map(repr, dropped[:3])) + (", ..." if len(dropped) > 3 else "")
        yield f"{len(dropped)} of {len(names)} series have no value and are skipped: {shown}"
