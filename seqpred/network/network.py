"""The whole network in the order in which a value passes: recurrent part, dropout, head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqpred.network.heads import QuantileHead
from seqpred.network.recurrent import BothWays, Memory, Stack


@dataclass(frozen=True)
class Shape:
    """All that decides which weights a network has."""

    inputs: int
    horizon: int
    levels: tuple[float, ...]
    cell: str
    depth: int
    hidden_size: int
    bidirectional: bool
    dropout: float


class Network(nn.Module):
    """Reads rows and says, in units of the scale, the quantiles of the N rows that follow.

    A forward network says so at every row, so P, the positions that speak, is the time T. A bidirectional one
    speaks once, at the end of its window: P is 1.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.recurrent = BothWays(_stack(shape), _stack(shape)) if shape.bidirectional else _stack(shape)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = QuantileHead(shape.hidden_size * (1 + shape.bidirectional), shape.horizon, shape.levels)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, P, N, Q], from windows x [batch, T, feature] that begin with an empty memory."""
        if isinstance(self.recurrent, BothWays):
            said = self.recurrent(x)
        else:
            said, _ = self.recurrent(x, self.recurrent.start(len(x)))
        quantiles: Tensor = self.head(self.dropout(said))
        return quantiles

    def at_end(self, x: Tensor) -> Tensor:
        """[batch, N, Q]: what `forward` says at the last row alone, without the work of saying the rest."""
        said = self.recurrent(x) if isinstance(self.recurrent, BothWays) else self.advance(x, self.start(len(x)))[0]
        return self.say(said)

    def say(self, said: Tensor) -> Tensor:
        """[batch, N, Q], from what `advance` gave, [batch, 1, hidden]."""
        quantiles: Tensor = self.head(self.dropout(said))[:, -1]
        return quantiles

    def start(self, batch: int) -> Memory:
        """An empty memory; only a forward network has one."""
        assert isinstance(self.recurrent, Stack)
        return self.recurrent.start(batch)

    def advance(self, x: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """What the top layer says after the last of x's rows, [batch, 1, hidden], and the memory then."""
        said, memory = self.recurrent(x, memory)
        return said[:, -1:].clone(), memory  # a view would keep all rows

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """A copy of all weights as arrays, by name."""
        return {name: w.detach().cpu().numpy().copy() for name, w in self.state_dict().items()}

    def set_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over weights that `weights` gave."""
        self.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})


def _stack(shape: Shape) -> Stack:
    return Stack(shape.cell, shape.inputs, shape.hidden_size, shape.depth, shape.dropout)
