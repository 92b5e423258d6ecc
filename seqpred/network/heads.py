"""From a state to quantiles of every step ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from seqpred.network.shape import PLACES, SHARPNESS


class Ahead(NamedTuple):
    """What a head is given of the steps ahead, beside the state.

    Attributes:
        naives: [batch, P, A, N], naive forecasts less the anchor's, in units of the scale; None: none to blend.
        known: [batch, anchor - 1 + P + N, known], the known covariates around the P rows that speak, from anchor - 1
            rows before the first of them to N rows after the last; None where there are none.
    """

    naives: Tensor | None = None
    known: Tensor | None = None


NOTHING_AHEAD = Ahead()


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
        naives: A, the naive forecasts to blend; 0 for none.
    """

    def __init__(
        self,
        input_size: int,
        horizon: int,
        levels: Sequence[float],
        *,
        known: int = 0,
        anchor: int = 1,
        naives: int = 0,
    ) -> None:
        super().__init__()
        self.horizon, self.size = horizon, len(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        self.linear = nn.Linear(input_size, horizon * len(levels))
        self.known = KnownAhead(known, input_size, horizon, len(levels), anchor) if known else None
        self.blend = Blend(input_size, horizon, naives) if naives else None

    def forward(self, state: Tensor, ahead: Ahead = NOTHING_AHEAD) -> Tensor:
        """[batch, P, N, Q], rising along Q, from the state [batch, P, hidden]."""
        raw: Tensor = self.linear(state).unflatten(-1, (self.horizon, self.size))
        if self.known is not None:
            assert ahead.known is not None
            raw = raw + self.known(state, ahead.known)
        middle = raw[..., self.middle : self.middle + 1]
        if self.blend is not None:
            assert ahead.naives is not None
            middle = middle + self.blend(state, ahead.naives)[..., None]
        if self.size == 1:
            return middle
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
        if self.known is not None:
            self.known.mix.weight.zero_()
            self.known.mix.bias.zero_()
        if self.blend is not None:
            self.blend.begin()
        self.linear.bias.copy_(raw.flatten())


class Blend(nn.Module):
    """A weighted mean of naive forecasts, in place of the anchor's alone.

    The state says the weights, a softmax, at up to four places along the horizon; between them they are interpolated.
    Source: the mixture of experts of Jacobs et al. 1991, Neural Computation 3(1), whose experts here are naive.

    Args:
        input_size: width of the state.
        horizon: N.
        naives: A.
    """

    near: Tensor
    places = PLACES
    sharpness = SHARPNESS
    start = 4.0  # logit of the anchor when training begins, where the others have 0

    def __init__(self, input_size: int, horizon: int, naives: int) -> None:
        super().__init__()
        self.count = min(self.places, horizon)
        self.weigh = nn.Linear(input_size, self.count * (naives + 1))
        here = torch.device("cpu")  # on "meta", where sizes are tried, arithmetic costs torch two seconds of imports
        where = torch.linspace(0, self.count - 1, horizon, device=here)
        near = (1 - (where - torch.arange(self.count, device=here)[:, None]).abs()).clamp(min=0)
        self.register_buffer("near", near, persistent=False)  # [places, N], each step's sum to 1

    def forward(self, state: Tensor, naives: Tensor) -> Tensor:
        """How far the mean lies above the anchor's forecast, [batch, P, N], from [batch, P, A, N]."""
        logits = self.sharpness * self.weigh(state).unflatten(-1, (self.count, -1))
        weights = torch.softmax(logits, -1)[..., 1:]  # the first is the anchor's own
        above: Tensor = ((weights @ naives) * self.near).sum(-2)
        return above

    @torch.no_grad()
    def begin(self) -> None:
        """Weigh the anchor's forecast most, whatever the state."""
        self.weigh.weight.zero_()
        self.weigh.bias.zero_()
        self.weigh.bias.view(self.count, -1)[:, 0] = self.start / self.sharpness


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
