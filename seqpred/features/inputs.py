"""The causal feature engine: from values to the inputs of the network, block by block.

`advance` computes the inputs of the next rows of many series from a memory of fixed size. A whole series is one block;
a stream is many small ones. Everything at row t depends only on rows up to t, and not on how the rows are
divided into blocks.

A forecast is a correction of the anchor's forecast, the value `anchor` rows earlier (the seasonal naive or the last
value), in units of the scale. The scale is the mean absolute seasonal difference up to row t, which is the denominator
of MASE (Hyndman & Koehler 2006, "Another look at measures of forecast accuracy", eq. 3). So a network with output 0 is
the seasonal naive forecast, and a loss in these units weighs series as MASE does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Float, Float32, Int
from seqpred.features.classical import PAST_ERRORS, context
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.features.naive import fill_missing
from seqpred.features.origins import Origins
from seqpred.features.past_errors import mean_errors, past_errors
from seqpred.features.running import rolling_moments, running_profile, running_scale, slog


class TrackMemory(NamedTuple):
    """What `advance` remembers of B series of C targets; its size does not grow with the rows.

    Attributes:
        rows: [B], rows so far.
        since: [B, C], rows since the first observation, including it; 0 before it.
        filled: [B, C, W], the last values, missing ones filled in.
        values: [B, C, season], the last values, NaN where missing.
        sums, pairs: [B, C, 2], sum and number of the absolute changes over a season and over one row; for a pretrained
            network, means and number of past errors follow in `sums`.
        profile: [B, C, P], the running profile at the last rows.
    """

    rows: Int
    since: Int
    filled: Float
    values: Float
    sums: Float
    pairs: Float
    profile: Float

    @classmethod
    def start(cls, spec: InputSpec, series: int, targets: int) -> TrackMemory:
        """The memory before the first row."""
        tracks = (series, targets)
        return cls(
            rows=np.zeros(series, np.int64),
            since=np.zeros(tracks, np.int64),
            filled=np.zeros((*tracks, spec.past)),
            values=np.full((*tracks, spec.season), np.nan),
            sums=np.zeros((*tracks, 2 + (PAST_ERRORS + 1) * spec.classical)),
            pairs=np.zeros((*tracks, 2)),
            profile=np.zeros((*tracks, spec.profile)),
        )


class SeriesMemory(NamedTuple):
    """The memory of B series.

    Attributes:
        tracks: of the targets.
        held: [B, held, 2], values of covariates that also apply to later rows, and their days.
        known: [B, anchor, K], known covariates of the last `anchor` rows; before the first row, those of the first.
    """

    tracks: TrackMemory
    held: Float
    known: Float32

    @classmethod
    def start(cls, spec: SeriesSpec, series: int) -> SeriesMemory:
        """The memory before the first row."""
        layout = spec.covariates.layout
        return cls(
            TrackMemory.start(spec.inputs, series, spec.targets),
            spec.covariates.start_held(series),
            np.zeros((series, spec.inputs.anchor, layout.known + layout.known_codes), np.float32),
        )


class Track(NamedTuple):
    """A whole track (one target of one series).

    Attributes:
        x: [T, F], inputs; all 0 before the first observation.
        filled: [T], values in the target's unit, missing ones filled in.
        scale: [T], in the target's unit, at least `InputSpec.least_scale` of the spread; 0 while nothing has changed.
        profile: [T], the running profile, in the target's unit; [0] if there is none.
    """

    x: Float32
    filled: Float
    scale: Float
    profile: Float


class Block(NamedTuple):
    """T rows of B series of C targets, ready for the network.

    Attributes:
        x: [B, C, T, F], inputs without unit; all 0 before the first observation.
        filled: [B, C, W + T], values with missing ones filled in, W rows before the block included.
        scale: [B, C, T], in the target's unit, at least `InputSpec.least_scale` of the spread; 0 without a change.
        observed: [B, C, T], whether the track has been observed so far.
        rows: [B, T], rows of the series so far.
        profile: [B, C, P + T], the running profile, as `filled`; without rows if there is none.
    """

    x: Float32
    filled: Float
    scale: Float
    observed: Bool
    rows: Int
    profile: Float

    @property
    def now(self) -> Float:
        """The filled values of the rows of the block alone, [B, C, T]."""
        return self.filled[..., self.filled.shape[-1] - self.rows.shape[1] :]

    def origins(self) -> Origins:
        """All rows of the block."""
        return Origins(self.filled, _unit(self.scale, self.now), self.observed, self.rows, self.profile)

    def last(self, after: TrackMemory, lengths: Int) -> Origins:
        """The last row of each series alone.

        Args:
            after: the memory after the block.
            lengths: [B], rows of each series in the block.
        """
        last = np.arange(len(lengths)), slice(None), lengths - 1
        unit = _unit(self.scale[last][..., None], after.filled[..., -1:])
        return Origins(after.filled, unit, self.observed[last][..., None], after.rows[:, None], after.profile)


def advance_series(
    memory: SeriesMemory, values: Float, times: Int | None, spec: SeriesSpec, lengths: Int | None = None
) -> tuple[Float32, Block, SeriesMemory]:
    """The inputs of the next T rows of B series, [B, C, T, F], the block of their targets, and the memory after them.

    Args:
        values: [B, T, columns], targets first; categories as codes; NaN where missing.
        times: [B, T], local times; None if the covariates do not use them.
        lengths: [B], rows of each series if they differ; the values after them must be NaN.
    """
    targets = np.ascontiguousarray(np.moveaxis(values[..., : spec.targets], 2, 1))
    block, tracks = advance(memory.tracks, targets, spec.inputs, lengths)
    covariates = spec.covariates
    if not covariates:
        empty = np.empty((*values.shape[:2], 0), np.float32)
        return join(block.x, empty, empty, spec.joint), block, memory._replace(tracks=tracks)
    ends = np.full(len(values), values.shape[1]) if lengths is None else lengths
    columns, held = covariates.hold(memory.held, values[..., spec.targets :], times, ends)
    numbers, codes = covariates.encode(columns, times)
    known = memory.known
    if covariates.has_known:
        new = covariates.known_part(numbers, codes)
        is_first = (memory.tracks.rows == 0)[:, None, None]
        past = np.concatenate([np.where(is_first, new[:, :1], known), new], axis=1)
        known = np.take_along_axis(past, (ends[:, None] + np.arange(known.shape[1]))[..., None], axis=1)
    return join(block.x, numbers, codes, spec.joint), block, SeriesMemory(tracks, held, known)


def join(x: Float32, numbers: Float32, codes: Float32, joint: bool) -> Float32:
    """The inputs of each track with what is shared by a series, [B, C, T, F]: own, other targets, numbers, codes.

    Args:
        x: [B, C, T, F], inputs of the tracks.
        numbers, codes: [B, T, E] and [B, T, M], of the covariates.
        joint: whether each target also receives the last change, and the distance from the rolling mean, of all
            targets; its own number is then the first code.
    """
    series, targets, steps, _ = x.shape

    def for_each(part: Float32) -> Float32:
        return np.broadcast_to(part[:, None], (series, targets, *part.shape[1:]))

    if not joint:
        return np.concatenate([x, for_each(numbers), for_each(codes)], axis=3) if numbers.size + codes.size else x
    others = x[..., [0, -4]].transpose(0, 2, 1, 3).reshape(series, steps, -1)
    number = np.broadcast_to(np.arange(1, targets + 1, dtype=np.float32)[:, None, None], (series, targets, steps, 1))
    return np.concatenate([x, for_each(others), for_each(numbers), number, for_each(codes)], axis=3)


def advance(
    memory: TrackMemory, values: Float, spec: InputSpec, lengths: Int | None = None, dtype: npt.DTypeLike = np.float32
) -> tuple[Block, TrackMemory]:
    """Compute the inputs of the next T rows of B series, and the memory after them.

    Args:
        memory: of these series.
        values: [B, C, T], in the target's unit; NaN where missing.
        lengths: [B], rows of each series if they differ; the values after them must be NaN, and the block has no
            meaning there.
        dtype: of x; the network receives float32.
    """
    steps, known = values.shape[2], np.isfinite(values)
    rows = memory.rows[:, None] + np.arange(1, steps + 1)
    filled, first = fill_missing(memory.filled, memory.since, values, spec.fill_lag)
    scale, sums, pairs = running_scale(memory.values, memory.sums[..., :2], memory.pairs, values)
    observed, profile = np.arange(steps) >= first[..., None], _profile(memory, filled, known, first, spec)
    x, columns = np.empty((*values.shape, spec.inputs), dtype), _columns(filled, rows, spec)
    if spec.classical:
        history = np.arange(1, steps + 1) - first[..., None]
        counted = known & (history > spec.season + 2)
        sums = np.concatenate([sums, _set_mean_errors(columns, counted, memory.sums[..., 2:], spec)], axis=-1)
    scale = _divide(columns, scale, filled[..., filled.shape[2] - steps :], spec.least_scale)
    x[..., :-1] = np.moveaxis(slog(columns, x.dtype), 0, -1)
    x[..., -1] = known
    if spec.classical:
        x[..., list(spec.context)] = context(history, spec.season)
    if first.max() > 0:
        x[~observed] = 0
    ends = np.full(len(values), steps) if lengths is None else lengths
    after = TrackMemory(
        rows=memory.rows + ends,
        since=np.maximum(ends[:, None] - first, 0),
        filled=_up_to(filled, ends, spec.past),
        values=_up_to(np.concatenate([memory.values, values], axis=2), ends, spec.season),
        sums=sums,
        pairs=pairs,
        profile=_up_to(profile, ends, spec.profile) if spec.profile else profile,
    )
    return Block(x, filled, scale, observed, rows, profile), after


def _profile(memory: TrackMemory, filled: Float, known: Bool, first: Int, spec: InputSpec) -> Float:
    """The running profile up to each row, [B, C, P + T]; without rows if there is none."""
    if not spec.profile:
        return memory.profile
    start = filled[..., spec.past - spec.profile : spec.past]
    before = np.where(memory.since[..., None] > 0, memory.profile, start)
    return running_profile(before, filled[..., spec.past :], known, first)


def _set_mean_errors(columns: Float, counted: Bool, sums: Float, spec: InputSpec) -> Float:
    """Set the mean sizes of the past errors in columns of `_columns`; return their sums after the block."""
    begin = len(spec.lags)
    means, after = mean_errors(columns[begin : begin + PAST_ERRORS], counted, sums, spec.season)
    columns[begin + PAST_ERRORS :][:PAST_ERRORS] = means
    return after


def prepare(values: Float, spec: InputSpec) -> Track:
    """A whole track [T] as one block."""
    block, _ = advance(TrackMemory.start(spec, 1, 1), values[None, None], spec)
    return Track(block.x[0, 0], block.now[0, 0], block.scale[0, 0], block.profile[0, 0, spec.profile :])


def _up_to(values: Float, ends: Int, count: int) -> Float:
    """The last `count` values before each series' end, [B, C, count], from [B, C, count + T]."""
    if (ends == ends[0]).all():
        return values[..., ends[0] : ends[0] + count]
    return np.take_along_axis(values, ends[:, None, None] + np.arange(count), axis=2)


