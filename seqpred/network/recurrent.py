"""Depth, direction and dropout: cells stacked into a forward network, and two of those into a bidirectional one."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqpred.network.cells import Cell, State, make_cell, scan

States = list[State]  # one for each layer


class Stack(nn.Module):
    """Layers of one cell, each fed by the layer below, in one direction of time.

    Dropout is applied between layers at the same row, never from one row to the next (Zaremba et al. 2014,
    arXiv:1409.2329, section 3.1).
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, depth: int, dropout: float) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (depth - 1)
        self.layers = nn.ModuleList(make_cell(cell, size, hidden_size) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def start(self, batch: int) -> States:
        """The initial states."""
        return [cast(Cell, layer).start(batch) for layer in self.layers]

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """The outputs of the top layer at every row, [batch, time, hidden], and the states after the last row.

        Args:
            x: [batch, time, feature].
            states: from `start` or an earlier call.
        """
        after: States = []
        for depth, (layer, state) in enumerate(zip(self.layers, states, strict=True)):
            x, last = scan(cast(Cell, layer), self.dropout(x) if depth else x, state)
            after.append(last)
        return x, after


class Bidirectional(nn.Module):
    """Two independent networks over one window, one in each direction.

    Both read every row of the window, and none after it. The output is at the end of the window: the last output of
    the forward network, and the output of the backward network at the first row, which it reads last.

    Source: Schuster & Paliwal 1997, "Bidirectional recurrent neural networks", IEEE Trans. Signal Processing 45(11).
    """

    def __init__(self, forwards: Stack, backwards: Stack) -> None:
        super().__init__()
        self.forwards, self.backwards = forwards, backwards

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 1, 2 hidden], from x [batch, time, feature]."""
        forwards, _ = self.forwards(x, self.forwards.start(len(x)))
        backwards, _ = self.backwards(x.flip(1), self.backwards.start(len(x)))
        return torch.cat([forwards[:, -1:], backwards[:, -1:]], -1)
