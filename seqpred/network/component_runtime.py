"""An inference backend that emits the components of the median instead of the quantiles."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from seqpred.network.ensemble import Ensemble
from seqpred.network.heads import HeadInputs, naive_forecasts
from seqpred.network.torch_runtime import TorchRuntime


class ComponentRuntime(TorchRuntime):
    """Reads rows as `TorchRuntime` does, and emits 4 + 2 A numbers for each step ahead.

    They are the median, 0, 1, the correction, A naive forecasts and their A shares. All are in units of the scale
    relative to the anchor's forecast, as quantiles are; the 0 and the 1 show what both are in the target's unit, so
    that the shares can be read. The components are computed in float64.
    """

    name = "components"

    def __init__(self, ensemble: Ensemble, window: int) -> None:
        super().__init__(ensemble, window)
        self._exact = deepcopy(self.ensemble).double()

    def _outputs(self, outputs: Tensor, head_inputs: HeadInputs) -> Tensor:
        """[batch, 1, N, 4 + 2 A], from the recurrent outputs [batch, 1, members hidden]."""
        shape, middle = self.shape, self.ensemble.networks[0].head.middle
        median = self.ensemble.quantiles(outputs, head_inputs)[..., middle]
        recent, known = (None if part is None else part.double() for part in head_inputs[:2])
        exact = HeadInputs(recent, known)
        shares, correction = self._exact.components(outputs.double(), exact)
        naives = shares
        if shape.naives:
            assert recent is not None
            naives = naive_forecasts(recent, shape.naive_table)
        zero = torch.zeros_like(correction)
        single = torch.stack([median.double(), zero, zero + 1, correction], -1)
        return torch.cat([single, naives.transpose(-1, -2), shares.transpose(-1, -2)], -1)
