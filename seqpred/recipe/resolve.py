"""Resolve a config: every `auto` is replaced by a value that suits the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np

from seqpred.config.schema import Config
from seqpred.config.values import Auto
from seqpred.features.calendar_cycles import find_calendar
from seqpred.inspection.detect import one_or_list
from seqpred.inspection.seasons import find_anchor, find_season, sample
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import rows_before_validation
from seqpred.recipe.minimum import find_minimum
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.recipe.start import check_fine_tuning, only_fine_tunes, resolve_start
from seqpred.recipe.threads import choose_threads

T = TypeVar("T")

VALIDATION_BLOCKS = 30  # one horizon of one track each; enough to compare networks by
VALIDATION_HORIZONS = 8  # per track; older windows predict the next one less well
LONGEST_SEASON = 400  # rows that are forecast at once by default; a year of days is within it
SHORT_HORIZON, LONG_HORIZON = 12, 60  # without a season; with a longer one: an hour of minutes, a minute of seconds
SMALLEST_WINDOW, LARGEST_WINDOW = 24, 256
SMALL_BATCH, FULL_BATCH = 8, 32  # windows in a training step
MAX_OUTPUTS = 1 << 24  # quantiles emitted in a training step: half a second of work and 0.7 GB of memory
DEFAULT_LAGS = [1, 2, 4, 8]  # where no season suggests others
FEW_ROWS = 2000  # overfit by a larger hidden state
PATIENCE, SHORT_PATIENCE = 5, 2  # validations; the second where few rows seldom improve on the pretrained forecast
MANY_ROWS = 20_000  # for which three members forecast as well as five
MOST_JOINT = 16  # targets that are inputs to each other: each adds two inputs to every other one


def resolve(config: Config, panel: Panel) -> ResolvedConfig:
    """The config with every `auto` resolved; all other values are kept.

    Args:
        panel: all training rows, the validation split included.
    """
    dialect = panel.clock.complete(panel.dialect)
    data = {
        "data.time": one_or_list(panel.columns.time),
        "data.id": panel.columns.id,
        "data.date_order": dialect.date_order,
        "data.timestamp_format": dialect.timestamp_format,
        "data.decimal": dialect.decimal,
        "data.unit": dict(dialect.unit),
        "data.frequency": str(panel.step),
        "data.timezone": dialect.timezone,
    }
    spans = _resolve_spans(config, panel)
    cuts = rows_before_validation(panel.lengths, spans["training.validation"], spans["model.anchor"])
    minimum = {"forecast.minimum": find_minimum(config.forecast.minimum, panel, cuts)}
    return ResolvedConfig.of(config.replace({**data, **spans, **minimum, **_resolve_sizes(config, panel, spans)}))


def _resolve_spans(config: Config, panel: Panel) -> dict[str, Any]:
    """The keys that count rows back or ahead, and the calendar cycles that no lag spans."""
    model, forecast, calendar = config.model, config.forecast, config.data.covariates.calendar
    tracks, typical = len(panel.names) * panel.roles.count("target"), int(np.median(panel.lengths))
    searched, available = _searched_rows(config, panel, typical)
    season = _known(forecast.season, lambda: find_season(searched, available))
    horizon = _known(forecast.horizon, lambda: _horizon(season, typical))
    validation = _known(config.training.validation, lambda: _validation(horizon, typical, tracks))
    best_anchor, best_lags = find_anchor(searched, season, horizon, available)
    anchor = _known(model.anchor, lambda: best_anchor)
    lags = _known(model.lags, lambda: best_lags if len(best_lags) > 1 else DEFAULT_LAGS)
    longest = max(1, typical - validation - anchor - 1)
    cycles = list(find_calendar(panel, max(anchor, *lags))) if calendar == "auto" else calendar
    return {
        "data.covariates.calendar": [] if cycles == "none" else cycles,
        "model.anchor": anchor,
        "model.lags": lags,
        "model.window": _known(model.window, lambda: _window(horizon, season, longest, _outputs(config, horizon))),
        "forecast.season": season,
        "forecast.horizon": horizon,
        "training.validation": validation,
    }


def _resolve_sizes(config: Config, panel: Panel, spans: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that set how large the networks and the steps of training are."""
    model, training, targets = config.model, config.training, panel.roles.count("target")
    rows, outputs = len(panel.values) * targets, _outputs(config, spans["forecast.horizon"])
    start = resolve_start(model, spans["forecast.season"])
    covariates = len(panel.roles) > targets or bool(config.data.covariates.holidays)
    tuned_only = start == "pretrained" and not covariates and only_fine_tunes(model, rows)
    if training.max_steps == 0:
        check_fine_tuning(start, rows, covariates=covariates)
    patience = SHORT_PATIENCE if start == "pretrained" and rows < FEW_ROWS else PATIENCE
    hidden_size = _known(model.hidden_size, lambda: 32 if rows < FEW_ROWS else 64)
    usual = partial(_batch_size, rows, spans["model.window"], outputs, bidirectional=model.bidirectional)
    batch_size = _known(training.batch_size, usual)
    return {
        "model.joint": _known(model.joint, lambda: 1 < targets <= MOST_JOINT),
        "model.hidden_size": hidden_size,
        "model.start": start,
        "model.members": _known(model.members, lambda: 5 if rows < MANY_ROWS else 3),
        "training.batch_size": batch_size,
        "training.learning_rate": _known(training.learning_rate, lambda: _learning_rate(batch_size)),
        "training.patience": _known(training.patience, lambda: patience),
        "training.max_steps": _known(training.max_steps, lambda: 0 if tuned_only else usual_steps(rows, batch_size)),
        "training.threads": _known(training.threads, lambda: choose_threads(hidden_size, batch_size)),
    }


