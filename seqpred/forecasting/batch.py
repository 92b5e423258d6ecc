"""Forecasts of a whole panel, in the target's unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seqpred.data.panel import Panel
from seqpred.features import Float, Look, anchor_ahead, prepare, to_unit, usable_scale
from seqpred.forecasting.runtime import Reader

BATCH = 256  # tracks read side by side, which bounds memory


def forecast_panel(panel: Panel, look: Look, reader: Callable[[], Reader], middle: int, steps: int) -> Float:
    """Quantiles of the steps after each track's last row.

    Beyond the horizon the network goes on from its own medians. There the errors of both forecasts add: each
    quantile's distance from the median is the root of the sum of squares of the last one's and the new one's.

    Args:
        panel: S series of C targets, so K = S C tracks, in the order of `Panel.tracks`.
        reader: makes a reader with an empty memory.
        middle: which of the Q levels is the median.
        steps: N, any number.
    Returns:
        [K, N, Q], not crossing; NaN for a track without a single observation.
    """
    tracks = [panel.track(s, c) for s, c in panel.tracks()]
    blocks = [_forecast(tracks[k : k + BATCH], look, reader(), middle, steps) for k in range(0, len(tracks), BATCH)]
    return np.concatenate(blocks)


def _forecast(tracks: Sequence[Float], look: Look, reader: Reader, middle: int, steps: int) -> Float:
    seen, done = list(tracks), [_read(tracks, look, reader)]
    while sum(block.shape[1] for block in done) < steps:
        medians = done[-1][:, :, middle]
        seen = [np.concatenate([values, median]) for values, median in zip(seen, medians, strict=True)]
        done.append(_widened(_read(seen, look, reader), done[-1], middle))
    result = np.concatenate(done, axis=1)[:, :steps]
    result[[not np.isfinite(values).any() for values in tracks]] = np.nan
    return result


def _read(seen: Sequence[Float], look: Look, reader: Reader) -> Float:
    """The quantiles [K, N, Q], in the target's unit, that follow the rows seen."""
    prepared = [prepare(values, look) for values in seen]
    z = reader.read([p.x for p in prepared])
    units = []
    for p, own in zip(prepared, z, strict=True):
        scale = usable_scale(p.scale[-1:], p.filled[-1:])[0]
        units.append(to_unit(own, anchor_ahead(p.filled, look.anchor, len(own)), float(scale)))
    return np.stack(units)


def _widened(quantiles: Float, before: Float, middle: int) -> Float:
    """Quantiles [K, N, Q] with the uncertainty of the block before's last step added."""
    last = before[:, -1:, :] - before[:, -1:, middle : middle + 1]
    own = quantiles - quantiles[..., middle : middle + 1]
    away = np.sign(np.arange(quantiles.shape[-1]) - middle)
    wider: Float = quantiles[..., middle : middle + 1] + away * np.hypot(last, own)
    return wider
