"""Whether a training fits in memory, before it begins."""

from __future__ import annotations

import torch

from seqpred.errors import ConfigError
from seqpred.network.machine import free_memory
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape
from seqpred.training.windows import apart

# Numbers alive at once for each that the part gives, counted at the peak of a step (benchmarks/peak.py).
STATES = {"rnn": 7, "gru": 13, "lstm": 16}  # of the recurrent part; a cell of one's own is taken for the least
QUANTILES = 10  # of the head, the loss and both ways through them
COPIES = 6  # of the weights: gradients, the optimizer's two, the best, and those being written


def check_memory(shape: Shape, window: int, batch: int, device: torch.device) -> None:
    """Refuse a training that would not fit.

    Args:
        window, batch: rows of a window, and windows of a batch.
    Raises:
        ConfigError: it needs more than is free; says how much, and which key to change.
    """
    free = free_memory(device)
    parts = _needs(shape, window, batch)
    needed = sum(parts.values())
    if free is None or needed <= free:
        return
    hint = max(parts, key=lambda name: parts[name])
    found = f"training would need {_told(needed)} of memory, and {_told(free)} are free"
    raise ConfigError(found, hint=f"Lower {hint}.")


def _needs(shape: Shape, window: int, batch: int) -> dict[str, int]:
    """Bytes of each part of a step, by the keys that make it smaller."""
    with torch.device("meta"):
        weights = sum(w.numel() for w in Network(shape).parameters())
    directions, spoken = (2, 1) if shape.bidirectional else (1, -(-window // apart(shape.horizon, window)))
    states = batch * window * shape.hidden_size * shape.depth * directions
    quantiles = batch * spoken * shape.horizon * len(shape.levels)
    return {
        "model.hidden_size or model.depth": 4 * COPIES * weights,
        "training.batch_size, model.window or model.hidden_size": 4 * STATES.get(shape.cell, 7) * states,
        "training.batch_size, model.window or forecast.horizon": 4 * QUANTILES * quantiles,
    }


def _told(size: int) -> str:
    return f"{size / (1 << 30):,.1f} GB"
