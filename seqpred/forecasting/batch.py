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


def forecast_panel(panel: Panel, spec: SessionSpec, ahead: Float, on_share: OnShare = no_op) -> Float:
    """Quantiles of the steps after the last row of each track, [K, N, Q], not crossing.

    Args:
        panel: S series of C targets, so K = S C tracks, in the order of `Panel.tracks`.
        ahead: [S, N, known], known covariates of the N steps; NaN where unknown.
    Returns:
        NaN for a track without a single observation.
    """
    quantiles: list[Float] = []
    order = np.argsort(-panel.lengths, kind="stable")
    done = 0
    for series in _groups(panel.lengths[order], spec.targets):
        if done:
            on_share(done / len(order))
        chosen = order[done : done + series]
        quantiles.append(_forecast(panel, chosen, spec, ahead[chosen]))
        done += series
        panel.release_pages()
    found = np.concatenate(quantiles)[np.argsort(order)]
    return found.reshape(-1, *found.shape[2:])


def _groups(lengths: Int, targets: int) -> Iterator[int]:
    """How many series, longest first, are processed together."""
    first = 0
    while first < len(lengths):
        count = max(1, min(MAX_TRACKS, MAX_CELLS // int(lengths[first])) // targets)
        yield min(count, len(lengths) - first)
        first += count


def _forecast(panel: Panel, series: Int, spec: SessionSpec, ahead: Float) -> Float:
    """The quantiles of some series, longest first, [B, C, N, Q]."""
    session = ForecastSession(spec, source=panel.source)
    session.clock = panel.clock
    for s in series.tolist():
        session.add(panel.names[s], int(panel.origins[s]))
    known = np.full((len(series), spec.rows_ahead, ahead.shape[2]), np.nan)
    known[:, : ahead.shape[1]] = ahead
    times = times_ahead = None
    if panel.stamps is not None:
        times = panel.padded(panel.stamps, series, 0)
        next_rows = np.arange(spec.rows_ahead)
        times_ahead = np.stack([panel.times(s, panel.lengths[s] + next_rows) for s in series.tolist()])
    rows = RowBlock(panel.padded(panel.values, series, np.nan), panel.lengths[series], times, known, times_ahead)
    return session.advance(np.arange(len(series)), rows)[:, :, 0]
