"""A pretrained network in torch as an inference backend: the reference for its ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.arrays import Float32
from seqpred.features.input_spec import InputSpec
from seqpred.network.torch_runtime import pack_states
from seqpred.network.weighing import WeighingHead, WeighingNetwork
from seqpred.runtime.classical_head import OUTPUTS
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs
from seqpred.runtime.weighing_runtime import SHARES, bound_value


class WeighingCore:
    """Emits the part of the head that is linear in the state; see `runtime.Runtime` for the methods.

    Args:
        weights: of a `WeighingNetwork`.

    Attributes:
        network: with these weights.

    Raises:
        RuntimeError, LookupError: they do not fit one.
    """

    name = "torch"
    window: int | None = None

    def __init__(self, cell: str, weights: Mapping[str, Float32]) -> None:
        depth = len({name.split(".")[2] for name in weights if name.startswith("recurrent.")})
        hidden = weights["recurrent.layers.0.weight_hh"].shape[1]
        self.network = WeighingNetwork(cell, depth, hidden)
        self.network.head = WeighingHead(hidden, len(weights["head.bias"]) // OUTPUTS)
        own = {name: torch.from_numpy(np.array(w)) for name, w in weights.items() if name != SHARES}
        self.network.load_state_dict(own)
        self.network.eval()

    def hidden(self, x: Float32) -> Tensor:
        """The outputs of the recurrent part at every row, [batch, T, H], from inputs bounded as in a forecast."""
        x = bound_value(x, InputSpec.for_pretrained(1))  # the inputs have the same places for every season
        with torch.no_grad():
            outputs, _ = self.network.recurrent(torch.from_numpy(x), self.network.recurrent.start(len(x)))
            found: Tensor = outputs
            return found

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`."""
        return pack_states(self.network.recurrent.start(batch), batch)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        del head_inputs
        parts = iter(torch.from_numpy(np.ascontiguousarray(state)))
        states = [tuple(next(parts) for _ in layer) for layer in self.network.recurrent.start(0)]
        with torch.inference_mode():
            outputs, states = self.network.recurrent(torch.from_numpy(np.ascontiguousarray(x)), states)
            raw = nn.functional.linear(outputs[:, -n_positions:], self.network.head.weight, self.network.head.bias)
            return raw.numpy(), pack_states(states, len(x))
