"""The loop: the loss, its beginning at the anchor, early stopping, the same bytes again."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.features.inputs import InputSpec, prepare
from seqpred.network.ensemble import count_members
from seqpred.runtime.shape import Shape
from seqpred.training import loop, run
from seqpred.training.adamw import AdamW
from seqpred.training.checkpoint import pack
from seqpred.training.loop import Hooks, Plan, TrainingProgress, fit, quantile_loss
from seqpred.training.run import State
from seqpred.training.windows import Reach, Windows, make_windows
from tests.conftest import seasonal
from tests.invariants.conftest import frame

LOOK = InputSpec(season=12, anchor=12, lags=(1, 12))
LEVELS = (0.1, 0.5, 0.9)


def make(*, bidirectional: bool = False, dropout: float = 0.2, **changes: object) -> tuple[Shape, Windows, Plan]:
    tracks = [seasonal(120, seed=s) for s in range(2)]
    reach = Reach(LOOK, 24, 6, at_end=bidirectional)
    ready = [(k, prepare(t, LOOK), t) for k, t in enumerate(tracks)]
    windows = make_windows(lambda _: ready, np.full(2, 120), np.full(2, 100), LOOK.inputs, reach)
    shape = Shape(LOOK.inputs, 6, LEVELS, "lstm", 2, 8, bidirectional, dropout)
    plan = Plan("pinball", 2e-3, 16, 30, None, 10, 10, 1, torch.device("cpu"), 1)
    return shape, windows, dataclasses.replace(plan, **changes)  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from(["pinball", "huber"]))
def test_the_loss_is_the_mean_over_every_position_step_and_level(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    quantiles, z = rng.normal(size=(2, 5, 3, 3)), rng.normal(size=(2, 5, 3))
    z[rng.random(z.shape) < 0.3] = np.nan
    total, count = 0.0, 0
    for index in np.ndindex(z.shape):
        for q, level in enumerate(LEVELS):
            if np.isfinite(z[index]):
                error = z[index] - quantiles[(*index, q)]
                size = abs(error) if kind == "pinball" else error**2 if abs(error) < 0.5 else abs(error) - 0.25
                total += size * (level if error > 0 else 1 - level)
                count += 1
    tensors = torch.from_numpy(quantiles), torch.from_numpy(z), torch.tensor(LEVELS, dtype=torch.float64)
    assert float(quantile_loss(*tensors, kind)) == pytest.approx(total / max(count, 1), rel=1e-6)


def test_every_position_of_a_forward_window_is_learned_from() -> None:
    """The gradient of the loss with respect to each position's quantiles is not zero."""
    quantiles = torch.randn(2, 5, 3, 3, requires_grad=True)
    quantile_loss(quantiles, torch.randn(2, 5, 3), torch.tensor(LEVELS), "pinball").backward()
    assert quantiles.grad is not None
    assert (quantiles.grad.abs().sum((-1, -2)) > 0).all()


def test_training_begins_at_the_anchor() -> None:
    outcome = fit(*make(learning_rate=1e-12, max_steps=1))
    assert outcome.score.mase == pytest.approx(outcome.score.anchor_mase, rel=1e-6)


def test_training_begins_at_the_naive_forecasts_that_err_least() -> None:
    """A season on a straight line, which the seasonal naive with drift foretells, and the anchor's does not."""
    line = np.arange(120) + 3 * np.sin(2 * np.pi * np.arange(120) / 12)
    ready = [(0, prepare(line, LOOK), line)]
    windows = make_windows(lambda _: ready, np.array([120]), np.array([100]), LOOK.inputs, Reach(LOOK, 24, 6, False))
    shape, _, plan = make(learning_rate=1e-12, max_steps=1)
    shape = dataclasses.replace(shape, anchor=12, blend=True, recent=LOOK.recent, cycles=LOOK.cycles)
    outcome = fit(shape, windows, plan)
    assert outcome.score.mase < 0.05 * outcome.score.anchor_mase
    shares = outcome.first[
        "blend"
    ]  # last value, with drift, mean of two seasons, the season's changes, longer drift, level, all three
    assert (shares[[1, 3, 4, 6]].sum(0) > 0.95).all()


