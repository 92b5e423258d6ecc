"""The rows of a table in order of time, the step that they obey, and where on its grid each of them stands."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.infer import BLOCK, find_change, infer_step
from seqpred.calendar.step import DAILY, Step
from seqpred.errors import DataError
from seqpred.reading.table import Table

Order: TypeAlias = Int | slice
"""Rows by series, then time: where each stands in the table, or all of it as it is."""

SEARCHED = 100  # series in which a change of the step is looked for
MOST_HOLES = 50  # absent rows for each present one beyond which a step is taken for a mistake


def in_order(table: Table) -> tuple[Order, npt.NDArray[np.bool_], Int]:
    """The rows by series, then time; which of them begin a series; and their times."""
    codes, times = table.codes, table.times
    starts = _starts(codes, times)
    if starts is not None:
        return slice(None), starts, times
    order = np.lexsort((times, codes)).astype(np.int64)
    codes, times = codes[order], times[order]
    starts = np.append(True, codes[1:] != codes[:-1])
    repeated = np.flatnonzero(~starts[1:] & (times[1:] == times[:-1]))
    if len(repeated):
        raise _repeated(table, order[repeated + 1], len(repeated))
    return order, starts, times


def _starts(codes: Int, times: Int) -> npt.NDArray[np.bool_] | None:
    """Which rows begin a series, where all stand by series, then time; else None."""
    starts = np.ones(len(codes), bool)
    for low in range(0, len(codes) - 1, BLOCK):
        own, at = codes[low : low + BLOCK + 1], times[low : low + BLOCK + 1]
        fresh = np.not_equal(own[1:], own[:-1], out=starts[low + 1 : low + len(own)])
        if not (np.where(fresh, own[1:] > own[:-1], at[1:] > at[:-1])).all():
            return None
    return starts


def find_step(table: Table, times: Int, starts: npt.NDArray[np.bool_], frequency: str) -> Step:
    """The step that a config asks for, or the one that most rows obey.

    Args:
        times, starts: as `in_order` gives them.
        frequency: as `build_panel` takes it.
    Raises:
        DataError: it is no step, or one of other times than these.
    """
    if frequency == "auto":
        return infer_step(table.clock.on_grid(times, DAILY)[1], starts, table.clock.dated) or Step("row", 1)
    try:
        step = Step.parse(frequency)
    except ValueError as e:
        raise DataError(f"data.frequency: {e}", hint="Or leave it out: the data's own step is found.") from None
    if step.unit == "irregular":
        if table.clock.pattern is None:
            hint = "Name it in data.time, or leave data.frequency out."
            raise DataError(
                "data.frequency is irregular, but there is no time column", hint=hint, where=table.source.name
            )
        return step
    if (step.unit == "row") == table.clock.dated:
        kind = "dates" if table.clock.dated else "whole numbers"
        raise DataError(
            f"data.frequency is {frequency}, but the times are {kind}",
            hint="Leave it out: the data's own step is found.",
            where=table.source.name,
        )
    return step


def places_on_grid(
    table: Table, times: Int, origins: Int, order: Order, starts: npt.NDArray[np.bool_], step: Step
) -> tuple[Int, Int]:
    """Rows [S] of each series on the grid, absent ones included, and where in all of them each row stands."""
    first = np.flatnonzero(starts)
    series = np.cumsum(starts) - 1
    own = origins[series]
    if step.unit in ("row", "microsecond"):
        positions, on_step = (times - own) // step.count, (times - own) % step.count == 0
    else:
        positions, on_step = np.empty(len(times), np.int64), np.empty(len(times), bool)
        for origin in np.unique(own):  # a calendar rule knows one origin at a time
            at = own == origin
            positions[at], on_step[at] = step.positions(times[at], int(origin))
    if not on_step.all():
        raise _off_step(table, order, starts, step, on_step)
    lengths = positions[np.append(first[1:], len(times)) - 1] + 1
    if lengths.sum() > MOST_HOLES * len(times) + 1000:
        raise _too_sparse(table, order, series, step, int(lengths.sum()))
    return lengths, np.concatenate([[0], np.cumsum(lengths)[:-1]])[series] + positions


def _places(table: Table, order: Order) -> Int:
    """[rows], where in the table each row stands."""
    return np.arange(len(table.codes), dtype=np.int64)[order]


def _too_sparse(table: Table, order: Order, series: Int, step: Step, rows: int) -> DataError:
    """What to say of a grid of so many rows, nearly all of them absent: where most of them are."""
    places, times = _places(table, order), table.times[order]
    after = int(np.where(np.diff(series) == 0, np.diff(times), -1).argmax()) + 1
    before, then = table.clock.write(times[after - 1 : after + 1])
    return DataError(
        f"on the step {step} {rows - len(times)} of {rows} rows would be absent, most of them between {before} "
        f"({table.where(int(places[after - 1]))}) and {then}",
        hint="Mend these times, or set data.frequency to the usual distance of two rows, or to irregular.",
        where=table.where(int(places[after])),
    )


def _repeated(table: Table, rows: Int, count: int) -> DataError:
    rows = np.sort(rows)
    lines = ", ".join(table.where(int(r)).split(":")[-1] for r in rows[:3])
    stamp = table.clock.write(table.times[rows[:1]])[0]
    series = f" of series {table.names[table.codes[rows[0]]]!r}" if table.columns.id else ""
    hint = (
        "Keep one row for each time"
        if table.columns.id
        else "Name the series' column in data.id, or keep one row for each time"
    )
    return DataError(
        f"the time {stamp}{series} stands twice ({count} repeats: {lines}{', ...' if count > 3 else ''})",
        hint=f"{hint}; data.duplicates: mean (or first, or last) makes one row of them.",
        where=table.where(int(rows[0])),
    )


def _off_step(
    table: Table, order: Order, starts: npt.NDArray[np.bool_], step: Step, on_step: npt.NDArray[np.bool_]
) -> DataError:
    rows = np.sort(_places(table, order)[~on_step])
    stamp = table.clock.write(table.times[rows[:1]])[0]
    share = 100 * on_step.mean()
    change = tell_change(table, order, starts)
    return DataError(
        f"{stamp} is not a whole number of steps of {step} after its series' first row "
        f"({len(rows)} such rows; {share:.1f} % obey{f'; {change}' if change else ''})",
        hint="Set data.frequency to the step that all rows obey, or to irregular where there is none.",
        where=table.where(int(rows[0])),
    )


def tell_change(table: Table, order: Order, starts: npt.NDArray[np.bool_]) -> str:
    """Where the step of a series changes for good, in words; empty where none of the first ones does."""
    firsts, places = np.flatnonzero(starts), _places(table, order)
    unit: Literal["microsecond", "row"] = "microsecond" if table.clock.dated else "row"
    for low, high in zip(firsts[:SEARCHED], [*firsts[1:], len(places)], strict=False):
        change = find_change(table.times[places[low:high]])
        if change:
            row, before, after = change
            place = table.where(int(places[low + row]))
            stamp = table.clock.write(table.times[places[low + row]][None])[0]
            return f"rows are {Step(unit, before)} apart up to {stamp} ({place}) and {Step(unit, after)} from there on"
    return ""
