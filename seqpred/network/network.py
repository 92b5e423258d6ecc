"""The whole network in the order in which a value passes: recurrent part, dropout, head."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqpred.network.heads import NO_HEAD_INPUTS, HeadInputs, QuantileHead
from seqpred.network.recurrent import BothWays, Memory, Stack
from seqpred.runtime.shape import Shape


class Inputs(nn.Module):
    """A row's numbers, and its codes as vectors that are learned; that of code 0, never seen in learning, is zero."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.ModuleList(nn.Embedding(count + 1, _width(count)) for count in shape.codes)
        for words in self.words:
            assert isinstance(words, nn.Embedding)
            nn.init.normal_(words.weight, std=0.3)
            words.weight.data[0] = 0.0
        self.size = shape.inputs + sum(map(_width, shape.codes))
        behind = shape.codes[len(shape.codes) - shape.known_codes :]
        self.known_size = shape.known + sum(map(_width, behind))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, size], from x [batch, time, numbers and codes]."""
        return self._vectors(x, self.shape.inputs, 0)

    def known(self, x: Tensor) -> Tensor:
        """[batch, time, known_size], from the known numbers and codes alone."""
        return self._vectors(x, self.shape.known, len(self.words) - self.shape.known_codes)

    def _vectors(self, x: Tensor, numbers: int, first: int) -> Tensor:
        if x.shape[-1] == numbers:
            return x
        codes = x[..., numbers:].long().unbind(-1)
        vectors = [words(code) for words, code in zip(list(self.words)[first:], codes, strict=True)]
        return torch.cat([x[..., :numbers], *vectors], -1)


def _width(count: int) -> int:
    """Numbers that stand for a category of so many words."""
    return max(1, min(count, 16))


class Network(nn.Module):
    """Reads rows and says, in units of the scale, the quantiles of the N rows that follow.

    A forward network says so at every row, so P, the positions that speak, is the time T, unless only some are asked
    (`Ahead.every`). A bidirectional one speaks once, at the end of its window: P is 1.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.inputs = Inputs(shape)
        size = self.inputs.size
        self.recurrent = (
            BothWays(_stack(shape, size), _stack(shape, size)) if shape.bidirectional else _stack(shape, size)
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.head = QuantileHead(shape.hidden_size * (1 + shape.bidirectional), shape, self.inputs.known_size)

    def forward(self, x: Tensor, ahead: HeadInputs = NO_HEAD_INPUTS, begin: int = 0) -> Tensor:
        """[batch, P, N, Q], from windows that begin with an empty memory.

        Args:
            x: [batch, T, feature].
            ahead: what is given of the steps after the positions that speak.
            begin: the first row that speaks.
        """
        x = self.inputs(x)
        if isinstance(self.recurrent, BothWays):
            said = self.recurrent(x)
        else:
            said, _ = self.recurrent(x, self.recurrent.start(len(x)))
        return self._head(said[:, begin :: ahead.every], ahead)

    def _head(self, said: Tensor, ahead: HeadInputs) -> Tensor:
        if ahead.known is not None:
            ahead = ahead._replace(known=self.inputs.known(ahead.known))
        quantiles: Tensor = self.head(self.dropout(said), ahead)
        return quantiles

    def at_end(self, x: Tensor, ahead: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, N, Q]: what `forward` says at the last row alone, without the work of saying the rest."""
        return self.notify(self.advance(x, self.start(len(x)))[0], ahead)[:, -1]

    def notify(self, said: Tensor, ahead: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], from what `advance` gave, [batch, P, hidden], and the steps ahead of it."""
        return self._head(said, ahead)

    def start(self, batch: int) -> Memory:
        """An empty memory; that of a network of both directions stays empty."""
        return self.recurrent.start(batch) if isinstance(self.recurrent, Stack) else []

    def advance(self, x: Tensor, memory: Memory, rows: int = 1) -> tuple[Tensor, Memory]:
        """What the recurrent part says after the last of x's rows, [batch, rows, hidden], and the memory then."""
        if isinstance(self.recurrent, BothWays):
            return self.recurrent(self.inputs(x)), memory
        said, memory = self.recurrent(self.inputs(x), memory)
        return said[:, -rows:], memory

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """A copy of all weights as arrays, by name."""
        return {name: w.detach().cpu().numpy().copy() for name, w in self.state_dict().items()}

    def set_weights(self, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Take over weights that `weights` gave."""
        self.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})


def _stack(shape: Shape, size: int) -> Stack:
    return Stack(shape.cell, size, shape.hidden_size, shape.depth, shape.dropout)
