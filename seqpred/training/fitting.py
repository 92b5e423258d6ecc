"""From a panel and a settled config to trained weights: where the config's keys meet the loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqpred.config import Config, settled
from seqpred.data.panel import Panel
from seqpred.features import Float, prepare
from seqpred.model import look_of, shape_of
from seqpred.network.machine import choose_device, keep_memory
from seqpred.recipe import too_few_rows, validated
from seqpred.training.loop import Outcome, Plan, Progress, fit
from seqpred.training.windows import Reach, Windows, make_windows

CHECKS = 40  # validations in a whole run


def fit_panel(panel: Panel, config: Config, watch: Callable[[Progress], None]) -> Outcome:
    """The best weights on the validation part, the last rows of each series.

    Raises:
        DataError: too few rows to learn from, or to validate on.
    """
    keep_memory()  # before the first tensor
    return fit(shape_of(config), _windows(panel, config), _plan(config), watch)


def _windows(panel: Panel, config: Config) -> Windows:
    look, validation = look_of(config), settled(config.training.validation)
    horizon, window = settled(config.forecast.horizon), settled(config.model.window)
    tracks = [panel.track(s, c) for s, c in panel.tracks()]
    lengths = panel.lengths - np.where(validated(config, panel.lengths), validation, 0)
    cuts = [int(lengths[s]) for s, _ in panel.tracks()]
    reach = Reach(look, window, horizon, at_end=config.model.bidirectional)
    values = tracks
    if config.data.missing == "interpolate":
        values = [lined(t, cut) for t, cut in zip(tracks, cuts, strict=True)]
    windows = make_windows([prepare(t, look) for t in tracks], values, cuts, reach)
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
