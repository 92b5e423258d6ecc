"""Where a new row belongs on the time grid of its series, and whether it agrees with the earlier rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from seqpred.calendar.step import DAY, YEAR_10000, Step
from seqpred.forecasting.session_log import Log
from seqpred.forecasting.session_state import SeriesState, SessionSpec
from seqpred.timestamps.format import TimestampFormat

if TYPE_CHECKING:
    from seqpred.reading.lines import Row

MAX_GAP, MAX_GAP_SHARE = 1000, 50  # largest plausible gap before a row: a constant, and an addition per earlier row


class RowPlacement:
    """The time grids and static values of many series, for rows that arrive one by one.

    They are in lists, whose numbers are quicker to look up than those of arrays.

    Args:
        static: the static columns that are in the rows.

    Attributes:
        origins, last: the times of the first and the last row of each series.
        rows: how many rows each series has had.
    """

    def __init__(self, spec: SessionSpec, static: Sequence[str]) -> None:
        self._spec, self._static = spec, static
        usual = spec.step.count if spec.step.unit in ("microsecond", "irregular") else 32 * DAY * spec.step.count
        self._end_of_time = YEAR_10000 - spec.steps * usual if spec.step.unit != "row" else 2**53

    def restore(self, names: Sequence[str], state: SeriesState) -> None:
        """Continue from the state of these series."""
        spec = self._spec
        last = state.last if spec.since is not None else spec.step.times(state.origins, state.rows - 1)
        self.origins, self.last, self.rows = state.origins.tolist(), last.tolist(), state.rows.tolist()
        columns, held = spec.covariates.columns, spec.covariates.held
        static = [k for k, i in enumerate(held) if columns[i].role == "static"]
        self._values = dict(zip(names, state.features.held[:, static, 0].tolist(), strict=False))

    def add(self, origin: int) -> None:
        """Add a series whose first row has this time."""
        for own, value in ((self.origins, origin), (self.last, origin), (self.rows, 0)):
            own.append(value)

    def undo(self, log: Log, names: Sequence[str]) -> None:
        """Forget the rows that a log has recorded.

        Args:
            names: of all series.
        """
        for index, (rows, last) in log.rows.items():
            self.rows[index], self.last[index] = rows, last
        for name in names[log.series :]:
            self._values.pop(name, None)
        for per_series in (self.origins, self.last, self.rows):
            del per_series[log.series :]

    def place(self, row: Row, index: int | None, clock: TimestampFormat | None) -> tuple[int, int]:
        """The time of a row, and how many rows are missing before it; negative if it is not after the last one.

        Args:
            index: of its series; None for a new one.
            clock: how messages write times.
        Raises:
            ValueError: it is not on the time grid, or implausibly far ahead, or changes a static value.
        """
        time, gap = (0, 0) if row.time is None else self._on_grid(row, row.time, index, clock)
        if gap >= 0 and self._static:
            self._check_static(row)
        return time, gap

    def _on_grid(self, row: Row, time: int, index: int | None, clock: TimestampFormat | None) -> tuple[int, int]:
        if time >= self._end_of_time:
            raise ValueError(f"{_described(row, clock)} is too close to the year 10000 for a forecast")
        if index is None:
            return time, 0
        last, spec = self.last[index], self._spec
        if row.later is not None and time <= last:
            time = row.later
        if spec.since is not None:
            return time, 0 if time > last else -1
        position, rows = grid_position(spec.step, self.origins[index], time), self.rows[index]
        if position is None:
            raise ValueError(f"{_described(row, clock)} is not on the time grid: the step is {spec.step}")
        gap = position - rows
        if gap > MAX_GAP + MAX_GAP_SHARE * rows:
            raise ValueError(f"{_described(row, clock)} is {gap + 1} steps after the last row, which is implausible")
        return time, gap

    def _check_static(self, row: Row) -> None:
        """Raise ValueError if a static value of a row is not that of its series."""
        known = self._values.setdefault(row.name, [math.nan] * len(self._static))
        for k, value in enumerate(row.values[-len(known) :]):
            if not math.isnan(value):
                if value != known[k] and not math.isnan(known[k]):
                    raise ValueError(f"static column {self._static[k]!r} changes within its series")
                known[k] = value


def _described(row: Row, clock: TimestampFormat | None) -> str:
    assert clock is not None
    stamp = clock.write(np.array([row.time]))[0]
    return f"the timestamp {stamp}" + (f" of series {row.name!r}" if row.name else "")


def grid_position(step: Step, origin: int, time: int) -> int | None:
    """How many steps a time is after the origin; None if it is not on the grid."""
    if step.unit in ("row", "microsecond") and not step.tolerance:
        position, rest = divmod(time - origin, step.count)
        return None if rest else position
    return _calendar_position(step, origin, time)


@lru_cache(1 << 14)
def _calendar_position(step: Step, origin: int, time: int) -> int | None:
    position, on_grid = step.positions(np.array([time]), origin)
    return int(position[0]) if on_grid[0] else None
