"""The choice of steps, shrinkage and interval scale from validation results."""

from __future__ import annotations

import numpy as np
import pytest

from seqpred.training.choice import PRIOR_BLOCKS, Choice, ValidationResult, choose

STEPS = (0, 10, 20, 30)
UNUSED = np.zeros((1, 2), np.float32)  # the largest errors


def fold(losses: list[list[float]], normalized_errors: float = 1.0) -> list[ValidationResult]:
    """Validation results with these losses of each window."""
    return [
        ValidationResult(
            step, np.array([row], np.float32), np.full((1, len(row), 2), normalized_errors, np.float16), UNUSED
        )
        for step, row in zip(STEPS, losses, strict=False)
    ]


def decide(losses: list[list[float]], blocks: list[int] | None = None, normalized_errors: float = 1.0) -> Choice:
    numbers = np.arange(len(losses[0])) if blocks is None else np.array(blocks)
    return choose([fold(losses, normalized_errors)], [numbers], 0.8)


def test_the_fewest_steps_within_one_standard_error_of_the_lowest_loss_are_chosen() -> None:
    clear = decide([[1.0, 1.0, 1.0], [0.5, 0.52, 0.51], [0.3, 0.31, 0.29], [0.6, 0.6, 0.6]])
    uncertain = decide([[1.0, 1.0, 1.0], [0.5, 0.52, 0.51], [0.2, 0.7, 0.5], [0.6, 0.6, 0.6]])
    assert (clear.step, uncertain.step) == (20, 10)
    assert clear.shrinkage > 0.99


def test_no_steps_are_chosen_if_validation_gets_worse() -> None:
    assert decide([[1.0, 1.0], [1.1, 1.2]]) == Choice(0, 0.0, 1.0)
    assert decide([[1.0, 1.0, 1.0], [0.2, 1.3, 1.4]]).step == 0


def test_an_improvement_that_varies_is_shrunk_more() -> None:
    steady = decide([[1.0] * 4, [0.6, 0.61, 0.59, 0.6]])
    varied = decide([[1.0] * 4, [0.2, 0.9, 0.3, 1.0]])
    assert 0 < varied.shrinkage < steady.shrinkage <= 1


def test_the_shrinkage_accounts_for_the_estimated_standard_error() -> None:
    """Gains of 0.2 and 0.4: their mean is 0.3, its standard error 0.1, with one degree of freedom."""
    assert decide([[1.0, 1.0], [0.8, 0.6]]).shrinkage == pytest.approx(1 - (1 / 3) ** 2 / 3, abs=1e-3)


def test_overlapping_windows_count_as_one_block() -> None:
    """Five times the same window is no more evidence than once."""
    once = decide([[1.0, 1.0], [0.2, 0.9]])
    often = decide([[1.0] * 6, [0.2] * 5 + [0.9]], [0, 0, 0, 0, 0, 1])
    assert (once.step, once.shrinkage) == (often.step, often.shrinkage)


def test_the_interval_scale_follows_the_errors_as_far_as_there_are_blocks() -> None:
    few = decide([[1.0, 1.0], [0.5, 0.5]], normalized_errors=2.0)
    many = decide([[1.0] * 30, [0.5] * 30], normalized_errors=2.0)
    more = decide([[1.0] * 900, [0.5] * 900], normalized_errors=2.0)
    assert few.interval_scale == pytest.approx(2 ** (2 / (2 + PRIOR_BLOCKS)))
    assert many.interval_scale == pytest.approx(2 ** (30 / (30 + PRIOR_BLOCKS)))
    assert more.interval_scale == pytest.approx(2 ** (1 / 2), rel=1e-3)  # one period, whatever the number of series


def test_with_few_blocks_the_future_value_widens_the_intervals() -> None:
    """With four blocks and the future value as the fifth, four fifths are within the largest error."""
    rows = [
        ValidationResult(
            step, np.array([[loss] * 4], np.float32), np.array([[[1.0], [1.0], [1.0], [3.0]]], np.float16), UNUSED
        )
        for step, loss in ((0, 1.0), (10, 0.5))
    ]
    assert choose([rows], [np.arange(4)], 0.8).interval_scale == pytest.approx(3 ** (4 / (4 + PRIOR_BLOCKS)))


def test_folds_are_compared_relative_to_their_initial_loss_at_common_steps() -> None:
    small = fold([[0.01, 0.01], [0.005, 0.005], [0.004, 0.004]])
    large = fold([[100.0, 100.0], [40.0, 40.0], [90.0, 90.0], [1.0, 1.0]])
    numbers = np.arange(2)
    assert choose([small, large], [numbers, numbers], 0.8).step == 10


def test_windows_without_known_targets_are_ignored() -> None:
    nan = float("nan")
    assert decide([[1.0, nan, 1.0], [0.5, nan, 0.5]]).step == 10


def test_with_a_single_block_the_shrinkage_is_one_half() -> None:
    choice = decide([[1.0], [0.2]])
    assert (choice.step, choice.shrinkage) == (10, 0.5)
