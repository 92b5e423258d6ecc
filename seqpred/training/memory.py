"""Whether a training fits in memory, checked before it starts."""

from __future__ import annotations

import torch

from seqpred.errors import ConfigError
from seqpred.network.machine import free_memory
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape
from seqpred.training.positions import position_stride

# Numbers in memory at the peak of a step, for each number of this kind (measured by benchmarks/peak.py).
PER_STATE = {"rnn": 8, "gru": 21, "lstm": 19}  # states of the recurrent part; the smallest for other cells
PER_QUANTILE = 10  # quantiles that the network emits
PER_WEIGHT = 6  # gradients, the optimizer's two moments, the best weights, and a copy being written
MOST_KEPT = 128 << 20  # bytes of weights after earlier steps


def check_memory(shape: Shape, window: int, batch: int, device: torch.device) -> None:
    """Check that the memory for a training is free.

    Args:
        window: rows of a window.
        batch: windows of a batch.
    Raises:
        ConfigError: it is not; names how much is needed, and which key to lower.
    """
    free = free_memory(device)
    parts = required_memory(shape, window, batch)
    needed = sum(parts.values())
    if free is None or needed <= free:
        return
    largest = max(parts, key=lambda name: parts[name])
    message = f"training would need {_gigabytes(needed)} of memory, and {_gigabytes(free)} are free"
    raise ConfigError(message, hint=f"Lower {largest}.")


def required_memory(shape: Shape, window: int, batch: int) -> dict[str, int]:
    """Bytes of each part of a step, by the keys that make it smaller."""
    weights = _weights(shape)
    directions = 1 + shape.bidirectional
    positions = 1 if shape.bidirectional else -(-window // position_stride(shape.horizon, window))
    states = batch * window * shape.hidden_size * shape.depth * directions
    quantiles = batch * positions * shape.horizon * len(shape.levels)
    return {
        "model.hidden_size or model.depth": 4 * PER_WEIGHT * weights,
        "training.batch_size, model.window or model.hidden_size": 4 * PER_STATE.get(shape.cell, 8) * states,
        "training.batch_size, model.window or forecast.horizon": 4 * PER_QUANTILE * quantiles,
    }


def can_keep(shape: Shape, copies: int) -> bool:
    """Whether a number of copies of a network's weights are small enough to be kept during its training."""
    return 4 * copies * _weights(shape) <= MOST_KEPT


def _weights(shape: Shape) -> int:
    """The number of weights of a network."""
    with torch.device("meta"):
        return sum(w.numel() for w in Network(shape).parameters())


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):,.1f} GB"
