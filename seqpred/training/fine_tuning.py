"""Fine-tuning of a pretrained network on few rows: its head alone, for a number of steps that follows from the rows.

The recurrent part stays as it is, so that its states and the classical forecasts are computed once. Validation does not
choose the number of steps: it has too few blocks, and networks that are tuned on half of the rows need fewer steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqpred.arrays import Float, Float32
from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import TrackMemory, advance
from seqpred.network.machine import threads
from seqpred.network.weighing import WeighingHead, emit, relative_loss
from seqpred.network.weighing_core import WeighingCore
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.recipe.start import MOST_TUNED_ROWS, pretrained_cycle
from seqpred.runtime.weighing_runtime import FIT, SHARES, WeighingRuntime
from seqpred.training.adamw import AdamW

ROWS_PER_STEP, MOST_STEPS = 12, 50
HALF_ROWS = 200  # with which the original and the tuned head have half of the forecast each
LEARNING_RATE = 0.01
FIRST_ROW = 9  # after which forecasts are made
POSITIONS, RECENT = 100, 400  # rows of a track after which forecasts are made, spread over so many of the last ones
LARGEST = 30.0  # target, in units of the scale


class Examples(NamedTuple):
    """K rows after which forecasts are made.

    Attributes:
        hidden: [K, H], outputs of the recurrent part.
        values, usable, fit: see `classical_head.Candidates`.
        targets: [K, N], minus the last value, in units of the scale; NaN where missing.
    """

    hidden: Tensor
    values: Tensor
    usable: Tensor
    fit: Tensor
    targets: Tensor


def is_fine_tuned(panel: Panel, config: ResolvedConfig) -> bool:
    """Whether a pretrained network is fine-tuned: if the rows are few and no networks are trained on them."""
    return config.training.max_steps == 0 and len(panel.values) * config.targets <= MOST_TUNED_ROWS


def fine_tuned(panel: Panel, config: ResolvedConfig, weights: Mapping[str, Float32]) -> dict[str, Float32]:
    """The weights of a pretrained network after fine-tuning on all rows of a panel.

    Args:
        panel: with `config.targets` as its first columns.
        weights: of the pretrained network.
    """
    found, targets = dict(weights), config.targets
    core = WeighingCore(config.model.cell, weights)
    runtime = _runtime(core, config)
    with threads(1):
        tracks = [_examples(panel.rows(s)[:, :targets].T, core, runtime) for s in range(len(panel.names))]
        examples = Examples(*map(torch.cat, zip(*tracks, strict=True)))
        steps = min(MOST_STEPS, int(np.maximum(panel.lengths - FIRST_ROW, 0).sum()) * targets // ROWS_PER_STEP)
        if steps and examples.targets.isfinite().any():
            head = _tune_head(core.network.head, examples, torch.from_numpy(runtime.near.astype(np.float32)), steps)
            found |= {f"head.{name}": w.numpy().copy() for name, w in head.state_dict().items()}
    return found


def adapt(panel: Panel, config: ResolvedConfig, weights: Mapping[str, Float32]) -> dict[str, Float32]:
    """The weights of a pretrained network with a second head that is tuned on all rows of a panel, if there are enough.

    Args:
        panel, weights: as for `fine_tuned`.
    """
    tuned = fine_tuned(panel, config, weights)
    unchanged = tuned["head.bias"] is weights["head.bias"]
    return dict(weights) if unchanged else with_share(weights, tuned, tuned_share(len(panel.values) * config.targets))


def tuned_share(rows: int) -> float:
    """The share of the tuned head in the forecast of both.

    Validation does not choose it: on few rows, the shares that it chooses have larger errors.

    >>> tuned_share(50), tuned_share(200), tuned_share(500)
    (0.2, 0.5, 0.71)
    """
    return round(rows / (rows + HALF_ROWS), 2)


def with_share(weights: Mapping[str, Float32], tuned: Mapping[str, Float32], share: float) -> dict[str, Float32]:
    """The weights of a network with two heads, whose forecasts are averaged.

    The average of both forecasts is better than the forecast of averaged heads.

    Args:
        weights: of the pretrained network.
        tuned: the same after fine-tuning.
        share: of the tuned head in the forecast.
    """
    heads = {name: np.concatenate([weights[name], tuned[name]]) for name in ("head.weight", "head.bias", FIT)}
    return {**weights, **heads, SHARES: np.array([1 - share, share], np.float32)}


def _runtime(core: WeighingCore, config: ResolvedConfig) -> WeighingRuntime:
    spec = InputSpec.for_pretrained(pretrained_cycle(config.forecast.season, config.model.anchor))
    return WeighingRuntime(core, spec, config.forecast.horizon, config.levels)


def _examples(values: Float, core: WeighingCore, runtime: WeighingRuntime) -> Examples:
    """The examples of the tracks of one series, [C, T]."""
    spec, length, horizon = runtime.spec, values.shape[1], len(runtime.near)
    block, _ = advance(TrackMemory.start(spec, 1, len(values)), values[None], spec)
    first = max(FIRST_ROW - 1, length - 1 - RECENT)
    spread = np.linspace(first, length - 2, POSITIONS if first < length - 1 else 0)
    rows = np.unique(spread.round().astype(np.int64))
    origins = block.origins()
    recent = origins.recent(spec)
    assert recent is not None
    inputs = block.x[0][:, rows].reshape(-1, spec.inputs).astype(np.float64)
    found = runtime.candidates(inputs, recent[:, rows].reshape(-1, recent.shape[-1]))
    padded = np.pad(values, ((0, 0), (0, horizon)), constant_values=np.nan)
    ahead = padded[:, rows[:, None] + np.arange(1, horizon + 1)]
    targets = (ahead - block.now[0][:, rows, None]) / origins.unit[0][:, rows, None]
    targets[~origins.observed[0][:, rows]] = np.nan
    return Examples(
        hidden=core.hidden(block.x[0])[:, rows].flatten(0, 1),
        values=torch.from_numpy(found.values.clip(-1e6, 1e6).astype(np.float32)),
        usable=torch.from_numpy(found.usable),
        fit=torch.from_numpy(found.fit.astype(np.float32)),
        targets=torch.from_numpy(targets.clip(-LARGEST, LARGEST).astype(np.float32)).flatten(0, 1),
    )


def _tune_head(head: WeighingHead, examples: Examples, near: Tensor, steps: int) -> WeighingHead:
    """The head after so many steps along the gradient of the loss of all examples."""
    optimizer = AdamW(head.parameters(), 0.0)
    for _ in range(steps):
        raw = head(examples.hidden, examples.fit)
        quantiles = emit(raw[None], examples.values[None], examples.usable[None], near)
        loss = relative_loss(quantiles, examples.targets[None], torch.ones(1, len(raw)))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimizer.step(LEARNING_RATE)
    return head
