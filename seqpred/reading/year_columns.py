"""A table with one column for each year becomes rows: each cell with the time at which it was observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.step import DAY
from seqpred.errors import DataError
from seqpred.reading.table import Table
from seqpred.sources.columns import Columns

WEEKS = 364 * DAY  # a year of whole weeks
TARGET = "value"  # what the one target is called, now that the columns' names have become times


def is_year(name: str) -> bool:
    """Whether a column has the name of a year."""
    return len(name) == 4 and name.isascii() and name.isdigit() and name != "0000"


def unfold_years(table: Table) -> Table:
    """The table as one series of one target, with a row per cell.

    With `years` a cell's date is the row's, its year replaced. With `weekday-years` it is as many times 364 days
    before the row's as its column lies years before the row, which keeps the day of the week.

    Raises:
        DataError: a column is not a year, times are not dates, or a 29 February that does not exist has a value.
    """
    _check(table)
    rows = np.arange(len(table.times), dtype=np.int64)
    parts = [_moved(table, int(name)) for name in table.columns.targets]
    times, exists = np.concatenate([t for t, _ in parts]), np.concatenate([e for _, e in parts])
    values, places = table.values.T.reshape(-1), np.tile(rows, len(parts))
    known = np.isfinite(values)
    nowhere = np.flatnonzero(known & ~exists)
    if len(nowhere):
        found = "29 February has a value in the column of a year without that day"
        raise table.source.fault(places[nowhere], found, "Leave that cell empty, or see data.layout: weekday-years.")
    begin, end = (times[known].min(), times[known].max()) if known.any() else (times.min(), times.max())
    kept = exists & (times >= begin) & (times <= end)
    dropped = int((~kept).sum())
    note = (f"{dropped} empty cells before the first and after the last value are skipped",) if dropped else ()
    return replace(
        table,
        columns=Columns(table.columns.time, None, (TARGET,)),
        codes=np.zeros(int(kept.sum()), np.int64),
        times=times[kept],
        values=values[kept][:, None],
        remarks=(*table.remarks, *note),
        places=places[kept],
    )


def _check(table: Table) -> None:
    where, layout = table.source.name, table.source.dialect.layout
    wrong = [name for name in table.columns.targets if not is_year(name)]
    if wrong:
        hint = "Name columns such as 2023 in data.target, or set data.layout: rows."
        raise DataError(f"data.layout is {layout}, but {wrong[0]!r} is not a year", hint=hint, where=where)
    if table.columns.values != table.columns.targets:
        hint = "Leave data.covariates empty, or set data.layout: rows."
        raise DataError(f"data.layout is {layout}, which does not support covariates", hint=hint, where=where)
    if table.columns.id is not None:
        hint = "Set data.id: null, or data.layout: rows."
        raise DataError(f"data.layout is {layout}, which is for one series, but there are ids", hint=hint, where=where)
    if not table.clock.dated:
        hint = "Name the column of dates in data.time, or set data.layout: rows."
        raise DataError(f"data.layout is {layout}, but the times are not dates", hint=hint, where=where)


def _moved(table: Table, year: int) -> tuple[Int, npt.NDArray[np.bool_]]:
    """The times [rows] of a year's cells, and whether there is such a day."""
    times = table.times
    days = (times // DAY).astype("datetime64[D]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    if table.source.dialect.layout == "weekday-years":
        return times - WEEKS * (years - year), np.ones(len(times), bool)
    months = days.astype("datetime64[M]").astype(np.int64) + 12 * (year - years)
    day = (days - days.astype("datetime64[M]")).astype(np.int64)
    moved = months.astype("datetime64[M]").astype("datetime64[D]") + day
    exists = moved.astype("datetime64[M]").astype(np.int64) == months
    return moved.astype(np.int64) * DAY + times % DAY, exists
