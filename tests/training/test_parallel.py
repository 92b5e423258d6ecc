"""Networks trained in several processes: the same bytes, killed and interrupted processes, and how many there are."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import seqpred
from seqpred.errors import StoppedError
from seqpred.notes import Note
from seqpred.storage.layout import CHECKPOINT, STATE
from seqpred.training import checkpoint, parallel, trainers
from seqpred.training.checkpoint import Checkpoint, unpack
from seqpred.training.loop import FitOptions, fit
from seqpred.training.networks import Networks, Spent, _Stage
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.run import Outcome
from tests.cli.outside import listing
from tests.invariants.conftest import frame
from tests.training.test_checkpoint import config
from tests.training.test_loop import make

PARENT = os.getpid()
CONFIG = config("lstm", max_steps=16, validation=14)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | None]:
    """The folder of a model that was trained in this process."""
    return listing(seqpred.train(CONFIG, frame(), tmp_path_factory.mktemp("expected") / "m").folder.path)


@pytest.fixture
def in_worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Makes worker processes call a function before they train a network that is not resumed."""

    def use(function: Callable[[], None]) -> None:
        def fit_and_call(*arguments: Any) -> Any:
            if os.getpid() != PARENT and arguments[-1] is None:
                *arguments, hooks, state = arguments
                hooks = hooks.__class__(hooks.on_progress, hooks.notify, partial(_then, function, hooks.on_step))
                return fit(*arguments, hooks, state)
            return fit(*arguments)

        monkeypatch.setattr(trainers, "fit", fit_and_call)

    return use


def _then(function: Callable[[], None], on_step: Callable[[Any], None], state_dict: Callable[[], Any]) -> None:
    """End a step: write the state, then call the function from step 5 on."""
    on_step(state_dict)
    if state_dict()["step"] >= 5:
        function()


def test_several_processes_write_the_same_bytes_as_one(
    tmp_path: Path, expected: Any, processes: Callable[[int], None]
) -> None:
    processes(3)
    reports: list[TrainingProgress] = []
    model = seqpred.train(CONFIG, frame(), tmp_path / "m", on_progress=_only_training(reports))
    assert listing(model.folder.path) == expected
    assert {r.network for r in reports} == {1, 2, 3, 4}
    assert [r.share for r in reports] == sorted(r.share for r in reports)
    assert reports[-1].share == 1.0


def _only_training(reports: list[TrainingProgress]) -> Callable[[Any], None]:
    return lambda progress: reports.append(progress) if isinstance(progress, TrainingProgress) else None


