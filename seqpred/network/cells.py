"""Recurrent cells, found by name in one registry: the entry points of the group `seqpred.cells`.

A cell is one layer in one direction: weights and one step. Going through time, depth, direction and dropout
are in `recurrent.py`. A cell with a fused kernel for a whole sequence also has `sequence`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from seqpred.config.cells import installed_cells
from seqpred.errors import ConfigError, did_you_mean

State = tuple[Tensor, ...]


class Cell(Protocol):
    """What a cell must be able to do; it is an `nn.Module` made as `cell(input_size, hidden_size)`."""

    def start(self, batch: int) -> State:
        """The state before the first row: tensors [batch, hidden], the first of which is the output."""
        ...

    def step(self, x: Tensor, state: State) -> State:
        """The state after one more row.

        Args:
            x: [batch, feature].
            state: as `start` gives it.
        """
        ...


@runtime_checkable
class Fused(Protocol):
    """A cell with a kernel of its own for a whole sequence."""

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs at every row, [batch, time, hidden], and the state after the last.

        Args:
            x: [batch, time, feature].
        """
        ...


class _Torch(nn.Module):
    """A cell that torch computes: one layer of its fused kernel, fed one row or many."""

    parts = 1  # tensors in the state
    kernel: ClassVar[Callable[..., nn.RNNBase]]

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.layer: nn.RNNBase = self.kernel(input_size, hidden_size, batch_first=True)
        # Saxe et al. 2014, arXiv:1312.6120: orthogonal recurrent weights keep gradients alive through time.
        for gate in torch.split(self._of_gates("weight_hh"), hidden_size):
            nn.init.orthogonal_(gate)

    def start(self, batch: int) -> State:
        zero = self._of_gates("weight_hh").new_zeros(batch, self.hidden_size)
        return (zero,) * self.parts

    def _of_gates(self, name: str) -> Tensor:
        """One of torch's arrays, gates * hidden in its first dimension, outside the graph."""
        weights: Tensor = getattr(self.layer, f"{name}_l0")
        return weights.detach()

    def step(self, x: Tensor, state: State) -> State:
        return self.sequence(x[:, None], state)[1]

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        packed = tuple(part[None] for part in state)  # torch counts layers in front
        outputs, last = self.layer(x, packed if self.parts > 1 else packed[0])
        return outputs, tuple(part[0] for part in last) if self.parts > 1 else (last[0],)


class Rnn(_Torch):
    """Plain recurrent cell: h' = tanh(W x + U h + b).

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14.
    """

    kernel = nn.RNN


class Gru(_Torch):
    """Gated recurrent unit: a reset and an update gate.

    Source: Cho et al. 2014, arXiv:1406.1078, section 2.3; the reset gate after the product, as torch computes it.
    """

    kernel = nn.GRU


class Lstm(_Torch):
    """Long short-term memory: input, forget and output gates over a cell state.

    Source: Hochreiter & Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers et al. 2000,
    Neural Computation 12(10).
    """

    kernel = nn.LSTM
    parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        # Jozefowicz et al. 2015, section 2.2: a forget gate that begins open (torch has two biases; one is enough).
        self._of_gates("bias_ih")[hidden_size : 2 * hidden_size].fill_(1.0)


def make_cell(name: str, input_size: int, hidden_size: int) -> nn.Module:
    """A new cell of a registered name.

    Raises:
        ConfigError: no cell of this name is installed.
    """
    found = installed_cells()
    if name not in found:
        hint = f"{did_you_mean(name, found)} Is its package installed here?"
        raise ConfigError(f"no cell {name!r} is installed", hint=hint)
    cell = found[name].load()(input_size, hidden_size)
    assert isinstance(cell, nn.Module)
    return cell


def scan(cell: Cell, x: Tensor, state: State) -> tuple[Tensor, State]:
    """A cell through time: by its own kernel where it has one, else step by step.

    Args:
        x: [batch, time, feature].
    Returns:
        The outputs at every row, [batch, time, hidden], and the state after the last.
    """
    if isinstance(cell, Fused):
        return cell.sequence(x, state)
    outputs = []
    for row in x.unbind(1):
        state = cell.step(row, state)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state
