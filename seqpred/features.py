"""Causal inputs without unit, and the way back to the target's unit.

Everything at row t is made from rows at or before t. A forecast is a correction of an anchor, the value one
anchor lag earlier (the seasonal naive, or the last value), in units of the scale, the mean absolute seasonal
difference so far: the denominator of MASE (Hyndman & Koehler 2006, "Another look at measures of forecast
accuracy", eq. 3) as it is known at row t. So a network whose head says 0 is the seasonal naive, and a loss in
these units weighs each series as MASE does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
FARTHEST = 1e6  # units of the scale that a naive forecast may lie from the anchor's

Array = TypeVar("Array", Float, "Tensor")


@dataclass(frozen=True)
class Look:
    """How far back the inputs look, in rows.

    Attributes:
        season: of the scale.
        anchor: lag of the forecast that the network corrects.
        lags: of the changes given as inputs; the longest is also the width of the rolling mean and spread.
        blend: whether the network is given more naive forecasts than the anchor's, to weigh them.
    """

    season: int
    anchor: int
    lags: tuple[int, ...]
    blend: bool = True

    @property
    def inputs(self) -> int:
        """F, the number of inputs at each row."""
        return len(self.lags) + 4

    @cached_property
    def cycles(self) -> tuple[int, ...]:
        """Rows of the cycles whose naive forecasts are blended, rising."""
        return tuple(sorted({self.season, self.anchor, max(self.lags)} - {1})) if self.blend else ()

    @cached_property
    def naives(self) -> int:
        """A, the number of naive forecasts beside the anchor's."""
        return 1 + 4 * len(self.cycles) - (self.anchor in self.cycles) if self.blend else 0

    @cached_property
    def back(self) -> int:
        """Rows before the one that speaks from which naive forecasts are made."""
        return 2 * max(self.anchor, *self.cycles, 1) - 1


@dataclass(frozen=True)
class Prepared:
    """One track, ready for the network.

    Attributes:
        x: [T, F], inputs without unit; all 0 before the first observation.
        filled: [T], the values, missing ones bridged by the anchor's forecast.
        scale: [T], in the target's unit; 0 while nothing has changed yet.
        drift: [T, cycles], from the mean of the cycle before to that of the last; 0 while there are no two.
    """

    x: Float32
    filled: Float
    scale: Float
    drift: Float


def prepare(values: Float, look: Look) -> Prepared:
    """Inputs, bridged values and scale of a whole track, each row from rows at or before it.

    Args:
        values: [T], in the target's unit; NaN where missing.
    """
    filled = bridge(values, look.anchor)
    scale = running_scale(values, look.season)
    unit = usable_scale(scale, filled)
    width = max(look.lags)
    mean, spread = _rolling(filled, width)
    changes = [filled - lagged(filled, lag) for lag in look.lags]
    ahead = lagged(filled, look.anchor - 1) - filled
    x = np.empty((len(values), look.inputs), np.float32)
    for i, column in enumerate((*changes, filled - mean, spread, ahead)):
        x[:, i] = np.clip(column / unit, -1e30, 1e30)  # what float32 holds
    x[:, :-1] = slog(x[:, :-1])
    x[:, -1] = np.isfinite(values)
    x[: _first_observed(values)] = 0
    return Prepared(x, filled, scale, _drift(filled, look.cycles))


def join(prepared: Sequence[Prepared], numbers: Float32, codes: Float32, joint: bool) -> list[Prepared]:
    """The tracks of one series with what else is known of its rows: [own | others | numbers | codes].

    Args:
        prepared: C tracks of T rows.
        numbers, codes: [T, E] and [T, M], of the covariates.
        joint: whether each track is told of all: its last change and its distance from the rolling mean. Which
            track it is comes as the first code.
    """
    if not joint and not numbers.shape[1] and not codes.shape[1]:
        return list(prepared)
    others = [p.x[:, [0, -4]] for p in prepared] if joint else []
    which = [np.full((len(codes), 1), c, np.float32) for c in range(1, len(prepared) + 1)]
    return [
        replace(p, x=np.concatenate([p.x, *others, numbers, *([which[c]] if joint else []), codes], axis=1))
        for c, p in enumerate(prepared)
    ]


def bridge(values: Float, anchor: int) -> Float:
    """Missing values replaced by what the anchor forecasts for them; those before the first observation by it.

    >>> bridge(np.array([1.0, 2.0, np.nan, np.nan, 5.0]), 2).tolist()
    [1.0, 2.0, 1.0, 2.0, 5.0]
    """
    filled: Float = values.copy()
    first = _first_observed(values)
    filled[:first] = values[first] if first < len(values) else 0.0
    for t in np.flatnonzero(np.isnan(filled)):
        filled[t] = filled[t - anchor] if t - anchor >= first else filled[t - 1]
    return filled


def _first_observed(values: Float) -> int:
    observed = np.isfinite(values)
    return int(observed.argmax()) if observed.any() else len(values)


