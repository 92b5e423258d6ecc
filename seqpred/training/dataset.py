"""From a panel and a resolved config to the windows that networks are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import local_times
from seqpred.features.input_spec import SeriesSpec
from seqpred.features.inputs import SeriesMemory, Track, advance_series
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import too_few_rows, training_rows
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.training.window_spec import WindowSpec
from seqpred.training.windows import Windows, make_windows

CELLS = 1 << 14  # rows of tracks that are prepared at once: what a processor's cache holds
MIN_CHANGES = 3  # a scale that is the mean of fewer may be far too small, and the targets in units of it too large
SEGMENT = 250_000  # rows; a series of at least twice as many is split into segments, which bounds memory


def training_windows(panel: Panel, config: ResolvedConfig, covariates: Covariates) -> Windows:
    """The windows of all tracks of a panel, with its validation split held out.

    Args:
        panel: with the encoded categories of `apply_covariates`.
    Raises:
        DataError: too few rows to train on, or to validate on.
    """
    shape, targets = config.shape(covariates), panel.roles.count("target")
    spec = WindowSpec(
        config.input_spec,
        window=config.model.window,
        horizon=config.forecast.horizon,
        last_position_only=config.model.bidirectional,
        known=shape.known_places,
    )
    segments = split_series(panel.lengths, training_rows(config, panel.lengths))
    prepare = partial(_prepare, panel, config, covariates, segments)
    lengths, cuts = np.repeat(segments.ends - segments.begins, targets), np.repeat(segments.cuts, targets)
    windows = make_windows(prepare, lengths, cuts, shape.inputs + len(shape.codes), spec)
    if not len(windows.starts().tracks) or not len(windows.validation_windows()[0]):
        raise too_few_rows(config, panel)
    return windows


@dataclass(frozen=True)
class Segments:
    """The parts of series that are trained on as separate series, [n] each; most series are one segment.

    Attributes:
        series: the series of each segment.
        begins, ends: rows of the series, first and one past the last.
        cuts: how many rows of the segment belong to the training split.
    """

    series: Int
    begins: Int
    ends: Int
    cuts: Int


def split_series(lengths: Int, cuts: Int) -> Segments:
    """The segments of series of these lengths [S], whose first `cuts` rows [S] belong to the training split."""
    counts = np.where(lengths >= 2 * SEGMENT, lengths // SEGMENT, 1)
    series = np.repeat(np.arange(len(lengths)), counts)
    number = np.arange(len(series)) - np.repeat(np.cumsum(counts) - counts, counts)  # of a segment in its series
    begins = SEGMENT * number
    ends = np.where(number == counts[series] - 1, lengths[series], begins + SEGMENT)
    return Segments(series, begins, ends, np.clip(cuts[series], begins, ends) - begins)


def _prepare(
    panel: Panel, config: ResolvedConfig, covariates: Covariates, segments: Segments, tracks: Int
) -> Iterator[tuple[int, Track, Float]]:
    """All tracks of the segments that these tracks belong to; see `windows.PrepareTracks`."""
    spec = SeriesSpec(config.input_spec, covariates, panel.roles.count("target"), config.joint)
    chosen = np.unique(tracks // spec.targets)
    part = panel.part(segments.series[chosen], segments.begins[chosen], segments.ends[chosen])
    times = local_times(part) if covariates.uses_times else None
    for group in _similar_lengths(part.lengths):
        values, lengths = part.padded(part.values, group, np.nan), part.lengths[group]
        local = None if times is None else part.padded(times, group, 0)
        x, block, _ = advance_series(SeriesMemory.start(spec, len(group)), values, local, spec, lengths)
        filled = block.now
        scale = reliable_scale(block.scale, filled, spec.inputs.season)
        for b, (segment, length) in enumerate(zip(chosen[group].tolist(), lengths.tolist(), strict=True)):
            for c in range(spec.targets):
                targets = values[b, :length, c]
                if config.data.missing == "interpolate":
                    targets = interpolated(targets, int(segments.cuts[segment]))
                profile = block.profile[b, c, config.input_spec.profile :][:length]
                track = Track(x[b, c, :length], filled[b, c, :length], scale[b, c, :length], profile)
                yield segment * spec.targets + c, track, targets


def reliable_scale(scale: Float, filled: Float, season: int) -> Float:
    """The scale [..., T] of these values, NaN where it is the mean of fewer than `MIN_CHANGES` changes."""
    return np.where(count_changes(filled, season) >= MIN_CHANGES, scale, np.nan)


def count_changes(filled: Float, season: int) -> Int:
    """The number of changes that the scale at each row [..., T] is the mean of: over a season, or one row at first.

    >>> count_changes(np.array([5.0, 5.0, 5.0, 6.0, 7.0, 7.0, 8.0]), 2).tolist()
    [0, 0, 0, 1, 2, 3, 4]
    """

    def changes(lag: int, end: int) -> Int:
        count = np.zeros((*filled.shape[:-1], end), np.int64)
        np.cumsum(filled[..., lag:end] != filled[..., : max(0, end - lag)], axis=-1, out=count[..., lag:])
        return count

    count = changes(season, filled.shape[-1])
    none = count == 0
    end = int(np.flatnonzero(none.any(axis=tuple(range(none.ndim - 1))))[-1]) + 1 if none.any() else 0
    count[..., :end] = np.where(none[..., :end], changes(1, end), count[..., :end])
    return count


def _similar_lengths(lengths: Int) -> Iterator[Int]:
    """Indices in groups of similar lengths, so that less than half of each group is padding."""
    order = np.argsort(lengths, kind="stable")
    first = 0
    while first < len(order):
        own = lengths[order[first:]]
        fits = (own <= 2 * own[0]) & (own * np.arange(1, len(own) + 1) <= CELLS)
        count = max(1, int(fits.argmin()) if not fits.all() else len(own))
        yield order[first : first + count]
        first += count


def interpolated(values: Float, cut: int) -> Float:
    """Values [T] with the gaps before row `cut` filled by straight lines between the known values before it.

    These are targets only. The inputs fill gaps from the past only, since a line depends on the value after the gap.

    >>> interpolated(np.array([np.nan, 1.0, np.nan, 3.0, np.nan, 5.0]), 5).tolist()
    [nan, 1.0, 2.0, 3.0, nan, 5.0]
    """
    known = np.flatnonzero(np.isfinite(values[:cut]))
    filled = values.copy()
    if len(known):
        inner = np.arange(known[0], known[-1] + 1)
        filled[inner] = np.interp(inner, known, values[known])
    return filled
