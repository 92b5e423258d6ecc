"""Training examples from synthetic series: inputs, classical forecasts and what followed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Bool, Float32, Int
from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import TrackMemory, advance
from seqpred.features.origins import Origins
from seqpred.runtime.classical_head import Candidates, candidates, place_weights
from seqpred.synthetic.processes import Rng
from seqpred.synthetic.series import Batch

POSITIONS, STEPS = 8, 10  # of each series and of each position, at most
FIRST_ROW = 2  # from which forecasts are trained
LARGEST = 30.0  # target, in units of the scale
FEW_ROWS = 8  # of history, with which a position counts half
NO_LEAST_SCALE = 0.0  # the weights in the package were trained without one; one in a hundred batches would differ


@dataclass(frozen=True)
class Examples:
    """P positions of B series.

    Attributes:
        x: [B, T, F], inputs.
        positions: [P], rows.
        values, usable, fit: see `classical_head.Candidates`.
        near: [N, places].
        targets: [B, P, N], minus the last value, in units of the scale; NaN where missing.
        importance: [B, P], larger with more rows of history. It must not depend on what follows: weights that do
            would favour calm futures, and the quantiles would be biased.
    """

    x: Float32
    positions: Int
    values: Float32
    usable: Bool
    fit: Float32
    near: Float32
    targets: Float32
    importance: Float32


def make_examples(batch: Batch, rng: Rng) -> Examples:
    """Examples at random positions for random steps ahead."""
    spec, series = replace(InputSpec.for_pretrained(batch.cycle), least_scale=NO_LEAST_SCALE), len(batch.values)
    history = batch.history
    block, _ = advance(TrackMemory.start(spec, series, 1), batch.values[:, None], spec)
    positions = draw_positions(rng, history)
    steps = draw_steps(rng, batch.values.shape[1] - history)
    origins = block.origins()
    unit = origins.unit[:, 0, positions]
    found = classical_forecasts(origins, positions, spec, steps)
    last = origins.filled[:, 0, origins.filled.shape[-1] - batch.values.shape[1] + positions]
    future = batch.values[:, positions[:, None] + np.array(steps)]
    targets = (future - last[..., None]) / unit[..., None]
    rows = origins.rows[:, positions]
    importance = np.where(origins.observed[:, 0, positions], rows / (rows + FEW_ROWS), 0.0)
    return Examples(
        x=block.x[:, 0, :history],
        positions=positions,
        values=found.values.clip(-1e6, 1e6).astype(np.float32),
        usable=found.usable,
        fit=found.fit.astype(np.float32),
        near=place_weights(steps, batch.cycle).astype(np.float32),
        targets=np.where(np.isfinite(targets), targets.clip(-LARGEST, LARGEST), np.nan).astype(np.float32),
        importance=importance.astype(np.float32),
    )


def classical_forecasts(origins: Origins, positions: Int, spec: InputSpec, steps: tuple[int, ...]) -> Candidates:
    """The classical forecasts of all series at some rows."""
    count = origins.unit.shape[-1]
    end = origins.filled.shape[-1]
    rows = end - count + positions[:, None] + np.arange(-spec.recent + 1, 1)
    windows = origins.filled[:, 0, rows]
    unit = origins.unit[:, 0, positions]
    recent = (windows - windows[..., -1:]) / unit[..., None]
    history = origins.rows[:, positions]
    return candidates(recent, history, windows[..., -1] / unit, spec.season, steps)


def draw_positions(rng: Rng, history: int) -> Int:
    """Rows after which forecasts are made, the last one among them."""
    count = min(POSITIONS, history - FIRST_ROW)
    rows = rng.choice(np.arange(FIRST_ROW, history - 1), count - 1, replace=False)
    return np.sort(np.append(rows, history - 1))


def draw_steps(rng: Rng, ahead: int) -> tuple[int, ...]:
    """Steps ahead, the first one among them."""
    every = np.arange(2, ahead + 1)
    if len(every) >= STEPS:
        every = rng.choice(every, STEPS - 1, replace=False)
    return tuple(sorted({1, *every.tolist()}))
