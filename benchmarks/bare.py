"""A hand-written training step in plain torch, the reference for a step of seqpred.

It has the same network (recurrent layers, dropout, a head whose quantiles cannot cross), loss, gradient clipping and
optimizer, on tensors prepared in advance.

Run one step: python benchmarks/bare.py HIDDEN DEPTH BATCH INPUTS
Let `step.py` time it: append THREADS STEPS
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from alternating import seconds
from torch import Tensor, nn
from torch.nn.functional import softplus

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MIDDLE = 4
KERNELS: dict[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@dataclass(frozen=True)
class Size:
    """Sizes of a network and of its training batch."""

    hidden: int
    depth: int
    batch: int
    inputs: int = 8
    window: int = 96
    horizon: int = 24
    cell: str = "lstm"
    dropout: float = 0.1

    def __str__(self) -> str:
        return f"{self.cell}, hidden {self.hidden}, depth {self.depth}, batch {self.batch}"


class Bare(nn.Module):
    """Recurrent layers of torch followed by one linear layer."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        between = size.dropout if size.depth > 1 else 0.0
        kernel = KERNELS[size.cell]
        self.layers = kernel(size.inputs, size.hidden, size.depth, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(size.dropout)
        self.linear = nn.Linear(size.hidden, size.horizon * len(LEVELS))
        self.horizon = size.horizon

    def forward(self, x: Tensor) -> Tensor:
        """Map [batch, time, feature] to [batch, time, N, Q]."""
        raw = self.linear(self.dropout(self.layers(x)[0])).unflatten(-1, (self.horizon, len(LEVELS)))
        middle, apart = raw[..., MIDDLE : MIDDLE + 1], softplus(raw)
        below = middle - apart[..., :MIDDLE].flip(-1).cumsum(-1).flip(-1)
        above = middle + apart[..., MIDDLE + 1 :].cumsum(-1)
        return torch.cat([below, middle, above], -1)


def make_step(size: Size) -> Callable[[], None]:
    """Create a network and return a function that trains it for one step."""
    network, levels = Bare(size), torch.tensor(LEVELS)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-4, fused=True)
    x = torch.randn(size.batch, size.window, size.inputs)
    targets = torch.randn(size.batch, size.window, size.horizon)

    def step() -> None:
        error = targets[..., None] - network(x)
        loss = ((error * levels).sum() - error.clamp(max=0).sum()) / error.numel()  # the cheapest formulation
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=True)
        optimizer.step()

    return step


def serve(size: Size, threads: int, steps: int) -> None:
    """For each line on stdin, run `steps` steps and print the seconds they took."""
    torch.set_num_threads(threads)
    step = make_step(size)
    for _ in sys.stdin:
        print(seconds(lambda: [step() for _ in range(steps)]), flush=True)


if __name__ == "__main__":
    hidden, depth, batch, inputs, *asked = map(int, sys.argv[1:])
    if asked:
        serve(Size(hidden, depth, batch, inputs), *asked)
    else:
        make_step(Size(hidden, depth, batch, inputs))()
