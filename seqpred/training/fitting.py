"""From a panel and a settled config to trained weights: where the config's keys meet the loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.features.covariates import Covariates
from seqpred.features.inputs import Prepared, join, prepare_all
from seqpred.network.ensemble import gather
from seqpred.network.machine import choose_device, keep_memory
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import learned_rows, too_few_rows
from seqpred.recipe.resolve import ENOUGH
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.shape import Shape
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.choosing import Choice, choose
from seqpred.training.loop import Hooks, Plan, TrainingProgress, fit
from seqpred.training.memory import check_memory
from seqpred.training.run import UNSCORED, Outcome, Score, Weights
from seqpred.training.windows import Reach, Windows, make_windows

CHECKS = 40  # validations in a whole run
FOLDS = 4  # trainings to decide by where the validation part holds less than enough
STRETCH = 250_000  # rows; a series twice as long or longer is learned from as several, which bounds memory


@dataclass(frozen=True)
class Fit:
    """What a training came to.

    Attributes:
        weights: of the ensemble that learned from all rows.
        held: weights of an ensemble that never saw the validation part, for scores on it.
        choice: what the validation part said.
        steps: that all networks took together.
        reason: why the first one ended.
    """

    weights: Weights
    held: Weights
    choice: Choice
    steps: int
    reason: str


def fit_panel(
    panel: Panel, config: ResolvedConfig, covariates: Covariates, hooks: Hooks, checkpoint: Checkpoint
) -> Fit:
    """An ensemble that has learned from all rows for as long as the validation part says is best.

    First a network is trained without the validation part, the last rows of each series; where that holds too
    little to decide by, up to four are, each without more of it than the one before. Then the members begin anew,
    with seeds of their own, and learn from all rows.

    Args:
        panel: as `covariates.adopt` gave it.
        checkpoint: where the state is kept, and what there is to go on from.

    Raises:
        DataError: too few rows to learn from, or to validate on.
    """
    keep_memory()  # before the first tensor
    shape, plan, members = config.shape(covariates), _plan(config), config.model.members
    check_memory(shape, config.model.window, plan.batch_size, plan.device)
    windows = _windows(panel, config, covariates, shape)
    folds = list(_folds(windows, config))
    runs = _Runs(shape, plan, hooks, checkpoint, len(folds), len(folds) + members)
    validated = [runs.fit(fold, plan.seed) for fold in folds]
    levels = shape.levels
    choice = choose([v.checks for v in validated], [fold.blocks() for fold in folds], levels[-1] - levels[0])
    whole = max(1, *(v.whole for v in validated))
    everything, learned = windows.learn_all(), list[Outcome]()
    for i in range(members if choice.step else 1):
        if i and not runs.time_for_another:
            break
        learned.append(runs.fit(everything, plan.seed + i, until=choice.step, whole=whole))
    first = {name: np.mean([run.first[name] for run in learned], axis=0) for name in learned[0].first}
    weights = gather([run.weights for run in learned], first, choice.trust, choice.spread)
    held = gather([validated[-1].weights], validated[-1].first, choice.trust, choice.spread)
    return Fit(weights, held, choice, runs.steps, validated[0].reason)


@dataclass
class _Runs:
    """Trainings one after another, each of which has its share of the time budget.

    Those that validate share a third of it, so that two members have time for as many steps; members after the first
    are trained while a whole one fits in. Where time is short, long training is worth more than many members.
    """

    shape: Shape
    plan: Plan
    hooks: Hooks
    checkpoint: Checkpoint
    folds: int
    count: int
    done: int = 0
    steps: int = 0
    seconds: float = 0.0
    latest: float = 0.0
    best: Score = UNSCORED

    @property
    def time_for_another(self) -> bool:
        """Whether the time budget suffices for one like the last."""
        return self.plan.time_budget is None or self.seconds + self.latest <= self.plan.time_budget

    @property
    def _left(self) -> float | None:
        """Seconds that the next network may take."""
        if self.plan.time_budget is None:
            return None
        validating = self.folds - self.done
        left = self.plan.time_budget / (3 if validating > 0 else 1) - self.seconds
        return max(left, 1e-3) / max(validating, 1)

    def fit(self, windows: Windows, seed: int, until: int | None = None, whole: int | None = None) -> Outcome:
        """One network; with `until`, so many steps of a schedule of `whole`, and no validation."""
        place, steps = self.done, whole or self.plan.max_steps
        plan = replace(self.plan, seed=seed, until=until, max_steps=steps, time_budget=self._left)

        def on_progress(progress: TrainingProgress) -> None:
            part = progress.step / plan.last if until else progress.share
            told = replace(progress, network=place + 1, networks=self.count, share=(place + part) / self.count)
            best = progress.best if until is None else self.best
            self.hooks.on_progress(replace(told, seconds=self.seconds + progress.seconds, best=best))

        hooks = replace(self.hooks, on_progress=on_progress)
        outcome = self.checkpoint.outcome(
            place, hooks, lambda hooks, state: fit(self.shape, windows, plan, hooks, state)
        )
        self.best = outcome.score if until is None else self.best
        self.done, self.steps, self.latest = place + 1, self.steps + outcome.steps, outcome.seconds
        self.seconds += outcome.seconds
        return outcome


def _folds(windows: Windows, config: ResolvedConfig) -> Iterator[Windows]:
    """The windows, with less and less of the validation part learned from; the last has all of it held back."""
    validation, horizon = config.training.validation, config.forecast.horizon
    held = windows.ends - windows.cuts
    blocks = int((held // horizon).sum())
    count = 1 if blocks >= ENOUGH else min(FOLDS, max(1, validation // horizon))
    for i in range(1, count + 1):
        fold = windows.withhold(held * i // count)
        if fold.learnable() and len(fold.checks()[0]):
            yield fold


def _windows(panel: Panel, config: ResolvedConfig, covariates: Covariates, shape: Shape) -> Windows:
    window, targets = config.model.window, panel.roles.count("target")
    horizon, at_end = config.forecast.horizon, config.model.bidirectional
    reach = Reach(config.input_spec, window, horizon, at_end, known=shape.known_places)
    stretches = _stretches(panel.lengths, learned_rows(config, panel.lengths))
    make = partial(_made, panel, config, covariates, stretches)
    inputs = shape.inputs + len(shape.codes)
    lengths, cuts = stretches.high - stretches.low, stretches.cuts
    windows = make_windows(make, np.repeat(lengths, targets), np.repeat(cuts, targets), inputs, reach)
    if not windows.learnable() or not len(windows.checks()[0]):
        raise too_few_rows(config, panel)
    return windows


@dataclass(frozen=True)
class Stretches:
    """What is learned from as a series of its own: most series whole, long ones in several stretches, [n] each.

    Attributes:
        low, high: rows of the series, from low to below high.
        cuts: how many of them are learned from.
    """

    series: Int
    low: Int
    high: Int
    cuts: Int


def _stretches(lengths: Int, cuts: Int) -> Stretches:
    """The stretches of series of these lengths [S], of which the first `cuts` rows [S] are learned from."""
    counts = np.where(lengths >= 2 * STRETCH, lengths // STRETCH, 1)
    series = np.repeat(np.arange(len(lengths)), counts)
    last = np.append(series[1:] != series[:-1], True)
    low = STRETCH * (np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts))
    high = np.where(last, lengths[series], low + STRETCH)
    return Stretches(series, low, high, np.clip(cuts[series], low, high) - low)


def _made(
    panel: Panel, config: ResolvedConfig, covariates: Covariates, stretches: Stretches, tracks: Int
) -> Iterator[tuple[int, Prepared, Float]]:
    """All tracks of the stretches of these tracks, see `windows.Make`."""
    targets, none = panel.roles.count("target"), np.empty((0, len(covariates.known)))
    chosen = np.unique(tracks // targets)
    own = panel.part(stretches.series[chosen], stretches.low[chosen], stretches.high[chosen])
    values = [own.track(s, c) for s, c in own.tracks()]
    prepared = prepare_all(values, config.input_spec)
    for s, k in enumerate(chosen.tolist()):
        told = covariates.encode(own, s, none)
        for c, joined in enumerate(join(prepared[s * targets : (s + 1) * targets], *told, config.joint)):
            track = values[s * targets + c]
            if config.data.missing == "interpolate":
                track = lined(track, int(stretches.cuts[k]))
            yield k * targets + c, joined, track


def lined(values: Float, cut: int) -> Float:
    """[T], gaps before row `cut` as straight lines between the known values there.

    These are what is learned, never what is seen: a line knows its far end, so the inputs keep their own bridge.

    >>> lined(np.array([np.nan, 1.0, np.nan, 3.0, np.nan, 5.0]), 5).tolist()
    [nan, 1.0, 2.0, 3.0, nan, 5.0]
    """
    known = np.flatnonzero(np.isfinite(values[:cut]))
    whole: Float = values.copy()
    if len(known):
        inner = np.arange(known[0], known[-1] + 1)
        whole[inner] = np.interp(inner, known, values[known])
    return whole


def _plan(config: ResolvedConfig) -> Plan:
    training = config.training
    steps = training.max_steps
    return Plan(
        loss=training.loss,
        learning_rate=training.learning_rate,
        batch_size=training.batch_size,
        max_steps=steps,
        time_budget=training.time_budget,
        patience=training.patience,
        check_every=max(1, min(steps // CHECKS, 100)),
        seed=training.seed,
        device=choose_device(training.device),
        threads=training.threads,
    )
