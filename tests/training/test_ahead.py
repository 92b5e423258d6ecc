"""Members that idle processes train ahead, while validation has not chosen their last step: the same bytes."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

import seqpred
from seqpred.errors import Exit, StoppedError
from seqpred.notes import Note
from seqpred.storage.layout import CHECKPOINT, STATE
from seqpred.training import checkpoint, rounds, trainers
from seqpred.training.checkpoint import Checkpoint, pack, unpack
from seqpred.training.loop import fit
from seqpred.training.networks import Spent
from seqpred.training.progress import Hooks
from seqpred.training.run import State, at_turn
from seqpred.training.schedule import Schedule
from seqpred.training.validate import _options
from tests.cli.outside import listing
from tests.invariants.conftest import frame
from tests.training.processes import launch
from tests.training.test_checkpoint import config
from tests.training.test_loop import make

CONFIG = config("lstm", max_steps=40)  # one network for validation, which chooses fewer steps; two members
FOLD, FIRST = 0, 1  # networks


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | None]:
    """The folder of a model that was trained in this process, no member ahead."""
    return listing(seqpred.train(CONFIG, frame(), tmp_path_factory.mktemp("expected") / "m").folder.path)


@pytest.fixture
def after_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bool, int], None]], None]:
    """Makes processes call a function, `(ahead, step)`, after each step."""

    def use(function: Callable[[bool, int], None]) -> None:
        def fit_and_call(shape: Any, windows: Any, options: Any, hooks: Hooks, state: Any) -> Any:
            def on_step(state_dict: Callable[[], State]) -> None:
                hooks.on_step(state_dict)
                function(options.schedule.ahead, state_dict()["step"])

            return fit(shape, windows, options, dataclasses.replace(hooks, on_step=on_step), state)

        monkeypatch.setattr(trainers, "fit", fit_and_call)

    return use


# ------------------------------------------------------------------ one network


@pytest.mark.parametrize("learning_rate", [2e-3, 1e6])  # the second one diverges until training gives up
@pytest.mark.parametrize(("at", "last"), [(7, 20), (20, 20), (25, 20), (30, 20), (30, 30), (30, 10)])
def test_a_network_trained_ahead_ends_like_one_whose_last_step_was_known(
    learning_rate: float, at: int, last: int
) -> None:
    shape, windows, options = make(stop_step=last, learning_rate=learning_rate, validate_every=5)
    states: list[State] = []

    def keep(state_dict: Callable[[], State]) -> None:
        if len(states) < at:
            states.append(unpack(pack(state_dict())))

    unknown = dataclasses.replace(options.schedule, stop_step=None, ahead=True)
    fit(shape, windows, dataclasses.replace(options, schedule=unknown), Hooks(on_step=keep))
    state, schedule = at_turn(states[-1], options.schedule)
    assert state is not None
    assert (schedule.last_step, schedule.steps) == (last, 30)
    assert (state["step"], state["seconds"]) == (min(states[-1]["step"], last), 0.0)
    outcomes = [fit(shape, windows, options, state=s) for s in (None, state)]
    assert pack(dataclasses.replace(outcomes[0], seconds=0.0).state_dict()) == pack(
        dataclasses.replace(outcomes[1], seconds=0.0).state_dict()
    )


def test_a_network_whose_weights_at_the_last_step_were_not_kept_is_trained_from_the_beginning() -> None:
    states: list[State] = []
    shape, windows, options = make(steps=10, validate_every=5)
    unknown = dataclasses.replace(options, schedule=dataclasses.replace(options.schedule, ahead=True))
    fit(shape, windows, unknown, Hooks(on_step=lambda state_dict: states.append(state_dict())))
    for last in (0, 4):
        schedule = Schedule(10, stop_step=last)
        assert at_turn(states[-1], schedule) == (None, schedule)


# ------------------------------------------------------------------ a time budget


@pytest.mark.parametrize("at", [40, 100])
def test_under_a_time_budget_a_network_ends_at_the_fraction_of_its_own_schedule(
    slow_clock: Callable[[float, float], Callable[[], float]], at: int
) -> None:
    """The budget is enough for 100 steps of 10 ms; the network for validation took half as many and chose the 40th."""
    states: list[State] = []
    shape, windows, options = make(steps=10_000, time_budget=1.0, validate_every=20)

    def keep(state_dict: Callable[[], State]) -> None:
        if len(states) < at:
            states.append(state_dict())

    ahead = dataclasses.replace(options, schedule=dataclasses.replace(options.schedule, ahead=True))
    fit(shape, windows, ahead, Hooks(on_step=keep, clock=slow_clock(0.01, 0.0)))
    state, schedule = at_turn(states[-1], Schedule(50, stop_step=40))
    assert (len(states), schedule.steps, schedule.last_step) == (at, 100, 80)
    outcome = fit(shape, windows, dataclasses.replace(options, schedule=schedule), state=state)
    assert (outcome.steps, outcome.best_step, outcome.loss_steps[-1]) == (80, 80, 80)


@pytest.mark.parametrize(
    ("folds", "processes", "budgets"),
    [
        (1, 1, [10.0, None]),
        (1, 2, [28.5, 28.5]),
        (4, 2, [5.0, 5.0, 10.0, 10.0, None]),
        (2, 8, [28.5, 28.5, 28.5, 28.5]),
    ],
)
def test_validation_has_a_third_of_a_time_budget_or_most_of_it_next_to_members(
    folds: int, processes: int, budgets: list[float | None]
) -> None:
    options = make(time_budget=30.0)[2]
    given = [_options(options, folds, place, Spent(0.0, processes=processes)) for place in range(len(budgets))]
    assert [own and own.schedule.time_budget for own in given] == budgets
    assert [own and own.schedule.ahead for own in given] == [b and i >= folds for i, b in enumerate(budgets)]


def test_a_time_budget_is_spent_on_validation_and_a_member_at_the_same_time(
    tmp_path: Path, processes: Callable[[int], None], after_step: Callable[[Any], None]
) -> None:
    steps = multiprocessing.Value("i")

    def count(ahead: bool, step: int) -> None:
        if ahead:
            steps.value = step

    processes(2)
    after_step(count)
    tree = config("lstm", max_steps=100_000, patience=1000, time_budget=1.0)
    model = seqpred.train(tree, frame(), tmp_path / "m")
    assert model.folder.manifest["training"]["reason"] == "time budget spent"
    assert model.folder.manifest["duration"] > 0.8
    assert steps.value > 0


# ------------------------------------------------------------------ forked processes


def test_a_member_is_trained_ahead_while_the_network_for_validation_is_trained(
    tmp_path: Path, expected: Any, processes: Callable[[int], None], after_step: Callable[[Any], None]
) -> None:
    """It takes all steps of its schedule, and then returns to the weights of the chosen one."""
    complete = multiprocessing.Event()

    def wait_or_tell(ahead: bool, step: int) -> None:
        if ahead and step == 40:
            complete.set()
        elif not ahead and step == 2:
            assert complete.wait(30)

    processes(2)
    after_step(wait_or_tell)
    model = seqpred.train(CONFIG, frame(), tmp_path / "m")
    assert 0 < model.folder.manifest["training"]["chosen"]["step"] < 40
    assert listing(model.folder.path) == expected


def test_a_signal_keeps_the_state_of_a_member_trained_ahead_and_one_process_resumes_it(
    tmp_path: Path, expected: Any, processes: Callable[[int], None], after_step: Callable[[Any], None]
) -> None:
    parent = os.getpid()

    def interrupt(ahead: bool, step: int) -> None:
        if ahead and step == 5:
            os.kill(parent, signal.SIGTERM)

    processes(2)
    after_step(interrupt)
    with pytest.raises(StoppedError, match="training state is saved"):
        seqpred.train(CONFIG, frame(), tmp_path / "m")
    state = unpack((tmp_path / "m" / CHECKPOINT / STATE).read_bytes())
    assert state["runs"][str(FIRST)]["step"] >= 5
    processes(1)
    after_step(lambda ahead, _: pytest.fail("ahead") if ahead else None)
    assert listing(seqpred.train(CONFIG, frame(), tmp_path / "m", resume=True).folder.path) == expected


@pytest.mark.parametrize("killed", [FOLD, FIRST])
def test_a_killed_process_ends_the_training_ahead(
    tmp_path: Path,
    expected: Any,
    processes: Callable[[int], None],
    after_step: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
    killed: int,
) -> None:
    """The only process left trains the network for validation."""
    both = multiprocessing.Event()

    def kill(ahead: bool, step: int) -> None:
        if ahead and step == 3:
            both.set()
        if ahead == (killed == FIRST) and step == 4 and both.wait(30):
            os.kill(os.getpid(), signal.SIGKILL)

    processes(2)
    after_step(kill)
    monkeypatch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))  # after every step
    notes: list[Note] = []
    assert listing(seqpred.train(CONFIG, frame(), tmp_path / "m", notify=notes.append).folder.path) == expected
    texts = " ".join(note.text for note in notes)
    assert f"network {killed + 1} was killed by SIGKILL; it is resumed after step 4" in texts


# ------------------------------------------------------------------ a group of processes


@pytest.mark.skipif(not dist.is_gloo_available(), reason="needs torch with gloo")
@pytest.mark.parametrize("killed", [False, True])
def test_a_rank_trains_a_member_ahead(
    tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """In rounds of one step; after its fifth one, if it is killed, one process resumes the training."""
    monkeypatch.setattr(rounds, "ROUND", 0.0)
    monkeypatch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))

    def train(rank: int) -> None:
        train_a_round, steps = rounds.Trainee.train, list[int]()

        def train_and_record(trainee: rounds.Trainee, orders: rounds.Orders) -> rounds.Report:
            ahead = [job.options.schedule.ahead for job in orders.jobs.values()]
            steps.append(len(steps))
            assert ahead == ([False, True] if len(steps) == 1 else [])
            if killed and rank and len(steps) == 6:
                os.kill(os.getpid(), signal.SIGKILL)
            return train_a_round(trainee, orders)

        rounds.Trainee.train = train_and_record if killed else train_a_round  # type: ignore[method-assign]
        seqpred.train(CONFIG, frame(), tmp_path / "m")

    codes = [code for code, _ in launch(tmp_path, 2, train)]
    if killed:
        assert codes == [Exit.INTERRUPTED, -signal.SIGKILL]
        state = unpack((tmp_path / "m" / CHECKPOINT / STATE).read_bytes())
        assert [state["runs"][str(n)]["step"] for n in (FOLD, FIRST)] == [5, 5]
        seqpred.train(CONFIG, frame(), tmp_path / "m", resume=True)
    else:
        assert codes == [Exit.DONE, Exit.DONE]
    assert listing(tmp_path / "m") == expected
