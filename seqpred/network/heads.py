"""The head: from the state of the recurrent part to quantiles of every step ahead."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from seqpred.arrays import Float
from seqpred.features.naive import NaiveTable
from seqpred.runtime.shape import PLACES, SHARPNESS, Shape

TEMPERATURE = 0.1  # a naive forecast whose error is larger by this ratio starts with 1 / e of the best one's weight
MIN_LOGIT = -6.0  # of the worst naive forecast, so that training can still increase its weight


class HeadInputs(NamedTuple):
    """What the head receives besides the state.

    Attributes:
        recent: [batch, P, profile + R], the running profile and the recent values relative to the last one, in units
            of the scale, so that the last number is 0; None if the head uses none.
        known: [batch, anchor + (P - 1) stride + N, known], the known covariates from anchor - 1 rows before the first
            of the P positions to N rows after the last; None if there are none.
        stride: rows from one position to the next.
    """

    recent: Tensor | None = None
    known: Tensor | None = None
    stride: int = 1


NO_HEAD_INPUTS = HeadInputs()


class MedianComponents(NamedTuple):
    """The components of a median: the sum of the shares of the naive forecasts, plus a correction.

    Attributes:
        shares: [batch, P, A, N], the weight of each naive forecast; the rest to 1 is the anchor's.
        correction: [batch, P, N], in units of the scale.
    """

    shares: Tensor
    correction: Tensor


class QuantileHead(nn.Module):
    """Quantiles of N steps at once, which cannot cross.

    The level nearest the median is free; every other level is a non-negative distance (softplus) from its neighbour,
    so the order holds for any weights. The median includes a blend of naive forecasts, weighed by the state, and a
    linear autoregressive term over the recent values (Lai et al. 2018, arXiv:1703.07015, section 3.6).

    Args:
        input_size: width of the state.
        shape: of the network.
        known: width of the encoded known covariates; 0 for none.
    """

    def __init__(self, input_size: int, shape: Shape, known: int = 0) -> None:
        super().__init__()
        horizon, levels = shape.horizon, shape.levels
        self.horizon, self.size = horizon, len(levels)
        self.middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        self.linear = nn.Linear(input_size, len(levels) * horizon)
        self.known = KnownAhead(known, input_size, horizon, len(levels), shape.anchor) if known else None
        self.blend = Blend(input_size, shape) if shape.blend else None
        rows = shape.autoregression
        self.autoregression = nn.Linear(rows, horizon, bias=False) if rows else None

    def forward(self, state: Tensor, inputs: HeadInputs = NO_HEAD_INPUTS) -> Tensor:
        """[batch, P, N, Q], increasing along Q, from the state [batch, P, hidden]."""
        raw = self._raw(state, inputs)
        median = raw[..., self.middle, :]
        if self.blend is not None:
            assert inputs.recent is not None
            median = median + self.blend(state, inputs.recent)
        if self.autoregression is not None:
            median = median + self._autoregressive_term(inputs)
        distances = softplus(raw).unbind(-2)  # of each level from its neighbour towards the median
        upper = [*accumulate(distances[self.middle + 1 :], torch.add, initial=median)]
        lower = [*accumulate(reversed(distances[: self.middle]), torch.sub, initial=median)]
        return torch.stack([*reversed(lower[1:]), *upper], -2).transpose(-1, -2)

    def _raw(self, state: Tensor, inputs: HeadInputs) -> Tensor:
        """What depends on the state and the known covariates, [batch, P, Q, N]."""
        raw: Tensor = self.linear(state).unflatten(-1, (self.size, self.horizon))  # steps contiguous: faster by level
        if self.known is not None:
            assert inputs.known is not None
            raw = raw + self.known(state, inputs.known, inputs.stride)
        return raw

    def _autoregressive_term(self, inputs: HeadInputs) -> Tensor:
        assert self.autoregression is not None
        assert inputs.recent is not None
        term: Tensor = self.autoregression(inputs.recent[..., -self.autoregression.in_features :])
        return term

    def components(self, state: Tensor, inputs: HeadInputs = NO_HEAD_INPUTS) -> MedianComponents:
        """The components of the median that `forward` computes from the same arguments."""
        correction = self._raw(state, inputs)[..., self.middle, :]
        if self.autoregression is not None:
            correction = correction + self._autoregressive_term(inputs)
        if self.blend is None:
            return MedianComponents(state.new_zeros(*state.shape[:-1], 0, self.horizon), correction)
        return MedianComponents(self.blend.shares(state), correction)

    @torch.no_grad()
    def initialize(self, quantiles: Tensor, logits: Tensor) -> None:
        """Make the head emit these quantiles around a blend of naive forecasts, independently of the state.

        Args:
            quantiles: [N, Q], increasing along Q.
            logits: [places, A + 1], see `Blend.initialize`; used if there is a blend.
        """
        distances = quantiles.diff(dim=-1).clamp(min=1e-3)
        inverse_softplus = distances + torch.log(-torch.expm1(-distances))
        raw = quantiles.clone()
        raw[:, : self.middle] = inverse_softplus[:, : self.middle]
        raw[:, self.middle + 1 :] = inverse_softplus[:, self.middle :]
        self.linear.weight.zero_()
        self.linear.bias.copy_(raw.T.flatten())
        if self.known is not None:
            self.known.mix.weight.zero_()
            self.known.mix.bias.zero_()
        if self.blend is not None:
            self.blend.initialize(logits)
        if self.autoregression is not None:
            self.autoregression.weight.zero_()


class Blend(nn.Module):
    """A weighted mean of naive forecasts, instead of only the anchor's.

    The weights are a softmax of a linear function of the state, at up to four places along the horizon, with linear
    interpolation between these. Source: the mixture of experts of Jacobs et al. 1991, Neural Computation 3(1), with
    naive forecasts as the experts.

    Args:
        input_size: width of the state.
        shape: of the network; its `naives` are A.
    """

    near: Tensor

    def __init__(self, input_size: int, shape: Shape) -> None:
        super().__init__()
        self.shape, horizon = shape, shape.horizon
        self.places = min(PLACES, horizon)
        self.gate = nn.Linear(input_size, self.places * (shape.naives + 1))
        self.register_buffer("near", place_weights(horizon), persistent=False)

    def forward(self, state: Tensor, recent: Tensor) -> Tensor:
        """The mean relative to the anchor's forecast, [batch, P, N], from the numbers [batch, P, profile + R]."""
        naives = naive_forecasts(recent, self.shape.naive_table)
        mean: Tensor = ((self._weights(state) @ naives) * self.near).sum(-2)
        return mean

    def shares(self, state: Tensor) -> Tensor:
        """The weight of each naive forecast but the anchor's at each step ahead, [batch, P, A, N]."""
        return self._weights(state).transpose(-1, -2) @ self.near

    def _weights(self, state: Tensor) -> Tensor:
        """The same at each place along the horizon, [batch, P, places, A]."""
        logits = SHARPNESS * self.gate(state).unflatten(-1, (self.places, -1))
        return torch.softmax(logits, -1)[..., 1:]  # the first is the anchor's, whose relative forecast is 0

    @torch.no_grad()
    def initialize(self, logits: Tensor) -> None:
        """Make the weights the softmax of these logits, independently of the state.

        Args:
            logits: [places, A + 1], the anchor's first.
        """
        self.gate.weight.zero_()
        self.gate.bias.copy_(logits.flatten() / SHARPNESS)


