"""Forecasts of a whole panel, in the target's unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.forecasting.block import RowBlock
from seqpred.forecasting.session import ForecastSession
from seqpred.forecasting.session_state import SessionSpec
from seqpred.notes import no_op
from seqpred.panel.panel import Panel

MAX_TRACKS = 256  # processed together, which bounds memory
MAX_CELLS = 1_000_000  # and their rows in total, padding included

OnShare = Callable[[float], None]
"""Receives the share of the work that is done."""


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
