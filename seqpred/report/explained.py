"""The components of the forecasts of the last window, for the chart of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqpred.explanation.components import Components, find_components
from seqpred.forecasting.model import Model
from seqpred.panel.panel import Panel
from seqpred.report.collect import Collector
from seqpred.report.encode import pack
from seqpred.report.text import Rows

MOST_NAMED = 5  # naive forecasts with a colour of their own
MOST_VALUES = 150_000  # in all parts: 300 kB


@dataclass(frozen=True)
class Explained:
    """The components of some tracks.

    Attributes:
        rows: the mean share of each naive forecast over all of them.
        names: of the parts that the chart stacks.
        packed: the parts [P, N] of each track, by name.
        correction: mean size of the correction relative to that of the forecast.
    """

    rows: Rows
    names: list[str]
    packed: dict[str, Any]
    correction: float


def explain_last_window(model: Model, panel: Panel, collected: Collector) -> Explained:
    """The components of the forecasts of the last window of the tracks that are shown."""
    horizon = model.horizon
    chosen = np.flatnonzero(panel.lengths > horizon)[: max(1, MOST_VALUES // ((MOST_NAMED + 2) * horizon))]
    part = panel.choose(chosen)
    cuts = part.lengths - horizon
    found = find_components(model, part.cut(cuts), part.ahead(cuts, horizon))
    means = np.nanmean(found.shares, axis=(0, 2))
    order = np.argsort(-means).tolist()
    parts = _parts(found, order[:MOST_NAMED])
    names = [found.names[i] for i in order[:MOST_NAMED]] + ["other naive forecasts", "correction"]
    packed = {}
    for k, (s, c) in enumerate(part.tracks()):
        name = part.track_name(part.names[s], part.columns.targets[c])
        if name in collected.tracks:
            packed[name] = pack(parts[k].ravel())
    rows = [[found.names[i], f"{100 * means[i]:.1f} %"] for i in order if means[i] >= 0.0005]
    size = np.nanmean(np.abs(found.correction)) / np.nanmean(np.abs(found.forecast)) if len(found.forecast) else 0.0
    return Explained((["naive forecast", "mean share"], rows), names, packed, float(size))


def _parts(found: Components, named: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The contributions of some naive forecasts, of the others together, and the correction, [K, P, N]."""
    each = found.shares * found.naives
    others = each.sum(1) - each[:, named].sum(1)
    rest = found.correction + found.raised
    return np.concatenate([each[:, named], others[:, None], rest[:, None]], axis=1)
