"""Naive2, the yardstick of the M4 competition: the last value, with a multiplicative season where there is one.

Source: Makridakis, Spiliotis & Assimakopoulos 2020, "The M4 Competition", International Journal of Forecasting 36(1),
and the organisers' R code: a season is there if the autocorrelation at its lag exceeds a 90 % limit; classical
multiplicative decomposition, the mean of each place in the season over a centred moving average.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqpred.panel.panel import Panel

Float = npt.NDArray[np.float64]


def naive2(history: Float, season: int, steps: int) -> Float:
    """The forecast of so many steps; gaps are bridged by lines.

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
    """Whether the autocorrelation at the season's lag exceeds its limit, which needs three seasons to tell.

    R's `acf`, which the organisers call, ends at the lag 10 log10 of the length: a longer season is never found.
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
    """What each place in the season multiplies the level by, [season]; their mean is 1."""
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
    """Every track's Naive2 as a forecaster gives it, [K, N, Q]; the point is all its quantiles."""
    points = np.stack([naive2(panel.track(s, c), season, steps) for s, c in panel.tracks()])
    return np.repeat(points[:, :, None], levels, axis=2)
