"""Running and rolling statistics of blocks of rows; their results do not depend on how rows are divided into blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from seqpred.arrays import Bool, Float, Int

PROFILE_RATE = 0.2  # of the running profile: how much of it is the last cycle's, once five cycles are known
FLOAT32_RANGE = 1e30  # to which values are clipped before they become float32


def running_scale(past: Float, sums: Float, pairs: Float, values: Float) -> tuple[Float, Float, Float]:
    """The mean absolute change over a season up to each row, [B, C, T], and the sums and counts after the last row.

    Changes are counted from the first one on, since a series that was constant at first would seem to change less
    than it does. While no season has changed, it is the mean absolute change over one row; 0 while there is none.

    Args:
        past: [B, C, season], the values before these rows.
        sums, pairs: [B, C, 2], sum and number of the absolute changes over a season and over one row, before.
        values: [B, C, T], NaN where missing.
    """
    seen, (season, steps) = np.concatenate([past, values], axis=2), (past.shape[2], values.shape[2])
    new_sums, new_pairs = np.zeros_like(sums), np.zeros_like(pairs)

    def mean_change(i: int, lag: int, end: int) -> Float:
        change = np.abs(values[..., :end] - seen[..., season - lag : season - lag + end])
        known = np.isfinite(change)
        change[~known] = 0.0
        change[..., 0] += sums[..., i]
        total = change.cumsum(axis=2)  # one after another, so that the result does not depend on the blocks
        known &= total > 0
        count = known.cumsum(axis=2) + pairs[..., i, None]
        new_sums[..., i], new_pairs[..., i] = total[..., -1], count[..., -1]
        return total / np.maximum(count, 1)

    scale = mean_change(0, season, steps)
    constant = scale <= 0
    if constant.any():  # only at the start, or where nothing ever changes: not computed where it is not needed
        end = int(np.flatnonzero(constant.any(axis=(0, 1)))[-1]) + 1
        scale[..., :end] = np.where(constant[..., :end], mean_change(1, 1, end), scale[..., :end])
        known = new_sums[..., 0] > 0
        new_sums[known, 1] = new_pairs[known, 1] = 0
    return scale, new_sums, new_pairs


def running_profile(past: Float, filled: Float, observed: Bool, first: Int) -> Float:
    """The mean of the values so far at the same phase of a cycle of P rows, older ones discounted, [B, C, P + T].

    It is the mean of all cycles until their number exceeds 1 / `PROFILE_RATE`, and an exponentially weighted mean from
    then on. A missing value leaves it as it was a cycle before.

    Args:
        past: [B, C, P], the profile before these rows.
        filled: [B, C, T], values with missing ones filled in.
        observed: [B, C, T], whether each value is not missing.
        first: [B, C], the row of the first observation, see `naive.fill_missing`.
    """
    cycle, steps = past.shape[2], filled.shape[2]
    profile = np.concatenate([past, filled], axis=2)
    for begin in range(0, steps, cycle):
        rows = np.arange(begin, min(begin + cycle, steps))
        cycles = (rows - first[..., None]) // cycle  # complete ones before each row
        rate = np.where(observed[..., rows], np.maximum(PROFILE_RATE, 1 / np.maximum(cycles + 1, 1)), 0.0)
        before, now = profile[..., rows], profile[..., cycle + rows]
        profile[..., cycle + rows] = np.where(cycles <= 0, now, before + rate * (now - before))
    return profile


def rolling_moments(filled: Float, rows: Int, width: int) -> tuple[Float, Float]:
    """Distance from the mean, and standard deviation, of the last `width` values, [B, C, T] each.

    Sums are taken over the window alone and about a value inside it: they neither accumulate errors nor depend on how
    the rows are divided into blocks. The block is divided into chunks of at most `width` rows; the window of each row
    is the end of the rows before the chunk and the beginning of the chunk, two cumulative sums.

    Args:
        filled: [B, C, at least width - 1 + T], ending with the T rows.
        rows: [B, T], rows of the series so far; a window has fewer rows at the start.
    """
    steps, count = rows.shape[1], np.minimum(rows, width)[:, None]
    before, chunk = width - 1, min(width, steps)
    values = filled[..., filled.shape[2] - steps - before :]
    if steps % chunk:
        values = np.pad(values, ((0, 0), (0, 0), (0, -steps % chunk)), mode="edge")
    windows = sliding_window_view(values, before + chunk, axis=2)[:, :, ::chunk]  # [B, C, chunks, before + chunk]
    deviations = windows - windows[..., before : before + 1]
    if rows[:, 0].min() < width:
        first = rows[:, :1, None] + chunk * np.arange(windows.shape[2])[:, None]  # number of each chunk's first row
        deviations *= (first + np.arange(-before, chunk) > 0)[:, None]

    def mean(values: Float) -> Float:
        sums = values[..., before:].cumsum(axis=-1)
        earlier = values[..., :before][..., ::-1].cumsum(axis=-1)[..., ::-1][..., :chunk]
        sums[..., : earlier.shape[-1]] += earlier
        return np.asarray(sums.reshape(*filled.shape[:2], -1)[..., :steps] / count)

    center = mean(deviations)
    variance = mean(deviations * deviations)
    variance -= center * center
    now = deviations[..., before:].reshape(*filled.shape[:2], -1)[..., :steps]
    return now - center, np.sqrt(np.maximum(variance, 0.0, out=variance), out=variance)


def slog(x: Float, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[np.floating]:
    """Signed logarithm, sign(x) log(1 + |x|): keeps sign and order, and compresses outliers."""
    narrow = np.clip(x, -FLOAT32_RANGE, FLOAT32_RANGE).astype(dtype)
    size = np.abs(narrow)
    return np.copysign(np.log1p(size, out=size), narrow, out=size)
