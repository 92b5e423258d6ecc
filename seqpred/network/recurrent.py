"""Depth, direction and dropout: cells stacked into a one-way network, and two of those side by side."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqpred.network.cells import Cell, State, make_cell, scan

Memory = list[State]  # one state for each layer


class Stack(nn.Module):
    """Layers of one cell, each fed by the one below, going through time in one direction.

    Dropout stands between layers at the same row, never on the way from one row to the next (Zaremba et al. 2014,
    arXiv:1409.2329, section 3.1).
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, depth: int, dropout: float) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (depth - 1)
        self.layers = nn.ModuleList(make_cell(cell, size, hidden_size) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def start(self, batch: int) -> Memory:
        """What the network remembers before the first row."""
        return [cast(Cell, layer).start(batch) for layer in self.layers]

    def forward(self, x: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The top layer's outputs at every row, [batch, time, hidden], and what is remembered after the last.

        Args:
            x: [batch, time, feature].
            memory: as `start` or an earlier call gives it.
        """
        after: Memory = []
        for depth, (layer, state) in enumerate(zip(self.layers, memory, strict=True)):
            x, last = scan(cast(Cell, layer), self.dropout(x) if depth else x, state)
            after.append(last)
        return x, after


class BothWays(nn.Module):
    """Two independent one-way networks over one window, one in each direction.

    Each is given the input of every row of the window, and none after it; together they say one thing, at the
    window's end: the forward network's last output beside the backward network's, which it gives at the first row.

    Source: Schuster & Paliwal 1997, "Bidirectional recurrent neural networks", IEEE Trans. Signal Processing 45(11).
    """

    def __init__(self, forward: Stack, backward: Stack) -> None:
        super().__init__()
        self.ahead, self.back = forward, backward

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 1, 2 hidden], from x [batch, time, feature]."""
        ahead, _ = self.ahead(x, self.ahead.start(len(x)))
        back, _ = self.back(x.flip(1), self.back.start(len(x)))
        return torch.cat([ahead[:, -1:], back[:, -1:]], -1)
