"""The future file: the known covariates of the rows to be forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqpred.arrays import Bool, Float, Int
from seqpred.calendar.step import Step
from seqpred.errors import DataError
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import encode_categories
from seqpred.forecasting.table import Table as Rows
from seqpred.notes import Note, Notify
from seqpred.panel.panel import Panel
from seqpred.reading.header import header
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source

if TYPE_CHECKING:
    from seqpred.forecasting.row_session import KnownAhead

SHOWN = 3


def read_future(data: object, panel: Panel, covariates: Covariates, steps: int, notify: Notify) -> tuple[Float, Panel]:
    """The known covariates of the steps after each series, [S, N, known], categories as codes.

    Args:
        data: a path, `-` or a DataFrame with the columns of id, time and known covariates; None if none is needed.
        panel: the history.
        notify: receives which rows are not used.
    Returns:
        Also the panel; that of irregular rows with the times of the next rows.
    Raises:
        DataError: a row is missing, of a series that is not in the history, or not on the grid; the target is in it;
            a column is missing or not of its type.
    """
    known = covariates.known
    ahead = np.full((len(panel.names), steps, len(known)), np.nan)
    if data is None and panel.stamps is not None:
        notify(Note("the data has no fixed step; forecast timestamps are spaced by the median interval"))
    if not known and (data is None or panel.stamps is None):
        if data is not None:
            notify(Note("the model has no known covariates; the future file is ignored"))
        return ahead, panel
    if data is None:
        raise _future_needed(panel, covariates)
    table, values = _read(data, panel.columns, panel.dialect, covariates, notify)
    series, steps_ahead = _places(table, panel, notify, steps)
    used = (steps_ahead >= 0) & (steps_ahead < steps)
    place = series[used], steps_ahead[used]
    ahead[place] = values[used]
    present = np.zeros(ahead.shape[:2], bool)
    present[place] = True
    _check_all(present, panel, table)
    if panel.stamps is not None:
        times = np.empty(present.shape, np.int64)
        times[place] = table.clock.on_grid(table.times, panel.step)[1][used]
        panel = replace(panel, coming=times)
    _report_empty(ahead, table, covariates, notify)
    return ahead, panel


def _future_needed(panel: Panel, covariates: Covariates) -> DataError:
    """The error if the model has known covariates and no future file is given."""
    names = ", ".join(repr(c.name) for c in covariates.known)
    return DataError(
        f"the model needs {names} for the steps to be forecast{_first(panel, 0, 0)}",
        hint="Pass them with --future FILE; --write-future FILE writes a template.",
        where=panel.source,
    )


def _report_empty(ahead: Float, table: Table, covariates: Covariates, notify: Notify) -> None:
    """Report how many cells of each known covariate are empty."""
    for i, column in enumerate(covariates.known):
        empty = int(np.isnan(ahead[:, :, i]).sum())
        if empty:
            text = f"{empty} of {ahead[:, :, i].size} cells of {column.name!r} are empty, treated as missing"
            notify(Note(text, table.source.name))


def known_at(
    data: object, columns: Columns, dialect: Dialect, covariates: Covariates, step: Step, notify: Notify
) -> KnownAhead:
    """A function from a series and times to its known covariates in a future file, [N, known]; NaN if not in it."""
    unknown = np.full(len(covariates.known), np.nan)
    table, values = _read(data, columns, dialect, covariates, notify)
    names = [table.names[code] for code in table.codes]
    times = table.clock.on_grid(table.times, step)[1].tolist()
    rows = dict(zip(zip(names, times, strict=True), values, strict=True))
    return lambda name, times: np.array([rows.get((name, time), unknown) for time in times.tolist()])


def _read(
    data: object, columns: Columns, dialect: Dialect, covariates: Covariates, notify: Notify
) -> tuple[Table, Float]:
    """The rows of a future file, and their known covariates [rows, known], categories as codes."""
    source = open_source(data).with_dialect(dialect)
    wanted = Columns(columns.time, columns.id, (), known=tuple(c.name for c in covariates.known))
    for target in columns.targets:
        if target in header(source):
            values = read_table(source, replace(wanted, known=(target,))).values[:, 0]
            rows = np.flatnonzero(np.isfinite(values))
            if len(rows):
                raise source.fault(rows, f"the future file contains the target {target!r}", "Remove its column.")
    table = read_table(source, wanted, covariates.categories)
    values = table.values.copy()
    for i, column in enumerate(covariates.known):
        if column.words is not None:
            values[:, i], unknown = encode_categories(values[:, i], table.words[column.name], column)
            for word in unknown:
                text = (
                    f"{word!r} in {column.name!r} does not occur in the training data, treated as an unknown category"
                )
                notify(Note(text, table.source.name))
    return table, values


def _places(table: Table, panel: Panel, notify: Notify, steps: int) -> tuple[Int, Int]:
    """The series of each row, and how many steps it is after the first row ahead."""
    index = {name: s for s, name in enumerate(panel.names)}
    strange = [i for i, name in enumerate(table.names) if name not in index]
    if strange:
        rows = np.flatnonzero(np.isin(table.codes, strange))
        found = f"series {table.names[strange[0]]!r} is not in the history"
        raise table.source.fault(rows, found, "Remove its rows, or provide its history too.")
    series = np.array([index[name] for name in table.names], np.int64)[table.codes]
    if not panel.columns.time:
        return series, table.times
    times = table.clock.on_grid(table.times, panel.step)[1]
    ahead = np.empty(len(series), np.int64)
    on_grid = np.ones(len(series), bool)
    for s in np.unique(series):
        own = series == s
        if panel.stamps is not None:
            ahead[own] = _ranks(times[own], int(panel.times(s, panel.lengths[s : s + 1] - 1)[0]))
            continue
        positions, on_grid[own] = panel.step.positions(times[own], int(panel.origins[s]))
        ahead[own] = positions - panel.lengths[s]
    for rows, problem, hint in (
        (
            np.flatnonzero(~on_grid),
            f"is not on the time grid of the history: its step is {panel.step}",
            "Fix its time.",
        ),
        (_duplicates(series, times), "is a duplicate timestamp", "Keep one row per timestamp."),
    ):
        if len(rows):
            raise table.source.fault(rows, f"{table.clock.write(table.times[rows[:1]])[0]} {problem}", hint)
    for count, where in ((int((ahead < 0).sum()), "in the history"), (int((ahead >= steps).sum()), "beyond the steps")):
        if count:
            notify(Note(f"{count} of {len(ahead)} rows are {where} and ignored", table.source.name))
    return series, ahead


def _ranks(times: Int, last: int) -> Int:
    """The ranks, from 0, of the times after the last one; -1 for the others."""
    later = np.sort(times[times > last])
    return np.where(times > last, np.searchsorted(later, times), -1)


def _duplicates(series: Int, times: Int) -> Int:
    """The rows that have the series and the time of another one, except the first of each."""
    order = np.lexsort((times, series))
    is_same = (np.diff(series[order]) == 0) & (np.diff(times[order]) == 0)
    return np.sort(order[1:][is_same])


def _check_all(present: Bool, panel: Panel, table: Table) -> None:
    """Refuse a file that lacks a step.

    Raises:
        DataError: it names the first ones.
    """
    missing = np.argwhere(~present)
    if len(missing):
        named = "; ".join(_first(panel, int(s), int(n)).removeprefix(", ") for s, n in missing[:SHOWN])
        more = f"; {len(missing)} rows in total" if len(missing) > SHOWN else ""
        raise DataError(
            f"no row{named and ' '}{named}{more}",
            hint="--write-future FILE writes a template with all rows.",
            where=table.source.name,
        )


def _first(panel: Panel, series: int, step: int) -> str:
    """A step of a series in words: its id and time."""
    name = f"series {panel.names[series]!r} " if panel.columns.id else ""
    stamp = panel.clock.write(panel.times(series, panel.lengths[series : series + 1] + step))[0]
    return f", for {name}at {stamp}" if panel.columns.time and panel.stamps is None else f", for {name}step {step + 1}"


def make_future(panel: Panel, covariates: Covariates, steps: int) -> Rows:
    """A template of a future file: a row for each series and step, with empty cells for the known covariates."""
    rows: Rows = {}
    series: Sequence[int] = range(len(panel.names))
    if panel.columns.id is not None:
        rows[panel.columns.id] = [panel.names[s] for s in series for _ in range(steps)]
    ahead = np.arange(steps, dtype=np.int64)
    for i, name in enumerate(panel.columns.time):
        rows[name] = [t for s in series for t in panel.clock.write_columns(panel.times(s, panel.lengths[s] + ahead))[i]]
    rows |= {c.name: [np.nan] * (len(series) * steps) for c in covariates.known}
    return rows
