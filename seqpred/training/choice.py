"""Choices from the validation results: the number of training steps, the shrinkage and the width of the intervals.

All three depend on the amount of evidence. Overlapping windows of a series are not independent, so they count as
one block; with few blocks, the choices stay close to those without any evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.training.shares import PRIOR, SHARES, best_share, loss_at

PRIOR_BLOCKS = 30  # blocks of evidence that intervals need no rescaling, and the most that are counted against it


@dataclass(frozen=True)
class ValidationResult:
    """One validation, of the network's forecast mixed with each of the M `SHARES` of the pretrained one.

    M is 1 if there is no pretrained forecast: then only the network's own.

    Attributes:
        step: after how many training steps.
        losses: [M, W], the loss of each window; NaN where no target is known.
        normalized_errors: [M, W, N], the distance of the target from the median, in units of the distance from the
            median to the outermost quantile on that side; NaN where unknown.
        largest_errors: [M, N], the largest distance of a target from the median at each step, in units of the scale
            at the end of the track if it has grown; negative where unknown.
    """

    step: int
    losses: npt.NDArray[np.float32]
    normalized_errors: npt.NDArray[np.float16]
    largest_errors: npt.NDArray[np.float32]

    @property
    def mean_loss(self) -> float | None:
        """The mean over windows with a known target, of the network's own forecast; None if there is none."""
        own = self.losses[0]
        known = own[np.isfinite(own)]
        return float(known.mean()) if known.size else None


@dataclass(frozen=True)
class Choice:
    """The choices.

    Attributes:
        step: the number of training steps.
        shrinkage: the factor of the network's correction, from 0 to 1.
        interval_scale: the factor of the distance of each quantile from the median.
        pretrained_share: of the pretrained forecast; the ensemble's forecast has the rest.
    """

    step: int
    shrinkage: float
    interval_scale: float
    pretrained_share: float = 0.0


def choose(folds: Sequence[Sequence[ValidationResult]], blocks: Sequence[Int], coverage: float) -> Choice:
    """The choice from the validation results of all folds.

    The number of steps is the smallest whose loss is within one standard error of the lowest (Breiman et al. 1984,
    "Classification and Regression Trees", section 3.4.3); the errors are those of the differences between blocks.
    The shrinkage is the James-Stein factor of an improvement whose standard error is itself an estimate (James &
    Stein 1961, unknown variance, positive part). The interval scale gives the outermost quantiles their nominal
    coverage, counting the future value as one of the sample (split conformal prediction: Papadopoulos et al. 2002),
    shrunk towards 1 as if `PRIOR_BLOCKS` further blocks had needed no rescaling. More than `PRIOR_BLOCKS` blocks count
    as so many: the blocks of a panel share the events of one period, and the next one has others.

    All of this is done for the forecast mixed with the best share of the pretrained one at each step; see `shares`. So
    the forecast before the first step is the best mixture of the blend and the pretrained forecast, and the shrinkage
    returns to that mixture. Without any block, it is the share without evidence.

    Args:
        folds: the validation results of each fold, at the same steps, starting before the first step.
        blocks: [W] for each fold, the block of each window.
        coverage: nominal coverage of the outermost quantiles; 0 for a point forecast.
    """
    count = min(len(fold) for fold in folds)
    losses = [[result.losses for result in fold[:count]] for fold in folds]
    mixtures = np.concatenate([block_curves(f, own) for f, own in zip(losses, blocks, strict=True)], axis=2)
    number = mixtures.shape[2]
    if not number:
        return Choice(0, 0.0, 1.0, PRIOR if mixtures.shape[1] > 1 else 0.0)
    shares = [best_share(own, number) for own in mixtures.mean(axis=2)]
    curves = np.stack([loss_at(own, share) for own, share in zip(mixtures, shares, strict=True)])
    excess = curves - curves[int(curves.mean(axis=1).argmin())]
    best = int((excess.mean(axis=-1) <= _standard_error(excess)).argmax())
    kept = _shrinkage(curves[0] - curves[best]) if best else 0.0
    share = kept * shares[best] + (1 - kept) * shares[0]
    shrinkage = kept * (1 - shares[best]) / (1 - share) if share < 1 else 0.0
    errors = np.concatenate([fold[best].normalized_errors for fold in folds], axis=1).astype(np.float64)
    scales = [_interval_scale(own[np.isfinite(own)], number, coverage) for own in errors]
    scale = float(np.interp(shares[best], SHARES[: len(scales)], scales))
    return Choice(folds[0][best].step, shrinkage, scale, share)


def _shrinkage(gains: Float) -> float:
    """The factor to apply to an improvement of this size in each block, [blocks]."""
    freedom = len(gains) - 1
    if not freedom:
        return 0.5  # a single block has no standard error
    relative_error = float(_standard_error(gains)) / max(float(gains.mean()), 1e-9)
    return max(0.0, 1 - relative_error**2 * freedom / (freedom + 2))


def block_curves(fold: Sequence[npt.NDArray[Any]], blocks: Int) -> Float:
    """Each block's mean loss at each validation and share, [validations, M, blocks], in units of the fold's first one.

    That is the loss of the network's own forecast before step 1.

    Args:
        fold: [M, W] for each validation.
    """
    losses = np.stack(fold).astype(np.float64)
    known = np.isfinite(losses).all(axis=(0, 1))
    _, places = np.unique(blocks[known], return_inverse=True)
    sums = np.stack([[np.bincount(places, weights=row) for row in own] for own in losses[:, :, known]])
    unit = float(losses[0, 0, known].mean()) if known.any() else 1.0
    return np.asarray(sums / np.maximum(np.bincount(places), 1) / (unit or 1.0))


def _standard_error(values: Float) -> Float:
    """Of the mean over the last axis; 0 for a single value."""
    count = values.shape[-1]
    if count == 1:
        return np.zeros(values.shape[:-1])
    return np.asarray(values.std(axis=-1, ddof=1) / np.sqrt(count))


def _interval_scale(normalized_errors: Float, blocks: int, coverage: float) -> float:
    if not len(normalized_errors) or not coverage:
        return 1.0
    level = min(1.0, coverage * (1 + 1 / blocks))  # the future value is one more of the sample
    needed = max(float(np.quantile(normalized_errors, level)), 1e-3)
    counted = min(blocks, PRIOR_BLOCKS)
    return float(needed ** (counted / (counted + PRIOR_BLOCKS)))
