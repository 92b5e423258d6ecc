"""Random processes: level, trend, season and noise of many series at once.

A series is an exponential-smoothing process in innovations form (Hyndman, Koehler, Ord & Snyder 2008, "Forecasting with
Exponential Smoothing", chapter 3) with a trend that itself drifts towards a mean growth, on the values or on their
logarithms. The parameters are drawn again for every series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Bool, Float
from seqpred.synthetic.priors import BROAD, OTHER, Prior

Rng = np.random.Generator
STILL = 0.025  # share of series almost without noise: a line, a season
HOURS = {24, 48, 96, 168, 336}  # seasons of data within a day, which are often far stronger than the noise
MOST_YEARS = 80  # rows of a series without a season that can be yearly


@dataclass(frozen=True)
class Parameters:
    """What distinguishes B series; arrays are [B] unless another shape is given.

    Attributes:
        noise: standard deviation of the innovations, relative to the level.
        level_rate, slope_rate, season_rate: how much of an innovation stays in the level, the slope and the season.
        growth: the mean slope for each row.
        damping: how much of the slope's distance from the mean growth is kept.
        slope: at the first row.
        profile: [B, m], the season at the first cycle.
        autocorrelation, second: how much of the noise one and two rows ago is in the noise; both make it cyclic.
        degrees: of freedom of the noise.
        turning: the probability that the slope changes suddenly now and then.
        volatility: standard deviation of the change of the logarithm of the noise's size.
        burst: factor of the noise's size after a random row.
    """

    noise: Float
    level_rate: Float
    slope_rate: Float
    season_rate: Float
    growth: Float
    damping: Float
    slope: Float
    profile: Float
    autocorrelation: Float
    second: Float
    degrees: Float
    turning: Float
    volatility: Float
    burst: Float


def either(rng: Rng, share: float, one: Float, other: Float | float) -> Float:
    """`one` for about this share of the series, `other` for the rest."""
    return np.where(rng.random(len(one)) < share, one, other)


def draw_parameters(rng: Rng, series: int, cycle: int, rows: int, prior: Prior = OTHER) -> Parameters:
    """Random parameters; those of business series have growth on average."""
    business = is_business(cycle, rows)
    stationary = rng.random(series) < prior.stationary
    noise = prior.noise * np.exp(rng.normal(0, 0.9, series))
    noise = np.where(stationary, noise * np.exp(rng.uniform(0, 2.5, series)), noise)
    mean = prior.growth if business else 0.0
    growth = rng.normal(mean, prior.growth_spread, series) / (cycle if cycle > 1 or business else rows)
    # Noise is averaged out of series that are sampled rarely, so that their trends dominate.
    steady = rng.random(series) < (prior if business else OTHER).steady
    newest = np.where(steady, rng.beta(*prior.level_rate, series), rng.beta(0.8, 1.2, series))
    level_rate = np.where(rng.random(series) < 0.7, newest, either(rng, 0.45, np.ones(series), 0.0))
    level_rate = np.where(stationary, 0.0, level_rate)
    trending = ~stationary & (rng.random(series) < np.where(steady, *prior.trending))
    smooth = trending & (rng.random(series) < 0.05)  # a wandering slope is almost all that happens
    level_rate = np.where(smooth, 1.0, level_rate)
    slope_rate = np.where(trending, level_rate * np.where(steady, 0.3, 0.1) * rng.random(series) ** 3, 0.0)
    slope_rate = np.where(smooth, rng.uniform(0.2, 1.0, series), slope_rate)
    first, second = draw_autocorrelation(rng, stationary, cycle, prior)
    damping = either(rng, 0.25, np.ones(series), rng.uniform(0.8, 0.99, series))
    start = noise * np.where(steady, 0.5, 0.1) * rng.normal(size=series) * rng.random(series)
    young = either(rng, 0.3, rng.exponential(0.15, series) / cycle, 0.0)  # growth is often fast at first
    still = rng.random(series) < STILL
    return Parameters(
        noise=np.where(still, 0.02 * noise, noise),
        level_rate=level_rate,
        slope_rate=slope_rate,
        season_rate=either(rng, prior.drifting, 0.3 * rng.random(series) ** 2, 0.0),
        growth=np.where(trending, growth, 0.0),
        damping=damping,
        slope=np.where(trending, growth + start + young * steady * (damping < 1), 0.0),
        profile=draw_profiles(rng, series, cycle, prior) * noise[:, None],
        autocorrelation=first,
        second=second,
        degrees=either(rng, 0.5, rng.uniform(2.5, 8, series), 200.0),
        turning=np.where(steady & ~stationary, prior.turning, 0.0),
        volatility=either(rng, prior.volatile, rng.uniform(0.01, 0.1, series), 0.0),
        burst=either(rng, prior.burst, np.exp(rng.normal(0.2, 0.8, series)), 1.0),
    )


def is_business(cycle: int, rows: int) -> bool:
    """Whether series may be sales and the like: yearly to daily, with growth."""
    return rows <= MOST_YEARS if cycle == 1 else cycle <= 53 and cycle not in HOURS


def draw_autocorrelation(rng: Rng, stationary: Bool, cycle: int, prior: Prior = OTHER) -> tuple[Float, Float]:
    """Coefficients of the noise one and two rows ago; a tenth is cyclic, with periods of rows or of several seasons.

    Half of the stationary series are cyclic, and most others of them autocorrelated.

    Args:
        stationary: [B], which series are.
    """
    series = len(stationary)
    cyclic = rng.random(series) < np.where(stationary, 0.5, 0.1)
    period = either(rng, 0.5, rng.uniform(3.0, 10.0, series) * cycle, rng.uniform(3.0, 16.0, series))
    radius = rng.uniform(0.6, 0.985, series)
    plain = either(rng, prior.autocorrelated, rng.uniform(*prior.autocorrelation, series), 0.0)
    slow = either(rng, 0.75, rng.uniform(0.1, 0.95, series), 0.0)
    first = np.where(cyclic, 2 * radius * np.cos(2 * np.pi / period), np.where(stationary, slow, plain))
    return first, np.where(cyclic, -(radius**2), 0.0)


def draw_profiles(rng: Rng, series: int, cycle: int, prior: Prior = OTHER) -> Float:
    """Seasonal profiles [B, m] in units of the noise; 0 for series without a season.

    A profile is smooth (a few harmonics), rough (independent values), or has a few outstanding phases; a long cycle may
    contain a shorter one, as a week contains days.
    """
    if cycle == 1:
        return np.zeros((series, 1))
    phase = 2 * np.pi * np.arange(cycle) / cycle
    smooth = np.zeros((series, cycle))
    for harmonic in range(1, min(6, cycle // 2) + 1):
        size = rng.normal(size=(series, 2)) / harmonic ** rng.uniform(0.3, 2, (series, 1))
        smooth += size[:, :1] * np.sin(harmonic * phase) + size[:, 1:] * np.cos(harmonic * phase)
    rough = rng.normal(size=(series, cycle))
    peaks = rng.normal(size=(series, cycle)) * 3 * (rng.random((series, cycle)) < 1.5 / cycle)
    mixed = smooth * rng.random((series, 1)) + rough * rng.random((series, 1)) ** 2
    mixed += peaks * (rng.random((series, 1)) < 0.3)
    shorter = [length for length in range(2, cycle // 2 + 1) if cycle % length == 0 and cycle >= 14]
    if shorter:
        length = int(rng.choice(shorter))
        inner = np.tile(draw_profiles(rng, series, length, BROAD.get(length, OTHER)), (1, cycle // length))
        inner /= inner.std(1, keepdims=True) + 1e-9
        mixed = mixed / (mixed.std(1, keepdims=True) + 1e-9) * rng.random((series, 1)) + inner
    mixed -= mixed.mean(1, keepdims=True)
    mixed /= mixed.std(1, keepdims=True) + 1e-9
    middle, spread = (10.0, 1.2) if cycle in HOURS else (prior.strength, 0.9)
    strength = middle * np.exp(rng.normal(0, spread, series))
    return mixed * either(rng, prior.seasonal, strength, 0.0)[:, None]


def draw_noise(rng: Rng, own: Parameters, rows: int) -> Float:
    """Innovations [B, rows] of the parameters' size: autocorrelated, heavy-tailed, of changing variance."""
    series = len(own.noise)
    gauss = rng.standard_normal((series, rows))
    chi = rng.chisquare(own.degrees[:, None], (series, rows)) / own.degrees[:, None]
    size = np.exp((own.volatility[:, None] * rng.standard_normal((series, rows))).cumsum(1).clip(-1.5, 1.5))
    after = np.arange(rows) >= rng.integers(0, rows, (series, 1))
    size = np.where(after, own.burst[:, None] * size, size)
    noise = (gauss / np.sqrt(chi)).clip(-12, 12) * size * (own.noise * np.sqrt(1 + own.second))[:, None]
    for t in range(1, rows):
        noise[:, t] += own.autocorrelation * noise[:, t - 1] + own.second * noise[:, max(t - 2, 0)] * (t > 1)
    return noise