def place_weights(horizon: int) -> Tensor:
    """The weight of each place in the interpolation at each step ahead, [places, N]; those of a step sum to 1."""
    cpu = torch.device("cpu")  # on the device "meta", arithmetic makes torch import for two seconds
    count = min(PLACES, horizon)
    location = torch.linspace(0, count - 1, horizon, device=cpu)
    return (1 - (location - torch.arange(count, device=cpu)[:, None]).abs()).clamp(min=0)


def weigh_by_errors(errors: Tensor) -> Tensor:
    """Logits of naive forecasts with these mean absolute errors, [places, A + 1] both.

    A forecast with a tenth more error than the best has 1 / e of its weight: averaging forecasts of similar accuracy
    is better than selecting one (Bates & Granger 1969, Operational Research Quarterly 20(4)).

    >>> weigh_by_errors(torch.tensor([[1.0, 1.0, 1.25, 9.0]])).tolist()
    [[0.0, 0.0, -2.5, -6.0]]
    """
    best = errors.min(-1, keepdim=True).values.clamp(min=1e-6)
    return ((1 - errors / best) / TEMPERATURE).clamp(min=MIN_LOGIT)


def naive_forecasts(recent: Tensor, table: NaiveTable) -> Tensor:
    """Naive forecasts of the steps ahead minus the anchor's forecast, [batch, P, A, N].

    Args:
        recent: [batch, P, profile + R].
        table: which forecasts; see `features.naive`.
    """
    weights, picks, steps = _table_on(table, recent.dtype, recent.device)
    rows = recent.flatten(0, -2)
    level, slope = (rows @ weights).chunk(2, -1)
    lags = [_picked(rows, places) for places in picks]
    has_level, has_slope = (np.any(weights, axis=1) for weights in (table.level, table.slope))
    forecasts = rows.new_zeros(len(rows), *table.steps.shape)
    # one by one: several times faster than a product of [A, U] and [rows, U, N]
    for k, (forecast, shares) in enumerate(zip(forecasts.unbind(1), table.shares.tolist(), strict=True)):
        if has_slope[k]:
            torch.mul(slope[:, k, None], steps[k], out=forecast)
        if has_level[k]:
            forecast.add_(level[:, k, None])
        for share, lag in zip(shares, lags, strict=True):
            if share:
                forecast.add_(lag, alpha=share)
    return forecasts.view(*recent.shape[:-1], *table.steps.shape)