def test_training_learns() -> None:
    outcome = fit(*make(max_steps=150, dropout=0.0))
    assert outcome.score.mase < 0.9 * outcome.score.anchor_mase
    assert outcome.losses[-1] < outcome.losses[0]
    assert outcome.weights["head.linear.weight"].any(), "these are the weights from before training"


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(bidirectional: bool) -> None:
    first, second, other = (fit(*make(bidirectional=bidirectional, seed=s)).weights for s in (1, 1, 2))
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert any(first[name].tobytes() != other[name].tobytes() for name in first)


def test_the_callers_random_numbers_and_threads_are_left_alone() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    fit(*make(max_steps=3))
    assert torch.equal(torch.rand(3), wanted)
    assert torch.get_num_threads() == threads


def test_training_stops_when_the_validation_part_no_longer_gets_better() -> None:
    outcome = fit(*make(learning_rate=1e-12, max_steps=1000, patience=2, check_every=1))
    assert outcome.steps < 20
    assert "2 validations" in outcome.reason


def test_the_best_weights_are_kept_not_the_last() -> None:
    outcome = fit(*make(learning_rate=0.9, max_steps=60, check_every=5))
    assert outcome.score.loss <= fit(*make(learning_rate=1e-12, max_steps=1)).score.loss


def test_a_loss_that_stays_no_number_ends_training_with_the_best_weights() -> None:
    shape, windows, plan = make(max_steps=20, check_every=5)
    windows.prepare(torch.arange(len(windows.begins)))
    windows.x[50:70] = torch.inf
    told: list[str] = []
    outcome = fit(shape, windows, plan, Hooks(notify=lambda note: told.append(str(note))))
    assert outcome.reason.startswith("diverged 3 times")
    assert len(told) == 3
    assert "the loss is nan; back to the weights of step 0, going on at half the learning rate" in told[0]
    assert told[-1].endswith("training ends.")
    assert all(np.isfinite(w).all() for w in outcome.weights.values())


@pytest.mark.parametrize("size", [1e6, np.inf, np.nan])
def test_a_loss_that_explodes_once_is_noticed_at_the_step_and_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, size: float
) -> None:
    rates: list[float] = []
    original_loss, original_step = loop.quantile_loss, AdamW.step
    calls = 0

    def exploding(said: torch.Tensor, *rest: object) -> torch.Tensor:
        nonlocal calls
        calls += said.requires_grad
        return original_loss(said, *rest) * (size if said.requires_grad and calls == 12 else 1)  # type: ignore[arg-type]

    def step(self: AdamW, rate: float) -> None:
        rates.append(rate)
        original_step(self, rate)

    monkeypatch.setattr(loop, "quantile_loss", exploding)
    monkeypatch.setattr(AdamW, "step", step)
    monkeypatch.setattr(loop, "_schedule", lambda share: 1.0)
    told: list[str] = []
    outcome = fit(*make(max_steps=20, check_every=5), Hooks(notify=lambda note: told.append(str(note))))
    assert outcome.reason == "all steps done"
    assert rates == 11 * [2e-3] + 8 * [1e-3], "the batch was learned from, or the rate was not halved"
    assert len(told) == 1
    assert told[0].startswith("step 12: the loss is ")
    assert "back to the weights of step 10" in told[0]


