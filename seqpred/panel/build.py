"""Build a panel: rows are sorted, put on the grid of their step, and missing ones become NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.infer import is_even
from seqpred.calendar.step import Step
from seqpred.errors import DataError
from seqpred.panel.duplicates import Duplicates, merge_duplicates
from seqpred.panel.grid import describe_change, find_step, place_on_grid, sort_rows
from seqpred.panel.panel import SINCE, Panel, Role, Rows
from seqpred.reading.table import Table
from seqpred.sources.columns import Columns
from seqpred.spool.mapped import SpillBuffer

Missing = Literal["mask", "interpolate", "error"]


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
    counts, parts = _Counts(rows), _Parts()
    with SpillBuffer() as values, SpillBuffer() as stamps:
        for table in rows.parts():
            merged = merge_duplicates(table, duplicates) if duplicates != "error" else table
            panel = _build_part(merged, frequency, parts, is_trained=is_trained)
            if missing == "error":
                _check_complete(merged, panel)
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


def _check_complete(table: Table, panel: Panel) -> None:
    """Reject missing rows and empty cells, as `data.missing: error` requires."""
    hint = "Fill them in, or set data.missing to mask or interpolate."
    targets = panel.roles.count("target")
    empty = np.flatnonzero(np.isnan(table.values[:, :targets]).any(axis=1))
    if len(empty):
        rows = empty if table.places is None else np.sort(table.places[empty])
        raise table.source.fault(rows, "the cell of a target is empty", hint)
    if len(panel.values) == len(table.times):
        return
    for s, name in enumerate(panel.names):
        gaps = np.flatnonzero(np.isnan(panel.rows(s)[:, :targets]).all(axis=1))
        if len(gaps):
            stamps = ", ".join(str(t) for t in panel.clock.write(panel.times(s, gaps[:3])))
            series = f" of series {name!r}" if table.columns.id else ""
            missing = len(panel.values) - len(table.times)
            found = f"{missing} rows are missing, the first{series} at {stamps}"
            raise DataError(found, hint=hint, where=panel.source)


class _Counts:
    """Duplicates, missing rows and empty cells over all parts of a table."""

    def __init__(self, rows: Rows) -> None:
        self.source = rows
        self.rows = self.missing = self.duplicates = 0
        columns = len(rows.columns.values)
        self.empty = np.zeros(columns, np.int64)  # cells
        self.empty_series = np.zeros(columns, np.int64)

    def add(self, rows: int, table: Table, panel: Panel) -> None:
        """Add a part: its number of rows, its table without duplicates, and its panel."""
        missing = len(panel.values) - len(table.times)
        self.rows += len(panel.values)
        self.missing += missing
        self.duplicates += rows - len(table.times)
        self.empty += np.isnan(panel.values).sum(axis=0) - missing
        static = len(self.empty) - len(table.columns.static)
        known = np.add.reduceat(np.isfinite(panel.values[:, static:]), panel.offsets[:-1], dtype=np.int64)
        self.empty_series[static:] += (known == 0)[int(table.continues) :].sum(axis=0)

    def notes(self, duplicates: Duplicates, missing: Missing) -> Iterator[str]:
        """All counts, for the user."""
        columns = self.source.columns
        if self.duplicates:
            used = "their mean" if duplicates == "mean" else f"the {duplicates} value"
            yield f"{self.duplicates} duplicate timestamps: {used} is used"
        if self.missing:
            yield f"{self.missing} of {self.rows} rows on the time grid are missing"
        for name, empty in zip(columns.values, self.empty_series.tolist(), strict=True):
            if empty:
                yield f"{name!r} is empty for {empty} of {len(self.source.names)} series, treated as missing"
        use = "excluded from the loss" if missing == "mask" else "interpolated for the loss"
        for name, empty in zip(columns.values, self.empty.tolist(), strict=True):
            if empty and name not in columns.static:
                yield f"{empty} of {self.rows} cells of {name!r} are empty: {use}, forward-filled in the inputs"
