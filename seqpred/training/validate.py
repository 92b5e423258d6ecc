"""Validation: train networks without the validation split, and choose from their results how to train the members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seqpred.features.covariates import Covariates
from seqpred.network.ensemble import Weights, gather
from seqpred.network.machine import keep_memory
from seqpred.panel.panel import Panel
from seqpred.recipe.resolve import VALIDATION_BLOCKS
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.choice import Choice, choose
from seqpred.training.dataset import training_windows
from seqpred.training.loop import Hooks
from seqpred.training.memory import check_memory
from seqpred.training.networks import NetworkSequence, fit_options
from seqpred.training.run import Score
from seqpred.training.windows import Windows

MAX_FOLDS = 4
TIME_SHARE = 3  # validation may use one part in so many of the time budget, so that two members take as many steps


@dataclass(frozen=True)
class Validation:
    """The result of validation.

    Attributes:
        choice: the number of steps, the shrinkage and the interval scale.
        score: of the network that was trained without the whole validation split.
        held_out: weights of an ensemble of that network alone, for scores on the validation split.
        schedule_steps: steps of the schedule that the members follow.
        windows: of all tracks, with the validation split held out.
        networks: the networks trained so far.
    """

    choice: Choice
    score: Score
    held_out: Weights
    schedule_steps: int
    windows: Windows
    networks: NetworkSequence


def validate(
    panel: Panel,
    config: ResolvedConfig,
    covariates: Covariates,
    hooks: Hooks | None = None,
    checkpoint: Checkpoint | None = None,
) -> Validation:
    """Train without the validation split, the last rows of each series, and score on it.

    If the split is too small to decide by, up to four networks are trained, each without a larger part of it.

    Args:
        panel: with the encoded categories of `apply_covariates`.
        checkpoint: stores the state, and holds the state to resume, if any.
    Raises:
        ConfigError: training would need more memory than is free.
        DataError: too few rows to train on, or to validate on.
    """
    keep_memory()  # before the first tensor
    shape, options, budget = config.shape(covariates), fit_options(config), config.training.time_budget
    check_memory(shape, config.model.window, options.batch_size, options.device)
    windows = training_windows(panel, config, covariates)
    folds = list(_folds(windows, config))
    networks = NetworkSequence(shape, hooks or Hooks(), checkpoint, len(folds) + config.model.members)
    for i, fold in enumerate(folds):
        left = None if budget is None else max(budget / TIME_SHARE - networks.seconds, 1e-3) / (len(folds) - i)
        networks.fit(fold, replace(options, schedule=replace(options.schedule, time_budget=left)))
    outcomes, last = networks.outcomes, networks.outcomes[-1]
    results, blocks = [o.validation_results for o in outcomes], [fold.validation_blocks() for fold in folds]
    choice = choose(results, blocks, shape.levels[-1] - shape.levels[0])
    held_out = gather([last.weights], last.initial, choice.shrinkage, choice.interval_scale)
    steps = max(1, *(outcome.schedule_steps for outcome in outcomes))
    return Validation(choice, last.score, held_out, steps, windows, networks)


def _folds(windows: Windows, config: ResolvedConfig) -> Iterator[Windows]:
    """The windows with larger and larger parts of the validation split held out, at last all of it."""
    validation, horizon = config.training.validation, config.forecast.horizon
    held_out = windows.ends - windows.cuts
    blocks = int((held_out // horizon).sum())
    count = 1 if blocks >= VALIDATION_BLOCKS else min(MAX_FOLDS, max(1, validation // horizon))
    for i in range(1, count + 1):
        fold = windows.hold_out(held_out * i // count)
        if len(fold.starts().tracks) and len(fold.validation_windows()[0]):
            yield fold
