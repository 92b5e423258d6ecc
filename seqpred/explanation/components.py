"""The components of the forecasts of a panel: they add up to the forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Float
from seqpred.forecasting.model import Model
from seqpred.forecasting.session import forecast_panel
from seqpred.panel.panel import Panel
from seqpred.pretrained import PRETRAINED


@dataclass(frozen=True)
class Components:
    """The components of the forecasts of K tracks, in the target's unit.

    `forecast` is the sum over the naive forecasts of share times forecast, plus `correction`, plus `raised`.

    Attributes:
        names: of the A naive forecasts, the one that the network corrects first; the forecast of the pretrained
            network, if the model contains it, is the last one, `pretrained`.
        forecast: [K, N], the median that `predict` returns; NaN for a track without an observation.
        naives, shares: [K, A, N], the naive forecasts and their weights, which sum to 1 over A.
        correction: [K, N], what the network adds.
        raised: [K, N], by how much the forecast was raised to `forecast.minimum`.
        rounding: [K, N], the part of the correction that is the float32 rounding of the forecast.
    """

    names: tuple[str, ...]
    forecast: Float
    naives: Float
    shares: Float
    correction: Float
    raised: Float
    rounding: Float

    def contributions(self) -> Iterator[tuple[str, Float]]:
        """Each component by name, [K, N]; their sum is the forecast."""
        for i, name in enumerate(self.names):
            yield name, self.shares[:, i] * self.naives[:, i]
        yield "correction", self.correction
        if np.nan_to_num(self.raised).any():
            yield "raised_to_minimum", self.raised


def find_components(model: Model, panel: Panel, ahead: Float) -> Components:
    """The components of the forecasts that follow each track of a panel, over one horizon.

    Args:
        ahead: [S, N, known], known covariates of the steps.
    Raises:
        FolderError: the weights do not fit the config.
    """
    spec = model.component_spec(panel.step, model.horizon)
    added = model.added_forecast and model.added_forecast(panel.step)
    found = forecast_panel(panel, replace(spec, minimums=()), ahead)
    median, zero, one, corrected = (found[..., i] for i in range(4))
    count = (found.shape[-1] - 4) // 2
    naives, shares = np.moveaxis(found[..., 4:], -1, 1).reshape(len(found), 2, count, model.horizon).swapaxes(0, 1)
    unit = (one - zero)[:, None]  # 0 if the scale is below the precision of the values: then all naives are equal
    shares = np.divide(shares - zero[:, None], unit, out=np.zeros_like(shares), where=unit != 0)
    names, naives, shares = _merge(
        model.component_names,
        np.concatenate([zero[:, None], naives], axis=1),
        np.concatenate([1 - shares.sum(1, keepdims=True), shares], axis=1),
    )
    own = corrected - zero
    if added is not None:
        other = forecast_panel(panel, added.spec, ahead[..., :0])[..., model.config.median]
        names, naives = (*names, PRETRAINED), np.concatenate([naives, other[:, None]], axis=1)
        shares = np.concatenate([(1 - added.share) * shares, np.full_like(other, added.share)[:, None]], axis=1)
        median, own = (1 - added.share) * median + added.share * other, (1 - added.share) * own
    forecast = model.forecast(panel, model.horizon, ahead)[..., model.config.median]
    raised = np.zeros_like(median)
    if spec.lowest is not None:
        raised = np.maximum(np.tile(spec.lowest.ravel(), len(panel.names))[:, None] - median, 0)
    correction = forecast - raised - (shares * naives).sum(1)
    return Components(names, forecast, naives, shares, correction, raised, rounding=correction - own)


def _merge(names: tuple[str, ...], naives: Float, shares: Float) -> tuple[tuple[str, ...], Float, Float]:
    """One entry for each name: with an anchor of one row, its forecast is also in the table."""
    unique = tuple(dict.fromkeys(names))
    places = [[i for i, name in enumerate(names) if name == own] for own in unique]
    total = np.stack([shares[:, own].sum(1) for own in places], axis=1)
    return unique, naives[:, [own[0] for own in places]], total
