"""Classical forecasts that a pretrained network weighs, in units of the season: one table for any season.

A method is a smoothed level, a profile of the season and a slope, each with a fixed rate: simple exponential smoothing,
drift, damped trends (Gardner & McKenzie 1985, Management Science 31(10)), the additive method of Holt and Winters
(Winters 1960, Management Science 6(3)) and the half drift of Theta (Assimakopoulos & Nikolopoulos 2000, International
Journal of Forecasting 16(4)). On the logarithms of positive values the same table gives the multiplicative forms. Every
forecast is linear in the recent rows, so the methods are a `NaiveTable`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Bool, Float, Int
from seqpred.features.naive import NaiveTable, lagged_rows, smoothing_weights

FEWEST_ROWS, MOST_CYCLES, MANY_ROWS = 32, 5, 1000  # recent rows of a table: at least, and how many cycles fit
LONGEST_CYCLE = 400
EVERY = 0  # of a slope: over all cycles, or all rows
ROWS_SCALE, CYCLE_SCALE = 5.0, 3.0  # of their logarithms, as inputs


class Method(NamedTuple):
    """One classical forecast.

    Attributes:
        level: smoothing rate of the level; None: the profile alone.
        profile: smoothing rate of the profile (1: the last cycle, 0: all cycles alike); None: no season.
        slope: the difference between two rows (or the means of two cycles) so far apart; None: no trend.
        damping: of the trend, for each row (or cycle) ahead; 1 for a straight line.
        share: of the slope that is continued.
    """

    level: float | None = 1.0
    profile: float | None = None
    slope: int | None = None
    damping: float = 1.0
    share: float = 1.0

    @property
    def name(self) -> str:
        """What it is, in a few words.

        >>> Method(0.3, 0.0, slope=EVERY, share=0.5).name
        'level 0.3, profile of all cycles, half of the drift over all'
        """
        parts = [] if self.level is None else ["last value" if self.level == 1 else f"level {self.level:g}"]
        if self.profile is not None:
            cycles = {1.0: "the last cycle", 0.0: "all cycles"}.get(self.profile, f"cycles at rate {self.profile:g}")
            parts.append(f"profile of {cycles}")
        if self.slope is not None:
            distance = self.slope or "all"
            share = "half of the " if self.share < 1 else f"damped {self.damping:g} " if self.damping < 1 else ""
            parts.append(f"{share}drift over {distance}")
        return ", ".join(parts)


METHODS = (
    Method(),
    Method(0.6),
    Method(0.3),
    Method(0.1),
    Method(1.0, slope=1, damping=0.7),
    Method(0.8, slope=3, damping=0.9),
    Method(0.8, slope=8, damping=0.9),
    Method(0.8, slope=8),
    Method(1.0, slope=EVERY),
    Method(0.5, slope=EVERY, share=0.5),
    Method(None, 1.0),
    Method(None, 0.0),
    Method(None, 1.0, slope=1),
    Method(None, 1.0, slope=EVERY),
    Method(1.0, 1.0),
    Method(1.0, 0.0),
    Method(0.3, 0.0),
    Method(0.1, 0.0),
    Method(0.3, 0.5),
    Method(0.3, 0.5, slope=1, damping=0.7),
    Method(0.6, 0.0, slope=1, damping=0.7),
    Method(0.3, 0.0, slope=EVERY),
    Method(0.3, 0.0, slope=EVERY, share=0.5),
    Method(0.6, 0.3, slope=2),
    Method(0.02),
    Method(1.0, slope=1, damping=0.95),
    Method(1.0, slope=3),
    Method(1.0, slope=8, damping=0.95),
    Method(1.0, 0.5, slope=1),
    Method(1.0, 0.3, slope=1, damping=0.8),
)
WATCHED = (2, 7, 8, 12, 16, 21)  # the methods whose past errors are inputs

PAST_ERRORS = 2 * len(WATCHED)
CLASSICAL_INPUTS = 2 * PAST_ERRORS + 3  # past errors, their mean sizes, the value, and the two of `context`


def cycles_of(cycle: int) -> int:
    """How many of the last cycles the methods use.

    >>> [cycles_of(cycle) for cycle in (1, 4, 12, 168, 400)]
    [32, 8, 5, 5, 3]
    """
    return max(FEWEST_ROWS // cycle, min(MOST_CYCLES, max(3, MANY_ROWS // cycle)))


def recent_rows(cycle: int) -> int:
    """R, how many of the last rows the methods use.

    >>> recent_rows(1), recent_rows(12)
    (32, 60)
    """
    return max(cycles_of(cycle) * cycle, FEWEST_ROWS)


def relative_lags(cycle: int) -> tuple[int, ...]:
    """The lags of the changes that are inputs; as many for any cycle.

    >>> relative_lags(1), relative_lags(12)
    ((1, 2, 3, 4, 8), (1, 2, 6, 12, 24))
    """
    return (1, 2, max(3, cycle // 2), max(4, cycle), max(8, 2 * cycle))


def leads(cycle: int) -> tuple[int, int]:
    """For which steps ahead the past errors of the watched methods are inputs."""
    return 1, max(4, cycle)


@dataclass(frozen=True)
class ClassicalTable:
    """The forecasts of all methods for one cycle and some steps ahead.

    Attributes:
        table: the forecasts minus the last value, if there are R rows of history.
        spans: [A], rows over which each slope is measured; 1 without one.
        base: [A], rows of history beyond the span that a slope needs.
        needed: [A], rows of history that each method needs.
    """

    cycle: int
    table: NaiveTable
    spans: Float
    base: Float
    needed: Int

    def usable(self, rows: Int) -> Bool:
        """Which methods have enough rows of history, [..., A], from their number [...]; the last value always has."""
        return np.asarray(rows[..., None] >= self.needed)

    def slope_factors(self, rows: Int) -> Float:
        """By how much the slopes of short series must be multiplied, [..., A]: rows before the first do not change."""
        return self.spans / np.clip(rows[..., None] - self.base, 1, self.spans)


@cache
def classical_table(cycle: int, steps: tuple[int, ...]) -> ClassicalTable:
    """The methods for these steps ahead, 1 for the next row.

    Args:
        cycle: rows of the season; 1 for none.
    """
    recent, ahead = recent_rows(cycle), np.array(steps)
    parts = [_parts(method, cycle, ahead) for method in METHODS]
    backs = range(1, cycles_of(cycle) + 1) if cycle > 1 else [1]  # without a season, no method uses them
    first = {None: 1, EVERY: recent - 1}
    seasonal = np.array([method.profile is not None for method in METHODS])
    sloped = np.array([method.slope is not None for method in METHODS])
    spans = [
        _cycles_back(method, cycle) * cycle if method.profile is not None else first.get(method.slope, method.slope)
        for method in METHODS
    ]
    table = NaiveTable(
        names=tuple(method.name for method in METHODS),
        picks=np.stack([recent + lagged_rows(cycle, int(ahead.max()), back)[ahead - 1] for back in backs]),
        shares=np.stack([part.shares[: len(backs)] for part in parts]),
        level=np.stack([part.level for part in parts]),
        slope=np.stack([part.slope for part in parts]),
        steps=np.stack([part.steps for part in parts]),
    )
    needed = np.where(seasonal, cycle * (1 + sloped), 1 + 2 * sloped)
    needed[seasonal & (cycle == 1)] = np.iinfo(np.int64).max
    return ClassicalTable(cycle, table, np.array(spans, float), np.where(seasonal, float(cycle), 1.0), needed)


class _Parts(NamedTuple):
    """One method as a row of `NaiveTable`."""

    shares: Float
    level: Float
    slope: Float
    steps: Float


def _cycles_back(method: Method, cycle: int) -> int:
    """Between how many cycles the slope of a seasonal method is measured."""
    return cycles_of(cycle) - 1 if method.slope == EVERY else min(method.slope or 1, cycles_of(cycle) - 1)


def _parts(method: Method, cycle: int, ahead: Int) -> _Parts:
    """The weights of the rows for one method.

    With v the weights of the level and w those of the cycles in the profile, forecast n is the profile at its phase
    p, plus the level of what remains, sum v (y - profile). On a straight line of slope b this is right if b is added
    n - p - 1 + sum v_i (age_i + p_i + 1) times; a damped trend replaces n by the sum of its damped steps.
    """
    recent, phases = recent_rows(cycle), (ahead - 1) % cycle
    cycles = cycles_of(cycle)
    weights = np.zeros(recent) if method.level is None else smoothing_weights(recent, method.level)
    row_phases = (np.arange(recent) - recent) % cycle
    level: Float = weights.copy()
    shares: Float = np.zeros(cycles)
    offset: Float = np.full(len(ahead), float(weights @ (recent - 1 - np.arange(recent))))
    if method.profile is not None:
        shares = np.asarray(smoothing_weights(cycles, method.profile)[::-1], np.float64)
        if method.level is None:
            offset = np.asarray(cycle * (shares @ np.arange(1, cycles + 1)) - phases - 1.0, np.float64)
        else:
            of_phase = np.bincount(row_phases, weights, cycle)
            for back, share in enumerate(shares, 1):
                level[recent - back * cycle :][:cycle] -= share * of_phase
            offset = np.asarray(offset + float(weights @ (row_phases + 1)) - phases - 1.0)
    if method.slope is None:
        return _Parts(shares, level, np.zeros(recent), np.zeros(len(ahead)))
    return _Parts(shares, level, _slope(method, cycle), method.share * _trend(method, cycle, ahead) + offset)


def _slope(method: Method, cycle: int) -> Float:
    """Weights of the rows for the change in one row."""
    recent = recent_rows(cycle)
    slope = np.zeros(recent)
    if method.profile is None:
        rows = method.slope or recent - 1
        slope[[-1, -1 - rows]] = 1 / rows, -1 / rows
        return slope
    back = _cycles_back(method, cycle)
    slope[recent - cycle :] = 1
    slope[recent - (back + 1) * cycle :][:cycle] -= 1
    return slope / (back * cycle**2)


def _trend(method: Method, cycle: int, ahead: Int) -> Float:
    """How often the slope is added for each step ahead: the sum of its damped steps."""
    if method.damping == 1:
        return ahead.astype(float)
    rate = method.damping ** (1 / cycle if method.profile is not None else 1)
    return np.asarray(rate * (1 - rate**ahead) / (1 - rate))


def pad_early(recent: Float, rows: Int, cycle: int) -> Float:
    """The recent rows [..., R]; before the first row, its cycle repeated if it is complete.

    Args:
        rows: [...], rows of history.
    """
    count = recent.shape[-1]
    if (rows >= count).all() or cycle == 1:
        return recent
    place = np.arange(count)
    missing = np.where(rows >= cycle, count - rows, 0)[..., None]
    source = np.where(place < missing, place + cycle * -(-(missing - place) // cycle), place)
    return np.take_along_axis(recent, source, -1)


def context(rows: Int, cycle: int) -> Float:
    """How many rows of history there are, and the season, as inputs, [..., 2].

    Args:
        rows: [...], rows since the first observation, including it; negative before it.
    """
    size = np.log1p(np.maximum(rows, 0)) / ROWS_SCALE
    return np.stack([size, np.full_like(size, math.log(cycle) / CYCLE_SCALE)], axis=-1)


def rows_of(size: Float) -> Int:
    """The rows of history from the first number of `context`."""
    return np.rint(np.expm1(np.minimum(size, 6.0) * ROWS_SCALE)).astype(np.int64)
