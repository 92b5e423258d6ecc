"""Forecast with the pretrained network: no config, no training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqpred.commands.predict import checked_levels, compute_forecasts
from seqpred.commands.pretrained import pretrained_for
from seqpred.notes import Notify, no_op
from seqpred.sources.opening import open_source

if TYPE_CHECKING:
    import pandas as pd


def forecast(
    data: object,
    *,
    horizon: int | None = None,
    quantiles: Sequence[float] | None = None,
    overrides: dict[str, Any] | None = None,
    notify: Notify = no_op,
) -> pd.DataFrame:
    """Forecast the rows that follow the data with the pretrained network: one row per series, target and step.

    Args:
        data: the history, a path or a DataFrame.
        horizon: how many rows to forecast; by default one season, and at most a sixth of the rows.
        quantiles: any levels between 0 and 1; by default 0.1 to 0.9.
        overrides: keys of the config by dotted name, as `{"data.target": "sales"}`.
        notify: receives what was chosen.
    """
    from seqpred.reading.frame import to_frame

    options = {
        "forecast.horizon": horizon,
        "forecast.quantiles": None if quantiles is None else checked_levels(quantiles),
    }
    keys = {**{key: value for key, value in options.items() if value is not None}, **(overrides or {})}
    source = open_source(data)
    model = pretrained_for(source, keys, notify)
    return to_frame(compute_forecasts(model, source, notify=notify).table(as_text=False))
