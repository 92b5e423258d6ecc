"""The inputs of whole rows of series: the targets, their covariates and the calendar together.

This is what training, forecasts of a panel and a stream call; see `features.inputs` for blocks and memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float, Float32, Int
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import Block, TrackMemory, advance


class SeriesSpec(NamedTuple):
    """How the rows of a series become inputs.

    Attributes:
        inputs: which past rows are used.
        targets: C, the first columns of a row; covariates follow.
        joint: whether each target also receives inputs of the other targets.
    """

    inputs: InputSpec
    covariates: Covariates
    targets: int
    joint: bool

    @property
    def width(self) -> int:
        """F, inputs of each row of a track."""
        layout = self.covariates.layout
        return self.inputs.inputs + layout.numbers + len(layout.codes) + (2 * self.targets + 1) * self.joint


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
