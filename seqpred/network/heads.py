"""From a state to quantiles of every step ahead."""

from __future__ import annotations

from functools import reduce
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from seqpred.features.inputs import SLOW, cycles_seen, fading, line_and_level
from seqpred.runtime.shape import PLACES, SHARPNESS, Shape

DEARER = 0.1  # by how much more a naive forecast errs that begins with 1 / e of the best one's share
LEAST = -6.0  # logit of the worst, so that it can still be learned that it is not


class HeadInputs(NamedTuple):
    """What a head is given of the steps ahead, beside the state.

    Attributes:
        recent: [batch, P, R], the last rows less the last one, in units of the scale, so that the last number is 0;
            None where the head needs none.
        known: [batch, anchor + (P - 1) every + N, known], the known covariates around the P rows that speak, from
            anchor - 1 rows before the first of them to N rows after the last; None where there are none.
        every: rows from one that speaks to the next.
    """

    recent: Tensor | None = None
    known: Tensor | None = None
    every: int = 1


NO_HEAD_INPUTS = HeadInputs()


class QuantileHead(nn.Module):
    """Quantiles of N steps at once; they can't cross.

    The level nearest the median is free; each other lies a non-negative distance further out, a softplus, so that
    the order holds for any weights. To the median are added a blend of naive forecasts, weighed by the state, and a
    weighted sum of the recent rows that no state bends (Lai et al. 2018, arXiv:1703.07015, section 3.6).

    Args:
        input_size: width of what the recurrent part says.
        shape: of the network.
        known: width of the known covariates, encoded; 0 for none.
    """

    def __init__(self, input_size: int, shape: Shape, known: int = 0) -> None:
        super().__init__()
        horizon, levels = shape.horizon, shape.levels
        self.horizon, self.size = horizon, len(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        self.linear = nn.Linear(input_size, horizon * len(levels))
        self.known = KnownAhead(known, input_size, horizon, len(levels), shape.anchor) if known else None
        self.blend = Blend(input_size, shape) if shape.blend else None
        rows = shape.autoregression
        self.autoregression = nn.Linear(rows, horizon, bias=False) if rows else None

    def forward(self, state: Tensor, ahead: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], rising along Q, from the state [batch, P, hidden]."""
        raw = self._linear(state)
        if self.known is not None:
            assert ahead.known is not None
            raw = raw + self.known(state, ahead.known, ahead.every).transpose(-1, -2)
        middle = raw[..., self.middle, :]
        if self.blend is not None:
            assert ahead.recent is not None
            middle = middle + self.blend(state, ahead.recent)
        if self.autoregression is not None:
            assert ahead.recent is not None
            middle = middle + self.autoregression(ahead.recent[..., -self.autoregression.in_features :])
        apart = softplus(raw).unbind(-2)
        above = [*accumulate(apart[self.middle + 1 :], torch.add, initial=middle)]
        below = [*accumulate(reversed(apart[: self.middle]), torch.sub, initial=middle)]
        return torch.stack([*below[:0:-1], *above], -2).transpose(-1, -2)

    def _linear(self, state: Tensor) -> Tensor:
        """[batch, P, Q, N]: the steps lie side by side, so that what is done level by level runs along them."""
        size = self.linear.in_features
        weight = self.linear.weight.view(self.horizon, self.size, size).transpose(0, 1).reshape(-1, size)
        bias = self.linear.bias.view(self.horizon, self.size).T.reshape(-1)
        raw: Tensor = linear(state, weight, bias).view(*state.shape[:-1], self.size, self.horizon)
        return raw

    @torch.no_grad()
    def begin_at(self, quantiles: Tensor, logits: Tensor) -> None:
        """Make the head say these quantiles about a blend of naive forecasts, whatever the state, as training begins.

        Args:
            quantiles: [N, Q], rising along Q.
            logits: [places, A + 1], see `Blend.begin`; looked at where there is a blend.
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
            self.blend.begin(logits)
        if self.autoregression is not None:
            self.autoregression.weight.zero_()
        self.linear.bias.copy_(raw.flatten())


class Blend(nn.Module):
    """A weighted mean of naive forecasts, in place of the anchor's alone.

    The state says the weights, a softmax, at up to four places along the horizon; between them they are interpolated.
    Source: the mixture of experts of Jacobs et al. 1991, Neural Computation 3(1), whose experts here are naive.

    Args:
        input_size: width of the state.
        shape: of the network; its `naives` are A.
    """

    near: Tensor
    places = PLACES
    sharpness = SHARPNESS

    def __init__(self, input_size: int, shape: Shape) -> None:
        super().__init__()
        self.shape, horizon = shape, shape.horizon
        self.count = min(self.places, horizon)
        self.weigh = nn.Linear(input_size, self.count * (shape.naives + 1))
        self.register_buffer("near", nearness(horizon), persistent=False)

    def forward(self, state: Tensor, recent: Tensor) -> Tensor:
        """How far the mean lies above the anchor's forecast, [batch, P, N], from the recent rows [batch, P, R]."""
        logits = self.sharpness * self.weigh(state).unflatten(-1, (self.count, -1))
        weights = torch.softmax(logits, -1)[..., 1:]  # the first is the anchor's own
        above: Tensor = ((weights @ naive_forecasts(recent, self.shape)) * self.near).sum(-2)
        return above

    @torch.no_grad()
    def begin(self, logits: Tensor) -> None:
        """Weigh the forecasts so, whatever the state.

        Args:
            logits: [places, A + 1], the anchor's first.
        """
        self.weigh.weight.zero_()
        self.weigh.bias.copy_(logits.flatten() / self.sharpness)


def nearness(horizon: int) -> Tensor:
    """How near each step is to each place at which naive forecasts are weighed, [places, N]; a step's sum to 1."""
    here = torch.device("cpu")  # on "meta", where sizes are tried, arithmetic costs torch two seconds of imports
    count = min(PLACES, horizon)
    where = torch.linspace(0, count - 1, horizon, device=here)
    return (1 - (where - torch.arange(count, device=here)[:, None]).abs()).clamp(min=0)


def weigh_by_errors(errors: Tensor) -> Tensor:
    """Logits for naive forecasts that err so much on average, [places, A + 1] both.

    One that errs a tenth more than the best has 1 / e of its share: forecasts that err alike are better averaged than
    chosen between (Bates & Granger 1969, Operational Research Quarterly 20(4)).

    >>> weigh_by_errors(torch.tensor([[1.0, 1.0, 1.25, 9.0]])).tolist()
    [[0.0, 0.0, -2.5, -6.0]]
    """
    best = errors.min(-1, keepdim=True).values.clamp(min=1e-6)
    return ((1 - errors / best) / DEARER).clamp(min=LEAST)


def naive_forecasts(recent: Tensor, shape: Shape) -> Tensor:
    """What naive forecasts say of the steps ahead, less what the anchor's says, [batch, P, A, N].

    They are the last value; for each cycle its seasonal naive, the same with drift (each cycle lies above the
    one before by as much as the last did), the mean of its last two, and the last value with the cycle's changes; and
    for each cycle the seasonal naive with the mean drift of up to five, see `features.cycles_seen`; the level of all
    recent rows, smoothed; and for each cycle what `features.line_and_level` says.

    Args:
        recent: [batch, P, R], so many of each cycle at least.
    """
    last, ahead = shape.recent - 1, torch.arange(shape.horizon, device=recent.device)

    def ago(cycle: int, times: int = 1) -> Tensor:
        """The value as many whole cycles before each step as are needed to have seen it, and times - 1 more."""
        seen = recent[..., last + 1 - times * cycle :][..., :cycle]
        return seen[..., : shape.horizon] if shape.horizon <= cycle else seen.index_select(-1, ahead % cycle)

    def drifted(cycle: int, over: int) -> Tensor:
        """The seasonal naive, each cycle above the one before by as much as the last `over` cycles were in the mean."""
        first = recent[..., last + 1 - over * cycle :][..., :cycle].mean(-1, keepdim=True)
        drift = (recent[..., last + 1 - cycle :].mean(-1, keepdim=True) - first) / (over - 1)
        return ago(cycle) + drift * (1 + ahead // cycle)

    def smoothed(cycle: int) -> Tensor:
        """The mean of the last cycles at each step's phase, moved to the smoothed level, and on along the line."""
        weights = torch.as_tensor(line_and_level(cycle), dtype=recent.dtype, device=recent.device)
        rows, phase = recent[..., last + 1 - len(weights) :], ahead % cycle
        cycles = torch.split(rows, cycle, -1)  # added one by one, which takes a fifth of the time of a mean of them
        mean = (reduce(torch.add, cycles) / len(cycles)).index_select(-1, phase)
        level, slope = ((rows @ column)[..., None] for column in weights.T)  # at once it takes six times as long
        whole: Tensor = mean + level + slope * (1 + ahead - phase + (cycle - 1) / 2)
        return whole

    anchor = ago(shape.anchor)
    found = [torch.zeros_like(anchor)]
    for cycle in shape.cycles:
        season = ago(cycle)
        if cycle != shape.anchor:
            found.append(season)
        found += [drifted(cycle, 2), (season + ago(cycle, 2)) / 2, season - recent[..., last - cycle, None]]
    found += [drifted(cycle, cycles_seen(cycle)) for cycle in shape.cycles]
    slow = torch.as_tensor(fading(shape.recent, SLOW), dtype=recent.dtype, device=recent.device)
    found.append((recent @ slow)[..., None].expand_as(anchor))
    found += [smoothed(cycle) for cycle in shape.cycles]
    return torch.stack([forecast - anchor for forecast in found], -2)


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

    def forward(self, state: Tensor, around: Tensor, every: int = 1) -> Tensor:
        """[batch, P, N, Q].

        Args:
            state: [batch, P, hidden].
            around, every: see `Ahead`.
        """
        cycle = torch.arange(self.horizon, device=state.device) % self.anchor
        there = self.there(around[:, self.anchor :]).unfold(1, self.horizon, every)
        back = self.back(around[:, : -self.horizon]).unfold(1, self.anchor, every)[..., cycle]
        found = torch.tanh(there + back)  # [batch, P, width, N]
        weighed: Tensor = self.mix(state).unflatten(-1, (self.levels, self.width)) @ found
        return weighed.transpose(-1, -2)
