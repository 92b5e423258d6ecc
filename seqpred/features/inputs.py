"""Causal inputs without unit, and the way back to the target's unit.

Everything at row t is made from rows at or before t. A forecast is a correction of an anchor, the value one
anchor lag earlier (the seasonal naive, or the last value), in units of the scale, the mean absolute seasonal
difference so far: the denominator of MASE (Hyndman & Koehler 2006, "Another look at measures of forecast
accuracy", eq. 3) as it is known at row t. So a network whose head says 0 is the seasonal naive, and a loss in
these units weighs each series as MASE does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seqpred.arrays import Float, Float32, Int
from seqpred.features.naive import cycles_used

if TYPE_CHECKING:
    from torch import Tensor

CELLS = 250_000  # of tracks made side by side, which bounds memory
FARTHEST = 1e6  # units of the scale that a recent row may lie from the last

Array = TypeVar("Array", Float, "Tensor")


@dataclass(frozen=True)
class InputSpec:
    """How far back the inputs look, in rows.

    Attributes:
        season: of the scale.
        anchor: lag of the forecast that the network corrects.
        lags: of the changes given as inputs; the longest is also the width of the rolling mean and spread.
        blend: whether the network is given more naive forecasts than the anchor's, to weigh them.
        autoregression: of how many last rows a weighted sum is added to what it says; 0 for none.
    """

    season: int
    anchor: int
    lags: tuple[int, ...]
    blend: bool = True
    autoregression: int = 0

    @property
    def inputs(self) -> int:
        """F, the number of inputs at each row."""
        return len(self.lags) + 4

    @cached_property
    def cycles(self) -> tuple[int, ...]:
        """Rows of the cycles that the data may have, rising."""
        return tuple(sorted({self.season, self.anchor, max(self.lags)} - {1}))

    @cached_property
    def recent(self) -> int:
        """Rows, up to the one that speaks, that the head is given; 0 where it needs none."""
        blended = max(2 * self.anchor, *(cycle * cycles_used(cycle) for cycle in self.cycles), 0)
        return max(blended * self.blend, self.autoregression)


@dataclass(frozen=True)
class Prepared:
    """One track, or several side by side, ready for the network.

    Attributes:
        x: [..., T, F], inputs without unit; all 0 before the first observation.
        filled: [..., T], the values, missing ones bridged by the anchor's forecast.
        scale: [..., T], in the target's unit; 0 while nothing has changed yet.
    """

    x: Float32
    filled: Float
    scale: Float


def prepare(values: Float, look: InputSpec) -> Prepared:
    """Inputs, bridged values and scale of whole tracks, each row from rows at or before it.

    Args:
        values: [..., T], in the target's unit; NaN where missing.
    """
    filled = bridge(values, look.anchor)
    scale = running_scale(values, look.season)
    unit = usable_scale(scale, filled)
    mean, spread = _rolling(filled, max(look.lags))
    changes = [filled - lagged(filled, lag) for lag in look.lags]
    ahead = lagged(filled, look.anchor - 1) - filled
    x = np.empty((*values.shape, look.inputs), np.float32)
    for i, column in enumerate((*changes, filled - mean, spread, ahead)):
        x[..., i] = slog(np.clip(column / unit, -1e30, 1e30).astype(np.float32))  # what float32 holds
    x[..., -1] = np.isfinite(values)
    x[np.arange(values.shape[-1]) < _first_observed(values)] = 0
    return Prepared(x, filled, scale)


def prepare_all(tracks: Sequence[Float], look: InputSpec) -> list[Prepared]:
    """Each of these tracks [T] by itself; those of about one length are made side by side, which is far quicker."""
    done: dict[int, Prepared] = {}
    for group in _side_by_side([len(t) for t in tracks]):
        block = np.full((len(group), len(tracks[group[-1]])), np.nan)  # what follows a track changes nothing in it
        for row, k in zip(block, group, strict=True):
            row[: len(tracks[k])] = tracks[k]
        made = prepare(block, look)
        for place, k in enumerate(group):
            own = place, slice(len(tracks[k]))
            done[k] = Prepared(made.x[own], made.filled[own], made.scale[own])
    return [done[k] for k in range(len(tracks))]


def _side_by_side(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The places of these lengths, shortest first, in groups that waste less than half and are not too large."""
    group: list[int] = []
    for k in sorted(range(len(lengths)), key=lambda k: lengths[k]):
        if group and (lengths[k] > 2 * lengths[group[0]] or lengths[k] * (len(group) + 1) > CELLS):
            yield group
            group = []
        group.append(k)
    if group:
        yield group


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
    """Missing values [..., T] replaced by what the anchor forecasts for them; those before the first one by it.

    >>> bridge(np.array([1.0, 2.0, np.nan, np.nan, 5.0]), 2).tolist()
    [1.0, 2.0, 1.0, 2.0, 5.0]
    """
    known = np.isfinite(values)
    if known.all():
        return values
    rows, first = np.arange(values.shape[-1]), _first_observed(values)
    start = np.take_along_axis(values, first.clip(max=len(rows) - 1), -1)
    filled = np.where(rows < first, np.where(np.isfinite(start), start, 0.0), values)
    early = (rows < first + anchor) & ~known  # there is no anchor yet: the row before stands in
    filled = np.where(early, _carried(filled, 1), filled)
    whole: Float = np.where(np.isfinite(filled), filled, _carried(filled, anchor))
    return whole


