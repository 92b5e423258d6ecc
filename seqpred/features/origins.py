"""The rows after which forecasts are made: what the head receives of them, and its output in the target's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seqpred.arrays import Bool, Float, Float32, Int
from seqpred.features.input_spec import InputSpec
from seqpred.features.naive import lagged_rows

if TYPE_CHECKING:
    from torch import Tensor

MAX_CHANGE = 1e6  # of a recent value from the last one, in units of the scale

Array = TypeVar("Array", Float, "Tensor")


class Origins(NamedTuple):
    """P rows after which forecasts are made, of B series of C targets.

    Attributes:
        filled: [B, C, at least W + P - 1], values up to the last of these rows, missing ones filled in.
        unit: [B, C, P], the scale; while it is 0, a hundredth of the value, or 1. Never 0.
        observed: [B, C, P], whether the track has been observed so far.
        rows: [B, P], rows of the series so far.
        profile: [B, C, at least profile + P - 1], the running profile up to the last of these rows, if there is one.
    """

    filled: Float
    unit: Float
    observed: Bool
    rows: Int
    profile: Float

    def recent(self, spec: InputSpec) -> Float32 | None:
        """The running profile and the recent values for the head, [B C, P, profile + R]; None if it uses none."""
        if not spec.recent:
            return None
        unit = self.unit.reshape(-1, self.unit.shape[-1])

        def up_to_last(values: Float, rows: int) -> Float:
            before = values.shape[-1] - unit.shape[1] - rows + 1
            return values[..., before:].reshape(len(unit), rows + unit.shape[1] - 1)

        past, numbers = up_to_last(self.filled, spec.recent), spec.profile + spec.recent
        found = np.empty((*unit.shape, numbers), np.float32)
        found[..., spec.profile :] = recent_changes(past, unit, spec.recent)
        if spec.profile:
            profile, last = up_to_last(self.profile, spec.profile), past[:, spec.recent - 1 :]
            found[..., : spec.profile] = profile_distances(profile, last, unit, spec.profile)
        return found

    def anchors(self, anchor: int, steps: int) -> Float:
        """The anchor's forecasts, [B, C, P, N], in the target's unit; see `naive.repeat_last`."""
        count = self.unit.shape[-1]
        last = self.filled.shape[-1] - count + np.arange(count)[:, None]
        forecasts: Float = self.filled[..., last + 1 + lagged_rows(anchor, steps)]
        early = (self.rows < anchor)[:, None, :, None]
        return np.where(early, self.filled[..., last], forecasts) if early.any() else forecasts

    def to_quantiles(self, z: Float32, anchor: int) -> Float:
        """The network's output in the target's unit, [B, C, P, N, Q]; NaN before the first observation.

        Args:
            z: [B, C, P, N, Q], relative to the anchor's forecast, in units of the scale.
        """
        quantiles = self.anchors(anchor, z.shape[3])[..., None] + self.unit[..., None, None] * z.astype(np.float64)
        quantiles[~self.observed] = np.nan
        return quantiles


def recent_changes(past: Array, scale: Array, rows: int, every: int = 1) -> Array:
    """The last `rows` values relative to the last one, in units of the scale, at each of P rows, [K, P, rows].

    Args:
        past: [K, rows + (P - 1) every], filled values up to the last of the P rows; before the first row of a track,
            its first value.
        scale: [K, P], never 0.
        every: rows from one of the P to the next.
    """
    windows = _sliding(past, rows, every)
    changes: Array = windows - windows[..., -1:]
    changes /= scale[..., None]
    return changes.clip(-MAX_CHANGE, MAX_CHANGE)


def profile_distances(profile: Array, last: Array, scale: Array, rows: int, every: int = 1) -> Array:
    """The running profile at the last `rows` rows relative to the last value, as `recent_changes`, [K, P, rows].

    Args:
        profile: [K, rows + (P - 1) every], up to the last of the P rows.
        last: [K, P], the values at these rows.
    """
    distances: Array = _sliding(profile, rows, every) - last[..., None]
    distances /= scale[..., None]
    return distances.clip(-MAX_CHANGE, MAX_CHANGE)


def _sliding(values: Array, rows: int, every: int) -> Array:
    """Windows of `rows` values, [K, P, rows]."""
    if isinstance(values, np.ndarray):
        return sliding_window_view(values, rows, axis=1)[:, ::every]
    return values.unfold(1, rows, every)
