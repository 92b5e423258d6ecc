"""The components of the forecasts of the last window and the effects of covariates, for the charts of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqpred.evaluation.backtest import Window
from seqpred.explanation.components import Components, find_components
from seqpred.explanation.covariates import find_effects, with_importance
from seqpred.forecasting.model import Model
from seqpred.panel.panel import Panel
from seqpred.report.collect import Collector
from seqpred.report.components import MOST_EFFECTS, covariate_rows
from seqpred.report.encode import pack
from seqpred.report.text import Rows

MOST_NAMED = 5  # naive forecasts with a separate color
MOST_VALUES = 150_000  # in all parts: 300 kB


@dataclass(frozen=True)
class Explained:
    """The components of some tracks.

    Attributes:
        rows: the mean share of each naive forecast over all of them.
        names: of the parts that the chart stacks.
        packed: the parts [P, N] of each track, by name.
        correction: mean size of the correction relative to that of the forecast.
        covariates: a title and the covariates, the most important first; no rows without covariates.
        effect_names: of the covariates that the chart shows.
        effects: their effects [E, N] on the forecasts of each track, by name.
    """

    rows: Rows
    names: list[str]
    packed: dict[str, Any]
    correction: float
    covariates: tuple[str, Rows]
    effect_names: list[str]
    effects: dict[str, Any]


def explain_last_window(model: Model, panel: Panel, collected: Collector) -> Explained:
    """The components of the forecasts of the last window of the tracks that are shown."""
    horizon = model.horizon
    chosen = np.flatnonzero(panel.lengths > horizon)[: max(1, MOST_VALUES // ((MOST_NAMED + 2) * horizon))]
    part = panel.choose(chosen)
    cuts = part.lengths - horizon
    history, ahead = part.cut(cuts), part.ahead(cuts, horizon)
    found = find_components(model, history, ahead)
    window = Window(cuts, "unseen")  # the part plays no role for the importance
    effects, mase = with_importance(find_effects(model, history, ahead), model, part, [window])
    drawn = effects[:MOST_EFFECTS]
    means = np.nanmean(found.shares, axis=(0, 2))
    order = np.argsort(-means).tolist()
    parts = _parts(found, order[:MOST_NAMED])
    names = [found.names[i] for i in order[:MOST_NAMED]] + ["other naive forecasts", "correction"]
    packed, packed_effects = {}, {}
    for k, (s, c) in enumerate(part.tracks()):
        name = part.track_name(part.names[s], part.columns.targets[c])
        if name in collected.tracks:
            packed[name] = pack(parts[k].ravel())
            if drawn:
                packed_effects[name] = pack(np.concatenate([effect.effect[k] for effect in drawn]))
    rows = [[found.names[i].replace("_", " "), f"{100 * means[i]:.1f} %"] for i in order if means[i] >= 0.0005]
    size = np.nanmean(np.abs(found.correction)) / np.nanmean(np.abs(found.forecast)) if len(found.forecast) else 0.0
    return Explained(
        (["naive forecast", "mean share"], rows),
        names,
        packed,
        float(size),
        covariate_rows(effects, mase),
        [effect.name for effect in drawn],
        packed_effects,
    )


def _parts(found: Components, named: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The contributions of some naive forecasts, of the others together, and the correction, [K, P, N]."""
    each = found.shares * found.naives
    others = each.sum(1) - each[:, named].sum(1)
    rest = found.correction + found.raised
    return np.concatenate([each[:, named], others[:, None], rest[:, None]], axis=1)
