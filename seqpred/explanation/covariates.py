"""The effect of each covariate on the forecasts, and its importance for the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Float
from seqpred.evaluation.backtest import BacktestSpec, Forecaster, Window, backtest
from seqpred.evaluation.baselines import Baselines
from seqpred.features.covariates import Covariate
from seqpred.forecasting.model import Model
from seqpred.forecasting.model_session import make_forecaster
from seqpred.panel.panel import SINCE, Panel

SEED = 0
HOLIDAYS = "holidays"


@dataclass(frozen=True)
class CovariateEffect:
    """What one covariate changes.

    Attributes:
        role: known, past or static.
        typical: the mean of the training rows of a number, the usual interval of irregular rows, the most frequent
            category of the data given, or no holiday.
        effect: [K, N], the forecast minus the forecast with the covariate at its typical value in every row.
        mase: of the forecasts with the covariate permuted over the rows; None if nothing can be scored.
        importance: that MASE minus the MASE of the model.
    """

    name: str
    role: str
    typical: float | str
    effect: Float
    mase: float | None = None
    importance: float | None = None


def find_effects(model: Model, panel: Panel, ahead: Float) -> list[CovariateEffect]:
    """The effect of each covariate on the forecasts that follow a panel, in the order of the config.

    Args:
        ahead: [S, N, known], known covariates of the steps after the panel.
    """
    columns, targets = model.covariates.columns, panel.roles.count("target")
    found = [_effect(model, panel, ahead, column, targets + i) for i, column in enumerate(columns)]
    if model.covariates.holidays:
        without = _without_holidays(model)
        effect = model.forecast(panel, model.horizon, ahead) - without(panel, model.horizon, ahead)
        found.append(CovariateEffect(HOLIDAYS, "known", "no holiday", effect[..., model.config.median]))
    return found


def with_importance(
    found: Sequence[CovariateEffect], model: Model, panel: Panel, windows: Sequence[Window]
) -> tuple[list[CovariateEffect], float | None]:
    """Effects with the importance of each covariate, the most important first, and the MASE of the model.

    The importance is that of Breiman 2001, Machine Learning 45(1): how much the score worsens when the values of the
    covariate are permuted over all rows of all series, with a fixed seed.

    Args:
        windows: of the panel, on which the importance is measured; empty to skip it.
    """
    if not found or not windows:
        return [*found], None
    columns, targets = model.covariates.columns, panel.roles.count("target")
    changed = {column.name: _with_column(model, targets + i) for i, column in enumerate(columns)}
    if model.covariates.holidays:
        changed[HOLIDAYS] = _without_holidays(model)
    scores = _score(model, panel, changed, windows)
    own = scores[""]
    ranked = [_ranked(effect, scores[effect.name], own) for effect in found]
    return sorted(ranked, key=lambda effect: -(effect.importance or 0.0)), own


def _ranked(effect: CovariateEffect, mase: float | None, own: float | None) -> CovariateEffect:
    return replace(effect, mase=mase, importance=None if mase is None or own is None else mase - own)


def _effect(model: Model, panel: Panel, ahead: Float, column: Covariate, place: int) -> CovariateEffect:
    """The effect of one column on the medians."""
    value, described = _typical(panel, column, place)
    values, ahead_typical = panel.values.copy(), ahead.copy()
    values[:, place] = value
    known = [c.name for c in model.covariates.known]
    if column.name in known:
        ahead_typical[..., known.index(column.name)] = value
    forecasts = model.forecast(panel, model.horizon, ahead)
    effect = forecasts - model.forecast(replace(panel, values=values), model.horizon, ahead_typical)
    return CovariateEffect(column.name, column.role, described, effect[..., model.config.median])


def _typical(panel: Panel, column: Covariate, place: int) -> tuple[float, float | str]:
    """The typical value of a column as the panel stores it, and as a person reads it."""
    if column.words is None:
        usual = column.spread if column.name == SINCE else column.mean
        return usual, usual
    codes = panel.values[:, place]
    codes = codes[np.isfinite(codes)].astype(np.int64)
    code = int(np.bincount(codes).argmax()) if len(codes) else 0
    return float(code), column.words[code - 1] if code else "(unknown)"


def _with_column(model: Model, place: int) -> Forecaster:
    """The model on panels whose column at `place` is permuted over all rows, known rows ahead included."""

    def forecast(panel: Panel, steps: int, ahead: Float) -> Float:
        values, ahead = panel.values.copy(), ahead.copy()
        known = [i for i, role in enumerate(panel.roles) if role == "known"]
        parts = [values[:, place]] + ([ahead[..., known.index(place)]] if place in known else [])
        pool = np.concatenate([part.ravel() for part in parts])
        pool = np.random.default_rng(SEED).permutation(pool)
        for part, own in zip(parts, np.split(pool, [parts[0].size]), strict=False):
            part[...] = own.reshape(part.shape)
        return model.forecast(replace(panel, values=values), steps, ahead)

    return forecast


def _without_holidays(model: Model) -> Forecaster:
    """The model with no day being a holiday."""
    covariates = model.covariates
    assert covariates.holidays is not None
    without = replace(covariates, holidays=replace(covariates.holidays, days=()))
    return make_forecaster(model.config, without, model.runtime, model.added_forecast)


def _score(
    model: Model, panel: Panel, changed: dict[str, Forecaster], windows: Sequence[Window]
) -> dict[str, float | None]:
    """The MASE with each covariate changed, by its name; that of the unchanged model by the empty name."""
    spec = BacktestSpec(model.config.levels, model.horizon, Baselines(model.config.forecast.season))
    forecasters: dict[str, Forecaster] = {"model": model.forecast}
    forecasters |= {f"changed {name}": forecast for name, forecast in changed.items()}
    scores = backtest(panel, forecasters, spec, windows).scores
    return {name.removeprefix("changed ") if name != "model" else "": scores[name].mase for name in forecasters}
