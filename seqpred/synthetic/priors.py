"""Distributions of the parameters of business series, by season."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Prior:
    """How the parameters of series with one season are distributed.

    Attributes:
        noise: median standard deviation of the noise relative to the level.
        growth, growth_spread: mean and standard deviation of the growth for each season, or row without one.
        steady: share of series with a strong trend and little noise.
        level_rate: parameters of the Beta distribution of their smoothing rate.
        trending: share of them and of the other series with a trend.
        turning: share of them whose slope may change suddenly.
        seasonal, strength: share with a season, and median standard deviation of the season relative to the noise.
        drifting: share of series whose season changes.
        autocorrelated, autocorrelation: share with autocorrelated noise, and the range of its coefficient.
        volatile, burst: share whose variance changes slowly, and at once.
        stationary: share without a trend around a constant level, to which values return: temperatures, populations.
    """

    noise: float = 0.03
    growth: float = 0.05
    growth_spread: float = 0.04
    steady: float = 0.15
    level_rate: tuple[float, float] = (2.0, 1.0)
    trending: tuple[float, float] = (0.9, 0.65)
    turning: float = 0.5
    seasonal: float = 0.75
    strength: float = 2.0
    drifting: float = 0.35
    autocorrelated: float = 0.3
    autocorrelation: tuple[float, float] = (-0.4, 0.7)
    volatile: float = 0.45
    burst: float = 0.25
    stationary: float = 0.1


Priors = Mapping[int, Prior]  # by season; any other season has `OTHER`

OTHER = Prior()
BROAD: Priors = {
    1: Prior(noise=0.06, steady=0.95, stationary=0.25),
    4: Prior(noise=0.025, steady=0.8, strength=0.5, stationary=0.05),
    12: Prior(strength=1.6, stationary=0.05),
}
# Fitted to statistics of development series: the strength of trend and season, autocorrelations, growth, outliers.
# Stationary series without a season are learned in the first phase, and rarer in the second.
FITTED: Priors = {
    1: replace(BROAD[1], stationary=0.08),
    4: replace(
        BROAD[4],
        noise=0.03,
        growth=0.06,
        growth_spread=0.025,
        level_rate=(2.0, 0.5),
        trending=(0.95, 0.65),
        turning=0.2,
        seasonal=0.65,
        strength=1.0,
        drifting=0.1,
        autocorrelated=0.35,
        autocorrelation=(0.1, 0.8),
    ),
    12: replace(
        BROAD[12],
        noise=0.06,
        growth=0.045,
        growth_spread=0.035,
        steady=0.0,
        trending=(0.9, 0.8),
        autocorrelated=0.4,
        autocorrelation=(0.05, 0.55),
        volatile=0.5,
        burst=0.35,
    ),
}