def test_the_network_of_a_killed_process_is_resumed(
    tmp_path: Path,
    expected: Any,
    processes: Callable[[int], None],
    in_worker: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every process is killed at its first network; then this process continues alone."""
    processes(2)
    monkeypatch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))  # after every step
    in_worker(lambda: os.kill(os.getpid(), signal.SIGKILL))
    notes: list[Note] = []
    model = seqpred.train(CONFIG, frame(), tmp_path / "m", notify=notes.append)
    assert listing(model.folder.path) == expected
    killed = [note.text for note in notes if "was killed by SIGKILL; it is resumed after step" in note.text]
    assert len(killed) == 4, "two in each of the two stages"


def test_without_a_state_the_network_of_a_killed_process_is_trained_again(
    tmp_path: Path,
    expected: Any,
    processes: Callable[[int], None],
    in_worker: Callable[[Callable[[], None]], None],
) -> None:
    processes(2)
    in_worker(lambda: os.kill(os.getpid(), signal.SIGKILL))
    notes: list[Note] = []
    model = seqpred.train(CONFIG, frame(), tmp_path / "m", notify=notes.append)
    assert listing(model.folder.path) == expected
    again = [note.text for note in notes if "was killed by SIGKILL; it is trained from the beginning" in note.text]
    assert len(again) == 4, "two in each of the two stages"


def test_processes_need_no_shared_memory_of_the_system(
    tmp_path: Path, expected: Any, processes: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose /dev/shm is missing: neither semaphores nor blocks of shared memory can be created."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, "no shared memory")

    processes(2)
    monkeypatch.setattr("_multiprocessing.SemLock", refuse)
    monkeypatch.setattr("_posixshmem.shm_open", refuse)
    assert listing(seqpred.train(CONFIG, frame(), tmp_path / "m").folder.path) == expected


def test_a_signal_ends_all_processes_and_the_training_is_resumed_by_one(
    tmp_path: Path, expected: Any, processes: Callable[[int], None]
) -> None:
    processes(2)

    signals = iter([signal.SIGTERM])

    def interrupt(progress: object) -> None:
        if isinstance(progress, TrainingProgress):
            for number in signals:
                os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match="training state is saved"):
        seqpred.train(CONFIG, frame(), tmp_path / "m", on_progress=interrupt)
    state = unpack((tmp_path / "m" / CHECKPOINT / STATE).read_bytes())
    assert len(state["runs"]) + len(state["finished"]) >= 2
    processes(1)
    assert listing(seqpred.train(CONFIG, frame(), tmp_path / "m", resume=True).folder.path) == expected


def test_an_error_in_a_process_is_raised(
    tmp_path: Path, processes: Callable[[int], None], in_worker: Callable[[Callable[[], None]], None]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in the worker")

    processes(2)
    in_worker(fail)
    with pytest.raises(ZeroDivisionError, match="in the worker"):
        seqpred.train(CONFIG, frame(), tmp_path / "m")


@pytest.mark.parametrize(
    ("cores", "networks", "changes", "expected"),
    [
        (64, 2, {}, 2),
        (2, 9, {}, 2),
        (1, 9, {}, 1),
        (64, 1, {}, 1),
        (64, 9, {"threads": 2}, 1),
        (64, 9, {"steps": 10}, 1),  # quickly trained
    ],
)
def test_as_many_networks_are_trained_at_a_time_as_there_are_cores_and_networks(
    monkeypatch: pytest.MonkeyPatch, cores: int, networks: int, changes: dict[str, Any], expected: int
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: cores)
    monkeypatch.setattr(parallel, "fork_is_safe", lambda: True)
    monkeypatch.setattr(parallel, "PAYS_OFF", 0.0)
    shape, windows, options = make(**{"steps": 100, **changes})
    assert parallel.count_processes(shape, [windows] * networks, options) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(1e-4, 1), (1.0, 4)])
def test_processes_are_started_if_training_takes_long_enough(
    monkeypatch: pytest.MonkeyPatch, seconds: float, expected: int
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 4)
    monkeypatch.setattr(parallel, "fork_is_safe", lambda: True)
    monkeypatch.setattr(parallel, "_step_seconds", lambda *_: seconds)
    shape, windows, options = make(steps=100)
    assert parallel.count_processes(shape, [windows] * 9, options) == expected


def test_if_the_timed_steps_fail_networks_are_trained_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no memory for a tensor")

    monkeypatch.setattr(parallel, "cores", lambda: 4)
    monkeypatch.setattr(parallel, "fork_is_safe", lambda: True)
    monkeypatch.setattr(parallel, "fit", fail)
    shape, windows, options = make(steps=100)
    assert parallel.count_processes(shape, [windows] * 9, options) == 1


def test_memory_limits_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: 64)
    monkeypatch.setattr(parallel, "fork_is_safe", lambda: True)
    monkeypatch.setattr(parallel, "PAYS_OFF", 0.0)
    shape, windows, options = make(steps=100)
    needed = sum(parallel.required_memory(shape, 24, options.batch_size).values())
    monkeypatch.setattr(parallel, "free_memory", lambda: 3 * needed + 1)
    assert parallel.count_processes(shape, [windows] * 9, options) == 3


def test_the_time_spent_is_that_of_the_busiest_process() -> None:
    """Five networks take 1, 2, 3, 4 and 5 seconds: the first process trains 1, 3 and 5, the second 2 and 4."""
    shape, _, options = make()
    outcomes = [dataclasses.replace(fit(*make(stop_step=0)), seconds=float(i)) for i in range(1, 6)]
    networks, starts = Networks(shape, Hooks(), None, 5), list[float]()

    def options_of(_place: int, spent: Spent) -> FitOptions:
        assert spent.processes == 2
        starts.append(spent.seconds)
        return options

    stage = _Stage(networks, options_of, 5, 2)
    assert stage.run(_Instant(outcomes)) == outcomes
    assert starts == [0.0, 0.0, 1.0, 2.0, 4.0]
    assert stage.seconds == 9.0


class _Instant:
    """Ends the oldest of two networks whenever it is asked."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes, self.running, self.count = outcomes, list[int](), 2

    @property
    def free(self) -> bool:
        return len(self.running) < self.count

    def start(self, job: trainers.Job) -> None:
        self.running.append(job.number)

    def results(self) -> Iterator[tuple[int, Outcome | None]]:
        number = self.running.pop(0)
        yield number, self.outcomes[number]

    def stop(self) -> None:
        assert not self.running
