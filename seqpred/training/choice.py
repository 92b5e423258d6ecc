"""What the validation results decide: the number of training steps, the shrinkage and the width of the intervals.

All three depend on how much evidence there is. Overlapping windows of a series are not independent, so they count as
one block; with few blocks, the choices stay close to those without any evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int

PRIOR_BLOCKS = 30  # blocks of evidence that intervals need no rescaling, and the most that are counted against it


@dataclass(frozen=True)
class ValidationResult:
    """One validation.

    Attributes:
        step: after how many training steps.
        losses: [W], the loss of each window; NaN where no target is known.
        normalized_errors: [W, N], the distance of the target from the median, in units of the distance from the median
            to the outermost quantile on that side; NaN where unknown.
        largest_errors: [N], the largest distance of a target from the median at each step, in units of the scale at
            the end of the track if it has grown; negative where unknown.
    """

    step: int
    losses: npt.NDArray[np.float32]
    normalized_errors: npt.NDArray[np.float16]
    largest_errors: npt.NDArray[np.float32]

    @property
    def mean_loss(self) -> float | None:
        """The mean over windows with a known target; None if there is none."""
        known = self.losses[np.isfinite(self.losses)]
        return float(known.mean()) if known.size else None


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Attributes:
        step: the number of training steps.
        shrinkage: the factor of the network's correction, from 0 to 1.
        interval_scale: the factor of the distance of each quantile from the median.
    """

    step: int
    shrinkage: float
    interval_scale: float


def choose(folds: Sequence[Sequence[ValidationResult]], blocks: Sequence[Int], coverage: float) -> Choice:
    """The choice from the validation results of all folds.

    The number of steps is the smallest whose loss is within one standard error of the lowest (Breiman et al. 1984,
    "Classification and Regression Trees", section 3.4.3); the errors are those of the differences between blocks.
    The shrinkage is the James-Stein factor of an improvement whose standard error is itself an estimate (James &
    Stein 1961, unknown variance, positive part). The interval scale gives the outermost quantiles their nominal
    coverage, counting the future value as one of the sample (split conformal prediction: Papadopoulos et al. 2002),
    shrunk towards 1 as if `PRIOR_BLOCKS` further blocks had needed no rescaling. More than `PRIOR_BLOCKS` blocks count
    as so many: the blocks of a panel share the events of one period, and the next one has others.

    Args:
        folds: the validation results of each fold, at the same steps, starting before the first step.
        blocks: [W] for each fold, the block of each window.
        coverage: nominal coverage of the outermost quantiles; 0 for a point forecast.
    """
    count = min(len(fold) for fold in folds)
    curves = np.concatenate([_curves(fold[:count], own) for fold, own in zip(folds, blocks, strict=True)], axis=1)
    if not curves.shape[1]:
        return Choice(0, 0.0, 1.0)
    excess = curves - curves[int(curves.mean(axis=1).argmin())]
    best = int((excess.mean(axis=-1) <= _standard_error(excess)).argmax())
    shrinkage = _shrinkage(curves[0] - curves[best]) if best else 0.0
    errors = np.concatenate([fold[best].normalized_errors.ravel() for fold in folds]).astype(np.float64)
    scale = _interval_scale(errors[np.isfinite(errors)], curves.shape[1], coverage)
    return Choice(folds[0][best].step, shrinkage, scale)


def _shrinkage(gains: Float) -> float:
    """The factor to apply to an improvement of this size in each block, [blocks]."""
    freedom = len(gains) - 1
    if not freedom:
        return 0.5  # a single block has no standard error
    relative_error = float(_standard_error(gains)) / max(float(gains.mean()), 1e-9)
    return max(0.0, 1 - relative_error**2 * freedom / (freedom + 2))


def _curves(fold: Sequence[ValidationResult], blocks: Int) -> Float:
    """Each block's mean loss at each validation, [validations, blocks], relative to the fold's loss before step 1."""
    losses = np.stack([result.losses for result in fold]).astype(np.float64)
    known = np.isfinite(losses).all(axis=0)
    _, places = np.unique(blocks[known], return_inverse=True)
    sums = np.stack([np.bincount(places, weights=row) for row in losses[:, known]])
    unit = float(losses[0, known].mean()) if known.any() else 1.0
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
