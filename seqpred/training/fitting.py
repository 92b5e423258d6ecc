"""From a panel and a settled config to trained weights: where the config's keys meet the loop."""

from __future__ import annotations

import numpy as np

from seqpred.config import Config, settled
from seqpred.covariates import Covariates
from seqpred.data.panel import Panel
from seqpred.features import Float, join, prepare
from seqpred.model import joint_of, look_of, shape_of
from seqpred.network.machine import choose_device, keep_memory
from seqpred.network.network import Shape
from seqpred.recipe import learned_rows, too_few_rows
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import Hooks, Plan, fit
from seqpred.training.memory import check_memory
from seqpred.training.run import Outcome
from seqpred.training.windows import Reach, Windows, make_windows

CHECKS = 40  # validations in a whole run


def fit_panel(panel: Panel, config: Config, covariates: Covariates, hooks: Hooks, checkpoint: Checkpoint) -> Outcome:
    """The best weights on the validation part, the last rows of each series.

    Args:
        panel: as `covariates.adopt` gave it.
        checkpoint: where the state is kept, and what there is to go on from.

    Raises:
        DataError: too few rows to learn from, or to validate on.
    """
    keep_memory()  # before the first tensor
    shape = shape_of(config, covariates)
    plan = _plan(config)
    check_memory(shape, settled(config.model.window), plan.batch_size, plan.device)
    windows = _windows(panel, config, covariates, shape)
    return checkpoint.outcome(0, hooks, lambda hooks, state: fit(shape, windows, plan, hooks, state))


def _windows(panel: Panel, config: Config, covariates: Covariates, shape: Shape) -> Windows:
    look, joint = look_of(config), joint_of(config)
    targets, none = range(panel.roles.count("target")), np.empty((0, len(covariates.known)))
    horizon, window = settled(config.forecast.horizon), settled(config.model.window)
    tracks = [panel.track(s, c) for s, c in panel.tracks()]
    lengths = learned_rows(config, panel.lengths)
    cuts = [int(lengths[s]) for s, _ in panel.tracks()]
    reach = Reach(look, window, horizon, at_end=config.model.bidirectional, known=shape.known_places)
    own = [[prepare(panel.track(s, c), look) for c in targets] for s in range(len(panel.names))]
    prepared = [p for s, parts in enumerate(own) for p in join(parts, *covariates.encode(panel, s, none), joint)]
    values = tracks
    if config.data.missing == "interpolate":
        values = [lined(t, cut) for t, cut in zip(tracks, cuts, strict=True)]
    windows = make_windows(prepared, values, cuts, reach)
    if not windows.learnable() or not len(windows.checks()[0]):
        raise too_few_rows(config, panel)
    return windows


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


def _plan(config: Config) -> Plan:
    training = config.training
    steps = settled(training.max_steps)
    return Plan(
        loss=training.loss,
        learning_rate=training.learning_rate,
        batch_size=settled(training.batch_size),
        max_steps=steps,
        time_budget=training.time_budget,
        patience=training.patience,
        check_every=max(1, min(steps // CHECKS, 100)),
        seed=training.seed,
        device=choose_device(training.device),
        threads=settled(training.threads),
    )
