"""Naive forecasts: missing values filled from the past, repeated cycles, and one linear table for all of them.

Every naive forecast is linear in the recent rows and in the running profile of a long cycle (`running_profile`), which
precedes them in one vector `recent`. Forecast k of step n is

    shares_k . recent[picks(n)] + recent . level_k + steps_k(n) * (recent . slope_k)

`naive_table` gives these numbers once. torch (`network/heads.py`) and ONNX (`runtime/onnx_graph.py`) evaluate them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float, Int

MAX_CYCLES, MAX_RECENT = 5, 400  # cycles over which a drift is measured, and rows of them beyond the second cycle
SLOW, FAST = 0.1, 0.3  # smoothing rates of the level: of all recent rows, and next to a line and a cycle's profile


def cycles_used(cycle: int) -> int:
    """How many of the last cycles of `cycle` rows the naive forecasts use.

    >>> cycles_used(12), cycles_used(168)
    (5, 2)
    """
    return max(2, min(MAX_CYCLES, MAX_RECENT // cycle))


def profile_rows(cycles: Sequence[int]) -> int:
    """P, rows of the cycle that has a running profile: the longest, if `cycles_used` is below `MAX_CYCLES`; else 0.

    >>> profile_rows((24, 168)), profile_rows((12,)), profile_rows(())
    (168, 0, 0)
    """
    longest = max(cycles, default=0)
    return longest if longest and cycles_used(longest) < MAX_CYCLES else 0


def lagged_rows(cycle: int, steps: int, cycles: int = 1) -> Int:
    """The row that a seasonal naive forecast copies for each step ahead, [N], counted back from the end.

    Args:
        cycle: rows of a cycle; steps beyond one cycle copy the same rows again.
        cycles: how many cycles to look back; 1 is the last one.

    >>> lagged_rows(3, 5).tolist(), lagged_rows(3, 5, cycles=2).tolist()
    ([-3, -2, -1, -3, -2], [-6, -5, -4, -6, -5])
    """
    rows: Int = np.arange(steps) % cycle - cycles * cycle
    return rows


def repeat_last(filled: Float, cycle: int, steps: int) -> Float:
    """The last `cycle` values repeated over the steps ahead, [N]; the last value where there are fewer.

    >>> repeat_last(np.array([9.0, 1.0, 2.0, 3.0]), 3, 4).tolist()
    [1.0, 2.0, 3.0, 1.0]
    """
    if len(filled) < cycle:
        return np.full(steps, filled[-1])
    repeated: Float = filled[lagged_rows(cycle, steps)]
    return repeated


def fill_missing(past: Float, since: Int, values: Float, lag: int) -> tuple[Float, Int]:
    """Replace missing values by those `lag` rows earlier, or by the row before where less than a lag is observed.

    Before the first observation, all values are the first one (0 until there is one).

    Args:
        past: [..., W], filled values before these rows, W at least `lag`.
        since: [...], rows from the first observation to the row before these, including both; 0 before it.
        values: [..., T], NaN where missing.
    Returns:
        Filled values [..., W + T], and the row of the first observation, [...]: negative if it is before these rows, T
        or more if it is after them.
    """
    observed, width, steps = np.isfinite(values), past.shape[-1], values.shape[-1]
    filled = np.concatenate([past, values], axis=-1)
    is_new = since == 0
    first = np.where(is_new, np.where(observed.any(-1), observed.argmax(-1), steps), -since)
    if is_new.any():
        start = np.take_along_axis(values, first.clip(0, steps - 1)[..., None], -1)
        start = np.where(first[..., None] < steps, start, 0.0)
        head = filled[..., : width + first.max(initial=0)]
        early = is_new[..., None] & (np.arange(head.shape[-1]) < width + first[..., None])
        np.copyto(head, start, where=early)
    if not observed.all():
        tail, rows = filled[..., width - lag :], np.arange(steps)
        early = ~observed & (rows >= first[..., None]) & (rows < first[..., None] + lag)
        if early.any():
            np.copyto(tail[..., lag:], _carry(tail, 1)[..., lag:], where=early)
        tail[...] = _carry(tail, lag)
    return filled, first


def _carry(values: Float, lag: int) -> Float:
    """Each value, or where it is missing the last known one a multiple of `lag` rows earlier, [..., T]."""
    rows = values.shape[-1]
    cycles = -(-rows // lag)
    known = np.zeros((*values.shape[:-1], cycles * lag), bool)
    known[..., :rows] = np.isfinite(values)
    known = known.reshape(*values.shape[:-1], cycles, lag)
    cycle = np.maximum.accumulate(np.where(known, np.arange(cycles)[:, None], 0), axis=-2)
    source = (cycle * lag + np.arange(lag)).reshape(*values.shape[:-1], -1)[..., :rows]
    return np.take_along_axis(values, source, -1)


def fill(values: Float, lag: int) -> Float:
    """`fill_missing` of a whole track [T].

    >>> fill(np.array([1.0, 2.0, np.nan, np.nan, 5.0]), 2).tolist()
    [1.0, 2.0, 1.0, 2.0, 5.0]
    """
    return fill_missing(np.zeros(lag), np.zeros((), np.int64), values, lag)[0][lag:]


def smoothing_weights(rows: int, rate: float) -> Float:
    """Weights of simple exponential smoothing for the last rows, normalised to sum 1, [rows].

    >>> smoothing_weights(3, 0.5).round(3).tolist()
    [0.143, 0.286, 0.571]
    """
    weights = (1 - rate) ** np.arange(rows - 1, -1, -1.0)
    return np.asarray(weights / weights.sum())


def level_and_slope(cycle: int) -> tuple[Float, Float]:
    """Weights of the rows of the last cycles, [rows] each, for the level and the slope of the smoothed forecast.

    This is the additive method of Holt and Winters with one line and one seasonal profile fitted to these cycles in
    place of smoothed ones (Winters 1960, Management Science 6(3)). The slope is the mean drift, the profile is the
    mean of the cycles about the line, and the level is the smoothed remainder at the last row, here relative to the
    mean of all rows. The forecast of step k is the mean of the cycles at its phase + level + slope (k - p), where p
    is the phase in rows from the middle of a cycle.

    >>> rows = np.arange(10.0)  # one more per row; the last lies 4.5 above the mean
    >>> [round(float(rows @ weights), 6) for weights in level_and_slope(2)]
    [4.5, 1.0]
    """
    cycles = cycles_used(cycle)
    rows = cycles * cycle
    weights = smoothing_weights(rows, FAST)
    slope = np.zeros(rows)
    slope[-cycle:], slope[:cycle] = 1, -1
    slope /= cycle * (cycles - 1) * cycle
    phase = np.arange(rows) % cycle - (cycle - 1) / 2
    delay = float(weights @ (phase - np.arange(rows) + rows - 1))  # rows from the weighted mean to the last row
    profile = np.tile(weights.reshape(cycles, cycle).sum(0) / cycles, cycles)
    return weights - profile + delay * slope, slope


@dataclass(frozen=True, eq=False)  # hashable: `naive_table` makes each only once
class NaiveTable:
    """A naive forecasts minus the anchor's forecast, as linear functions of P + R numbers: a profile and recent rows.

    Attributes:
        names: A of them, as `seasonal_naive_12`.
        picks: [U, N], places of the seasonal lags that the forecasts share.
        shares: [A, U], weight of each lag in each forecast; the anchor's is subtracted.
        level, slope: [A, P + R], weights of the numbers.
        steps: [A, N], multiples of the slope for each step ahead.
    """

    names: tuple[str, ...]
    picks: Int
    shares: Float
    level: Float
    slope: Float
    steps: Float

    def __call__(self, recent: Float) -> Float:
        """The forecasts, [..., A, N], from the numbers, [..., P + R]: the reference for the two runtimes."""
        level, slope = (recent @ weights.T for weights in (self.level, self.slope))
        return np.asarray(self.shares @ recent[..., self.picks] + level[..., None] + slope[..., None] * self.steps)


@cache
def naive_table(cycles: tuple[int, ...], anchor: int, horizon: int, recent: int) -> NaiveTable:
    """The table of all naive forecasts, in this order.

    `last_value`. For each cycle: `seasonal_naive` (unless it is the anchor's), `seasonal_drift` with the drift between
    the last two cycles, `seasonal_mean` of the last two cycles, and `seasonal_change`, the last value plus the changes
    of the last cycle. For each cycle: `seasonal_trend`, the seasonal naive with the mean drift over `cycles_used`.
    `smoothed_level` of all recent rows. For each cycle: `smoothed_season`, the smoothed level with a line and a profile
    (`level_and_slope`). If the longest cycle has a running profile (`profile_rows`): `profile`, `profile_level`, the
    profile moved to the level of the last short cycle, and `profile_change`, the profile plus the distances of the last
    short cycle from it, row by row.

    Args:
        cycles: rows of each cycle.
        anchor: lag of the forecast that the others are measured against.
        recent: R, at least the rows of `cycles_used` of each cycle.
    """
    make = _Forecasts(horizon, recent, profile_rows(cycles))
    named = {"last_value": _Forecast(level=make.value(0))}
    for cycle in cycles:
        last, before = Lag(cycle), Lag(cycle, 2)
        named |= {anchor_name(cycle): _Forecast({last: 1})} if cycle != anchor else {}
        named[f"seasonal_drift_{cycle}"] = make.drift(cycle, 2)
        named[f"seasonal_mean_{cycle}"] = _Forecast({last: 1 / 2, before: 1 / 2})
        named[f"seasonal_change_{cycle}"] = _Forecast({last: 1}, make.value(0) - make.value(cycle))
    named |= {f"seasonal_trend_{cycle}": make.drift(cycle, cycles_used(cycle)) for cycle in cycles}
    named["smoothed_level"] = _Forecast(level=make.pad(smoothing_weights(recent, SLOW)))
    named |= {f"smoothed_season_{cycle}": make.smoothed(cycle) for cycle in cycles}
    named |= make.profiles(cycles[0]) if make.profile else {}
    found = [*named.values()]
    lags = list(dict.fromkeys([Lag(anchor), *(lag for forecast in found for lag in forecast.shares)]))
    shares = [[forecast.shares.get(lag, 0.0) for lag in lags] for forecast in found]
    return NaiveTable(
        names=tuple(named),
        picks=np.stack([make.places(lag) for lag in lags]),
        shares=np.array(shares) - np.eye(len(lags))[0],  # the first lag is the anchor's forecast
        level=np.stack([np.broadcast_to(forecast.level, make.width) for forecast in found]),
        slope=np.stack([np.broadcast_to(forecast.slope, make.width) for forecast in found]),
        steps=np.stack([np.broadcast_to(forecast.steps, horizon) for forecast in found]),
    )


def anchor_name(anchor: int) -> str:
    """The name of the anchor's forecast.

    >>> anchor_name(1), anchor_name(12)
    ('last_value', 'seasonal_naive_12')
    """
    return "last_value" if anchor == 1 else f"seasonal_naive_{anchor}"


class Lag(NamedTuple):
    """The rows of a cycle `back` cycles before the end, of the recent rows or of the running profile."""

    cycle: int
    back: int = 1
    of_profile: bool = False


class _Forecast(NamedTuple):
    """Some lags, weighed, plus `level` plus `steps` times `slope`; 0 where nothing is given."""

    shares: Mapping[Lag, float] = MappingProxyType({})
    level: Float | float = 0.0
    slope: Float | float = 0.0
    steps: Float | float = 0.0


class _Forecasts:
    """The naive forecasts of one horizon, each as weights of `profile` numbers and of the `recent` rows after them."""

    def __init__(self, horizon: int, recent: int, profile: int) -> None:
        self.step: Float = np.arange(float(horizon))
        self.profile, self.width = profile, profile + recent

    def drift(self, cycle: int, cycles: int) -> _Forecast:
        """The seasonal naive, each cycle higher than the one before by the mean drift over the last `cycles`."""
        slope = (self.mean(cycle, 1) - self.mean(cycle, cycles)) / (cycles - 1)
        return _Forecast({Lag(cycle): 1}, slope=slope, steps=1 + self.step // cycle)

    def smoothed(self, cycle: int) -> _Forecast:
        """The mean of the last cycles at each phase, moved to the smoothed level and continued along the line."""
        level, slope = (self.pad(weights) for weights in level_and_slope(cycle))
        steps = 1 + self.step - (self.step % cycle - (cycle - 1) / 2)
        count = cycles_used(cycle)
        return _Forecast({Lag(cycle, back): 1 / count for back in range(1, count + 1)}, level, slope, steps)

    def profiles(self, cycle: int) -> dict[str, _Forecast]:
        """The running profile: alone, at the level of the last `cycle` rows, and plus their distances from it."""
        ahead, rows = Lag(self.profile, of_profile=True), Lag(cycle, of_profile=True)
        level = self.mean(cycle, 1)
        level[self.profile - cycle : self.profile] = -1 / cycle
        found = {f"profile_{self.profile}": _Forecast({ahead: 1})}
        found[f"profile_level_{self.profile}"] = _Forecast({ahead: 1}, level)
        if cycle < self.profile:
            found[f"profile_change_{self.profile}"] = _Forecast({ahead: 1, Lag(cycle): 1, rows: -1})
        return found

    def places(self, lag: Lag) -> Int:
        """Which number the lag picks at each step ahead, [N]."""
        end = self.profile if lag.of_profile else self.width
        return end + lagged_rows(lag.cycle, len(self.step), lag.back)

    def pad(self, weights: Float) -> Float:
        """Weights of the last rows as weights of all numbers."""
        return np.pad(weights, (self.width - len(weights), 0))

    def value(self, back: int) -> Float:
        """Weights that pick the value `back` rows before the last one."""
        return (np.arange(self.width) == self.width - 1 - back).astype(float)

    def mean(self, cycle: int, back: int) -> Float:
        """Weights of the mean of the cycle that begins `back` cycles before the end."""
        weights = np.zeros(self.width)
        weights[self.width - back * cycle :][:cycle] = 1 / cycle
        return weights
