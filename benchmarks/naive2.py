"""Naive2, the benchmark of the M4 competition: the last value, with a multiplicative season if there is one.

Source: Makridakis, Spiliotis & Assimakopoulos 2020, "The M4 Competition", International Journal of Forecasting 36(1),
and the organisers' R code: a series is seasonal if the autocorrelation at its lag exceeds a 90 % limit; classical
multiplicative decomposition, the mean ratio to a centred moving average at each position in the season.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqpred.panel.panel import Panel

Float = npt.NDArray[np.float64]


def naive2(history: Float, season: int, steps: int) -> Float:
    """Forecast `steps` steps; gaps are interpolated linearly.

    >>> naive2(np.tile([1.0, 3.0], 20), 2, 3).round(6).tolist()
    [1.0, 3.0, 1.0]
    >>> naive2(np.array([3.0, 4.0, 9.0]), 1, 2).tolist()
    [9.0, 9.0]
    """
    known = np.flatnonzero(np.isfinite(history))
    if not len(known):
        return np.full(steps, np.nan)
    values = np.interp(np.arange(len(history)), known, history[known])
    if has_season(values, season):
        figures = season_figures(values, season)
        last = len(values) - 1
        forecast: Float = values[-1] / figures[last % season] * figures[(last + np.arange(1, steps + 1)) % season]
        if np.isfinite(forecast).all():
            return forecast
    return np.full(steps, values[-1])


def has_season(values: Float, season: int) -> bool:
    """Whether the autocorrelation at the seasonal lag exceeds its limit; needs at least three seasons.

    R's `acf`, which the organisers call, stops at lag 10 log10(length), so a longer season is never detected.
    """
    if season < 2 or len(values) < 3 * season or int(10 * np.log10(len(values))) < season:
        return False
    centred = values - values.mean()
    power = centred @ centred
    if power == 0:
        return False
    correlations = np.array([centred[lag:] @ centred[: len(centred) - lag] / power for lag in range(1, season + 1)])
    limit = 1.645 * np.sqrt((1 + 2 * (correlations[:-1] ** 2).sum()) / len(values))
    return bool(abs(correlations[-1]) > limit)


def season_figures(values: Float, season: int) -> Float:
    """Multiplicative seasonal factors, [season]; their mean is 1."""
    weights = np.ones(season) / season
    if season % 2 == 0:
        weights = np.convolve(weights, [0.5, 0.5])
    reach = len(weights) // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = values[reach : len(values) - reach] / np.convolve(values, weights, mode="valid")
        places = (np.arange(len(ratios)) + reach) % season
        figures = np.array([np.nanmean(ratios[places == place]) for place in range(season)])
        scaled: Float = figures / figures.mean()
    return scaled


def forecast_naive2(panel: Panel, season: int, steps: int, levels: int) -> Float:
    """Naive2 of every track as a forecaster returns it, [K, N, Q]; all quantiles equal the point forecast."""
    points = np.stack([naive2(panel.track(s, c), season, steps) for s, c in panel.tracks()])
    return np.repeat(points[:, :, None], levels, axis=2)
