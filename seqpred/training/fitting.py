"""From a panel and a settled config to trained weights: where the config's keys meet the loop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from seqpred.config import Config, settled
from seqpred.covariates import Covariates
from seqpred.data.panel import Panel
from seqpred.data.timing import Int
from seqpred.features import Float, Prepared, join, prepare_all
from seqpred.model import joint_of, look_of, shape_of
from seqpred.network.machine import choose_device, keep_memory
from seqpred.network.network import Shape
from seqpred.recipe import learned_rows, too_few_rows
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import Hooks, Plan, fit
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
    windows, plan = _windows(panel, config, covariates, shape), _plan(config)
    return checkpoint.outcome(0, hooks, lambda hooks, state: fit(shape, windows, plan, hooks, state))


def _windows(panel: Panel, config: Config, covariates: Covariates, shape: Shape) -> Windows:
    window, targets = settled(config.model.window), panel.roles.count("target")
    horizon, at_end = settled(config.forecast.horizon), config.model.bidirectional
    reach = Reach(look_of(config), window, horizon, at_end, known=shape.known_places)
    cuts = learned_rows(config, panel.lengths)
    make = partial(_made, panel, config, covariates, cuts)
    inputs = shape.inputs + len(shape.codes)
    windows = make_windows(make, np.repeat(panel.lengths, targets), np.repeat(cuts, targets), inputs, reach)
    if not windows.learnable() or not len(windows.checks()[0]):
        raise too_few_rows(config, panel)
    return windows


def _made(
    panel: Panel, config: Config, covariates: Covariates, cuts: Int, tracks: Int
) -> Iterator[tuple[int, Prepared, Float]]:
    """All tracks of the series of these tracks, see `windows.Make`; `cuts` are rows [S] to learn from."""
    targets, none = panel.roles.count("target"), np.empty((0, len(covariates.known)))
    series = np.unique(tracks // targets)
    values = [panel.track(s, c) for s in series for c in range(targets)]
    prepared = prepare_all(values, look_of(config))
    for place, s in enumerate(series):
        own = slice(place * targets, (place + 1) * targets)
        told = covariates.encode(panel, s, none)
        for c, joined in enumerate(join(prepared[own], *told, joint_of(config))):
            track = values[own][c]
            yield s * targets + c, joined, lined(track, cuts[s]) if config.data.missing == "interpolate" else track


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
