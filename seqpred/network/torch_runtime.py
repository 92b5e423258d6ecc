"""An ensemble as a runtime: arrays in, arrays out, computed by torch. The light runtime is held against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seqpred.arrays import Float32
from seqpred.network.ensemble import Ensemble
from seqpred.network.heads import HeadInputs
from seqpred.network.machine import threads
from seqpred.network.recurrent import Memory

WIDE = 2048  # units in all tracks' states from which a second thread pays


class TorchRuntime:
    """An ensemble; the meaning of each method is `forecasting.runtime.Runtime`'s.

    Args:
        window: rows that a network of both directions sees.
    """

    name = "torch"

    def __init__(self, ensemble: Ensemble, window: int) -> None:
        self.ensemble = ensemble.eval()
        self.shape = ensemble.shape
        self.window = window if self.shape.bidirectional else None

    def start(self, batch: int) -> Float32:
        """The state before the first row, [S, batch, hidden]."""
        return _packed(self.ensemble.start(batch), batch)

    def read(
        self, x: Float32, state: Float32, speaking: int = 1, ahead: Sequence[Float32 | None] = (None, None)
    ) -> tuple[Float32, Float32]:
        """The quantiles after the last rows, [batch, P, N, Q], and the state after the last."""
        wide = len(x) * self.shape.hidden_size >= WIDE
        parts = iter(torch.from_numpy(state))
        memory = [tuple(next(parts) for _ in layer) for layer in self.ensemble.start(0)]
        with torch.inference_mode(), threads(torch.get_num_threads() if wide else 1):
            said, memory = self.ensemble.advance(torch.from_numpy(x), memory, speaking)
            z: Float32 = self._say(said, *ahead).numpy()
            return z, _packed(memory, len(x))

    def _say(self, said: Tensor, recent: Float32 | None, known: Float32 | None) -> Tensor:
        """[batch, P, N, Q]; where nothing is given of the steps ahead, nobody asks for a forecast."""
        shape, spoken = self.shape, said.shape[:2]

        def flat(given: Float32 | None, size: tuple[int, ...]) -> Tensor:
            return torch.zeros(spoken.numel(), *size) if given is None else torch.from_numpy(given).flatten(0, 1)

        told = flat(recent, (shape.recent,))[:, None] if shape.recent else None
        width = shape.known + shape.known_codes
        around = flat(known, (shape.anchor + shape.horizon, width)) if width else None
        each = self.ensemble.notify(
            said.flatten(0, 1)[:, None], HeadInputs(told, around)
        )  # each row with what is ahead of it
        return each.reshape(*spoken, *each.shape[2:])


def _packed(memory: Memory, batch: int) -> Float32:
    """All arrays of a memory in one, [S, batch, hidden]."""
    parts = [part for layer in memory for part in layer]
    packed: Float32 = torch.stack(parts).numpy() if parts else np.zeros((0, batch, 0), np.float32)
    return packed
