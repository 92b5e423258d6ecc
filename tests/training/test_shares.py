"""The share of the pretrained forecast that validation chooses."""

from __future__ import annotations

import numpy as np
import pytest

from seqpred.training.choice import Choice, ValidationResult, choose
from seqpred.training.shares import PRIOR, best_share, loss_at


@pytest.mark.parametrize(
    ("losses", "share"),
    [([1.0, 1.5, 2.0], 0.0), ([2.0, 1.5, 1.0], 1.0), ([1.0, 0.5, 1.0], 0.5), ([1.0, 0.6, 0.7], 0.65), ([1.0], 0.0)],
)
def test_the_share_has_the_lowest_loss(losses: list[float], share: float) -> None:
    assert best_share(np.array(losses), 20) == pytest.approx(share, abs=0.05)


def test_with_few_blocks_the_share_is_closer_to_the_prior() -> None:
    losses = np.array([1.0, 1.02, 1.1])
    one, many = (best_share(losses, blocks) for blocks in (1, 20))
    assert many < one < PRIOR


def test_with_many_blocks_a_gain_below_one_percent_is_not_worth_a_second_network() -> None:
    losses = np.array([1.0, 0.995, 1.03])
    assert best_share(losses, 2000) == 0
    assert best_share(losses, 5) > 0


def test_the_parabola_passes_through_the_measured_losses() -> None:
    losses = np.array([[1.0, 3.0], [0.5, 1.0], [0.7, 4.0]])
    assert [loss_at(losses, share).tolist() for share in (0.0, 0.5, 1.0)] == losses.tolist()


def results(steps: dict[int, list[list[float]]]) -> list[ValidationResult]:
    """Validation results with these losses at each share of each window, and errors of 1, 2 and 3 at these shares."""
    found = []
    for step, losses in steps.items():
        errors = np.arange(1, 4, dtype=np.float16)[:, None, None] * np.ones((1, len(losses[0]), 2), np.float16)
        found.append(ValidationResult(step, np.array(losses, np.float32), errors, np.zeros((3, 2), np.float32)))
    return found


def decide(steps: dict[int, list[list[float]]]) -> Choice:
    return choose([results(steps)], [np.arange(len(steps[0][0]))], 0.8)


def test_steps_must_improve_on_the_best_mixture_before_the_first_one() -> None:
    """The network alone improves from 1 to 0.8, but the pretrained forecast has 0.5."""
    start = [[1.0] * 20, [0.7] * 20, [0.5] * 20]
    after = [[0.8] * 20, [0.65] * 20, [0.5] * 20]
    choice = decide({0: start, 10: after})
    assert (choice.step, choice.shrinkage, choice.pretrained_share) == (0, 0.0, 1.0)


def test_a_network_that_is_better_has_the_share_of_its_own_steps() -> None:
    start = [[1.0] * 20, [0.9] * 20, [1.0] * 20]
    after = [[0.3] * 20, [0.6] * 20, [1.0] * 20]
    choice = decide({0: start, 10: after})
    assert choice.step == 10
    assert choice.shrinkage > 0.99
    assert choice.pretrained_share < 0.01


def test_an_uncertain_gain_is_shrunk_towards_the_mixture_before_the_first_step() -> None:
    start = [[1.0] * 4, [0.9] * 4, [1.0] * 4]
    after = [[0.5, 0.95, 0.4, 0.9], [0.8] * 4, [1.0] * 4]
    choice = decide({0: start, 10: after})
    assert choice.step == 10
    assert 0 < choice.shrinkage < 1
    assert 0 < choice.pretrained_share < best_share(np.array([1.0, 0.9, 1.0]), 4)


def test_the_interval_scale_is_that_of_the_mixture() -> None:
    own = decide({0: [[1.0] * 30, [1.5] * 30, [2.0] * 30]})
    mixed = decide({0: [[2.0] * 30, [1.5] * 30, [1.0] * 30]})
    assert own.interval_scale == pytest.approx(1.0)
    assert mixed.interval_scale == pytest.approx(3**0.5)


@pytest.mark.parametrize(("shares", "expected"), [(3, PRIOR), (1, 0.0)])
def test_without_evidence_the_share_is_the_prior_if_there_is_a_pretrained_forecast(
    shares: int, expected: float
) -> None:
    unknown = np.full((shares, 2), np.nan)
    result = ValidationResult(
        0, unknown.astype(np.float32), np.full((shares, 2, 3), np.nan, np.float16), np.full((shares, 3), -1, np.float32)
    )
    choice = choose([[result]], [np.arange(2)], 0.8)
    assert (choice.step, choice.pretrained_share) == (0, expected)
