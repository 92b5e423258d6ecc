"""Validation: train networks without the validation split, and choose from their results how to train the members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from seqpred.arrays import Float32
from seqpred.features.covariates import Covariates
from seqpred.network.ensemble import Weights, gather
from seqpred.network.machine import keep_memory
from seqpred.panel.panel import Panel
from seqpred.recipe.resolve import VALIDATION_BLOCKS
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.choice import Choice, choose
from seqpred.training.dataset import training_windows
from seqpred.training.loop import FitOptions
from seqpred.training.memory import can_keep, check_memory
from seqpred.training.networks import Networks, Spent, fit_options, member_options
from seqpred.training.pretrained_forecasts import add_pretrained
from seqpred.training.progress import Hooks
from seqpred.training.run import Outcome, Score
from seqpred.training.windows import Windows

MAX_FOLDS = 4
MIN_ROWS = 2  # with a known target, without which a fold cannot estimate the spread of errors
TIME_SHARE = 1 / 3  # of the time budget that validation may use, so that two members take as many steps
ALONGSIDE_SHARE = 0.95  # the same if members are trained at the same time, which may be a few steps behind


@dataclass(frozen=True)
class Validation:
    """The result of validation.

    Attributes:
        choice: the number of steps, the shrinkage, the interval scale and the share of the pretrained forecast.
        largest_errors: [N], the largest error at each step, in units of the scale; negative where unknown.
        score: of the network that was trained without the whole validation split.
        held_out: weights of an ensemble of that network alone, for scores on the validation split.
        schedule_steps: steps of the schedule that the members follow.
        step_seconds: the time that a step took.
        panel: from which the members are trained.
        windows: of all its tracks, with the validation split held out.
        pretrained: weights of the pretrained network with which it was compared; None if blank.
        networks: the networks trained so far.
    """

    choice: Choice
    largest_errors: Float32
    score: Score
    held_out: Weights
    schedule_steps: int
    step_seconds: float
    panel: Panel
    windows: Windows
    networks: Networks
    pretrained: Mapping[str, Float32] | None = None


def validate(
    panel: Panel,
    config: ResolvedConfig,
    covariates: Covariates,
    hooks: Hooks | None = None,
    checkpoint: Checkpoint | None = None,
    *,
    ahead: bool = False,
) -> Validation:
    """Train without the validation split, the last rows of each series, and score on it.

    If the split is too small for a decision, up to four networks are trained, each without a larger part of it.

    Args:
        panel: with the encoded categories of `apply_covariates`.
        checkpoint: stores the state, and contains the state to resume, if any.
        ahead: whether idle processes may start to train members, for `train_members`.
    Raises:
        ConfigError: training would need more memory than is free.
        DataError: too few rows to train on, or to validate on.
    """
    keep_memory()  # before the first tensor
    shape, options = config.shape(covariates), fit_options(config)
    check_memory(shape, config.model.window, options.batch_size, options.device)
    windows = training_windows(panel, config, covariates)
    folds, pretrained = add_pretrained(list(_folds(windows, config)), panel, config)
    members = config.model.members
    networks = Networks(shape, hooks or Hooks(), checkpoint, len(folds) + members)
    networks.note_idle_ranks(options)
    kept = options.schedule.steps // options.validate_every  # copies of the weights of a member trained ahead
    next_ones = [folds[-1].train_on_all()] * members if ahead and kept and can_keep(shape, kept) else []
    networks.train([*folds, *next_ones], partial(_options, options, len(folds)), ahead=len(next_ones))
    choice, largest_errors = _choose(folds, networks.outcomes, shape.levels[-1] - shape.levels[0])
    last = networks.outcomes[-1]
    held_out = gather([last.weights], last.initial, choice.shrinkage, choice.interval_scale)
    steps = max(1, *(outcome.schedule_steps for outcome in networks.outcomes))
    pace = sum(outcome.seconds for outcome in networks.outcomes) / max(1, networks.steps)
    return Validation(choice, largest_errors, last.score, held_out, steps, pace, panel, folds[-1], networks, pretrained)


def with_all_rows(
    validation: Validation, everything: Panel, config: ResolvedConfig, covariates: Covariates
) -> Validation:
    """The same choices for members that are trained on a panel with the holdout.

    Args:
        everything: with the encoded categories of `apply_covariates`.
    """
    windows = training_windows(everything, config, covariates)
    (held_out,), pretrained = add_pretrained([windows], everything, config)
    return replace(validation, panel=everything, windows=held_out, pretrained=pretrained)


def _options(options: FitOptions, folds: int, place: int, spent: Spent) -> FitOptions | None:
    """The options of a fold, or of a member trained ahead; None if the time budget has no time for that.

    Each fold has an equal part of what is left of the time for validation. That is most of the time if members are
    trained next to all folds; then they have the same time.
    """
    schedule, alongside = options.schedule, spent.processes > folds
    if schedule.time_budget is not None:
        if place >= folds and not alongside:
            return None
        rounds = 1 if alongside else -(-(folds - place) // spent.processes)  # of networks trained at the same time
        share = ALONGSIDE_SHARE if alongside else TIME_SHARE
        schedule = replace(schedule, time_budget=max(share * schedule.time_budget - spent.seconds, 1e-3) / rounds)
    if place >= folds:
        return member_options(options, place - folds, replace(schedule, ahead=True))
    return replace(options, schedule=schedule)


def _choose(folds: Sequence[Windows], outcomes: Sequence[Outcome], coverage: float) -> tuple[Choice, Float32]:
    """The choice, and the largest errors at the chosen step, from folds that were trained on enough known targets.

    A series that does not change has no scale, and no target in units of it; a fold that ends before it changes has
    nothing to train on.
    """
    usable = [(f.validation_blocks(), o) for f, o in zip(folds, outcomes, strict=True) if o.known_rows >= MIN_ROWS]
    if not usable:
        return Choice(0, 0.0, 1.0), np.full(folds[0].spec.horizon, -np.inf, np.float32)
    results = [outcome.validation_results for _, outcome in usable]
    choice = choose(results, [blocks for blocks, _ in usable], coverage)
    errors = [r.largest_errors for fold in results for r in fold if r.step == choice.step]
    nearest = round(choice.pretrained_share * (len(errors[0]) - 1))
    return choice, np.max([own[nearest] for own in errors], axis=0)


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
