"""Recurrent cells, registered by name as entry points of the group `seqpred.cells`.

A cell is one layer in one direction: its parameters and one step. Time, depth, direction and dropout are in
`recurrent.py`. A cell may also compute a whole sequence at once, see `Fused`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.autograd import Function

from seqpred.config.cells import installed_cells
from seqpred.errors import ConfigError, did_you_mean
from seqpred.network.recurrences import GruSequence, RnnSequence, sequence

State = tuple[Tensor, ...]


class Cell(Protocol):
    """The interface of a cell; it is an `nn.Module`, constructed as `cell(input_size, hidden_size)`."""

    def start(self, batch: int) -> State:
        """The initial state: tensors [batch, hidden], the first of which is the output."""
        ...

    def step(self, x: Tensor, state: State) -> State:
        """The state after one more row.

        Args:
            x: [batch, feature].
            state: from `start` or an earlier step.
        """
        ...


@runtime_checkable
class Fused(Protocol):
    """A cell that computes a whole sequence in one kernel."""

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs at every row, [batch, time, hidden], and the state after the last.

        Args:
            x: [batch, time, feature].
        """
        ...


class TorchCell(nn.Module):
    """A cell computed by a kernel of torch: every gate is an affine function of the input and the previous output.

    Attributes:
        weight_ih: [gates hidden, input], from the input.
        weight_hh: [gates hidden, hidden], from the previous output.
        bias: [gates hidden].
    """

    gates: ClassVar[int] = 1
    parts: ClassVar[int] = 1  # tensors in the state
    mode: ClassVar[str]  # torch's name of the kernel
    trained_by: ClassVar[type[Function] | None] = None  # with gradients on the CPU, instead of the kernel

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        rows, bound = self.gates * hidden_size, 1 / math.sqrt(hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias = nn.Parameter(torch.zeros(rows))
        # torch's kernels add a second bias, which stays zero.
        self.register_buffer("zero", torch.zeros(rows), persistent=False)
        # Orthogonal recurrent weights preserve gradients through time (Saxe et al. 2014, arXiv:1312.6120).
        for gate in torch.split(self.weight_hh.detach(), hidden_size):
            nn.init.orthogonal_(gate)

    def start(self, batch: int) -> State:
        """See `Cell.start`."""
        zero = self.weight_hh.detach().new_zeros(batch, self.hidden_size)
        return (zero,) * self.parts

    def step(self, x: Tensor, state: State) -> State:
        """See `Cell.step`."""
        return self.sequence(x[:, None], state)[1]

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Fused.sequence`."""
        if self.trained_by is not None and torch.is_grad_enabled() and x.device.type == "cpu":
            outputs = sequence(self.trained_by, x, state[0], (self.weight_ih, self.weight_hh, self.bias))
            return outputs, (outputs[:, -1],)
        packed = tuple(part[None] for part in state)  # torch's first dimension is the layer
        outputs, *last = self._kernel(x, packed)
        return outputs, tuple(part[0] for part in last)

    def _kernel(self, x: Tensor, state: State) -> tuple[Tensor, ...]:
        """The outputs [batch, time, hidden] and the state after the last row, with torch's layer dimension."""
        kernel: Callable[..., tuple[Tensor, ...]] = torch.gru if self.mode == "GRU" else torch.rnn_tanh
        return kernel(x, state[0], self._weights(), True, 1, 0.0, self.training, False, True)

    def _weights(self) -> list[Tensor]:
        return [self.weight_ih, self.weight_hh, self.bias, self.get_buffer("zero")]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> TorchCell:
        """Convert the tensors; on CUDA, store them as one block of memory, which saves cuDNN a copy at every call."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's own stub
        weights = self._weights()
        if weights[0].is_cuda and torch.backends.cudnn.is_acceptable(weights[0]):  # type: ignore[no-untyped-call]
            import torch.backends.cudnn.rnn as cudnn

            mode = cudnn.get_cudnn_mode(self.mode)  # type: ignore[no-untyped-call]
            sizes = self.input_size, mode, self.hidden_size
            with torch.no_grad(), torch.cuda.device(weights[0].device):
                torch._cudnn_rnn_flatten_weight(weights, len(weights), *sizes, 0, 1, True, False)
        return self


class Rnn(TorchCell):
    """Plain recurrent cell: h' = tanh(W x + U h + b).

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14.
    """

    mode = "RNN_TANH"
    trained_by = RnnSequence


class Gru(TorchCell):
    """Gated recurrent unit: a reset and an update gate.

    r = sigmoid(W_r x + b_r + U_r h), z = sigmoid(W_z x + b_z + U_z h), n = tanh(W_n x + b_n + r (U_n h)),
    h' = (1 - z) n + z h.

    Source: Cho et al. 2014, arXiv:1406.1078, section 2.3; the reset gate is applied after the product.
    """

    mode = "GRU"
    trained_by = GruSequence
    gates = 3


class Lstm(TorchCell):
    """Long short-term memory: input, forget and output gates over a cell state.

    i, f, o = sigmoid(W x + U h + b), g = tanh(W_g x + U_g h + b_g), c' = f c + i g, h' = o tanh(c').

    Source: Hochreiter & Schmidhuber 1997, Neural Computation 9(8), with the forget gate of Gers et al. 2000,
    Neural Computation 12(10).
    """

    mode = "LSTM"
    gates = 4
    parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        # The forget gate starts open (Jozefowicz et al. 2015, section 2.2).
        self.bias.detach()[hidden_size : 2 * hidden_size].fill_(1.0)

    def _kernel(self, x: Tensor, state: State) -> tuple[Tensor, ...]:
        return torch.lstm(x, state, self._weights(), True, 1, 0.0, self.training, False, True)


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
    """Run a cell over a sequence: in its kernel if it is fused, otherwise step by step.

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
