"""The whole network, in the order of computation: inputs, recurrent part, dropout, head."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.arrays import Float32
from seqpred.network.heads import NO_HEAD_INPUTS, HeadInputs, MedianComponents, QuantileHead
from seqpred.network.recurrent import Bidirectional, Stack, States
from seqpred.runtime.shape import Shape


class Inputs(nn.Module):
    """A row's numbers, and a learned vector for each of its categories; that of code 0 (unknown) is zero."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = nn.ModuleList(nn.Embedding(count + 1, _width(count)) for count in shape.codes)
        for embedding in self.embeddings:
            assert isinstance(embedding, nn.Embedding)
            nn.init.normal_(embedding.weight, std=0.3)
            embedding.weight.data[0] = 0.0
        self.size = shape.inputs + sum(map(_width, shape.codes))
        known_codes = shape.codes[len(shape.codes) - shape.known_codes :]
        self.known_size = shape.known + sum(map(_width, known_codes))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, size], from x [batch, time, numbers and codes]."""
        return self._embed(x, self.shape.inputs, 0)

    def known(self, x: Tensor) -> Tensor:
        """[batch, time, known_size], from the known numbers and codes only."""
        return self._embed(x, self.shape.known, len(self.embeddings) - self.shape.known_codes)

    def _embed(self, x: Tensor, numbers: int, first: int) -> Tensor:
        """The first `numbers` of x as they are, and the rest as vectors of the embeddings from `first` on."""
        if x.shape[-1] == numbers:
            return x
        codes = x[..., numbers:].long().unbind(-1)
        vectors = [embed(code) for embed, code in zip(list(self.embeddings)[first:], codes, strict=True)]
        return torch.cat([x[..., :numbers], *vectors], -1)


def _width(count: int) -> int:
    """The length of the vector of a category, given its number of values."""
    return max(1, min(count, 16))


class Network(nn.Module):
    """Emits the quantiles of the N rows after each of P positions, in units of the scale.

    A forward network emits at every row, so P is the time T, or at every `HeadInputs.stride`-th. A bidirectional one
    emits once, at the end of its window: P is 1.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.inputs = Inputs(shape)
        size = self.inputs.size
        self.recurrent = (
            Bidirectional(_stack(shape, size), _stack(shape, size)) if shape.bidirectional else _stack(shape, size)
        )
        self.dropout = nn.Dropout(shape.dropout)
        self.head = QuantileHead(shape.hidden_size * (1 + shape.bidirectional), shape, self.inputs.known_size)

    def forward(self, x: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS, offset: int = 0) -> Tensor:
        """[batch, P, N, Q], from windows that start with the initial state.

        Args:
            x: [batch, T, feature].
            head_inputs: at the P positions.
            offset: the row of the first position.
        """
        x = self.inputs(x)
        if isinstance(self.recurrent, Bidirectional):
            outputs = self.recurrent(x)
        else:
            outputs, _ = self.recurrent(x, self.recurrent.start(len(x)))
        return self.quantiles(outputs[:, offset :: head_inputs.stride], head_inputs)

    def last_position(self, x: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, N, Q]: what `forward` emits at the last row, without computing the other positions."""
        return self.quantiles(self.advance(x, self.start(len(x)))[0], head_inputs)[:, -1]

    def start(self, batch: int) -> States:
        """The initial states of all layers; none for a bidirectional network, which carries no state."""
        return self.recurrent.start(batch) if isinstance(self.recurrent, Stack) else []

    def advance(self, x: Tensor, states: States, n_positions: int = 1) -> tuple[Tensor, States]:
        """The recurrent outputs at the last rows of x, [batch, n_positions, hidden], and the states after the last."""
        if isinstance(self.recurrent, Bidirectional):
            return self.recurrent(self.inputs(x)), states
        outputs, states = self.recurrent(self.inputs(x), states)
        return outputs[:, -n_positions:], states

    def quantiles(self, outputs: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], from the outputs of `advance`, [batch, P, hidden]."""
        quantiles: Tensor = self.head(self.dropout(outputs), self._embedded(head_inputs))
        return quantiles

    def components(self, outputs: Tensor, head_inputs: HeadInputs = NO_HEAD_INPUTS) -> MedianComponents:
        """The components of the median that `quantiles` computes from the same arguments."""
        return self.head.components(self.dropout(outputs), self._embedded(head_inputs))

    def _embedded(self, head_inputs: HeadInputs) -> HeadInputs:
        if head_inputs.known is None:
            return head_inputs
        return head_inputs._replace(known=self.inputs.known(head_inputs.known))

    def weights(self) -> dict[str, Float32]:
        """A copy of all weights as arrays, by name."""
        return {name: w.detach().cpu().numpy().copy() for name, w in self.state_dict().items()}

    def set_weights(self, weights: Mapping[str, Float32]) -> None:
        """Load weights that `weights` returned."""
        self.load_state_dict({name: torch.from_numpy(np.asarray(w)) for name, w in weights.items()})


def _stack(shape: Shape, size: int) -> Stack:
    return Stack(shape.cell, size, shape.hidden_size, shape.depth, shape.dropout)