@cache
def _table_on(
    table: NaiveTable, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, tuple[range | Tensor, ...], Tensor]:
    """The weights of the level and the slope [P + R, 2 A], the places of each lag [U of N], and the steps [A, N].

    They are moved to the device once: a CUDA graph of a step cannot contain a copy from the memory of the host.
    """

    def tensor(values: Float) -> Tensor:
        return torch.as_tensor(values, dtype=dtype, device=device)

    picks: list[range | Tensor] = []
    with torch.inference_mode(False):  # training uses the same tensors
        for places in table.picks:  # they ascend until they repeat
            first, last = int(places[0]), int(places[-1])
            repeats = last - first != len(places) - 1
            picks.append(torch.as_tensor(places, device=device) if repeats else range(first, last + 1))
        weights = tensor(np.concatenate([table.level, table.slope]).T)
        return weights, tuple(picks), tensor(table.steps)


def _picked(rows: Tensor, places: range | Tensor) -> Tensor:
    """The columns at these places; without a copy if they do not repeat."""
    if isinstance(places, range):
        return rows.narrow(-1, places.start, len(places))
    return rows.index_select(-1, places)


class KnownAhead(nn.Module):
    """The effect of the known covariates: those of each step's row, compared with those of its anchor's row.

    A forecast corrects the value of the anchor's row, so a holiday matters on either of the two.

    Args:
        known: width of the encoded known covariates.
        input_size: width of the state, which weighs the comparisons.
    """

    width = 8  # comparisons

    def __init__(self, known: int, input_size: int, horizon: int, levels: int, anchor: int) -> None:
        super().__init__()
        self.horizon, self.anchor, self.levels = horizon, anchor, levels
        self.step = nn.Linear(known, self.width)
        self.anchor_row = nn.Linear(known, self.width, bias=False)
        self.mix = nn.Linear(input_size, levels * self.width)

    def forward(self, state: Tensor, known: Tensor, stride: int = 1) -> Tensor:
        """[batch, P, Q, N], from the state [batch, P, hidden] and the fields of `HeadInputs`."""
        cycle = torch.arange(self.horizon, device=state.device) % self.anchor
        steps = self.step(known[:, self.anchor :]).unfold(1, self.horizon, stride)
        anchors = self.anchor_row(known[:, : -self.horizon]).unfold(1, self.anchor, stride)[..., cycle]
        compared = torch.tanh(steps + anchors)  # [batch, P, width, N]
        weighed: Tensor = self.mix(state).unflatten(-1, (self.levels, self.width)) @ compared
        return weighed
