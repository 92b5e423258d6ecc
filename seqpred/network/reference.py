"""Networks as a runtime: arrays in, arrays out, computed by torch. The light runtime is held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.network.machine import threads
from seqpred.network.network import Network
from seqpred.network.recurrent import Memory

Float32 = npt.NDArray[np.float32]
WIDE = 2048  # units in all tracks' states from which a second thread pays


class Reference:
    """Networks of one shape, whose quantiles are averaged; the meaning of each method is `forecasting.Runtime`'s.

    Args:
        window: rows that bidirectional networks see.
    """

    name = "torch"

    def __init__(self, networks: Sequence[Network], window: int) -> None:
        self.networks = [network.eval() for network in networks]
        self.shape = networks[0].shape
        self.window = window if self.shape.bidirectional else None

    def start(self, batch: int) -> Float32:
        """The state before the first row, [S, batch, hidden]."""
        return _packed([network.start(batch) for network in self.networks], batch)

    def read(
        self, x: Float32, state: Float32, speaking: int = 1, around: Float32 | None = None
    ) -> tuple[Float32, Float32]:
        """The quantiles after the last rows, [batch, P, N, Q], and the state after the last."""
        wide = len(x) * self.shape.hidden_size >= WIDE
        rows, parts = torch.from_numpy(x), iter(torch.from_numpy(state))
        spoken, after = [], []
        with torch.inference_mode(), threads(torch.get_num_threads() if wide else 1):
            for network in self.networks:
                memory = [tuple(next(parts) for _ in layer) for layer in network.start(0)]
                said, memory = network.advance(rows, memory, speaking)
                spoken.append(self._say(network, said, around))
                after.append(memory)
            return torch.stack(spoken).mean(0).numpy(), _packed(after, len(x))

    def _say(self, network: Network, said: Tensor, around: Float32 | None) -> Tensor:
        """[batch, P, N, Q]; where nothing is given of what is known around the rows, nobody asks for a forecast."""
        known = self.shape.known + self.shape.known_codes
        if not known:
            return network.say(said)
        empty = (*said.shape[:2], self.shape.anchor + self.shape.horizon, known)
        told = torch.zeros(empty) if around is None else torch.from_numpy(around)
        each = network.say(said.flatten(0, 1)[:, None], told.flatten(0, 1))  # every row has surroundings of its own
        return each.reshape(*said.shape[:2], *each.shape[2:])


def _packed(memories: Sequence[Memory], batch: int) -> Float32:
    """All arrays of the networks' memories in one, [S, batch, hidden]."""
    parts = [part for memory in memories for layer in memory for part in layer]
    packed: Float32 = torch.stack(parts).numpy() if parts else np.zeros((0, batch, 0), np.float32)
    return packed
