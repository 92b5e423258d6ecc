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
        known: width of the known covariates, encoded; 0 for none.
        anchor: lag of the forecast that the network corrects.
    """

    def __init__(self, input_size: int, horizon: int, levels: Sequence[float], known: int = 0, anchor: int = 1) -> None:
        super().__init__()
        self.horizon, self.size = horizon, len(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        self.linear = nn.Linear(input_size, horizon * len(levels))
        self.ahead = KnownAhead(known, input_size, horizon, len(levels), anchor) if known else None

    def forward(self, state: Tensor, around: Tensor | None = None) -> Tensor:
        """[batch, P, N, Q], rising along Q.

        Args:
            state: [batch, P, hidden].
            around: [batch, anchor - 1 + P + N, known], see `KnownAhead`.
        """
        raw: Tensor = self.linear(state).unflatten(-1, (self.horizon, self.size))
        if self.ahead is not None:
            assert around is not None
            raw = raw + self.ahead(state, around)
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
        if self.ahead is not None:
            self.ahead.mix.weight.zero_()
            self.ahead.mix.bias.zero_()
        self.linear.bias.copy_(raw.flatten())


class KnownAhead(nn.Module):
    """What the known covariates say of each step ahead: those of the step's row against those of its anchor's row.

    A forecast corrects the value of the anchor's row, so a holiday matters on either of the two.

    Args:
        known: width of the known covariates, encoded.
        input_size: width of the state that weighs what is found.
    """

    width = 8  # comparisons that the state weighs

    def __init__(self, known: int, input_size: int, horizon: int, levels: int, anchor: int) -> None:
        super().__init__()
        self.horizon, self.anchor, self.levels = horizon, anchor, levels
        self.there = nn.Linear(known, self.width)
        self.back = nn.Linear(known, self.width, bias=False)
        self.mix = nn.Linear(input_size, levels * self.width)

    def forward(self, state: Tensor, around: Tensor) -> Tensor:
        """[batch, P, N, Q].

        Args:
            state: [batch, P, hidden].
            around: [batch, anchor - 1 + P + N, known], from anchor - 1 rows before the first of the P rows that
                speak to N rows after the last.
        """
        positions, cycle = state.shape[1], torch.arange(self.horizon, device=state.device) % self.anchor
        there = self.there(around[:, self.anchor :]).unfold(1, self.horizon, 1)
        back = self.back(around[:, : self.anchor - 1 + positions]).unfold(1, self.anchor, 1)[..., cycle]
        found = torch.tanh(there + back)  # [batch, P, width, N]
        weighed: Tensor = self.mix(state).unflatten(-1, (self.levels, self.width)) @ found
        return weighed.transpose(-1, -2)
