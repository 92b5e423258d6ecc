"""The future file: what the known covariates will be in the steps to be forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import DAY, Step
from seqpred.errors import DataError
from seqpred.features.covariates import Covariate, Covariates, hold_for_days, recode
from seqpred.forecasting.table import Table as Rows
from seqpred.notes import Note, Notify
from seqpred.panel.panel import Panel
from seqpred.reading.frame import header
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source

SHOWN = 3


def read_future(data: object, panel: Panel, covariates: Covariates, steps: int, notify: Notify) -> tuple[Float, Panel]:
    """The known covariates of the steps after each series, [S, N, known], as a model's codes and in their units.

    Where rows have no step, the panel that comes with them knows the times of the rows to come.

    Args:
        data: a path, `-` or a DataFrame with the columns of id, time and known covariates; None where none is needed.
        panel: the history.
        notify: receives which rows are not used.
    Raises:
        DataError: a row is missing, of a series that is not in the history, or not of a step; the target is in it; a
            column is missing or not of its type.
    """
    known = covariates.known
    ahead = np.full((len(panel.names), steps, len(known)), np.nan)
    if data is None and panel.stamps is not None:
        notify(Note("the data has no fixed step; forecast timestamps are spaced by the median interval"))
    if not known and (data is None or panel.stamps is None):
        if data is not None:
            notify(Note("the model has no known covariates; the future file is not used"))
        return ahead, panel
    names = ", ".join(repr(c.name) for c in known)
    if data is None:
        raise DataError(
            f"the model needs {names} for the steps to be forecast{_first(panel, 0, 0)}",
            hint="Give them by --future FILE; --write-future FILE writes the rows to fill in.",
            where=panel.source,
        )
    table = _read(data, panel, covariates)
    series, steps_ahead = _places(table, panel, notify, steps)
    used = (steps_ahead >= 0) & (steps_ahead < steps)
    place = series[used], steps_ahead[used]
    for i, column in enumerate(known):
        ahead[:, :, i][place] = _told(table, i, column, notify)[used]
    there = np.zeros(ahead.shape[:2], bool)
    there[place] = True
    _check_all(there, panel, table)
    if panel.stamps is not None:
        times = np.empty(there.shape, np.int64)
        times[place] = table.clock.on_grid(table.times, panel.step)[1][used]
        panel = replace(panel, coming=times)
    for i, column in enumerate(known):
        empty = int(np.isnan(ahead[:, :, i]).sum())
        if empty:
            text = f"{empty} of {there.size} cells of {column.name!r} are empty, treated as missing"
            notify(Note(text, table.source.name))
        if column.daily:
            _hold(panel, ahead[:, :, i], panel.columns.values.index(column.name))
    return ahead, panel


def _told(table: Table, place: int, column: Covariate, notify: Notify) -> Float:
    """A known covariate in the rows of a future file, a word as the model's code."""
    values: Float = table.values[:, place]
    if column.words is None:
        return values
    values, unseen = recode(values, table.words[column.name], column)
    for word in unseen:
        text = f"{word!r} in {column.name!r} does not occur in the training data, treated as an unknown category"
        notify(Note(text, table.source.name))
    return values


def coming(
    data: object, columns: Columns, dialect: Dialect, covariates: Covariates, step: Step
) -> Callable[[str, Int], Float]:
    """What a future file says of the times that a series has yet to reach, [N, known]; NaN where it says nothing."""
    known: dict[tuple[str, int], Float] = {}
    nothing = np.full(len(covariates.known), np.nan)
    if data is not None:
        wanted = replace(columns, targets=(), past=(), static=())
        table = read_table(open_source(data).with_dialect(dialect), wanted, covariates.categories)
        values = table.values.copy()
        for i, column in enumerate(covariates.known):
            if column.words is not None:
                values[:, i], _ = recode(values[:, i], table.words[column.name], column)
        names = [table.names[code] for code in table.codes]
        times = table.clock.on_grid(table.times, step)[1].tolist()
        known = dict(zip(zip(names, times, strict=True), values, strict=True))
    return lambda name, times: np.array([known.get((name, int(time)), nothing) for time in times])


def _read(data: object, panel: Panel, covariates: Covariates) -> Table:
    """The file's rows as a table whose values are the known covariates alone."""
    source, own = open_source(data).with_dialect(panel.dialect), panel.columns
    columns = Columns(own.time, own.id, (), known=tuple(c.name for c in covariates.known))
    for target in own.targets:
        if target in header(source):
            told = read_table(source, replace(columns, known=(target,))).values[:, 0]
            rows = np.flatnonzero(np.isfinite(told))
            if len(rows):
                raise source.fault(rows, f"the future file holds the target {target!r}", "Take its column out.")
    return read_table(source, columns, covariates.categories)