def _carried(values: Float, lag: int) -> Float:
    """Each value, or where it is missing the last known one a multiple of `lag` rows before it, [..., T]."""
    rows = values.shape[-1]
    blocks = -(-rows // lag)
    known = np.zeros((*values.shape[:-1], blocks * lag), bool)
    known[..., :rows] = np.isfinite(values)
    known = known.reshape(*values.shape[:-1], blocks, lag)
    block = np.maximum.accumulate(np.where(known, np.arange(blocks)[:, None], 0), axis=-2)
    source = (block * lag + np.arange(lag)).reshape(*values.shape[:-1], -1)[..., :rows]
    carried: Float = np.take_along_axis(values, source, -1)
    return carried


def _first_observed(values: Float) -> Int:
    """The first row with a value, [..., 1]; T where there is none."""
    observed = np.isfinite(values)
    first: Int = np.where(observed.any(-1), observed.argmax(-1), values.shape[-1])[..., None]
    return first


def running_scale(values: Float, season: int) -> Float:
    """Mean absolute difference to one season earlier over the pairs observed so far, [..., T].

    Before the first whole season the difference to the row before stands in; 0 while there is none.

    >>> running_scale(np.array([1.0, 2.0, 4.0, 7.0]), 2).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    scale = _running_mean_change(values, season)
    whole: Float = np.where(scale > 0, scale, _running_mean_change(values, 1))
    return whole


def _running_mean_change(values: Float, lag: int) -> Float:
    """[..., T]; 0 while no pair is known, or none differs."""
    change = np.abs(values[..., lag:] - values[..., :-lag])
    known = np.isfinite(change)
    pairs = np.cumsum(known, axis=-1)
    mean = np.zeros(values.shape)
    mean[..., lag:] = np.cumsum(np.where(known, change, 0.0), axis=-1) / np.maximum(pairs, 1)
    return mean


def usable_scale(scale: Float, filled: Float) -> Float:
    """The scale where there is one; a hundredth of the value, or 1, while there is none: never 0."""
    return np.where(scale > 0, scale, np.where(filled != 0, np.abs(filled) / 100, 1.0))


def lagged(filled: Float, lag: int) -> Float:
    """The value `lag` rows earlier, [..., T]; the first one where there is none."""
    if lag == 0:
        return filled
    earlier: Float = np.concatenate([np.repeat(filled[..., :1], lag, -1), filled], axis=-1)[..., : filled.shape[-1]]
    return earlier


def slog(x: Float32) -> Float32:
    """Signed logarithm, sign(x) log(1 + |x|): keeps direction and order, tames outliers."""
    tamed: Float32 = np.copysign(np.log1p(np.abs(x)), x)
    return tamed


def _rolling(filled: Float, width: int) -> tuple[Float, Float]:
    """Mean and standard deviation of the last `width` rows, fewer at the start, [..., T] each."""
    first = filled[..., :1]
    centred = filled - first  # keeps the sums small beside their differences
    rows = np.arange(1, filled.shape[-1] + 1)
    count = np.minimum(rows, width)
    mean = _last(centred, width) / count
    variance = _last(centred**2, width) / count - mean**2
    return mean + first, np.sqrt(np.maximum(variance, 0.0))


def _last(values: Float, width: int) -> Float:
    """Sums over the last `width` rows, [..., T]."""
    sums = np.cumsum(values, axis=-1)
    earlier = np.concatenate([np.zeros((*values.shape[:-1], width)), sums], axis=-1)
    difference: Float = sums - earlier[..., : values.shape[-1]]
    return difference


def recent_changes(past: Array, scale: Array, rows: int, every: int = 1) -> Array:
    """The last rows less the last one, in units of the scale, [K, P, rows], at each of P rows.

    Args:
        past: [K, rows + (P - 1) every], bridged values up to the last of the P rows; the track's first value stands
            for those before it.
        scale: [K, P], never 0.
        every: rows from one of the P to the next.
    """
    windows: Array = (
        sliding_window_view(past, rows, axis=1)[:, ::every]
        if isinstance(past, np.ndarray)
        else past.unfold(1, rows, every)
    )
    changes: Array = (windows - windows[..., -1:]) / scale[..., None]
    return changes.clip(-FARTHEST, FARTHEST)


def to_unit(z: Float32, anchor: Float, scale: float) -> Float:
    """A network's quantiles in the target's unit.

    Args:
        z: [N, Q], in units of the scale, around the anchor.
        anchor: [N], in the target's unit.
    """
    return anchor[:, None] + scale * z.astype(np.float64)
