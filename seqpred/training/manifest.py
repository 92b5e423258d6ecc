"""The manifest of a model folder: how the model was made, from which data, and its validation scores."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqpred.evaluation.backtest import BacktestSpec, Forecaster, backtest, last_windows
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.holdout import Holdout
from seqpred.features.covariates import Covariates
from seqpred.forecasting.model_session import make_forecaster, torch_runtime
from seqpred.forecasting.pretrained_part import PretrainedPart
from seqpred.network.ensemble import Weights
from seqpred.network.machine import choose_device
from seqpred.panel.panel import Panel
from seqpred.pretrained.weights import read_weights
from seqpred.recipe.eligibility import has_validation
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.recipe.start import start_conflict
from seqpred.runtime.blend_runtime import BlendRuntime

if TYPE_CHECKING:
    from seqpred.training.members import Fit

MOST_SCORED, MOST_ROWS = 1000, 2_000_000  # series, and rows of them, that the validation scores cover
MOST_HISTORY = 200_000  # rows of a long series before its last one
MOST_WINDOWS = 4  # of the validation split


def make_manifest(
    panel: Panel,
    config: ResolvedConfig,
    covariates: Covariates,
    fit: Fit,
    scores: Mapping[str, Any],
    holdout: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest, without the date and duration of the training; it contains no row of the data.

    Args:
        panel: the rows that the model was trained on.
        scores: on the validation split.
        holdout: scores on the holdout, if any.
    """
    ends = panel.ends.tolist()
    return {
        "made_by": made_by(),
        "data": {
            "fingerprint": panel.fingerprint(),
            "series": len(panel.names),
            "rows": len(panel.values),
            "ends": ends[0] if len(set(ends)) == 1 else dict(zip(panel.names, ends, strict=True)),
            "notes": list(panel.notes),
        },
        "covariates": covariates.as_data(),
        **({"holidays": covariates.holidays.as_data()} if covariates.holidays else {}),
        "start": describe_start(config, fit.part),
        "training": {"steps": fit.steps, "reason": fit.reason, "chosen": asdict(fit.choice)},
        "scores": dict(scores),
        **({"holdout": dict(holdout)} if holdout else {}),
    }


def describe_start(config: ResolvedConfig, part: PretrainedPart | None) -> dict[str, Any]:
    """Whether the forecast contains that of a pretrained network, with which share, and of which network."""
    if config.model.start == "blank":
        return {"network": None, "share": 0.0, "reason": start_conflict(config.model, config.forecast.season)}
    return {
        "network": config.model.cell,
        "fingerprint": read_weights(config.model.cell).fingerprint,
        "share": 0.0 if part is None else part.share,
        "tuned_share": 0.0 if part is None else part.tuned_share,
    }


def made_by() -> dict[str, str]:
    """The versions of the software."""
    from seqpred import __version__

    return {"seqpred": __version__, "torch": torch.__version__, "python": platform.python_version()}


def made_for(panel: Panel, config: ResolvedConfig, covariates: Covariates) -> dict[str, Any]:
    """All that a training depends on; it is resumed only if none of this has changed."""
    return {
        "data": {"fingerprint": panel.fingerprint(), "covariates": covariates.as_data()},
        **({"holidays": covariates.holidays.as_data()} if covariates.holidays else {}),
        "config": config.model_dump(),
        "pretrained": None if config.model.start == "blank" else read_weights(config.model.cell).fingerprint,
        "device": str(choose_device(config.training.device)),
        "made_by": made_by(),
    }


def validation_scores(panel: Panel, config: ResolvedConfig, covariates: Covariates, fit: Fit) -> dict[str, Any]:
    """Scores, next to the baselines, of weights trained without the validation split.

    With many series, the scores cover a sample drawn with a fixed seed, which `series` and `series_in_all` report. Of
    a very long series, only the last rows are used.
    """
    horizon = config.forecast.horizon
    windows = max(1, min(MOST_WINDOWS, config.training.validation // horizon))
    held = np.flatnonzero(has_validation(config, panel.lengths))
    in_all = len(held)
    if in_all > MOST_SCORED or panel.lengths[held].sum() > MOST_ROWS:
        held = np.random.default_rng(0).permutation(held)[:MOST_SCORED]
        held = np.sort(held[: max(1, np.searchsorted(np.cumsum(panel.lengths[held]), MOST_ROWS))])
    season, levels = config.forecast.season, config.levels
    lengths = panel.lengths[held]
    panel = panel.part(held, np.maximum(lengths - MOST_HISTORY, 0), lengths)
    parts = last_windows(panel.lengths, horizon, ["validation"] * windows)
    baselines = Baselines.of(panel, season, config.input_spec.cycles)
    forecasters = ensemble_forecasters(config, covariates, fit.held_out, fit.held_out_part)
    found = backtest(panel, forecasters, BacktestSpec(levels, horizon, baselines), parts)
    return {
        "part": "validation",
        "windows": windows,
        "series": len(held),
        "series_in_all": in_all,
        "skill": found.skill,
        "network_skill": found.network_skill,
        "metrics": {name: scores.to_dict() for name, scores in found.scores.items()},
    }


def holdout_scores(
    panel: Panel, holdout: Holdout, config: ResolvedConfig, forecasters: Mapping[str, Forecaster]
) -> dict[str, Any]:
    """Scores of a model and the baselines on the held-out rows.

    Args:
        panel: all rows, with the encoded categories of `apply_covariates`.
        forecasters: the model and the blend.
    """
    horizon = config.forecast.horizon
    windows = holdout.windows(horizon)
    baselines = Baselines.of(panel, config.forecast.season, config.input_spec.cycles)
    spec = BacktestSpec(config.levels, horizon, baselines)
    found = backtest(panel, forecasters, spec, windows)
    return {
        "part": "unseen",
        "from": holdout.spec,
        "windows": len(windows),
        "skill": found.skill,
        "network_skill": found.network_skill,
        "metrics": {name: scores.to_dict() for name, scores in found.scores.items()},
    }


def ensemble_forecasters(
    config: ResolvedConfig, covariates: Covariates, weights: Weights, part: PretrainedPart | None
) -> dict[str, Forecaster]:
    """An ensemble with its share of the pretrained forecast, and its blend without the networks."""
    added = None if part is None else part.forecast(config, float(weights["interval_scale"][0]), "torch")
    return {
        "model": make_forecaster(config, covariates, torch_runtime(config, covariates, weights), added),
        "blend": make_forecaster(config, covariates, BlendRuntime(config.shape(covariates), weights)),
    }
