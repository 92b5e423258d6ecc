"""The torch backend of inference: an ensemble with arrays in and out. It is the reference for the ONNX backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seqpred.arrays import Float32
from seqpred.network.ensemble import Ensemble
from seqpred.network.heads import HeadInputs
from seqpred.network.machine import CPU, full_precision, threads
from seqpred.network.recurrent import States

MIN_STATES = 2048  # state units of all tracks from which several threads are faster than one


class TorchRuntime:
    """An ensemble in torch; see `runtime.Runtime` for the methods.

    Args:
        window: rows that a bidirectional network reads.
        device: that computes; arrays come from the memory of the host and return there.
    """

    name = "torch"

    def __init__(self, ensemble: Ensemble, window: int, device: torch.device = CPU) -> None:
        self.ensemble, self.device = ensemble.eval().to(device), device
        self.shape = ensemble.shape
        self.window = window if self.shape.bidirectional else None

    def start(self, batch: int) -> Float32:
        """The initial state, [S, batch, hidden]."""
        return pack_states(self.ensemble.start(batch), batch)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: Sequence[Float32 | None] = (None, None)
    ) -> tuple[Float32, Float32]:
        """The quantiles at the last rows, [batch, P, N, Q], and the state after the last row."""
        many = len(x) * self.shape.hidden_size >= MIN_STATES
        parts = iter(self._moved(state))
        states = [tuple(next(parts) for _ in layer) for layer in self.ensemble.start(0)]
        count = torch.get_num_threads() if many else 1
        with torch.inference_mode(), threads(count), full_precision(self.device):
            outputs, states = self.ensemble.advance(self._moved(x), states, n_positions)
            # Every position becomes a batch element of one position, with its own known covariates around it.
            flat = self._head_inputs(outputs.shape[0] * outputs.shape[1], *head_inputs)
            z = self._outputs(outputs.flatten(0, 1)[:, None], flat)
            return z.reshape(*outputs.shape[:2], *z.shape[2:]).cpu().numpy(), pack_states(states, len(x))

    def _outputs(self, outputs: Tensor, head_inputs: HeadInputs) -> Tensor:
        """The quantiles [batch, 1, N, Q], from the recurrent outputs [batch, 1, members hidden]."""
        return self.ensemble.quantiles(outputs, head_inputs)

    def _head_inputs(self, batch: int, recent: Float32 | None, known: Float32 | None) -> HeadInputs:
        """Those of `batch` positions; zeros where they are missing, as when only the state is needed."""
        shape, width = self.shape, self.shape.known + self.shape.known_codes

        def flat(array: Float32 | None, sizes: tuple[int, ...]) -> Tensor:
            if array is None:
                return torch.zeros(batch, *sizes, device=self.device)
            return self._moved(array).flatten(0, 1)

        return HeadInputs(
            flat(recent, (shape.profile + shape.recent,))[:, None] if shape.recent else None,
            flat(known, (shape.anchor + shape.horizon, width)) if width else None,
        )

    def _moved(self, array: Float32) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def pack_states(states: States, batch: int) -> Float32:
    """All state tensors as one array, [S, batch, hidden]."""
    parts = [part for layer in states for part in layer]
    return np.asarray(torch.stack(parts).cpu().numpy() if parts else np.zeros((0, batch, 0)), np.float32)
