"""The training loop: initialization, early stopping, divergences, the time budget, reproducible and resumable runs."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqpred.features.input_spec import InputSpec
from seqpred.notes import Note
from seqpred.runtime.shape import Shape
from seqpred.training import batch, loop
from seqpred.training.adamw import AdamW
from seqpred.training.checkpoint import pack
from seqpred.training.loop import FitOptions, fit
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.run import State
from seqpred.training.schedule import Schedule
from seqpred.training.window_spec import WindowSpec
from seqpred.training.windows import Windows, make_windows
from tests.conftest import seasonal
from tests.training.conftest import prepare_track

SPEC = InputSpec(season=12, anchor=12, lags=(1, 12))
LEVELS = (0.1, 0.5, 0.9)
OPTIONS = FitOptions(
    Schedule(30),
    loss="pinball",
    learning_rate=2e-3,
    batch_size=16,
    patience=10,
    validate_every=10,
    seed=1,
    device=torch.device("cpu"),
    threads=1,
)


def make(
    *,
    bidirectional: bool = False,
    dropout: float = 0.2,
    horizon: int = 6,
    steps: int = 30,
    stop_step: int | None = None,
    **changes: Any,
) -> tuple[Shape, Windows, FitOptions]:
    """The arguments of `fit` for a small network and two short tracks."""
    tracks = [seasonal(120, seed=s) for s in range(2)]
    spec = WindowSpec(SPEC, 24, horizon, last_position_only=bidirectional)
    prepared = [(k, prepare_track(t, SPEC), t) for k, t in enumerate(tracks)]
    windows = make_windows(lambda _: prepared, np.full(2, 120), np.full(2, 106 - horizon), SPEC.inputs, spec)
    shape = Shape(SPEC.inputs, horizon, LEVELS, "lstm", 2, 8, bidirectional, dropout)
    schedule = Schedule(steps, stop_step, changes.pop("time_budget", None))
    return shape, windows, dataclasses.replace(OPTIONS, schedule=schedule, **changes)


# ------------------------------------------------------------------ where training starts, and what it keeps


def test_training_starts_from_the_anchors_forecast() -> None:
    outcome = fit(*make(learning_rate=1e-12, steps=1))
    assert outcome.score.mase == pytest.approx(outcome.score.anchor_mase, rel=1e-6)


def test_training_starts_from_the_naive_forecasts_with_the_smallest_errors() -> None:
    """A season on a straight line is forecast by the seasonal naive with drift, not by the anchor alone."""
    line = np.arange(120) + 3 * np.sin(2 * np.pi * np.arange(120) / 12)
    prepared = [(0, prepare_track(line, SPEC), line)]
    spec = WindowSpec(SPEC, 24, 6, last_position_only=False)
    windows = make_windows(lambda _: prepared, np.array([120]), np.array([100]), SPEC.inputs, spec)
    shape, _, options = make(learning_rate=1e-12, steps=1)
    shape = shape._replace(anchor=12, blend=True, recent=SPEC.recent, cycles=SPEC.cycles)
    outcome = fit(shape, windows, options)
    assert outcome.score.mase < 0.05 * outcome.score.anchor_mase
    # last value, with drift, mean of two seasons, the season's changes, longer drift, level, all three
    shares = outcome.initial["blend"]
    assert (shares[[1, 3, 4, 6]].sum(0) > 0.95).all()


def test_training_reduces_the_loss_and_the_validation_error() -> None:
    outcome = fit(*make(steps=150, dropout=0.0))
    assert outcome.score.mase < 0.9 * outcome.score.anchor_mase
    assert outcome.losses[-1] < outcome.losses[0]
    assert outcome.weights["head.linear.weight"].any(), "these are the initial weights"


def test_the_best_weights_are_kept_not_the_last() -> None:
    outcome = fit(*make(learning_rate=0.9, steps=60, validate_every=5))
    assert outcome.score.loss <= fit(*make(learning_rate=1e-12, steps=1)).score.loss


def test_training_stops_when_validation_no_longer_improves() -> None:
    outcome = fit(*make(learning_rate=1e-12, steps=1000, patience=2, validate_every=1))
    assert outcome.steps < 20
    assert "2 validations" in outcome.reason


def test_the_kept_weights_are_the_decaying_mean_over_all_steps() -> None:
    seen: list[dict[str, Any]] = []
    outcome = fit(*make(stop_step=28), Hooks(on_step=lambda state_dict: seen.append(state_dict()["weights"])))
    assert len(seen) == outcome.best_step == 28
    assert fit(*make(stop_step=0)).steps == 0
    # In closed form: later steps s leave step t the product of (s - 1) / (s + DECAY) of its share.
    shares = [8 / (t + 7) * np.prod([(s - 1) / (s + 7) for s in range(t + 1, 29)]) for t in range(1, 29)]
    assert math.isclose(sum(shares), 1.0)
    for name, mean in outcome.weights.items():
        np.testing.assert_allclose(mean, sum(k * w[name] for k, w in zip(shares, seen, strict=True)), atol=1e-6)


def test_the_validated_weights_are_those_of_a_training_of_as_many_steps() -> None:
    outcome = fit(*make(validate_every=10, steps=30))
    alone = fit(*make(stop_step=outcome.best_step, steps=30))
    assert outcome.best_step in (10, 20, 30)
    for name, weights in outcome.weights.items():
        np.testing.assert_array_equal(weights, alone.weights[name])


def test_progress_is_reported_at_each_validation() -> None:
    reports: list[TrainingProgress] = []
    fit(*make(), Hooks(reports.append))
    assert [p.step for p in reports] == [10, 20, 30]
    assert reports[-1].share == 1.0


# ------------------------------------------------------------------ reproducibility


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_different_ones(bidirectional: bool) -> None:
    first, second, other = (fit(*make(bidirectional=bidirectional, seed=s)).weights for s in (1, 1, 2))
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert any(first[name].tobytes() != other[name].tobytes() for name in first)


def test_the_callers_random_state_and_threads_are_unchanged() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit(*make(steps=3))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


# ------------------------------------------------------------------ divergence


def test_a_loss_that_stays_nan_ends_training_with_the_best_weights() -> None:
    shape, windows, options = make(steps=20, validate_every=5)
    windows.prepare(torch.arange(len(windows.begins)))
    windows.x[50:70] = torch.inf
    notes: list[Note] = []
    outcome = fit(shape, windows, options, Hooks(notify=notes.append))
    assert outcome.reason.startswith("diverged 3 times")
    assert len(notes) == 3
    expected = "the loss is nan; restored the weights of step 0, training continues at half the learning rate"
    assert expected in notes[0].text
    assert notes[-1].text.endswith("training ends")
    assert all(np.isfinite(w).all() for w in outcome.weights.values())


@pytest.mark.parametrize("size", [1e6, np.inf, np.nan])
def test_training_recovers_from_a_single_exploding_loss(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    rates: list[float] = []
    original_loss, original_step = batch.quantile_loss, AdamW.step
    calls = 0

    def exploding(quantiles: torch.Tensor, *rest: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return original_loss(quantiles, *rest) * (size if calls == 12 else 1)

    def step(self: AdamW, rate: float) -> None:
        rates.append(rate)
        original_step(self, rate)

    monkeypatch.setattr(batch, "quantile_loss", exploding)
    monkeypatch.setattr(AdamW, "step", step)
    monkeypatch.setattr(loop, "learning_rate_factor", lambda fraction: 1.0)
    notes: list[Note] = []
    outcome = fit(*make(steps=20, validate_every=5), Hooks(notify=notes.append))
    assert outcome.reason == "all steps done"
    assert rates == 11 * [2e-3] + 8 * [1e-3], "the batch was trained on, or the rate was not halved"
    assert len(notes) == 1
    assert notes[0].text.startswith("step 12: the loss is ")
    assert "restored the weights of step 10" in notes[0].text


def test_a_gradient_that_is_nan_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = iter([1.0, float("nan"), *[1.0] * 20])
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_, **__: torch.tensor(next(norms)))
    notes: list[Note] = []
    fit(*make(steps=10), Hooks(notify=notes.append))
    assert len(notes) == 1
    assert "the gradient is nan" in notes[0].text


# ------------------------------------------------------------------ the time budget


@pytest.mark.parametrize(("step", "check", "budget"), [(0.01, 0.01, 1.0), (0.01, 0.3, 2.0), (0.5, 0.1, 3.0)])
def test_a_time_budget_is_kept_within_a_twentieth_or_a_step(
    slow_clock: Callable[[float, float], Callable[[], float]], step: float, check: float, budget: float
) -> None:
    reports: list[TrainingProgress] = []
    arguments = make(time_budget=budget, steps=10_000, validate_every=10_000, patience=100_000)
    outcome = fit(*arguments, Hooks(reports.append, clock=slow_clock(step, check)))
    assert outcome.reason == "time budget spent"
    assert abs(outcome.seconds - budget) <= max(0.05 * budget, step + 1e-9)
    assert reports[-1].step == outcome.steps, "the last steps were not validated"


# ------------------------------------------------------------------ resuming


class KilledError(Exception):
    """The end of a run at an arbitrary step."""


@pytest.mark.parametrize(("bidirectional", "stop_step"), [(False, None), (True, None), (False, 30)])
@pytest.mark.parametrize("at", [(1,), (9, 10, 11), (7, 23), (29, 30)])
def test_a_killed_and_resumed_run_ends_like_an_uninterrupted_one(
    bidirectional: bool, stop_step: int | None, at: tuple[int, ...]
) -> None:
    arguments = make(bidirectional=bidirectional, stop_step=stop_step)
    uninterrupted = fit(*arguments)
    states: list[State] = []

    def keep_and_die(state_dict: Callable[[], State]) -> None:
        state = state_dict()
        if state["step"] in at and state["step"] > (states[-1]["step"] if states else 0):
            states.append(copy.deepcopy(state))
            raise KilledError

    for _ in at:
        with pytest.raises(KilledError):
            fit(*arguments, Hooks(on_step=keep_and_die), states[-1] if states else None)
    resumed = fit(*arguments, state=states[-1])
    assert [s["step"] for s in states] == list(at)
    weights = uninterrupted.weights
    assert all(weights[name].tobytes() == resumed.weights[name].tobytes() for name in weights)
    assert pack({**resumed.state_dict(), "seconds": 0}) == pack({**uninterrupted.state_dict(), "seconds": 0})
