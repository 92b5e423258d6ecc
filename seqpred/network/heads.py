"""From a state to quantiles of every step ahead."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class QuantileHead(nn.Module):
    """Quantiles of N steps at once; they can't cross.

    The level nearest the median is free; each other lies a non-negative distance further out, a softplus, so that
    the order holds for any weights.

    Args:
        input_size: width of what the recurrent part says.
        horizon: N.
        levels: Q rising quantile levels.
    """

    def __init__(self, input_size: int, horizon: int, levels: Sequence[float]) -> None:
        super().__init__()
        self.horizon, self.size = horizon, len(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        self.linear = nn.Linear(input_size, horizon * len(levels))

    def forward(self, state: Tensor) -> Tensor:
        """[batch, time, N, Q], rising along Q, from [batch, time, hidden]."""
        raw: Tensor = self.linear(state).unflatten(-1, (self.horizon, self.size))
        if self.size == 1:
            return raw
        middle = raw[..., self.middle : self.middle + 1]
        apart = softplus(raw)
        below = middle - apart[..., : self.middle].flip(-1).cumsum(-1).flip(-1)
        above = middle + apart[..., self.middle + 1 :].cumsum(-1)
        return torch.cat([below, middle, above], -1)

    @torch.no_grad()
    def begin_at(self, quantiles: Tensor) -> None:
        """Make the head say these quantiles whatever the state: where training begins.

        Args:
            quantiles: [N, Q], rising along Q.
        """
        apart = quantiles.diff(dim=-1).clamp(min=1e-3)
        raw = quantiles.clone()
        gaps = apart + torch.log(-torch.expm1(-apart))  # softplus, undone
        raw[:, : self.middle] = gaps[:, : self.middle]
        raw[:, self.middle + 1 :] = gaps[:, self.middle :]
        self.linear.weight.zero_()
        self.linear.bias.copy_(raw.flatten())
