"""A session that reads rows one by one: each is put on the time grid of its series, and missing rows are filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.errors import Fault
from seqpred.forecasting.block import RowBlock
from seqpred.forecasting.row_placement import RowPlacement
from seqpred.forecasting.session import ForecastSession
from seqpred.forecasting.session_log import Log
from seqpred.forecasting.session_state import SeriesState, SessionSpec
from seqpred.reading.lines import OnSkipped, Row

MAX_BLOCK = 512  # rows of a series with a forecast after each that are processed at once, which bounds memory

KnownAhead = Callable[[str, Int], Float]
"""From a series and times to its known covariates then, [N, known]; NaN where unknown."""


class Forecast(NamedTuple):
    """The forecast after a row.

    Attributes:
        line: of the row in its source.
        series: its index in `RowSession.names`.
        row: how many rows the series had then.
        time: of the row.
        quantiles: [C, N, Q], in the target's unit.
    """

    line: int
    series: int
    row: int
    time: int
    quantiles: Float


class RowSession(ForecastSession):
    """The state of many series whose rows arrive one by one.

    Args:
        spec, source: see `ForecastSession`.
        known_ahead: known covariates of coming rows.
        statics: static covariates of each series that are not in its rows; those of "" for other series.
        on_skipped: receives rows that cannot be used.

    Attributes:
        used, late, misplaced: rows used; skipped since they are not after the last row of their series; and skipped
            since their time is not on the grid.
    """

    def __init__(
        self,
        spec: SessionSpec,
        known_ahead: KnownAhead | None = None,
        statics: Mapping[str, Sequence[float]] | None = None,
        on_skipped: OnSkipped = lambda _: None,
        source: str = "rows",
    ) -> None:
        self.used = self.late = self.misplaced = 0
        self._known_ahead, self._statics = known_ahead, statics
        self.on_skipped = on_skipped
        self._log: Log | None = None
        static = [c.name for c in spec.covariates.columns if c.role == "static"]
        self._placement = RowPlacement(spec, static if statics is None else [])
        super().__init__(spec, source)

    def restore(self, names: Sequence[str], state: SeriesState) -> None:
        """See `ForecastSession.restore`."""
        super().restore(names, state)
        self._placement.restore(names, state)

    def add(self, name: str, origin: int) -> int:
        """See `ForecastSession.add`."""
        self._placement.add(origin)
        return super().add(name, origin)

    def advance(self, series: Int, rows: RowBlock, every_row: bool = False) -> Float:
        """See `ForecastSession.advance`; a log records the states before."""
        if self._log is not None:
            self._log.states.append((series, self._state.take(series)))
        return super().advance(series, rows, every_row)

    def start_log(self) -> Log:
        """A new log, in which changes are recorded from now on."""
        self._log = log = Log(len(self.names), (self.used, self.late, self.misplaced))
        return log

    def undo(self, log: Log) -> None:
        """Forget the rows that a log has recorded; later logs must have been undone before."""
        for series, state in reversed(log.states):
            self._state.put(series, state)
        self._placement.undo(log, self.names)
        for name in self.names[log.series :]:
            del self._index[name]
        del self.names[log.series :]
        self.used, self.late, self.misplaced = log.counts
        self._log = None

    def update(self, rows: Sequence[Row], every_row: bool = True) -> list[Forecast]:
        """The forecasts after these rows, in their order; missing rows before them are filled in.

        Args:
            every_row: a forecast after every row, rather than after the last new one of each series.
        """
        blocks: dict[int, list[Sequence[float]]] = {}
        placed: list[tuple[int, int, int, int]] = []  # line, series, row, time
        missing = [math.nan] * (self.spec.targets + len(self.spec.covariates.columns))
        placement = self._placement
        for row in rows:
            index = self._index.get(row.name)
            try:
                time, gap = placement.place(row, index, self.clock)
            except ValueError as e:
                self.misplaced += 1
                self.on_skipped(Fault(self._source, row.line, str(e)))
                continue
            if gap < 0:
                self.late += 1
                continue
            if index is None:
                index = self.add(row.name, time)
            block = blocks.setdefault(index, [])
            block.extend([missing] * gap)
            block.append(self._values(row, index, time))
            if self._log is not None:
                self._log.rows.setdefault(index, (placement.rows[index], placement.last[index]))
            placement.rows[index] += gap + 1
            placement.last[index] = time
            placed.append((row.line, index, placement.rows[index], time))
        self.used += len(placed)
        if not every_row:
            placed = list({own[1]: own for own in placed}.values())
        quantiles = self._read({index: np.array(block) for index, block in blocks.items()}, every_row)
        return [Forecast(line, i, n, time, quantiles[i][:, n - 1 - placement.rows[i]]) for line, i, n, time in placed]

    def _values(self, row: Row, index: int, time: int) -> Sequence[float]:
        """The values of a row with the covariates that are not in it."""
        values, since = row.values, self.spec.since
        if self._statics is not None:
            values = [*values, *self._statics.get(row.name, self._statics[""])]
        if since is not None:
            interval = float(time - self._placement.last[index]) if self._placement.rows[index] else math.nan
            values = [*values[:since], interval, *values[since:]]
        return values

    def _read(self, blocks: Mapping[int, Float], every_row: bool) -> dict[int, Float]:
        """Quantiles after the new rows of some series, [C, P, N, Q] each.

        Args:
            blocks: [T, columns] of each series; those of equal T are read together.
        """
        by_length: dict[int, list[int]] = {}
        for index, values in blocks.items():
            by_length.setdefault(len(values), []).append(index)
        found: dict[int, Float] = {}
        for length, series in by_length.items():
            block = np.stack([blocks[index] for index in series])
            size = length if not every_row else 1 if self.spec.reads_ahead else MAX_BLOCK
            parts = [self._advance(np.array(series), block[:, t : t + size], every_row) for t in range(0, length, size)]
            found.update(zip(series, parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2), strict=True))
        return found

    def _advance(self, series: Int, values: Float, every_row: bool) -> Float:
        """`advance`, with the times and the known covariates of these rows."""
        times = ahead = None
        if self.spec.since is not None:
            intervals = np.nan_to_num(values[..., self.spec.since]).astype(np.int64)
            times = self._state.last[series, None] + intervals.cumsum(axis=1)
        if self.spec.covariates.known:
            ahead = self._ahead(series, values.shape[1])
        return self.advance(series, RowBlock(values, None, times, ahead), every_row)

    def _ahead(self, series: Int, rows: int) -> Float:
        """The known covariates of the rows after a number of further rows of some series, [B, M, known]."""
        count, covariates = self.spec.rows_ahead, self.spec.covariates
        if self._known_ahead is None:
            return np.full((len(series), count, len(covariates.known)), np.nan)
        times = self.spec.next_times(self._state.take(series), rows + count)[:, rows:]
        return np.stack([self._known_ahead(self.names[i], own) for i, own in zip(series, times, strict=True)])

    def times_ahead(self, forecast: Forecast) -> list[int]:
        """The times of the steps of a forecast; of irregular rows at the usual interval."""
        step, steps, origin = self.spec.step, self.spec.steps, self._placement.origins[forecast.series]
        if step.unit == "irregular":
            return [forecast.time + n * step.count for n in range(1, steps + 1)]
        if step.unit in ("row", "microsecond"):
            return [origin + n * step.count for n in range(forecast.row, forecast.row + steps)]
        times: list[int] = step.times(origin, np.arange(forecast.row, forecast.row + steps)).tolist()
        return times