def test_a_gradient_that_is_no_number_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = iter([1.0, float("nan"), *[1.0] * 20])
    monkeypatch.setattr(loop.nn.utils, "clip_grad_norm_", lambda *_, **__: torch.tensor(next(norms)))
    told: list[str] = []
    fit(*make(max_steps=10), Hooks(notify=lambda note: told.append(str(note))))
    assert len(told) == 1
    assert "the gradient is nan" in told[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], None]:
    """Makes a clock that only steps and validations move, each by so many seconds."""
    now = 0.0

    def moved_by(seconds: float, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            nonlocal now
            now += seconds
            return work(*arguments)

        return timed

    def set_up(step: float, check: float) -> None:
        for part in (loop, run):
            monkeypatch.setattr(part, "time", SimpleNamespace(monotonic=lambda: now))
        monkeypatch.setattr(loop, "_learn", moved_by(step, loop._learn))
        monkeypatch.setattr(loop, "_check", moved_by(check, loop._check))

    return set_up


@pytest.mark.parametrize(("step", "check", "budget"), [(0.01, 0.01, 1.0), (0.01, 0.3, 2.0), (0.5, 0.1, 3.0)])
def test_a_time_budget_is_kept_within_a_twentieth_or_a_step(
    clock: Callable[[float, float], None], step: float, check: float, budget: float
) -> None:
    clock(step, check)
    told: list[TrainingProgress] = []
    outcome = fit(*make(time_budget=budget, max_steps=10_000, check_every=10_000, patience=100_000), Hooks(told.append))
    assert outcome.reason == "time budget spent"
    assert abs(outcome.seconds - budget) <= max(0.05 * budget, step + 1e-9)
    assert told[-1].step == outcome.steps, "the last steps were not looked at"


@pytest.mark.parametrize(("budget", "members"), [(0.3, 2), (1.2, 2), (4.0, 3), (None, 3)])
def test_a_third_of_a_time_budget_chooses_and_members_are_whole(
    clock: Callable[[float, float], None], tmp_path: Path, budget: float | None, members: int
) -> None:
    """One fold of 80 steps, a second's hundredth each, if there is time; then members of as many steps as it says."""
    clock(0.01, 0.001)
    told: list[TrainingProgress] = []
    config = {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {"hidden_size": 4, "window": 14, "members": 3},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 80, "learning_rate": 0.02, "time_budget": budget, "validation": 7, "threads": 1},
    }
    model = seqpred.train(config, frame(series=40), tmp_path / "m", on_progress=told.append)
    assert count_members(list(model.folder.weights())) == members
    ends = [max(p.seconds for p in told if p.network == number) for number in sorted({p.network for p in told})]
    if budget is not None:
        assert ends[0] <= budget / 3 + 0.02
        assert ends[-1] <= budget * 1.05 + 0.01
    chosen = model.folder.manifest["training"]["chosen"]["step"]
    assert chosen > 0
    assert model.folder.manifest["training"]["steps"] >= members * chosen


def test_whoever_watches_is_told_at_each_validation() -> None:
    told: list[TrainingProgress] = []
    fit(*make(), Hooks(told.append))
    assert [p.step for p in told] == [10, 20, 30]
    assert told[-1].share == 1.0


def test_the_result_is_the_mean_of_the_weights_in_which_what_is_long_ago_fades() -> None:
    seen: list[dict[str, Any]] = []
    outcome = fit(*make(until=28), Hooks(keep=lambda state_dict: seen.append(state_dict()["weights"])))
    assert len(seen) == outcome.best_step == 28
    assert fit(*make(until=0)).steps == 0
    # by its closed form: the product of (s - 1) / (s + DECAY) over the later steps s is what step t keeps of its share
    shares = [8 / (t + 7) * np.prod([(s - 1) / (s + 7) for s in range(t + 1, 29)]) for t in range(1, 29)]
    assert math.isclose(sum(shares), 1.0)
    for name, mean in outcome.weights.items():
        np.testing.assert_allclose(mean, sum(k * w[name] for k, w in zip(shares, seen, strict=True)), atol=1e-6)


def test_what_is_validated_is_what_a_training_of_as_many_steps_comes_to() -> None:
    outcome = fit(*make(check_every=10, max_steps=30))
    alone = fit(*make(until=outcome.best_step, max_steps=30))
    assert outcome.best_step in (10, 20, 30)
    for name, weights in outcome.weights.items():
        np.testing.assert_array_equal(weights, alone.weights[name])


# ------------------------------------------------------------------ stopped, and going on


class KilledError(Exception):
    """A run that ends where it must not."""


@pytest.mark.parametrize(("bidirectional", "until"), [(False, None), (True, None), (False, 30)])
@pytest.mark.parametrize("at", [(1,), (9, 10, 11), (7, 23), (29, 30)])
def test_a_run_that_is_stopped_and_goes_on_ends_like_one_that_was_not(
    bidirectional: bool, until: int | None, at: tuple[int, ...]
) -> None:
    arguments = make(bidirectional=bidirectional, until=until)
    whole = fit(*arguments)
    kept: list[State] = []

    def keep_and_die(state_dict: Callable[[], State]) -> None:
        state = state_dict()
        if state["step"] in at and state["step"] > (kept[-1]["step"] if kept else 0):
            kept.append(copy.deepcopy(state))
            raise KilledError

    for _ in at:
        with pytest.raises(KilledError):
            fit(*arguments, Hooks(keep=keep_and_die), kept[-1] if kept else None)
    again = fit(*arguments, state=kept[-1])
    assert [s["step"] for s in kept] == list(at)
    assert all(whole.weights[name].tobytes() == again.weights[name].tobytes() for name in whole.weights)
    assert pack({**again.state_dict(), "seconds": 0}) == pack({**whole.state_dict(), "seconds": 0})