def _places(table: Table, panel: Panel, notify: Notify, steps: int) -> tuple[Int, Int]:
    """The series of each row and how many steps after its first forecast the row lies."""
    place = {name: s for s, name in enumerate(panel.names)}
    strange = [i for i, name in enumerate(table.names) if name not in place]
    if strange:
        rows = np.flatnonzero(np.isin(table.codes, strange))
        found = f"series {table.names[strange[0]]!r} is not in the history"
        raise table.source.fault(rows, found, "Take its rows out, or give its history too.")
    series = np.array([place[name] for name in table.names], np.int64)[table.codes]
    if not panel.columns.time:
        return series, table.times
    times = table.clock.on_grid(table.times, panel.step)[1]
    ahead = np.empty(len(series), np.int64)
    on_step = np.empty(len(series), bool)
    for s in np.unique(series):
        at = series == s
        if panel.stamps is not None:
            ahead[at], on_step[at] = _ranks(times[at], int(panel.times(s, panel.lengths[s : s + 1] - 1)[0])), True
            continue
        positions, on_step[at] = panel.step.positions(times[at], int(panel.origins[s]))
        ahead[at] = positions - panel.lengths[s]
    if not on_step.all():
        rows = np.flatnonzero(~on_step)
        stamp = table.clock.write(table.times[rows[:1]])[0]
        raise table.source.fault(rows, f"{stamp} is not on the history's step of {panel.step}", "Mend its time.")
    twice = _repeats(series, times)
    if len(twice):
        stamp = table.clock.write(table.times[twice[:1]])[0]
        raise table.source.fault(twice, f"the time {stamp} stands twice", "Keep one row for each time.")
    for count, where in ((int((ahead < 0).sum()), "in the history"), (int((ahead >= steps).sum()), "beyond the steps")):
        if count:
            notify(Note(f"{count} of {len(ahead)} rows lie {where} and are not used", table.source.name))
    return series, ahead


def _ranks(times: Int, last: int) -> Int:
    """Of the times after the last one, from 0 in their order; below 0 for the others."""
    later = np.sort(times[times > last])
    return np.where(times > last, np.searchsorted(later, times), -1)


def _repeats(series: Int, times: Int) -> Int:
    order = np.lexsort((times, series))
    again = (np.diff(series[order]) == 0) & (np.diff(times[order]) == 0)
    rows: Int = np.sort(order[1:][again])
    return rows


def _check_all(there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], panel: Panel, table: Table) -> None:
    """Refuse a file that leaves a step out."""
    missing = np.argwhere(~there)
    if len(missing):
        named = "; ".join(_first(panel, int(s), int(n)).removeprefix(", ") for s, n in missing[:SHOWN])
        more = f"; {len(missing)} rows in all" if len(missing) > SHOWN else ""
        raise DataError(
            f"no row{named and ' '}{named}{more}",
            hint="--write-future FILE writes all rows that are needed.",
            where=table.source.name,
        )


def _first(panel: Panel, series: int, step: int) -> str:
    """A step of a series in words: its id and time."""
    name = f"series {panel.names[series]!r} " if panel.columns.id else ""
    stamp = panel.clock.write(panel.times(series, panel.lengths[series : series + 1] + step))[0]
    return f", for {name}at {stamp}" if panel.columns.time and panel.stamps is None else f", for {name}step {step + 1}"


def _hold(panel: Panel, ahead: Float, column: int) -> None:
    """A word at the first row of a day holds for that day, one that history has begun too; `ahead` [S, N] changes."""
    for s, own in enumerate(ahead):
        length = int(panel.lengths[s])
        times = panel.local_times(s, np.arange(length + len(own), dtype=np.int64))
        begin = int(np.searchsorted(times // DAY, times[length] // DAY))  # the day that the history ends in
        day = np.concatenate([panel.track(s, column)[begin:length], own])
        own[:] = hold_for_days(day, times[begin:])[length - begin :]


def make_future(panel: Panel, covariates: Covariates, steps: int) -> Rows:
    """The rows of a future file, one for each series and step, with empty cells for the known covariates."""
    rows: Rows = {}
    series: Sequence[int] = range(len(panel.names))
    if panel.columns.id is not None:
        rows[panel.columns.id] = [panel.names[s] for s in series for _ in range(steps)]
    ahead = np.arange(steps, dtype=np.int64)
    for i, name in enumerate(panel.columns.time):
        rows[name] = [t for s in series for t in panel.clock.write_columns(panel.times(s, panel.lengths[s] + ahead))[i]]
    rows |= {c.name: [""] * (len(series) * steps) for c in covariates.known}
    return rows
