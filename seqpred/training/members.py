"""The members of an ensemble, trained on all rows for as many steps as validation has chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from seqpred.arrays import Float32
from seqpred.forecasting.pretrained_part import PretrainedPart
from seqpred.network.ensemble import Ensemble, Weights, gather
from seqpred.network.machine import threads
from seqpred.pretrained.weights import read_weights
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.storage.history import HistoryRow
from seqpred.storage.model_folder import PRETRAINED
from seqpred.training.choice import Choice
from seqpred.training.fine_tuning import adapt, is_fine_tuned
from seqpred.training.history import history_of
from seqpred.training.loop import FitOptions
from seqpred.training.networks import Spent, fit_options, member_options
from seqpred.training.validate import Validation
from seqpred.training.validation_score import ValidationSet, interval_widths

MARGIN = 1.5  # see `bounded_scale`


@dataclass(frozen=True)
class Fit:
    """A trained ensemble.

    Attributes:
        weights: of the ensemble.
        held_out: weights of an ensemble that was trained without the validation split, for scores on it.
        choice: the result of validation, with the interval scale of the ensemble.
        steps: of all networks together.
        history: the training and validation loss of every network as it was trained.
        reason: why the first network ended.
        part: the share of the pretrained forecast, if any.
        held_out_part: the same of a network that has not seen the validation split.
    """

    weights: Weights
    held_out: Weights
    choice: Choice
    steps: int
    reason: str
    history: Sequence[HistoryRow] = ()
    part: PretrainedPart | None = None
    held_out_part: PretrainedPart | None = None

    def arrays(self) -> dict[str, Float32]:
        """All arrays that a model folder stores."""
        part = {} if self.part is None else {PRETRAINED + name: array for name, array in self.part.arrays().items()}
        return {**self.weights, **part}


def train_members(config: ResolvedConfig, validation: Validation) -> Fit:
    """Train the members of the ensemble, each with its own seed, continuing the networks of the validation.

    Under a time budget, further members are trained while one more fits in. If validation has chosen no steps, all
    members would be alike, and one is trained.
    """
    choice, networks = validation.choice, validation.networks
    options, windows = fit_options(config), validation.windows.train_on_all()
    count = config.model.members if choice.step else 1
    members = networks.train([windows] * count, partial(_options, options, validation))
    initial = {name: np.mean([m.initial[name] for m in members], axis=0) for name in members[0].initial}
    weights = [member.weights for member in members]
    with threads(options.threads):
        scale = bounded_scale(validation, gather(weights, initial, choice.shrinkage, 1.0))
    ensemble = gather(weights, initial, choice.shrinkage, scale)
    choice = replace(choice, interval_scale=scale)
    outcomes = networks.outcomes
    history, share = history_of(outcomes), choice.pretrained_share
    part, held_out_part = _pretrained_parts(config, validation, share)
    reason = outcomes[0].reason
    return Fit(ensemble, validation.held_out, choice, networks.steps, reason, history, part, held_out_part)


def _pretrained_parts(
    config: ResolvedConfig, validation: Validation, share: float
) -> tuple[PretrainedPart | None, PretrainedPart | None]:
    """The share of the pretrained forecast, fine-tuned on all rows and without the validation split."""
    held_out = validation.pretrained
    if not share or held_out is None:
        return None, None
    weights: Mapping[str, Float32] = read_weights(config.model.cell).weights
    if is_fine_tuned(validation.panel, config):
        weights = adapt(validation.panel, config, weights)
    return PretrainedPart(weights, share), PretrainedPart(held_out, share)


def _options(options: FitOptions, validation: Validation, place: int, spent: Spent) -> FitOptions | None:
    """The options of a member; None if it no longer fits in the time budget."""
    budget = options.schedule.time_budget
    if budget is not None and place and not spent.ahead:
        needed = validation.step_seconds * validation.choice.step if spent.last is None else spent.last
        if spent.seconds + needed > budget:
            return None
    left = None if budget is None else max(budget - spent.seconds, 1e-3)
    steps, stop_step = validation.schedule_steps, validation.choice.step
    return member_options(options, place, replace(options.schedule, steps=steps, stop_step=stop_step, time_budget=left))


def bounded_scale(validation: Validation, weights: Weights) -> float:
    """The interval scale, at most so large that the widest interval reaches the largest error of validation.

    Intervals that reach at most `MARGIN` times that error are not narrowed, and no interval to less than half of its
    width, since few errors may all be small.

    Validation may have scored much narrower intervals than those of the members, which are trained on the held-out
    rows too: a series that hardly changed before these gave it small errors to estimate the intervals from.

    Args:
        weights: of the ensemble, with an interval scale of 1.
    """
    scale, networks = validation.choice.interval_scale, validation.networks
    largest = float(validation.largest_errors.max())
    if largest < 0:  # unknown
        return scale
    ensemble = Ensemble.from_weights(networks.shape, weights)
    levels = torch.tensor(networks.shape.levels)
    windows = ValidationSet.of(validation.windows, levels, "pinball")
    widths = interval_widths(ensemble, windows, validation.choice.pretrained_share)
    bound = largest / max(float(widths.max()), 1e-6)
    return min(scale, max(bound, min(1.0, max(0.5, MARGIN * bound))))
