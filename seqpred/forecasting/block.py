"""From the state of some series and their next rows to forecasts: one function for a panel and for a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float, Float32, Int
from seqpred.calendar.holidays import Holidays
from seqpred.errors import DataError
from seqpred.features.inputs import advance_series
from seqpred.forecasting.session_state import SeriesState, SessionSpec, by_part, by_series
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs, read_ragged, read_windows

PIECE = 1 << 14  # rows x tracks that are processed at once: what a processor's cache holds


class RowBlock(NamedTuple):
    """The next rows of B series.

    Attributes:
        values: [B, T, columns], targets first, then covariates, categories as codes; NaN where missing.
        lengths: [B], rows of each series, longest first; the values after them are NaN. None if all have T.
        times: [B, T], of irregular rows; None if rows have a fixed step.
        ahead: [B, M, known], known covariates of the rows that follow, NaN where unknown.
        times_ahead: [B, M], of irregular rows that follow; None for the usual interval.
    """

    values: Float
    lengths: Int | None = None
    times: Int | None = None
    ahead: Float | None = None
    times_ahead: Int | None = None

    @property
    def ends(self) -> Int:
        """Rows of each series, [B]."""
        return np.full(len(self.values), self.values.shape[1]) if self.lengths is None else self.lengths

    def piece(self, series: int, begin: int, end: int) -> RowBlock:
        """Some rows of the first series."""
        values, ends = self.values[:series, begin:end], np.minimum(self.ends[:series], end) - begin
        times = None if self.times is None else self.times[:series, begin:end]
        ahead = None if self.ahead is None else self.ahead[:series]
        return RowBlock(values, ends, times, ahead, None if self.times_ahead is None else self.times_ahead[:series])


@dataclass(frozen=True)
class BlockForecaster:
    """Computes forecasts after the rows of some series; keeps nothing itself.

    Attributes:
        local_times: from times to local times, to which the calendar refers.
    """

    spec: SessionSpec
    local_times: Callable[[Int], Int]

    def forecast(self, state: SeriesState, rows: RowBlock, every_row: bool = False) -> tuple[Float, SeriesState]:
        """Quantiles in the target's unit, [B, C, P, N, Q], and the state after the rows.

        Beyond the horizon the forecast continues from its own medians, and the errors of both forecasts add: each
        quantile's distance from the median is the root of the sum of squares of the last one's and the new one's.
        What is below the minimum of its target is raised to it, also the medians from which the forecast continues.

        Args:
            state: of these series.
            every_row: a forecast after every row (P is T), rather than after the last one (P is 1).
        """
        spec, (quantiles, after) = self.spec, self._read_both(state, rows, every_row)
        parts, current = [self._raised(quantiles)], after
        for first in range(spec.horizon, spec.steps, spec.horizon):
            medians = parts[-1][:, :, -1, :, spec.median].transpose(0, 2, 1)
            quantiles, current = self._read_both(current, self._as_rows(medians, rows, current, first), first=first)
            parts.append(self._raised(add_uncertainty(quantiles, parts[-1], spec.median)))
        return np.concatenate(parts, axis=3)[..., : spec.steps, :], after

    def _raised(self, quantiles: Float) -> Float:
        """Quantiles [B, C, P, N, Q], those below the minimum of their target raised to it."""
        lowest = self.spec.lowest
        return quantiles if lowest is None else np.maximum(quantiles, lowest)

    def _as_rows(self, medians: Float, rows: RowBlock, state: SeriesState, first: int) -> RowBlock:
        """Rows with the medians [B, N, C] of the horizon before step `first` as observations."""
        spec, ahead = self.spec, slice(first - self.spec.horizon, first)
        values = np.full((*medians.shape[:2], spec.targets + len(spec.covariates.columns)), np.nan)
        values[..., : spec.targets] = medians
        if rows.ahead is not None:
            values[..., spec.targets : spec.targets + rows.ahead.shape[2]] = rows.ahead[:, ahead]
        times = None
        if spec.since is not None:
            times = spec.next_times(state, spec.horizon) if rows.times_ahead is None else rows.times_ahead[:, ahead]
        return RowBlock(values, None, times, rows.ahead, rows.times_ahead)

    def _read_both(
        self, state: SeriesState, rows: RowBlock, every_row: bool = False, first: int = 0
    ) -> tuple[Float, SeriesState]:
        """As `_read`, with the added forecast if there is one."""
        added = self.spec.added
        if added is None:
            return self._read(state, rows, every_row, first)
        assert state.added is not None
        quantiles, after = self._read(state._replace(added=None), rows, every_row, first)
        own, own_after = BlockForecaster(added.spec, self.local_times)._read(state.added, rows, every_row, first)
        return added.added_to(quantiles, own), after._replace(added=own_after)

    def _read(
        self, state: SeriesState, rows: RowBlock, every_row: bool = False, first: int = 0
    ) -> tuple[Float, SeriesState]:
        """The forecasts of one horizon, from step `first` of the rows ahead on, and the state after the rows."""
        count, steps = rows.values.shape[:2]
        size = steps if every_row else self._piece_size(count)
        quantiles, states = [], []
        for begin in range(0, steps, size):
            piece = rows.piece(count, begin, begin + size)
            remaining = int((rows.ends > begin + size).sum())
            found, state = self._read_piece(state, piece, every_row, first, needed=remaining < count)
            if not begin and not remaining:
                return found, state
            if remaining < count:  # an empty slice would keep the memory of the piece
                quantiles.append(found[remaining:])
                states.append(state.take(slice(remaining, None)))
            state, count = state.take(slice(remaining)), remaining
        return np.concatenate(quantiles[::-1]), SeriesState.concatenate(states[::-1])

    def _piece_size(self, series: int) -> int:
        """The number of rows of these series that are read at once: whole chunks, or the last digits would change."""
        chunk = max(self.spec.series.inputs.lags)  # see `rolling_moments`
        return -(-max(16, PIECE // (series * self.spec.targets)) // chunk) * chunk

    def _read_piece(
        self, state: SeriesState, rows: RowBlock, every_row: bool, first: int, needed: bool
    ) -> tuple[Float, SeriesState]:
        """The forecasts of one horizon, and the state after the rows.

        Args:
            needed: whether the forecasts are used, and not only the state.
        """
        spec, ends, times = self.spec, rows.ends, rows.times
        if times is None and spec.covariates.uses_times:
            times = spec.next_times(state, rows.values.shape[1])
        local = self.local_times(times) if times is not None and spec.covariates.uses_times else None
        x, block, features = advance_series(state.features, rows.values, local, spec.series, ends)
        last = state.last if rows.times is None else rows.times[np.arange(len(ends)), ends - 1]
        after = state._replace(features=features, last=last)
        origins = block.origins() if every_row else block.last(features.tracks, ends)
        head_inputs = NO_HEAD_INPUTS
        if needed:
            head_inputs = HeadInputs(origins.recent(spec.series.inputs), self._known(after, rows, first))
        z, after = self._network(after, x, ends, head_inputs, every_row)
        return origins.to_quantiles(z, spec.anchor), after

    def _network(
        self, state: SeriesState, x: Float32, ends: Int, head_inputs: HeadInputs, every_row: bool
    ) -> tuple[Float32, SeriesState]:
        """The output of the network, [B, C, P, N, Q], and the state with its own."""
        runtime, (series, targets, steps, width) = self.spec.runtime, x.shape
        if runtime.window is not None:
            past = np.concatenate([state.window, x], axis=2)
            index = ends[:, None] + np.arange(runtime.window)
            state = state._replace(window=np.take_along_axis(past, index[:, None, :, None], axis=2))
            rows = np.minimum(state.rows, runtime.window).repeat(targets)
            z = read_windows(
                runtime,
                state.window.reshape(series * targets, runtime.window, width),
                rows,
                head_inputs,
                self.spec.tile,
            )
            return z.reshape(series, targets, 1, *z.shape[1:]), state
        tracks, own = x.reshape(series * targets, steps, width), by_part(state.recurrent)
        if every_row:
            z, own = runtime.read(tracks, own, steps, head_inputs)
        else:
            z, own = read_ragged(runtime, tracks, own, ends.repeat(targets), head_inputs, self.spec.tile)
        return z.reshape(series, targets, *z.shape[1:]), state._replace(recurrent=by_series(own, targets))

    def _known(self, state: SeriesState, rows: RowBlock, first: int) -> Float32 | None:
        """The known covariates of the last `anchor` rows and of the next horizon, [B C, 1, anchor + N, K]."""
        spec, covariates = self.spec, self.spec.covariates
        if not covariates.has_known:
            return None
        series = len(rows.values)
        values = np.full((series, spec.horizon, len(covariates.columns)), np.nan)
        if covariates.known:
            assert rows.ahead is not None
            values[..., : len(covariates.known)] = rows.ahead[:, first : first + spec.horizon]
        times = None
        if covariates.uses_times:
            known = rows.times_ahead
            times = spec.next_times(state, spec.horizon) if known is None else known[:, first : first + spec.horizon]
            times = self.local_times(times)
            if covariates.holidays and not covariates.holidays.covers(times):
                raise _uncovered(covariates.holidays)
        values, _ = covariates.hold(state.features.held, values, times, np.full(series, spec.horizon))
        next_rows = covariates.known_part(*covariates.encode(values, times))
        around = np.concatenate([state.features.known, next_rows], axis=1)
        return np.repeat(around, spec.targets, axis=0)[:, None]


def _uncovered(holidays: Holidays) -> DataError:
    return DataError(
        f"the model contains the holidays of {holidays.region} from {holidays.span} only",
        hint="Train it again on the newest rows, or forecast fewer steps.",
    )


def add_uncertainty(quantiles: Float, before: Float, median: int) -> Float:
    """Quantiles [..., N, Q] with the uncertainty of the last step of the block before added."""
    last = before[..., -1:, :] - before[..., -1:, median : median + 1]
    center = quantiles[..., median : median + 1]
    sign = np.sign(np.arange(quantiles.shape[-1]) - median)
    return np.asarray(center + sign * np.hypot(last, quantiles - center))