def running_scale(values: Float, season: int) -> Float:
    """Mean absolute difference to one season earlier over the pairs observed so far, [T].

    Before the first whole season the difference to the row before stands in; 0 while there is none.

    >>> running_scale(np.array([1.0, 2.0, 4.0, 7.0]), 2).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    scale = _running_mean_change(values, season)
    early = int((scale > 0).argmax()) if scale[-1] > 0 else len(scale)
    scale[:early] = _running_mean_change(values[:early], 1)
    return scale


def _running_mean_change(values: Float, lag: int) -> Float:
    """[T]; 0 while no pair is known, or none differs."""
    change = np.abs(values[lag:] - values[:-lag])
    known = np.isfinite(change)
    pairs = np.cumsum(known)
    mean = np.zeros(len(values))
    mean[lag:] = np.cumsum(np.where(known, change, 0.0)) / np.maximum(pairs, 1)
    return mean


def usable_scale(scale: Float, filled: Float) -> Float:
    """The scale where there is one; a hundredth of the value, or 1, while there is none: never 0."""
    return np.where(scale > 0, scale, np.where(filled != 0, np.abs(filled) / 100, 1.0))


def lagged(filled: Float, lag: int) -> Float:
    """The value `lag` rows earlier; the first one where there is none."""
    if lag == 0:
        return filled
    earlier: Float = np.concatenate([np.full(min(lag, len(filled)), filled[0]), filled[:-lag]])
    return earlier


def slog(x: Float32) -> Float32:
    """Signed logarithm, sign(x) log(1 + |x|): keeps direction and order, tames outliers."""
    tamed: Float32 = np.copysign(np.log1p(np.abs(x)), x)
    return tamed


def _rolling(filled: Float, width: int) -> tuple[Float, Float]:
    """Mean and standard deviation of the last `width` rows, fewer at the start, [T] each."""
    centred = filled - filled[0]  # keeps the sums small beside their differences
    rows = np.arange(1, len(filled) + 1)
    count = np.minimum(rows, width)
    sums = np.concatenate([[0.0], np.cumsum(centred)])
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    mean = (sums[rows] - sums[rows - count]) / count
    variance = (squares[rows] - squares[rows - count]) / count - mean**2
    return mean + filled[0], np.sqrt(np.maximum(variance, 0.0))


def _drift(filled: Float, cycles: Sequence[int]) -> Float:
    drift = np.zeros((len(filled), len(cycles)))
    for i, cycle in enumerate(cycles):
        mean, _ = _rolling(filled, cycle)
        drift[2 * cycle - 1 :, i] = mean[2 * cycle - 1 :] - mean[cycle - 1 : -cycle]
    return drift


def naive_forecasts(past: Array, drift: Array, look: Look, steps: int) -> list[Array]:
    """What naive forecasts say of the rows ahead, less what the anchor's says, A times [K, P, N].

    They are the last value; and for each cycle its seasonal naive, the same with drift (each cycle lies above the
    one before by as much as the last did), the mean of its last two, and the last value with the cycle's changes.

    Args:
        past: [K, back + P], the bridged values up to the last of P rows that speak; the track's first value stands
            for those before it.
        drift: [K, P, cycles].
    """
    positions, cycles_ahead = past.shape[1] - look.back, np.arange(steps)

    def ago(cycle: int, times: int = 1) -> Array:
        """The value as many whole cycles before each row ahead as are needed to have seen it, and times - 1 more."""
        first = look.back + 1 - times * cycle
        seen = _sliding(past, cycle)[:, first : first + positions]
        return seen[..., :steps] if steps <= cycle else seen[..., cycles_ahead % cycle]

    def now(rows_ago: int) -> Array:
        first = look.back - rows_ago
        return past[:, first : first + positions, None]

    anchor: Array = ago(look.anchor)
    found: list[Array] = [now(0) - anchor]
    for i, cycle in enumerate(look.cycles):
        season: Array = ago(cycle)
        if cycle != look.anchor:
            found.append(season - anchor)
        found.append(season + _times(drift[:, :, i : i + 1], 1 + cycles_ahead // cycle) - anchor)
        found.append((season + ago(cycle, 2)) / 2 - anchor)
        found.append(season + (now(0) - now(cycle)) - anchor)
    return found


def _sliding(past: Array, width: int) -> Array:
    """[K, rows, width]: at each row, it and those that follow."""
    if isinstance(past, np.ndarray):
        return np.lib.stride_tricks.sliding_window_view(past, width, axis=1)
    return past.unfold(1, width, 1)


def _times(column: Array, numbers: npt.NDArray[np.int64]) -> Array:
    """[K, P, N], from [K, P, 1] and [N]."""
    if isinstance(column, np.ndarray):
        return column * numbers
    return column * column.new_tensor(numbers)


def anchor_ahead(filled: Float, anchor: int, steps: int) -> Float:
    """What the anchor forecasts for the steps after the last row, [N]: the last `anchor` values again and again.

    >>> anchor_ahead(np.array([9.0, 1.0, 2.0, 3.0]), 3, 4).tolist()
    [1.0, 2.0, 3.0, 1.0]
    """
    if len(filled) < anchor:
        return np.full(steps, filled[-1])
    again: Float = filled[len(filled) - anchor + np.arange(steps) % anchor]
    return again


def to_unit(z: Float32, anchor: Float, scale: float) -> Float:
    """A network's quantiles in the target's unit.

    Args:
        z: [N, Q], in units of the scale, around the anchor.
        anchor: [N], in the target's unit.
    """
    return anchor[:, None] + scale * z.astype(np.float64)
