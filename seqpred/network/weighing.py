"""A pretrained network in torch: it weighs classical forecasts; see `runtime.classical_head` for its outputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.features.input_spec import InputSpec
from seqpred.network.recurrent import Stack
from seqpred.runtime.classical_head import FITS, FORECASTS, INNER, LEVELS, OUTPUTS, PLACES, SIDE, WIDEST
from seqpred.runtime.shape import SHARPNESS

MASKED = -1e9  # a logit of a forecast that cannot be used
MOST = 60.0  # loss of one step ahead, in units of the scale
FIRST_DISTANCE = -1.5  # logarithm of each level's distance from its neighbour before training


class WeighingHead(nn.Linear):
    """A head, linear in the state and in how well the autoregressions fit.

    Args:
        heads: how many of them emit their outputs after each other.
    """

    def __init__(self, hidden_size: int, heads: int = 1) -> None:
        super().__init__(hidden_size, heads * OUTPUTS)
        self.fit = nn.Parameter(torch.zeros(heads * OUTPUTS, FITS))

    def forward(self, hidden: Tensor, fit: Tensor) -> Tensor:  # type: ignore[override]
        """[..., outputs], from the state [..., H] and `Candidates.fit` [..., FITS]."""
        return super().forward(hidden) + nn.functional.linear(fit, self.fit)


class WeighingNetwork(nn.Module):
    """Recurrent layers and one head.

    Args:
        cell: name of a registered cell.
    """

    def __init__(self, cell: str, depth: int, hidden_size: int) -> None:
        super().__init__()
        self.recurrent = Stack(cell, InputSpec.for_pretrained(1).inputs, hidden_size, depth, 0.0)
        self.head = WeighingHead(hidden_size)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            bias = torch.zeros(PLACES, OUTPUTS // PLACES)
            bias[:, FORECASTS:-1] = FIRST_DISTANCE
            self.head.bias.copy_(bias.flatten())

    def forward(self, x: Tensor, positions: Tensor, fit: Tensor) -> Tensor:
        """[batch, P, OUTPUTS], from the inputs x [batch, T, feature], at the rows `positions` [P].

        Args:
            fit: [batch, P, FITS], of the autoregressions at these rows.
        """
        outputs, _ = self.recurrent(x, self.recurrent.start(len(x)))
        raw: Tensor = self.head(outputs[:, positions], fit)
        return raw


def emit(raw: Tensor, values: Tensor, usable: Tensor, near: Tensor) -> Tensor:
    """`classical_head.emit` for the levels that the network emits, [batch, P, N, Q].

    Args:
        values: [batch, P, N, F], the classical forecasts.
        usable: [batch, P, F].
        near: [N, places].
    """
    parts = raw.view(*raw.shape[:-1], PLACES, -1)
    logits = (SHARPNESS * parts[..., :FORECASTS]).masked_fill(~usable[..., None, :], MASKED)
    weights = near @ torch.softmax(logits, -1)
    median = (weights * values).sum(-1, keepdim=True)
    distances = torch.exp((near @ parts[..., FORECASTS:-1]).clamp(-WIDEST, WIDEST))
    lower = -distances[..., :SIDE].cumsum(-1).flip(-1)
    upper = distances[..., SIDE:].cumsum(-1)
    shift = (near @ parts[..., -1:]).clamp(-1, 1)
    median = median + shift * (upper[..., INNER - 1 : INNER] - lower[..., -INNER : SIDE - INNER + 1]) / 2
    return median + torch.cat([lower, torch.zeros_like(median), upper], -1)


def relative_loss(quantiles: Tensor, targets: Tensor, importance: Tensor) -> Tensor:
    """The quantile loss of all levels, in units of the scale and, for uncertain forecasts, of their width.

    The width of the forecasts themselves is a constant to the gradient. It is known before what follows, so that the
    quantiles remain those of the data.

    Args:
        quantiles: [batch, P, N, Q], of the levels that the network emits.
        targets: [batch, P, N], NaN where missing.
        importance: [batch, P].
    """
    levels, known = torch.tensor(LEVELS), torch.isfinite(targets)
    errors = torch.where(known, targets, 0.0)[..., None] - quantiles
    losses = 2 * torch.maximum(levels * errors, (levels - 1) * errors).mean(-1)
    width = (quantiles[..., -2] - quantiles[..., 1]).detach().mean(-1)
    weights = (importance / (1 + width))[..., None] * known
    return (losses * weights).clamp(max=MOST).sum() / known.sum().clamp(min=1)


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """A copy of all weights as arrays, by name."""
    return {name: w.detach().cpu().numpy().copy() for name, w in network.state_dict().items()}
