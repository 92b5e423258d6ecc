"""The step of a time grid, and the errors of rows that are not on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.infer import find_change, infer_step
from seqpred.calendar.step import DAILY, Step
from seqpred.errors import DataError
from seqpred.reading.table import Table

Order: TypeAlias = Int | slice
"""Indices of rows in the table, or a slice of all if they are in order."""

SEARCHED = 100  # series in which a change of the step is searched
FEWEST_STEPS, NEARLY_ALL = 3, 0.9  # number and share of rows that show another step than a model was trained on
SHOWN = 3  # lines in an error


class Sorted(NamedTuple):
    """The rows of a table by series, then time.

    Attributes:
        order: the row of the table for each of them.
        starts: [rows], whether a row is the first of its series.
        times: [rows].
    """

    order: Order
    starts: Bool
    times: Int

    @property
    def places(self) -> Int:
        """The row of the table for each row, [rows]."""
        return np.arange(len(self.times), dtype=np.int64)[self.order]


def find_step(table: Table, rows: Sorted, frequency: str) -> Step:
    """The step in the config, or the most frequent one.

    Args:
        frequency: as for `build_panel`.
    Raises:
        DataError: it is not a step, or does not fit the timestamps.
    """
    clock = table.clock
    if frequency == "auto":
        found = infer_step(clock.on_grid(rows.times, DAILY)[1], rows.starts, clock.dated) or Step("row", 1)
        return with_tolerance(found, table)
    return with_tolerance(_parse_step(table, frequency), table)


def with_tolerance(step: Step, table: Table) -> Step:
    """The step with the tolerance of `data.snap`.

    Raises:
        DataError: it is not a duration, there is no step to move timestamps onto, or it is half a step or more.
    """
    snap, where = table.source.dialect.snap, table.source.name
    if snap is None:
        return step
    try:
        tolerance = Step.parse(snap)
    except ValueError:
        tolerance = Step("row", 1)
    if tolerance.unit != "microsecond":
        raise DataError(f"data.snap is {snap!r}", hint="Set it to a duration such as PT10M or P1D.", where=where)
    if step.unit in ("row", "irregular"):
        found = f"data.snap is {snap}, but the {'times are not dates' if step.unit == 'row' else 'rows have no step'}"
        raise DataError(found, hint="Remove data.snap.", where=where)
    if 2 * tolerance.count >= step.shortest:
        hint = "Set data.snap to a shorter duration, or data.frequency to a longer step or to irregular."
        raise DataError(f"data.snap is {snap}, which is half the step {step} or more", hint=hint, where=where)
    return replace(step, tolerance=tolerance.count)


def _parse_step(table: Table, frequency: str) -> Step:
    """The step in the config.

    Raises:
        DataError: it is not a step, or does not fit the timestamps.
    """
    clock, where = table.clock, table.source.name
    try:
        step = Step.parse(frequency)
    except ValueError as e:
        raise DataError(f"data.frequency: {e}", hint="Omit the key to infer the step.") from None
    if step.unit == "irregular":
        if clock.pattern is None:
            hint = "Name it in data.time, or omit data.frequency."
            raise DataError("data.frequency is irregular, but there is no time column", hint=hint, where=where)
    elif (step.unit == "row") == clock.dated:
        found = f"data.frequency is {frequency}, but the times are {'dates' if clock.dated else 'whole numbers'}"
        raise DataError(found, hint="Omit the key to infer the step.", where=where)
    return step


def describe_change(table: Table, rows: Sorted) -> str:
    """Where the step of a series changes for good, for the user; empty if it does not in any of the first series."""
    begins, places = np.flatnonzero(rows.starts), rows.places
    unit: Literal["microsecond", "row"] = "microsecond" if table.clock.dated else "row"
    for low, high in zip(begins[:SEARCHED], [*begins[1:], len(places)], strict=False):
        change = find_change(table.times[places[low:high]])
        if change:
            row, before, after = change
            place = table.where(int(places[low + row]))
            stamp = table.clock.write(table.times[places[low + row]][None])[0]
            return f"the step is {Step(unit, before)} up to {stamp} ({place}) and {Step(unit, after)} from there on"
    return ""


# ------------------------------------------------------------------ errors


def check_trained_step(table: Table, rows: Sorted, step: Step) -> None:
    """Reject rows with another step than the model was trained on; gaps are not another step."""
    found = infer_step(rows.times, rows.starts, table.clock.dated)
    if found is None or found == replace(step, tolerance=0):
        return
    origins = rows.times[np.flatnonzero(rows.starts)][np.cumsum(rows.starts) - 1]
    steps = np.diff(found.positions(rows.times, origins)[0])[~rows.starts[1:]]
    if len(steps) >= FEWEST_STEPS and (steps == 1).mean() >= NEARLY_ALL:
        raise DataError(
            f"the model was trained on {step.plural}, and the file contains {found.plural}",
            hint=f"Provide data with a step of {step}, or train a model on this file.",
            where=table.source.name,
        )


def sparse_error(table: Table, rows: Sorted, step: Step, length: int) -> DataError:
    """The error for a grid on which nearly all rows are missing; it names the largest gap."""
    places = rows.places
    times = table.times[places]
    after = int(np.where(rows.starts[1:], -1, np.diff(times)).argmax()) + 1
    before, then = table.clock.write(times[after - 1 : after + 1])
    return DataError(
        f"with step {step}, {length - len(times)} of {length} rows would be missing, most of them between {before} "
        f"({table.where(int(places[after - 1]))}) and {then}",
        hint="Fix these timestamps, or set data.frequency to the usual step or to irregular.",
        where=table.where(int(places[after])),
    )


def duplicate_error(table: Table, rows: Int) -> DataError:
    """The error for rows whose timestamps are duplicates."""
    lines = ", ".join(table.where(int(r)).split(":")[-1] for r in rows[:SHOWN])
    stamp = table.clock.write(table.times[rows[:1]])[0]
    series = f" of series {table.names[table.codes[rows[0]]]!r}" if table.columns.id else ""
    count = f"{len(rows)} duplicate{'s' if len(rows) > 1 else ''}: {lines}{', ...' if len(rows) > SHOWN else ''}"
    hint = "Keep one row per timestamp"
    hint = hint if table.columns.id else f"Name the column of the series in data.id, or {hint.lower()}"
    return DataError(
        f"duplicate timestamp {stamp}{series} ({count})",
        hint=f"{hint}; data.duplicates: mean (or first, or last) merges them.",
        where=table.where(int(rows[0])),
    )


def check_distinct(table: Table, rows: Sorted, step: Step, positions: Int) -> None:
    """Reject two rows of a series that are moved to the same time."""
    again = np.flatnonzero(~rows.starts[1:] & (np.diff(positions) <= 0))
    if len(again):
        places = rows.places[[again[0], again[0] + 1]]
        first, second = table.clock.write(table.times[places])
        raise DataError(
            f"{second} is moved to the same time as {first} by data.snap, since the step is {step}",
            hint="Set data.frequency to a shorter step, or to irregular, or merge such rows.",
            where=table.where(int(places[1])),
        )


def misaligned_error(table: Table, rows: Sorted, step: Step, on_grid: Bool) -> DataError:
    """The error for rows that are not on the grid."""
    off = np.sort(rows.places[~on_grid])
    stamp = table.clock.write(table.times[off[:1]])[0]
    share, change = 100 * on_grid.mean(), describe_change(table, rows)
    return DataError(
        f"{stamp} is not a whole number of steps of {step} after the first row of its series "
        f"({len(off)} such rows; {share:.1f} % are on the grid{f'; {change}' if change else ''})",
        hint=_remedy(table, rows, step),
        where=table.where(int(off[0])),
    )


def _remedy(table: Table, rows: Sorted, step: Step) -> str:
    """What to set for rows that are not on the grid."""
    from seqpred.calendar.snap import suggest_snap

    found = suggest_snap(rows.times, rows.starts, step) if table.clock.dated and not step.tolerance else None
    if found is None:
        return "Set data.frequency to a step that fits all rows, or to irregular if there is none."
    better, tolerance = found
    also = f"data.frequency: {better} and " if str(better) != str(step) else ""
    return f"Set {also}data.snap: {tolerance} to move such rows onto the grid, or data.frequency: irregular."
