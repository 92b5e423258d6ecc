"""A session: the state of many series, and the forecasts after their next rows.

Forecasts of a panel, backtests, streams and servers call it. It handles neither files nor text: rows are values with
times, forecasts are arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.errors import DataError
from seqpred.forecasting.block import BlockForecaster, RowBlock
from seqpred.forecasting.session_state import SeriesState, SessionSpec
from seqpred.notes import no_op
from seqpred.panel.panel import Panel
from seqpred.timestamps.format import TimestampFormat

MAX_TRACKS = 256  # of a panel that are processed together, which bounds memory
MAX_CELLS = 1_000_000  # and their rows in total, padding included

OnShare = Callable[[float], None]
"""Receives the share of the work that is done."""


class ForecastSession:
    """The state of many series.

    Args:
        spec: what stays fixed.
        source: what messages call the source of the rows.

    Attributes:
        names: of the series, in order of their first row.
        clock: how times are written, which determines the calendar; None until it is known.
    """

    def __init__(self, spec: SessionSpec, source: str = "rows") -> None:
        self.spec, self._source = spec, source
        self.clock: TimestampFormat | None = None
        self.restore([], SeriesState.start(spec, []))

    def restore(self, names: Sequence[str], state: SeriesState) -> None:
        """Continue from the state of these series."""
        self.names = list(names)
        self._index = {name: i for i, name in enumerate(names)}
        self._state = state  # with room for more series

    @property
    def state(self) -> SeriesState:
        """The state of all series, in the order of `names`."""
        return self._state.take(slice(len(self.names)))

    def add(self, name: str, origin: int) -> int:
        """The index of a new series, whose first row has this time."""
        index, room = len(self.names), len(self._state.origins)
        if index == room:  # doubled, so that few copies are made
            more = SeriesState.start(self.spec, np.zeros(max(room, 1), np.int64))
            self._state = SeriesState.concatenate([self._state, more])
        self._state.origins[index] = self._state.last[index] = origin
        self._index[name] = index
        self.names.append(name)
        return index

    def index(self, name: str, origin: int) -> int:
        """The index of a series; a new one, whose first row has this time, is added if the name is unknown."""
        found = self._index.get(name)
        return self.add(name, origin) if found is None else found

    @property
    def bytes(self) -> int:
        """The size of the states of all series."""
        return sum(array.nbytes for array in self._state.to_arrays().values())

    def rows_read(self, names: Sequence[str]) -> Int:
        """How many rows of these series have been read, [S]."""
        indices = np.array([self._index.get(name, -1) for name in names], np.int64)
        return np.where(indices < 0, 0, self._state.rows[indices] if len(self._state.rows) else 0)

    def advance(self, series: Int, rows: RowBlock, every_row: bool = False) -> Float:
        """Forecasts after the next rows of some series, [B, C, P, N, Q]; see `BlockForecaster.forecast`.

        Raises:
            DataError: a forecast of an observed target is NaN or infinite.
        """
        local_times = self.clock.local if self.clock is not None else lambda times: times
        forecaster = BlockForecaster(self.spec, local_times)
        before = self._state.take(series)
        with np.errstate(over="ignore", invalid="ignore"):  # rejected below
            quantiles, after = forecaster.forecast(before, rows, every_row)
        self._check_finite(series, quantiles, after)
        self._state.put(series, after)
        return quantiles

    def _check_finite(self, series: Int, quantiles: Float, after: SeriesState) -> None:
        """Check all forecasts but those before the first observation, which are NaN.

        Args:
            after: the state after the last of the P rows of each series.
        """
        if np.isfinite(quantiles).all():
            return
        count = quantiles.shape[2]
        observed = np.arange(count) >= count - after.features.tracks.since[..., None]
        wrong = observed & ~np.isfinite(quantiles).all(axis=(3, 4))
        if wrong.any():
            name = self.names[int(series[np.flatnonzero(wrong.any(axis=(1, 2)))[0]])]
            hint = "Look for extreme values with `seqpred check DATA`; if there are none, train again."
            message = "a forecast is NaN or infinite" + (f" (series {name!r})" if name else "")
            raise DataError(message, hint=hint, where=self._source)


# ------------------------------------------------------------------ a whole panel


def forecast_panel(
    panel: Panel, spec: SessionSpec, ahead: Float, on_share: OnShare = no_op, session: ForecastSession | None = None
) -> Float:
    """Quantiles of the steps after the last row of each track, [K, N, Q], not crossing.

    Args:
        panel: S series of C targets, so K = S C tracks, in the order of `Panel.tracks`.
        ahead: [S, N, known], known covariates of the N steps; NaN where unknown.
        session: has read the first rows of some of the series, and fewer than there are; afterwards all rows of all of
            them.
    Returns:
        NaN for a track without a single observation.
    """
    quantiles: list[Float] = []
    begins = np.zeros_like(panel.lengths) if session is None else session.rows_read(panel.names)
    order = np.argsort(begins - panel.lengths, kind="stable")
    done = 0
    for series in _groups((panel.lengths - begins)[order], spec.targets):
        if done:
            on_share(done / len(order))
        chosen = order[done : done + series]
        quantiles.append(_forecast(panel, chosen, begins[chosen], ahead[chosen], session or _session(panel, spec)))
        done += series
        panel.release_pages()
    found = np.concatenate(quantiles)[np.argsort(order)]
    return found.reshape(-1, *found.shape[2:])


def _session(panel: Panel, spec: SessionSpec) -> ForecastSession:
    session = ForecastSession(spec, source=panel.source)
    session.clock = panel.clock
    return session


def _groups(rows: Int, targets: int) -> Iterator[int]:
    """How many series, those with most rows to read first, are processed together."""
    first = 0
    while first < len(rows):
        count = max(1, min(MAX_TRACKS, MAX_CELLS // int(rows[first])) // targets)
        yield min(count, len(rows) - first)
        first += count


def _forecast(panel: Panel, series: Int, begins: Int, ahead: Float, session: ForecastSession) -> Float:
    """The quantiles of some series, those with most rows to read first, [B, C, N, Q].

    Args:
        begins: [B], the first row to read of each series.
    """
    names, count = [panel.names[s] for s in series.tolist()], session.spec.rows_ahead
    indices = [session.index(name, int(panel.origins[s])) for name, s in zip(names, series.tolist(), strict=True)]
    known = np.full((len(series), count, ahead.shape[2]), np.nan)
    known[:, : ahead.shape[1]] = ahead
    rest, own = (panel, series) if not begins.any() else _rows_from(panel, series, begins)
    times = times_ahead = None
    if panel.stamps is not None:
        assert rest.stamps is not None
        times = rest.padded(rest.stamps, own, 0)
        times_ahead = np.stack([panel.times(s, panel.lengths[s] + np.arange(count)) for s in series.tolist()])
    rows = RowBlock(rest.padded(rest.values, own, np.nan), rest.lengths[own], times, known, times_ahead)
    return session.advance(np.array(indices), rows)[:, :, 0]


def _rows_from(panel: Panel, series: Int, begins: Int) -> tuple[Panel, Int]:
    """The rows of some series from these on, as a panel, and the series in it."""
    return panel.part(series, begins, panel.lengths[series]), np.arange(len(series))
