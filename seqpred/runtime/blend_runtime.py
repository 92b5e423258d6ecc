"""The forecast without the network: the initial blend of naive forecasts, as an inference backend."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqpred.arrays import Float32
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs
from seqpred.runtime.shape import Shape


class BlendRuntime:
    """What an ensemble would emit with a shrinkage of 0; see `network.ensemble`.

    Comparing a model with it shows what the networks contribute.

    Args:
        weights: of an ensemble: `initial_forecast` [N, Q], `blend` [A, N] and `interval_scale` [1] are used.
    Raises:
        KeyError: one of them is missing.
    """

    name = "blend"
    window: int | None = None

    def __init__(self, shape: Shape, weights: Mapping[str, Float32]) -> None:
        self.shape = shape
        initial = weights["initial_forecast"]
        middle = shape.levels.index(0.5)
        median = initial[:, middle : middle + 1]
        self.quantiles: Float32 = median + weights["interval_scale"] * (initial - median)
        self.blend = weights["blend"] if shape.naives else None

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`: there is no state."""
        return np.zeros((0, batch, 0), np.float32)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        z = np.broadcast_to(self.quantiles, (len(x), n_positions, *self.quantiles.shape))
        if self.blend is not None and head_inputs.recent is not None:
            naives = self.shape.naive_table(head_inputs.recent.astype(np.float64))
            z = z + (self.blend * naives).sum(-2)[..., None]
        return z.astype(np.float32), state
