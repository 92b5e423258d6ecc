"""The head of a pretrained network: from numbers at a few places along the horizon to quantiles of any step.

The head emits, at `PLACES` places along the horizon relative to the season, a logit for each classical forecast, the
logarithm of the distance of each level from its neighbor towards the median, and a shift of the median in units of
these distances. In between all are interpolated. So its weights depend neither on the horizon, the season nor the
quantile levels. It is linear in the state of the network and in how well the autoregressions fit the recent rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Bool, Float, Float32, Int
from seqpred.features.autoregression import AUTOREGRESSIONS, autoregress, enough_changes, enough_rows
from seqpred.features.classical import METHODS, WATCHED, classical_table, pad_early, recent_rows
from seqpred.runtime.shape import SHARPNESS

PLACES = 5
LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)  # between these, interpolated as if normal
SIDE = len(LEVELS) // 2  # levels on each side of the median
FORECASTS = 2 * (len(METHODS) + len(AUTOREGRESSIONS))  # each on the values and on their logarithms
OUTPUTS = PLACES * (FORECASTS + 2 * SIDE + 1)
FITS = 2 * len(AUTOREGRESSIONS)  # of the autoregressions of values and of logarithms
INNER = 3  # levels between the median and those by which its shift is measured
NAMES = tuple(method.name for method in (*METHODS, *AUTOREGRESSIONS))  # of the forecasts of values
LAST_CYCLES, FEWEST_STEPS = 4, 6  # cycles ahead of the last place, and the least length of a cycle for that
GROWTH = 0.5  # by how much a forecast of logarithms may leave the range of the recent ones, besides their range
MOST_GROWTH = 100.0  # logarithm of a factor, which is finite
LEAST = 1e-9  # last value, in units of the scale, and other values relative to it, of which logarithms are taken
ROUNDED = 1e-6  # values relative to the last one that may be 0 in single precision, for each unit of its logarithm
STRONG, SHORTEST_STRONG = 5.0, 4  # a season that no method may ignore; rows of such a season
WIDENING = 1.1  # of the intervals: real series surprise more often than the synthetic ones of the training
WIDEST = 8.0  # of the logarithm of a distance


class Candidates(NamedTuple):
    """The classical forecasts at some positions.

    Attributes:
        values: [..., N, F], minus the last value, in units of the scale; first those of values, then of logarithms.
        usable: [..., F], whether there are enough rows, a season, and only positive values, as the forecast needs.
        fit: [..., FITS], how well the autoregressions fit; see `autoregression.Fitted`.
    """

    values: Float
    usable: Bool
    fit: Float


def place_weights(steps: Sequence[int], cycle: int) -> Float:
    """The weight of each place at each step ahead, [N, places]: places are equally far apart in the logarithm.

    >>> place_weights((1, 48, 500), 12).round(2).tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 1.0]]
    """
    last = LAST_CYCLES * max(cycle, FEWEST_STEPS)
    location = (PLACES - 1) * np.minimum(np.log(steps) / np.log(last), 1.0)
    return np.asarray((1 - np.abs(location[:, None] - np.arange(PLACES))).clip(min=0))


def candidates(recent: Float | Float32, rows: Int, level: Float, cycle: int, steps: tuple[int, ...]) -> Candidates:
    """The forecasts of all methods for some steps ahead.

    Args:
        recent: [..., R], recent values minus the last one, in units of the scale.
        rows: [...], rows of history.
        level: [...], the last value in units of the scale.
    """
    own = classical_table(cycle, steps)
    padded = pad_early(recent.astype(np.float64), rows, cycle)
    least = padded.min(-1) + level
    positive = (level > LEAST) & (least > (_rounding(level) if recent.dtype == np.float32 else 0.0))
    safe = np.where(positive, level, 1.0)[..., None]
    relative = np.log1p((np.where(positive[..., None], padded, 0.0) / safe).clip(LEAST - 1))
    factors = own.slope_factors(rows)
    fitted = autoregress(np.stack([padded, relative]), rows, cycle, steps)

    def evaluate(values: Float, fitted: Float) -> Float:
        table = own.table
        values = values[..., -recent_rows(cycle) :]
        forecasts: Float = values[..., table.picks.T] @ table.shares.T
        forecasts += (values @ table.level.T)[..., None, :]
        forecasts += (factors * (values @ table.slope.T))[..., None, :] * table.steps.T
        return np.concatenate([forecasts, fitted], axis=-1)

    low, high = (edge(relative, -1)[..., None, None] for edge in (np.min, np.max))
    span = high - low + GROWTH
    growing = safe[..., None] * np.expm1(evaluate(relative, fitted.forecasts[1]).clip(low - span, high + span))
    usable = np.concatenate([own.usable(rows), enough_rows(rows, cycle)], axis=-1)
    both = np.concatenate([usable, usable & positive[..., None]], axis=-1)
    values = np.concatenate([evaluate(padded, fitted.forecasts[0]), growing], axis=-1)
    fit = np.concatenate([fitted.fit[0], np.where(positive[..., None], fitted.fit[1], 0.0)], axis=-1)
    return Candidates(values, both, fit)


def _rounding(level: Float) -> Float:
    """Up to which size a value may be a rounded 0, if the changes and the logarithm of the level are in float32."""
    size = level.clip(0)
    return np.asarray(ROUNDED * (1 + np.log1p(size)) * size)


def require_season(found: Candidates, recent: Float | Float32, rows: Int, cycle: int) -> Candidates:
    """The forecasts without those that ignore the season, where it is stronger than in training.

    There, the changes over half a season are more than `STRONG` times those over a season, in the last two seasons.

    Args:
        recent, rows, cycle: as for `candidates`.
    """
    if cycle < SHORTEST_STRONG:
        return found
    last, before = recent[..., -2 * cycle :], recent[..., -2 * cycle - cycle // 2 : -(cycle // 2)]
    strong = (np.abs(last - before).mean(-1) > STRONG) & (rows >= 3 * cycle)
    seasonal = np.tile([method.profile is not None for method in METHODS] + [True] * len(AUTOREGRESSIONS), 2)
    return found._replace(usable=found.usable & (seasonal | ~strong[..., None]))


def require_changes(found: Candidates, recent: Float | Float32) -> Candidates:
    """The forecasts without the autoregressions that too few changes were fitted to.

    Args:
        recent: as for `candidates`.
    """
    others = np.ones((*recent.shape[:-1], len(METHODS)), bool)
    enough = np.concatenate([others, enough_changes(recent)], axis=-1)
    return found._replace(usable=found.usable & np.concatenate([enough, enough], axis=-1))


def limit_growth(
    found: Candidates, recent: Float | Float32, rows: Int, level: Float, cycle: int, steps: tuple[int, ...]
) -> Candidates:
    """The forecasts, those of logarithms no higher than at the fastest growth of the later half of the recent rows.

    It starts from the highest recent value. An early value close to 0, such as that of 0.01, 1, 2, 3, 4, would
    otherwise be a growth that continues.

    Args:
        recent, rows, level, cycle, steps: as for `candidates`.
    """
    own = recent[..., -recent_rows(cycle) :].astype(np.float64)
    values = np.maximum(own + level[..., None], LEAST)
    later = np.arange(1 - own.shape[-1], 0) >= -(np.minimum(rows, own.shape[-1])[..., None] // 2)
    fastest = np.where(later, np.diff(np.log(values)), 0.0).max(-1, initial=0.0)
    factor = np.exp((fastest[..., None] * np.array(steps)).clip(max=MOST_GROWTH))
    highest = values.max(-1)[..., None] * factor - level[..., None]
    half = found.values.shape[-1] // 2
    limited = np.minimum(found.values[..., half:], highest[..., None])
    return found._replace(values=np.concatenate([found.values[..., :half], limited], axis=-1))


def emit(raw: Float | Float32, found: Candidates, near: Float, levels: Sequence[float]) -> Float:
    """Quantiles minus the last value, in units of the scale, [..., N, Q], increasing along Q.

    Args:
        raw: [..., OUTPUTS], what the network emits.
        near: [N, places], of `place_weights`.
    """
    median = (shares_of(raw, found, near) * found.values).sum(-1, keepdims=True)
    around = WIDENING * _around(_at_places(raw), near)
    return median + shift_of(raw, found, near) + around @ level_weights(tuple(levels)).T


def shares_of(raw: Float | Float32, found: Candidates, near: Float) -> Float:
    """The share of each classical forecast in the median, [..., N, F]; 0 for one that is not usable.

    Args:
        raw, near: as for `emit`.
    """
    logits = np.where(found.usable[..., None, :], SHARPNESS * _at_places(raw)[..., :FORECASTS], -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    shares: Float = near @ weights
    return shares


def shift_of(raw: Float | Float32, found: Candidates, near: Float) -> Float:
    """The shift of the median, [..., N, 1]: at most half the distance between the levels `INNER` from it.

    It is 0 where all classical forecasts are the last value, so that a constant series is forecast by its value.

    Args:
        raw, near: as for `emit`.
    """
    parts = _at_places(raw)
    around = _around(parts, near)
    unit = (around[..., SIDE + INNER, None] - around[..., SIDE - INNER, None]) / 2
    moves = ((found.values != 0) & found.usable[..., None, :]).any((-2, -1))
    return np.where(moves[..., None, None], (near @ parts[..., -1:]).clip(-1, 1) * unit, 0.0)


def mean_of_watched(bias: Float32) -> Float32:
    """Outputs of a head, [OUTPUTS], that give the same weight to each watched method, and no shift.

    The mean of a few classical forecasts is hard to beat (Clemen 1989, International Journal of Forecasting 5(4)).

    Args:
        bias: [OUTPUTS], of a head, for the width of the intervals.
    """
    parts = bias.reshape(PLACES, -1).copy()
    parts[:, :FORECASTS], parts[:, -1] = -WIDEST, 0.0
    parts[:, list(WATCHED)] = WIDEST
    return np.asarray(parts.reshape(-1))


def _at_places(raw: Float | Float32) -> Float:
    """What the network emits, [..., places, logits, distances and shift]."""
    return raw.astype(np.float64).reshape(*raw.shape[:-1], PLACES, -1)


def _around(parts: Float, near: Float) -> Float:
    """The emitted levels minus the median, [..., N, 2 SIDE + 1]."""
    distances = np.exp((near @ parts[..., FORECASTS:-1]).clip(-WIDEST, WIDEST))
    upper = np.cumsum(distances[..., SIDE:], -1)
    lower = -np.cumsum(distances[..., :SIDE], -1)[..., ::-1]
    return np.concatenate([lower, np.zeros_like(upper[..., :1]), upper], -1)


@cache
def level_weights(levels: tuple[float, ...]) -> Float:
    """Weights of the emitted levels in each wanted one, [Q, emitted]: linear in the normal quantile, also beyond.

    >>> level_weights((0.5, 0.9))[:, 5:].round(2).tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
    """
    own = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    wanted = np.array([NormalDist().inv_cdf(level) for level in levels])
    right = np.clip(np.searchsorted(own, wanted), 1, len(own) - 1)
    share = (wanted - own[right - 1]) / (own[right] - own[right - 1])
    weights = np.zeros((len(wanted), len(own)))
    weights[np.arange(len(wanted)), right] = share
    weights[np.arange(len(wanted)), right - 1] = 1 - share
    return weights
