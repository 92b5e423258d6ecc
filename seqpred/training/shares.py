"""The share of the pretrained forecast in the forecast of a trained model, chosen by validation."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float

SHARES = (0.0, 0.5, 1.0)
"""The shares whose losses are measured. In between, the loss is close to a parabola, since its slope changes at every
target that the mixture passes."""
PRIOR, PRIOR_LOSS = 0.75, 2.0  # the share without evidence, and the loss of another, in blocks times their distance^2
LEAST = 0.05  # a smaller share is none
MANY_BLOCKS, MIN_GAIN = (
    30,
    0.01,
)  # from this number of blocks on, a share that reduces the loss by less is 0: it costs time


def best_share(losses: Float, blocks: int) -> float:
    """The share with the lowest loss.

    Args:
        losses: [M], the mean loss at each of the `SHARES`, or only at the first one.
        blocks: of which it is the mean.

    >>> best_share(np.array([1.0, 0.9, 1.0]), 1000), best_share(np.array([1.0, 1.0, 1.0]), 1)
    (0.5, 0.75)
    """
    if len(losses) == 1:
        return 0.0
    start, half, end = losses.tolist()
    weight = PRIOR_LOSS / blocks
    curvature = 2 * (start - 2 * half + end) + weight
    slope = -3 * start + 4 * half - end - 2 * weight * PRIOR
    lowest = min(max(-slope / (2 * curvature), 0.0), 1.0) if curvature > 0 else float(slope + curvature < 0)
    share = round(lowest, 2)
    if share < LEAST or (blocks >= MANY_BLOCKS and start - float(loss_at(losses, share)) < MIN_GAIN * start):
        return 0.0
    return share


def loss_at(losses: Float, share: float) -> Float:
    """The losses [M, ...] at a share, by the parabola through those at the `SHARES`, [...]."""
    if len(losses) == 1:
        return np.asarray(losses[0])
    factors = ((1 - share) * (1 - 2 * share), 4 * share * (1 - share), share * (2 * share - 1))
    return np.tensordot(factors, losses, 1)
