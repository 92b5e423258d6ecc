"""The quantile loss."""

from __future__ import annotations

import torch
from torch import Tensor


def quantile_loss(quantiles: Tensor, targets: Tensor, levels: Tensor, kind: str) -> Tensor:
    """Mean quantile loss over all known targets: every position, every step ahead, every level.

    Args:
        quantiles: [batch, P, N, Q].
        targets: [batch, P, N], NaN where unknown.
        levels: [Q].
        kind: pinball (Koenker & Bassett 1978, Econometrica 46(1)), or huber, which is quadratic within half a unit
            of the scale (Dabney et al. 2018, arXiv:1710.10044, eq. 10).
    """
    sums, counts = window_losses(quantiles, targets, levels, kind)
    return sums.sum() / counts.sum().clamp(min=1)


def window_losses(quantiles: Tensor, targets: Tensor, levels: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """The sum of each window's losses and the number of terms in it, [batch] both; arguments as `quantile_loss`."""
    known = targets.isfinite()
    error = targets.nan_to_num(0.0)[..., None] - quantiles
    slope = (levels - (error.detach() < 0).to(levels.dtype)) * known[..., None]  # of the loss along the error
    if kind == "huber":
        size = error.abs()
        error, slope = torch.where(size < 0.5, size * size, size - 0.25), slope.abs()
    return (error * slope).sum((1, 2, 3)), known.sum((1, 2)) * len(levels)