def _divide(columns: Float, scale: Float, now: Float, least: float) -> Float:
    """Divide the columns of `_columns` by the scale, and return it: it is at least so much of the spread."""
    if least:
        scale = np.where(scale > 0, np.maximum(scale, least * columns[-2]), scale)
    columns /= _unit(scale, now)
    return scale


def _unit(scale: Float, filled: Float) -> Float:
    """The scale; while it is 0, a hundredth of the value, or 1."""
    positive = scale > 0
    return scale if positive.all() else np.where(positive, scale, np.where(filled != 0, np.abs(filled) / 100, 1.0))


def _columns(filled: Float, rows: Int, spec: InputSpec) -> Float:
    """The inputs of T rows but the last one, in the target's unit, [F - 1, B, C, T]."""
    end, steps = filled.shape[2], rows.shape[1]
    now = filled[..., end - steps :]
    columns = np.empty((spec.inputs - 1, *now.shape))
    for i, lag in enumerate(spec.lags):
        np.subtract(now, filled[..., end - steps - lag : end - lag], out=columns[i])
    if spec.classical:
        first = len(spec.lags)
        columns[first : first + PAST_ERRORS] = past_errors(filled, steps, spec.season)
        columns[spec.value] = now
        columns[list(spec.context)] = 0  # not in the target's unit: set after the division by the scale
    columns[-3], columns[-2] = rolling_moments(filled, rows, max(spec.lags))
    back = spec.anchor - 1
    np.subtract(filled[..., end - steps - back : end - back], now, out=columns[-1])
    return columns