def draw_turns(rng: Rng, own: Parameters, rows: int) -> Float:
    """Sudden changes of the slope [B, rows], about four in a hundred rows of those that turn."""
    series = len(own.noise)
    turning = rng.random(series) < own.turning
    happens = (rng.random((series, rows)) < 0.04) & turning[:, None]
    size = (np.abs(own.growth) + own.noise / (1 + own.profile.shape[1] / 4))[:, None]
    return np.where(happens, size * rng.normal(size=(series, rows)), 0.0)


def simulate(rng: Rng, own: Parameters, rows: int) -> Float:
    """The processes, [B, rows], starting at 0, as logarithms or in units of the first level."""
    noise, cycle = draw_noise(rng, own, rows), own.profile.shape[1]
    turns = draw_turns(rng, own, rows)
    level, slope, profile = np.zeros(len(noise)), own.slope.copy(), own.profile.copy()
    values = np.empty_like(noise)
    for t in range(rows):
        level = level + slope
        error = noise[:, t]
        values[:, t] = level + profile[:, t % cycle] + error
        level = level + own.level_rate * error
        slope = own.growth + own.damping * (slope - own.growth) + own.slope_rate * error + turns[:, t]
        profile[:, t % cycle] += own.season_rate * error
    return values


def disturb(rng: Rng, values: Float, noise: Float) -> Float:
    """Add level shifts to a quarter of the series and outliers to a fifth."""
    series, rows = values.shape

    def some(share: float, rate: float) -> Bool:
        return (rng.random((series, rows)) < rate) & (rng.random((series, 1)) < share)

    size = noise[:, None] * rng.normal(size=(series, rows))
    shifts = (some(0.25, 1 / 60) * size * rng.uniform(2, 8, (series, 1))).cumsum(1)
    outliers = some(0.2, 1 / 40) * size * rng.uniform(3, 15, (series, 1))
    return values + shifts + outliers
