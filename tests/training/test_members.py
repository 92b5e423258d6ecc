"""Validation and the members of an ensemble: how a time budget is divided, and that validation runs on its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.schema import Config
from seqpred.network.ensemble import count_members, gather
from seqpred.sources.opening import open_source
from seqpred.training.choice import Choice
from seqpred.training.members import bounded_scale, train_members
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.validate import validate
from tests.invariants.conftest import frame

SIGNS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)  # of the default levels


def prepared(series: int, **training: Any) -> Any:
    """A panel, its resolved config and covariates."""
    tree = {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {"hidden_size": 4, "window": 14, "members": 3},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 80, "learning_rate": 0.02, "validation": 7, "threads": 1, **training},
    }
    source, config = open_source(frame(series=series)), Config.from_tree(tree)
    return resolve_training(load_panel(source, config), source, config)


@pytest.mark.parametrize(("budget", "members"), [(0.3, 2), (3.0, 3), (9.0, 3), (None, 3)])
def test_validation_takes_a_third_of_a_time_budget_and_every_member_all_its_steps(
    slow_clock: Callable[[float, float], Callable[[], float]],
    monkeypatch: pytest.MonkeyPatch,
    budget: float | None,
    members: int,
) -> None:
    """One fold of up to 80 steps of 10 ms; then members of as many steps as chosen, one after the other."""
    monkeypatch.setattr("seqpred.training.networks.count_processes", lambda *_: 1)
    reports: list[TrainingProgress] = []
    panel, config, covariates = prepared(40, time_budget=budget)
    validation = validate(panel, config, covariates, Hooks(reports.append, clock=slow_clock(0.01, 0.001)))
    fit = train_members(config, validation)
    assert count_members(list(fit.weights)) == members
    ends = [max(p.seconds for p in reports if p.network == n) for n in sorted({p.network for p in reports})]
    if budget is not None:
        assert ends[0] <= budget / 3 + 0.02
        assert ends[-1] <= budget * 1.05 + 0.01
    assert fit.choice.step > 0
    assert fit.steps >= members * fit.choice.step


def test_the_interval_scale_does_not_take_intervals_beyond_the_largest_validation_error() -> None:
    panel, config, covariates = prepared(4, max_steps=5)
    validation = validate(panel, config, covariates)
    errors = np.full(config.forecast.horizon, 2.0, np.float32)

    def scale(width: float) -> float:
        """The interval scale of members whose outermost quantiles are this far from the median."""
        choice = Choice(step=0, shrinkage=0.0, interval_scale=50.0)
        initial = {**validation.networks.outcomes[-1].initial}
        initial["initial_forecast"] = np.full_like(initial["initial_forecast"], width) * np.array(SIGNS, np.float32)
        chosen = dataclasses.replace(validation, choice=choice, largest_errors=errors)
        weights = gather([validation.networks.outcomes[-1].weights], initial, 0.0, 1.0)
        return bounded_scale(chosen, weights)

    assert [scale(width) for width in (0.5, 2.5, 4.0, 9.0, 0.01)] == pytest.approx(
        [4.0, 1.0, 0.75, 0.5, 50.0], rel=1e-3
    )


def test_validation_runs_without_training_members_and_without_a_checkpoint() -> None:
    panel, config, covariates = prepared(4, max_steps=5)
    reports: list[TrainingProgress] = []
    validation = validate(panel, config, covariates, Hooks(reports.append))
    assert np.isfinite([validation.score.loss, validation.score.mase]).all()
    assert len(validation.networks.outcomes) == 1
    assert reports[-1].networks == 1 + config.model.members
    assert count_members(list(validation.held_out)) == 1
