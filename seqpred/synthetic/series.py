"""Batches of synthetic series: everything about a batch follows from a seed and its number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Float
from seqpred.synthetic.priors import BROAD, OTHER, Priors
from seqpred.synthetic.processes import Rng, disturb, draw_parameters, simulate

GENERATOR = 3  # increased whenever the same seed gives other series
COMMON = (1, 4, 12)  # seasons of most business series
OTHERS = (2, 3, 5, 6, 7, 7, 7, 8, 10, 13, 24, 24, 24, 26, 48, 48, 52, 52, 96, 168, 168, 336, 365)
LONGEST = 1500  # rows of history
VALUES = 8192  # rows times series of a batch


@dataclass(frozen=True)
class Batch:
    """Series of one season and length.

    Attributes:
        values: [B, T + N], NaN where missing.
        history: T, the rows after which forecasts are made at most.
        cycle: rows of the season.
    """

    values: Float
    history: int
    cycle: int


def batch_rng(seed: int, number: int) -> Rng:
    """The random numbers of one batch."""
    return np.random.default_rng([seed, number])


def draw_batch(rng: Rng, priors: Priors = BROAD) -> Batch:
    """A random batch."""
    cycle = draw_cycle(rng)
    history = draw_history(rng, cycle)
    ahead = steps_ahead(cycle)
    series = max(8, min(128, VALUES // (history + ahead)))
    return Batch(draw_series(rng, series, history + ahead, cycle, priors), history, cycle)


def draw_cycle(rng: Rng) -> int:
    """A season: yearly, quarterly and monthly series are most frequent."""
    kind = rng.random()
    if kind < 0.75:
        return COMMON[int(kind / 0.25)]
    return int(rng.choice(OTHERS)) if kind < 0.95 else int(rng.integers(2, 401))


def draw_history(rng: Rng, cycle: int) -> int:
    """Rows of history: a few cycles, often little."""
    least = 12 if cycle == 1 else max(16, 2 * cycle + 4)
    most = max(60, min(14 * cycle, 1200), least + 1)
    if rng.random() < 0.15:
        most = max(most, min(50 * cycle, LONGEST)) if cycle > 1 else LONGEST
    return int(np.exp(rng.uniform(np.log(least), np.log(most))))


def steps_ahead(cycle: int) -> int:
    """How many steps ahead are trained: two seasons, and at least eight."""
    return max(8, min(2 * cycle, 400))


def draw_series(rng: Rng, series: int, rows: int, cycle: int, priors: Priors = BROAD) -> Float:
    """Random series [B, rows]; NaN where missing."""
    own = draw_parameters(rng, series, cycle, rows, priors.get(cycle, OTHER))
    paths = disturb(rng, simulate(rng, own, rows), own.noise)
    logarithmic = rng.random((series, 1)) < 0.6
    values = np.where(logarithmic, np.exp(paths.clip(-6, 6)), 1 + paths)
    values = np.where(rng.random((series, 1)) < 0.04, saturated(rng, values), values)
    values += either_offset(rng, values)
    values = np.where(rng.random((series, 1)) < 0.08, counted(rng, values), values)
    if rng.random() < 0.15:
        values = np.where(rng.random(values.shape) < rng.uniform(0, 0.2, (series, 1)), np.nan, values)
    return values


def either_offset(rng: Rng, values: Float) -> Float:
    """A constant for a tenth of the series, which puts them around zero, [B, 1]."""
    away = rng.random((len(values), 1)) < 0.1
    return np.where(away, -values.mean(1, keepdims=True) * rng.uniform(0.5, 1.2, (len(values), 1)), 0.0)


def saturated(rng: Rng, values: Float) -> Float:
    """Growth along a logistic curve up to a capacity, times the series."""
    series, rows = values.shape
    middle, speed = rng.uniform(0.1, 1.2, (series, 1)) * rows, rng.uniform(4, 20, (series, 1)) / rows
    return values / (1 + np.exp(-speed * (np.arange(rows) - middle)))


def counted(rng: Rng, values: Float) -> Float:
    """Poisson counts around the series; half of them with many zeros."""
    series = len(values)
    level = np.exp(rng.uniform(0, 5, (series, 1)))
    mean = (level * np.maximum(values, 0) / np.maximum(np.abs(values).mean(1, keepdims=True), 1e-9)).clip(0, 1e6)
    counts = rng.poisson(mean).astype(float)
    often = np.where(rng.random((series, 1)) < 0.4, rng.uniform(0.1, 0.8, (series, 1)), 1.0)
    return counts * (rng.random(values.shape) < often)
