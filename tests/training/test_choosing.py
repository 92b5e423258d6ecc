"""How long to learn, how far to trust, how wide to spread."""

from __future__ import annotations

import numpy as np
import pytest

from seqpred.training.choosing import DOUBT, Check, Choice, choose

STEPS = (0, 10, 20, 30)


def fold(losses: list[list[float]], normalized_errors: float = 1.0) -> list[Check]:
    """Checks with these losses of each window."""
    return [
        Check(step, np.array(row, np.float32), np.full((len(row), 2), normalized_errors, np.float16))
        for step, row in zip(STEPS, losses, strict=False)
    ]


def decide(losses: list[list[float]], blocks: list[int] | None = None, normalized_errors: float = 1.0) -> Choice:
    numbers = np.arange(len(losses[0])) if blocks is None else np.array(blocks)
    return choose([fold(losses, normalized_errors)], [numbers], 0.8)


def test_the_fewest_steps_within_an_error_of_the_lowest_loss() -> None:
    clear = decide([[1.0, 1.0, 1.0], [0.5, 0.52, 0.51], [0.3, 0.31, 0.29], [0.6, 0.6, 0.6]])
    doubtful = decide([[1.0, 1.0, 1.0], [0.5, 0.52, 0.51], [0.2, 0.7, 0.5], [0.6, 0.6, 0.6]])
    assert (clear.step, doubtful.step) == (20, 10)
    assert clear.trust > 0.99


def test_what_validation_says_against_learning_is_heard() -> None:
    assert decide([[1.0, 1.0], [1.1, 1.2]]) == Choice(0, 0.0, 1.0)
    assert decide([[1.0, 1.0, 1.0], [0.2, 1.3, 1.4]]).step == 0


def test_an_improvement_that_varies_is_trusted_less() -> None:
    steady = decide([[1.0] * 4, [0.6, 0.61, 0.59, 0.6]])
    varied = decide([[1.0] * 4, [0.2, 0.9, 0.3, 1.0]])
    assert 0 < varied.trust < steady.trust <= 1


def test_the_error_of_an_improvement_is_an_estimate_too() -> None:
    """Gains of 0.2 and 0.4: their mean is 0.3, its error 0.1, known with one degree of freedom."""
    assert decide([[1.0, 1.0], [0.8, 0.6]]).trust == pytest.approx(1 - (1 / 3) ** 2 / 3, abs=1e-3)


def test_windows_that_overlap_count_as_one_block() -> None:
    """Five times the same window is no more knowledge than once."""
    once = decide([[1.0, 1.0], [0.2, 0.9]])
    often = decide([[1.0] * 6, [0.2] * 5 + [0.9]], [0, 0, 0, 0, 0, 1])
    assert (once.step, once.trust) == (often.step, often.trust)


def test_the_spread_follows_the_misses_as_far_as_there_are_blocks() -> None:
    few = decide([[1.0, 1.0], [0.5, 0.5]], normalized_errors=2.0)
    many = decide([[1.0] * 90, [0.5] * 90], normalized_errors=2.0)
    assert few.spread == pytest.approx(2 ** (2 / (2 + DOUBT)))
    assert many.spread == pytest.approx(2 ** (90 / (90 + DOUBT)))


def test_of_few_blocks_a_wider_one_is_taken() -> None:
    """Of four, the truth to come being the fifth, four fifths lie within the widest."""
    rows = [
        Check(step, np.array([loss] * 4, np.float32), np.array([[1.0], [1.0], [1.0], [3.0]], np.float16))
        for step, loss in ((0, 1.0), (10, 0.5))
    ]
    assert choose([rows], [np.arange(4)], 0.8).spread == pytest.approx(3 ** (4 / (4 + DOUBT)))


def test_folds_are_compared_in_their_own_units_as_far_as_all_go() -> None:
    small = fold([[0.01, 0.01], [0.005, 0.005], [0.004, 0.004]])
    large = fold([[100.0, 100.0], [40.0, 40.0], [90.0, 90.0], [1.0, 1.0]])
    numbers = np.arange(2)
    assert choose([small, large], [numbers, numbers], 0.8).step == 10


def test_windows_of_which_nothing_is_known_say_nothing() -> None:
    nan = float("nan")
    assert decide([[1.0, nan, 1.0], [0.5, nan, 0.5]]).step == 10


def test_a_single_block_is_half_trusted() -> None:
    choice = decide([[1.0], [0.2]])
    assert (choice.step, choice.trust) == (10, 0.5)
