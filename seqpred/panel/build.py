"""Build a panel: rows are sorted, put on the grid of their step, and missing ones become NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.infer import BLOCK, is_even
from seqpred.calendar.step import Step
from seqpred.panel.completeness import Counts, Missing, check_complete
from seqpred.panel.duplicates import Duplicates, merge_duplicates
from seqpred.panel.grid import (
    Sorted,
    check_distinct,
    check_trained_step,
    describe_change,
    duplicate_error,
    find_step,
    misaligned_error,
    sparse_error,
)
from seqpred.panel.panel import SINCE, Panel, Role, Rows
from seqpred.reading.table import Table
from seqpred.sources.columns import Columns
from seqpred.spool.mapped import SpillBuffer

MOST_MISSING = 50  # missing rows per present row, beyond which a step is probably wrong


@dataclass
class _Parts:
    """The panels of the parts so far: without rows, except for the time of the last irregular one.

    Attributes:
        starts: for each part, [S], whether a series begins there.
    """

    panels: list[Panel] = field(default_factory=list)
    starts: list[Bool] = field(default_factory=list)

    @property
    def last(self) -> Panel | None:
        """The part before."""
        return self.panels[-1] if self.panels else None

    def add(self, panel: Panel, *, continues: bool) -> None:
        """Add a part; its rows are not kept."""
        stamps = None if panel.stamps is None else panel.stamps[-1:].copy()
        self.panels.append(replace(panel, values=np.empty((0, panel.values.shape[1])), stamps=stamps))
        self.starts.append(np.arange(len(panel.names)) >= continues)

    def join(self, names: list[str], values: SpillBuffer, stamps: SpillBuffer) -> Panel:
        """The panel of all parts, given their values and the stamps of irregular rows."""
        first, starts = self.panels[0], np.concatenate(self.starts)
        lengths = np.concatenate([part.lengths for part in self.panels])
        return replace(
            first,
            names=names,
            origins=np.concatenate([part.origins for part in self.panels])[starts],
            offsets=_offsets(np.add.reduceat(lengths, np.flatnonzero(starts))),
            values=values.result(),
            stamps=None if first.stamps is None else stamps.result(),
        )


def build_panel(
    rows: Rows,
    frequency: str = "auto",
    duplicates: Duplicates = "error",
    missing: Missing = "mask",
    *,
    is_trained: bool = False,
) -> Panel:
    """Build the panel of a table, or of one in parts.

    Args:
        rows: of several parts, the first determines the step.
        frequency: the step as for `Step.parse`; `auto` infers it; `irregular` keeps the time of each row.
        duplicates: how to handle rows of a series with the same timestamp.
        missing: whether missing rows and empty cells are an error, and how the notes describe them.
        is_trained: whether the step is that of a trained model.
    Raises:
        DataError: duplicate or misaligned timestamps, or a step so fine that nearly all rows would be missing.
    """
    counts, parts = Counts(rows), _Parts()
    with SpillBuffer() as values, SpillBuffer() as stamps:
        for table in rows.parts():
            merged = merge_duplicates(table, duplicates) if duplicates != "error" else table
            panel = _build_part(merged, frequency, parts, is_trained=is_trained)
            if missing == "error":
                check_complete(merged, panel)
            counts.add(len(table.times), merged, panel)
            if panel.step.unit == "irregular":
                panel = _with_stamps(panel, merged, parts.last)
            if panel.stamps is not None:
                stamps.add(panel.stamps)
            values.add(panel.values)
            parts.add(panel, continues=table.continues)
        joined = parts.join(rows.names, values, stamps)
    changes = [note for part in parts.panels for note in part.notes][:1]
    return replace(joined, notes=(*rows.notes, *counts.notes(duplicates, missing), *changes))


def _offsets(lengths: Int) -> Int:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _build_part(table: Table, frequency: str, parts: _Parts, *, is_trained: bool) -> Panel:
    """The panel of a table without duplicates; irregular rows have no stamps yet."""
    rows = sort_rows(table)
    step = find_step(table, rows, str(parts.panels[0].step) if parts.panels else frequency)
    clock, times = table.clock.on_grid(rows.times, step)
    begins = np.flatnonzero(rows.starts)
    origins, lengths, places = times[begins], np.diff(np.append(begins, len(times))), None
    if parts.last is not None and table.continues and step.unit != "irregular":
        origins[0] = step.times(parts.last.origins[-1:], parts.last.lengths[-1:])[0]
    is_exact = step.unit in ("row", "microsecond") and origins[0] == times[0]
    if step.unit != "irregular" and not (is_exact and is_even(times, rows.starts, step.count)):
        on_grid = rows._replace(times=times)
        lengths, places = place_on_grid(table, on_grid, origins, step, is_trained=is_trained)
    values = table.values[rows.order]
    if places is not None:
        sparse, values = values, np.full((int(lengths.sum()), values.shape[1]), np.nan)
        values[places] = sparse
    change = describe_change(table, rows) if len(values) > 2 * len(times) else ""
    return Panel(
        source=table.source.name,
        names=table.names,
        columns=table.columns,
        clock=clock,
        step=step,
        roles=_roles(table.columns),
        origins=origins,
        offsets=_offsets(lengths),
        values=values,
        words=table.words,
        notes=(change,) if change else (),
        dialect=replace(table.source.dialect, timezone=clock.tz or table.source.dialect.timezone),
    )


def sort_rows(table: Table) -> Sorted:
    """Sort the rows by series, then time.

    Raises:
        DataError: duplicate timestamps.
    """
    codes, times = table.codes, table.times
    starts = _starts_if_sorted(codes, times)
    if starts is not None:
        return Sorted(slice(None), starts, times)
    order = np.lexsort((times, codes)).astype(np.int64)
    codes, times = codes[order], times[order]
    starts = np.append(True, codes[1:] != codes[:-1])
    duplicates = np.flatnonzero(~starts[1:] & (times[1:] == times[:-1]))
    if len(duplicates):
        raise duplicate_error(table, np.sort(order[duplicates + 1]))
    return Sorted(order, starts, times)


def _starts_if_sorted(codes: Int, times: Int) -> Bool | None:
    """Which rows begin a series, if all are sorted by series and time; else None."""
    starts = np.ones(len(codes), bool)
    for low in range(0, len(codes) - 1, BLOCK):
        code, time = codes[low : low + BLOCK + 1], times[low : low + BLOCK + 1]
        is_start = np.not_equal(code[1:], code[:-1], out=starts[low + 1 : low + len(code)])
        if not (np.where(is_start, code[1:] > code[:-1], time[1:] > time[:-1])).all():
            return None
    return starts


def place_on_grid(table: Table, rows: Sorted, origins: Int, step: Step, *, is_trained: bool = False) -> tuple[Int, Int]:
    """The length of each series on the grid [S], and the position of each row in the panel, [rows].

    Args:
        origins: [S], the time of the first row of each series on the grid.
        is_trained: whether the step is that of a trained model.
    Raises:
        DataError: misaligned rows, nearly all rows missing, or another step than the model was trained on.
    """
    series, times = np.cumsum(rows.starts) - 1, rows.times
    origin = origins[series]
    if step.unit in ("row", "microsecond") and not step.tolerance:
        positions, on_grid = (times - origin) // step.count, (times - origin) % step.count == 0
    else:
        positions, on_grid = np.empty(len(times), np.int64), np.empty(len(times), bool)
        for one in {*origins.tolist()}:  # a calendar rule is faster with one origin
            at = origin == one
            positions[at], on_grid[at] = step.positions(times[at], one)
    lengths = positions[np.append(np.flatnonzero(rows.starts)[1:], len(times)) - 1] + 1
    total = int(lengths.sum())
    if is_trained and (total > 2 * len(times) or not on_grid.all()):
        check_trained_step(table, rows, step)
    if not on_grid.all():
        raise misaligned_error(table, rows, step, on_grid)
    if step.tolerance:
        check_distinct(table, rows, step, positions)
    if total > MOST_MISSING * len(times) + 1000:
        raise sparse_error(table, rows, step, total)
    return lengths, np.concatenate([[0], np.cumsum(lengths)[:-1]])[series] + positions


def _with_stamps(panel: Panel, table: Table, before: Panel | None) -> Panel:
    """The panel with the time of each row, and the time since the previous row as a past covariate."""
    rows = sort_rows(table)
    times = table.clock.on_grid(rows.times, panel.step)[1]
    since = np.where(rows.starts, np.nan, np.diff(times, prepend=times[:1]))
    if table.continues and before is not None and before.stamps is not None:
        since[0] = times[0] - before.stamps[-1]
    columns = replace(panel.columns, past=(*panel.columns.past, SINCE))
    usual = 1 if rows.starts.all() else max(1, int(np.nanmedian(since)))
    return replace(
        panel,
        columns=columns,
        roles=_roles(columns),
        values=np.insert(panel.values, columns.values.index(SINCE), since, axis=1),
        step=Step("irregular", usual),
        stamps=times,
    )


def _roles(columns: Columns) -> tuple[Role, ...]:
    names: dict[Role, Sequence[str]] = {"target": columns.targets, "known": columns.known}
    names |= {"past": columns.past, "static": columns.static}
    return tuple(role for role, of_role in names.items() for _ in of_role)
