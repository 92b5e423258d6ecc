"""The inputs of rows as they come: what `features.prepare` says of a whole track, from a memory of fixed size.

All arrays have a place for each series first, so that rows of many series are prepared side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Float32
from seqpred.features.inputs import InputSpec, recent_changes, slog, usable_scale

Arrays = dict[str, npt.NDArray[np.generic]]
"""What is remembered, by name, each [series, ...]."""


@dataclass(frozen=True)
class Block:
    """T new rows of B series of C targets, ready for the network.

    Attributes:
        x: [B, C, T, F], as `Prepared.x`.
        filled: [B, C, W + T], bridged values, W rows before the new ones included.
        scale: [B, C, T], in the target's unit, never 0.
        observed: [B, C, T], whether the track has had an observation so far.
        rows: [B, T], how many rows the series has had so far.
    """

    x: Float32
    filled: Float
    scale: Float
    observed: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.int64]

    def recent(self, look: InputSpec) -> Float32 | None:
        """The last rows less the last one at each new row, [B C, T, R]; None where the head needs none."""
        if not look.recent:
            return None
        rows = self.x.shape[2]
        past = self.filled[:, :, self.filled.shape[2] - rows - look.recent + 1 :].reshape(-1, look.recent - 1 + rows)
        return recent_changes(past, self.scale.reshape(-1, rows), look.recent).astype(np.float32)

    def anchors(self, anchor: int, steps: int) -> Float:
        """What the anchor forecasts after each new row, [B, C, T, N]; see `features.anchor_ahead`."""
        past = self.filled.shape[-1] - self.x.shape[2]
        last = past + np.arange(self.x.shape[2])[:, None]
        cycle = self.filled[:, :, last - anchor + 1 + np.arange(steps) % anchor]
        early = (self.rows < anchor)[:, None, :, None]
        return np.where(early, self.filled[:, :, last], cycle)


def remembered(look: InputSpec, series: int, targets: int) -> Arrays:
    """What is remembered of series before their first row."""
    width = max(*look.lags, look.anchor, look.recent)
    return {
        "rows": np.zeros(series, np.int64),
        "since": np.zeros((series, targets), np.int64),  # rows from the first observation on
        "filled": np.zeros((series, targets, width)),
        "values": np.full((series, targets, look.season), np.nan),
        "sums": np.zeros((series, targets, 2)),  # of the absolute changes, from a season and from a row before
        "pairs": np.zeros((series, targets, 2)),
    }


def advance(memory: Arrays, values: Float, look: InputSpec) -> tuple[Block, Arrays]:
    """T more rows of B series, and what is remembered after them.

    Args:
        memory: of these series.
        values: [B, C, T], NaN where missing.
    """
    steps = values.shape[2]
    rows = memory["rows"].astype(np.int64)[:, None] + np.arange(1, steps + 1)
    filled, since = _bridged(memory, values, look.anchor)
    scale, sums, pairs, recent = _scales(memory, values, look.season)
    observed = since > 0
    unit = usable_scale(scale, filled[:, :, -steps:])
    x = _inputs(filled, values, unit, rows, look)
    x[~observed] = 0
    after: Arrays = {
        "rows": rows[:, -1],
        "since": since[:, :, -1],
        "filled": filled[:, :, steps:],
        "values": recent,
        "sums": sums,
        "pairs": pairs,
    }
    return Block(x, filled, unit, observed, rows), after


def _bridged(memory: Arrays, values: Float, anchor: int) -> tuple[Float, npt.NDArray[np.int64]]:
    """[B, C, W + T], see `features.bridge`, and [B, C, T], rows from the first observation on."""
    before: Float = memory["filled"].astype(np.float64)
    old: npt.NDArray[np.int64] = memory["since"].astype(np.int64)
    there = np.isfinite(values)
    past, steps = before.shape[2], values.shape[2]
    first = np.where(there.any(-1), there.argmax(-1), steps)
    begun = np.where(old > 0, -old, first)[..., None]  # the row of the first observation, counted from the block's
    since = np.maximum(np.arange(steps) - begun + 1, 0)
    filled = np.concatenate([before, values], axis=2)
    new = (old == 0) & (first < steps)
    if new.any():
        base = np.take_along_axis(values, np.minimum(first, steps - 1)[..., None], axis=2)
        early = new[..., None] & (np.arange(-past, steps) < first[..., None])
        filled = np.where(early, base, filled)
    for t in np.flatnonzero(np.isnan(filled[:, :, past:]).any(axis=(0, 1))):
        here, cycle = filled[:, :, past + t], filled[:, :, past + t - anchor]
        bridge = np.where(since[:, :, t] > anchor, cycle, filled[:, :, past + t - 1])
        filled[:, :, past + t] = np.where(np.isnan(here), np.where(since[:, :, t] > 0, bridge, 0.0), here)
    return filled, since


def _scales(memory: Arrays, values: Float, season: int) -> tuple[Float, Float, Float, Float]:
    """[B, C, T], see `features.running_scale`; its sums and pairs at the end, and the last season of values."""
    seen = np.concatenate([memory["values"].astype(np.float64), values], axis=2)
    sums: Float = memory["sums"].astype(np.float64)
    pairs: Float = memory["pairs"].astype(np.float64)
    means = []
    last_sums, last_pairs = np.empty_like(sums), np.empty_like(pairs)
    for i, lag in enumerate((season, 1)):
        change = np.abs(values - seen[:, :, season - lag : seen.shape[2] - lag])
        known = np.isfinite(change)
        total = np.concatenate([sums[..., i : i + 1], np.where(known, change, 0.0)], axis=2).cumsum(axis=2)[:, :, 1:]
        count = pairs[..., i : i + 1] + known.cumsum(axis=2)
        means.append(total / np.maximum(count, 1))
        last_sums[..., i], last_pairs[..., i] = total[..., -1], count[..., -1]
    scale = np.where(means[0] > 0, means[0], means[1])
    return scale, last_sums, last_pairs, seen[:, :, values.shape[2] :]


def _inputs(filled: Float, values: Float, unit: Float, rows: npt.NDArray[np.int64], look: InputSpec) -> Float32:
    """[B, C, T, F], in the order of `features.prepare`."""
    steps = values.shape[2]
    past = filled.shape[2] - steps
    now = filled[:, :, past:]
    lags = np.array([*look.lags, look.anchor - 1])
    changes = now[..., None] - filled[:, :, np.arange(past, past + steps)[:, None] - lags]
    mean, spread = _rolling(filled, rows, max(look.lags))
    x = np.zeros((*values.shape, look.inputs))
    x[..., : len(look.lags)] = changes[..., :-1]
    x[..., -4], x[..., -3], x[..., -2] = now - mean, spread, -changes[..., -1]
    told = slog(np.clip(x / unit[..., None], -1e30, 1e30).astype(np.float32))  # what float32 holds
    told[..., -1] = np.isfinite(values)
    return told


def _rolling(filled: Float, rows: npt.NDArray[np.int64], width: int) -> tuple[Float, Float]:
    """Mean and standard deviation of the last `width` rows, fewer at the start, [B, C, T] each."""
    steps = rows.shape[1]
    centre = filled[:, :, -1:]  # keeps the sums small beside their differences
    centred = filled - centre
    if rows[:, 0].min() >= width:
        mean, square = (_last_sums(_totals(part), steps, width) / width for part in (centred, centred**2))
    else:
        count = np.minimum(rows, width)[:, None]
        mean, square = (_first_sums(_totals(part), steps, count) / count for part in (centred, centred**2))
    return mean + centre, np.sqrt(np.maximum(square - mean**2, 0.0))


def _totals(values: Float) -> Float:
    """[B, C, rows + 1], the sums of all values before each row, and of all."""
    total = np.zeros((*values.shape[:2], values.shape[2] + 1))
    np.cumsum(values, axis=2, out=total[:, :, 1:])
    return total


def _last_sums(total: Float, steps: int, width: int) -> Float:
    """Sums of the `width` values up to each of the last T, [B, C, T]."""
    end = total.shape[2]
    sums: Float = total[:, :, end - steps :] - total[:, :, end - steps - width : end - width]
    return sums


def _first_sums(total: Float, steps: int, count: npt.NDArray[np.int64]) -> Float:
    """Sums of the `count` [B, 1, T] values up to each of the last T, [B, C, T]."""
    end = total.shape[2] - steps + np.arange(steps)
    begin = np.broadcast_to(end - count, (*total.shape[:2], steps))
    sums: Float = total[:, :, end] - np.take_along_axis(total, begin, axis=2)
    return sums
