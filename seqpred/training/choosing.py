"""From the validations of some trainings: how many steps to learn, how far to trust, how wide to spread.

All three lean on how much the validation part knows. Windows of one series that overlap know much the same, so they
count as one block; a handful of blocks is little to go by, and then less is learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float

DOUBT = 10  # blocks that would have to be seen to believe half of what they say of the spread


@dataclass(frozen=True)
class Check:
    """One look at the validation part.

    Attributes:
        step: after how many steps.
        losses: [W], each window's loss; NaN where nothing of it is known.
        misses: [W, N], how far the truth lies from the median, in units of the distance from there to the outermost
            quantile on its side; NaN where unknown.
    """

    step: int
    losses: npt.NDArray[np.float32]
    normalized_errors: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Choice:
    """What validation says.

    Attributes:
        step: how many steps to learn.
        trust: the share of the correction to make, 0 to 1.
        spread: what to multiply the quantiles' distance from the median by.
    """

    step: int
    trust: float
    spread: float


def choose(folds: Sequence[Sequence[Check]], blocks: Sequence[npt.NDArray[np.int64]], inside: float) -> Choice:
    """What the validations of all folds say together.

    The steps are the fewest whose loss lies within one standard error of the lowest (Breiman et al. 1984,
    "Classification and Regression Trees", section 3.4.3), the errors being those of the differences between blocks.
    The trust is the share that Stein's rule leaves of an improvement that is known with that error, itself an estimate
    (James & Stein 1961, unknown variance, positive part). The spread makes the share of truths inside the outermost
    quantiles what it should be, the coming one counted among them (split conformal prediction: Papadopoulos et al.
    2002), drawn towards 1 as if `DOUBT` more blocks had fitted.

    Args:
        folds: each fold's checks, the first before the first step, at the same steps as far as they go.
        blocks: [W] for each fold, the block of each window.
        inside: the share of truths that should lie inside the outermost quantiles; 0 for a forecast without any.
    """
    looks = min(len(fold) for fold in folds)
    curves = np.concatenate([_curves(fold[:looks], own) for fold, own in zip(folds, blocks, strict=True)], axis=1)
    if not curves.shape[1]:
        return Choice(0, 0.0, 1.0)
    lowest = int(curves.mean(axis=1).argmin())
    best = int((_mean(curves - curves[lowest]) <= _error(curves - curves[lowest])).argmax())
    gain = curves[0] - curves[best]
    trust = _trust(gain) if best else 0.0
    normalized_errors = np.concatenate([fold[best].normalized_errors.ravel() for fold in folds]).astype(np.float64)
    return Choice(
        folds[0][best].step, trust, _spread(normalized_errors[np.isfinite(normalized_errors)], curves.shape[1], inside)
    )


def _trust(gain: Float) -> float:
    """The share to make of an improvement that is this large in each block, [blocks]."""
    freedom = len(gain) - 1
    if not freedom:
        return 0.5  # a single block does not tell how far to trust it
    doubt = float(_error(gain)) / max(float(_mean(gain)), 1e-9)
    return max(0.0, 1 - doubt**2 * freedom / (freedom + 2))


def _curves(fold: Sequence[Check], blocks: npt.NDArray[np.int64]) -> Float:
    """Each block's mean loss at each check, [checks, blocks], in units of the fold's loss before the first step."""
    losses = np.stack([check.losses for check in fold]).astype(np.float64)
    known = np.isfinite(losses).all(axis=0)
    _, places = np.unique(blocks[known], return_inverse=True)
    sums = np.stack([np.bincount(places, weights=row) for row in losses[:, known]])
    unit = float(losses[0, known].mean()) if known.any() else 1.0
    return sums / np.maximum(np.bincount(places), 1) / (unit or 1.0)


def _mean(values: Float) -> Float:
    mean: Float = values.mean(axis=-1)
    return mean


def _error(values: Float) -> Float:
    """The standard error of the mean over the last axis; 0 for a single value, whose error nothing tells."""
    count = values.shape[-1]
    if count == 1:
        return np.zeros(values.shape[:-1])
    error: Float = values.std(axis=-1, ddof=1) / np.sqrt(count)
    return error


def _spread(normalized_errors: Float, blocks: int, inside: float) -> float:
    if not len(normalized_errors) or not inside:
        return 1.0
    among = min(1.0, inside * (1 + 1 / blocks))  # the truth to come is one more of them
    needed = max(float(np.quantile(normalized_errors, among)), 1e-3)
    return float(needed ** (blocks / (blocks + DOUBT)))