def _outputs(config: Config, horizon: int) -> int:
    """Quantiles that the network emits at each position."""
    return horizon * len({*config.forecast.quantiles, 0.5})


def _known(value: T | Auto, infer: Callable[[], T]) -> T:
    """The value, or what is inferred for `auto`."""
    return infer() if value == "auto" else value


def _searched_rows(config: Config, panel: Panel, typical: int) -> tuple[Panel, int]:
    """The rows searched for seasons and lags, without the validation split; and how many rows a lag may span.

    At least a quarter of each series is omitted. The second number depends on lengths alone, so that it reveals
    nothing about the validation split.
    """
    horizon, validation = config.forecast.horizon, config.training.validation
    if validation == "auto":
        tracks = len(panel.names) * panel.roles.count("target")
        validation = typical // 2 if horizon == "auto" else _validation(horizon, typical, tracks)
    omitted = max(typical // 4, horizon if horizon != "auto" else 1, 1)
    cuts = np.maximum(panel.lengths - max(omitted, validation), np.minimum(panel.lengths, 1))
    return sample(panel, cuts), typical - omitted


def _horizon(season: int, rows: int) -> int:
    """One season, and at most a sixth of the rows."""
    usual = SHORT_HORIZON if season == 1 else season if season <= LONGEST_SEASON else LONG_HORIZON
    return max(1, min(usual, rows // 6))


def _validation(horizon: int, rows: int, tracks: int) -> int:
    """Eight horizons or as many as make enough blocks, within a quarter of the rows.

    If a quarter has too few blocks, eight horizons within half of the rows; at least one horizon.
    """
    if rows // 4 // horizon * tracks < VALIDATION_BLOCKS:
        return max(horizon, min(rows // 2, VALIDATION_HORIZONS * horizon))
    horizons = max(VALIDATION_HORIZONS, -(-VALIDATION_BLOCKS // tracks))
    return max(horizon, min(rows // 4, horizons * horizon))


def _window(horizon: int, season: int, longest: int, outputs: int) -> int:
    """Two horizons or seasons, within the rows there are and the outputs of a quarter of a step."""
    usual = min(max(2 * horizon, 2 * season, SMALLEST_WINDOW), LARGEST_WINDOW)
    return min(usual, longest, max(SMALLEST_WINDOW, MAX_OUTPUTS // (4 * outputs)))


def _batch_size(rows: int, window: int, outputs: int, *, bidirectional: bool) -> int:
    """Windows in a step: up to a quarter of all rows or of the outputs of a step, 8 to 32; 128 if bidirectional."""
    if bidirectional:  # emits at the end of a window only
        return max(4, min(128, MAX_OUTPUTS // outputs))
    batch_size = min(FULL_BATCH, max(SMALL_BATCH, min(rows // 4, MAX_OUTPUTS // (4 * outputs)) // window))
    return max(4, min(batch_size, MAX_OUTPUTS // (window * outputs)))


def _learning_rate(batch_size: int) -> float:
    """From 0.002 for a small batch to 0.005 for a full one, whose gradients have less noise."""
    return round(0.002 * _relative_size(batch_size) ** (2 / 3), 4)


def usual_steps(rows: int, batch_size: int) -> int:
    """The steps at most of networks that are trained on so many rows.

    A multiple of 100 that grows with the logarithm of the rows: 1000 at 100 rows, 1200 full batches at 100,000.
    """
    return int(round(500 * math.log10(max(rows, 100)) / math.sqrt(_relative_size(batch_size)), -2))


def _relative_size(batch_size: int) -> float:
    """The size of a batch relative to a small one of 8 windows, at most 4."""
    return min(max(batch_size, SMALL_BATCH), FULL_BATCH) / SMALL_BATCH
