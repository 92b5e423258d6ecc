"""From a panel and a resolved config to the windows that networks are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.features.covariates import Covariates
from seqpred.features.inputs import Prepared, join, prepare_all
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import too_few_rows, training_rows
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.training.windows import Windows, WindowSpec, make_windows

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
    """The parts of series that are trained on as series of their own, [n] each; most series are one segment.

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
) -> Iterator[tuple[int, Prepared, Float]]:
    """All tracks of the segments that these tracks belong to; see `windows.PrepareTracks`."""
    targets, no_future = panel.roles.count("target"), np.empty((0, len(covariates.known)))
    chosen = np.unique(tracks // targets)
    part = panel.part(segments.series[chosen], segments.begins[chosen], segments.ends[chosen])
    values = [part.track(s, c) for s, c in part.tracks()]
    prepared = prepare_all(values, config.input_spec)
    for s, segment in enumerate(chosen.tolist()):
        own = slice(s * targets, (s + 1) * targets)
        encoded = covariates.encode(part, s, no_future)
        for c, joined in enumerate(join(prepared[own], *encoded, config.joint)):
            track = values[own][c]
            if config.data.missing == "interpolate":
                track = interpolated(track, int(segments.cuts[segment]))
            yield segment * targets + c, joined, track


def interpolated(values: Float, cut: int) -> Float:
    """Values [T] with the gaps before row `cut` filled by straight lines between the known values before it.

    These are targets only. The inputs fill gaps from the past alone, since a line depends on the value after the gap.

    >>> interpolated(np.array([np.nan, 1.0, np.nan, 3.0, np.nan, 5.0]), 5).tolist()
    [nan, 1.0, 2.0, 3.0, nan, 5.0]
    """
    known = np.flatnonzero(np.isfinite(values[:cut]))
    filled = values.copy()
    if len(known):
        inner = np.arange(known[0], known[-1] + 1)
        filled[inner] = np.interp(inner, known, values[known])
    return filled
