"""Training in a group of processes: the bytes of one process, errors of any rank, killed ranks."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist

import seqpred
from seqpred import launcher
from seqpred.commands import follow
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import Exit, UnreachableError
from seqpred.notes import Note
from seqpred.panel.panel import Panel
from seqpred.sources.opening import open_source
from seqpred.storage.layout import CHECKPOINT, STATE
from seqpred.training import checkpoint, ranks, rounds, team
from seqpred.training.checkpoint import Checkpoint
from tests.cli import outside, warm
from tests.cli.outside import TINY, listing, monthly
from tests.invariants.conftest import frame
from tests.training.processes import environment, launch
from tests.training.test_checkpoint import config

pytestmark = pytest.mark.skipif(not dist.is_gloo_available(), reason="needs torch with gloo")
CONFIG = config("lstm", max_steps=8, validation=14)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes | None]:
    """The folder of a model that was trained in one process."""
    return listing(seqpred.train(CONFIG, frame(), tmp_path_factory.mktemp("expected") / "m").folder.path)


@pytest.fixture
def each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round is one step, after which the state is written."""
    monkeypatch.setattr(rounds, "ROUND", 0.0)
    monkeypatch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))


def train(place: Path, _rank: int = 0, **options: Any) -> None:
    seqpred.train(CONFIG, frame(), place / "m", **options)


def train_until_killed(place: Path, killed: int, rank: int) -> None:
    """Train; one rank is killed in its fourth round."""
    train_a_round, left = rounds.Trainee.train, iter(range(3))

    def train_or_die(trainee: rounds.Trainee, orders: rounds.Orders) -> rounds.Report:
        if rank == killed and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_a_round(trainee, orders)

    rounds.Trainee.train = train_or_die  # type: ignore[method-assign]  # in this process alone
    train(place)


def test_two_processes_write_the_same_bytes_as_one(tmp_path: Path, expected: Any) -> None:
    assert launch(tmp_path, 2, partial(train, tmp_path)) == [(Exit.DONE, ""), (Exit.DONE, "")]
    assert listing(tmp_path / "m") == expected


def refit(place: Path, _rank: int = 0, max_steps: int = 8) -> None:
    own = config("lstm", max_steps=max_steps, validation=14)
    seqpred.train(own, frame(), place / "m", holdout=7, refit=True)


@pytest.mark.parametrize("max_steps", [0, 8])
def test_a_refitted_model_has_the_bytes_of_one_process(tmp_path: Path, max_steps: int) -> None:
    refit(tmp_path / "one", max_steps=max_steps)
    (tmp_path / "two").mkdir()
    done = launch(tmp_path, 2, partial(refit, tmp_path / "two", max_steps=max_steps))
    assert done == [(Exit.DONE, ""), (Exit.DONE, "")]
    assert listing(tmp_path / "two" / "m") == listing(tmp_path / "one" / "m")


@pytest.mark.parametrize(("size", "bidirectional"), [(2, False), (3, True)])
def test_added_gradients_give_the_bytes_of_one_process(tmp_path: Path, size: int, bidirectional: bool) -> None:
    """With dropout, missing values and parts of a batch that are not equally large."""
    rows = frame().assign(sales=lambda f: f["sales"].where(f.index % 11 > 0))
    base = config("lstm", 2, bidirectional, max_steps=8, validation=14, batch_size=5, learning_rate=0.003)

    def train_together(rank: int, out: str = "many") -> None:
        seqpred.train({**base, "training": {**base["training"], "distribute": "batches"}}, rows, tmp_path / out)

    assert {code for code, _ in launch(tmp_path, size, train_together)} == {Exit.DONE}
    train_together(0, "one")
    assert seqpred.load(tmp_path / "one").folder.manifest["training"]["chosen"]["step"] > 0
    assert listing(tmp_path / "many") == listing(tmp_path / "one")


def test_processes_without_a_network_are_reported(tmp_path: Path) -> None:
    """The training has a network for validation and a member; the model is that of one process."""
    tree, notes = config("rnn", max_steps=4), tmp_path / "notes"
    tree["model"]["members"] = 1

    def train_with_notes(rank: int, out: str = "many") -> None:
        seqpred.train(tree, frame(), tmp_path / out, notify=lambda note: notes.open("a").write(f"{note}\n"))

    assert {code for code, _ in launch(tmp_path, 3, train_with_notes)} == {Exit.DONE}
    assert "1 of 3 processes have nothing to do: the training has 2 networks; with training.distribute batches" in (
        notes.read_text()
    )
    train_with_notes(0, "one")
    assert listing(tmp_path / "many") == listing(tmp_path / "one")


def test_the_clock_of_the_first_rank_ends_the_training_of_a_team(tmp_path: Path) -> None:
    """The clock of the other process runs a thousand times as fast, so it alone would end the training at once."""

    def train_with_a_fast_clock(rank: int) -> None:
        if rank:
            real = time.monotonic
            team.time = SimpleNamespace(monotonic=lambda: 1000 * real())  # type: ignore[assignment]
        tree = {**CONFIG, "training": {**CONFIG["training"], "distribute": "batches", "time_budget": 30.0}}
        seqpred.train(tree, frame(), tmp_path / "m")

    assert {code for code, _ in launch(tmp_path, 2, train_with_a_fast_clock)} == {Exit.DONE}
    assert seqpred.load(tmp_path / "m").folder.manifest["training"]["reason"] == "all steps done"


@pytest.mark.usefixtures("each_step")
def test_a_killed_rank_ends_the_group_and_another_number_of_processes_resumes_the_training(
    tmp_path: Path, expected: Any
) -> None:
    (code, message), killed = launch(tmp_path, 2, partial(train_until_killed, tmp_path, 1))
    assert (code, killed) == (Exit.INTERRUPTED, (-signal.SIGKILL, ""))
    assert "a process of the group was killed" in message
    assert (tmp_path / "m" / CHECKPOINT / STATE).exists()
    code, message = launch(tmp_path, 2, partial(train, tmp_path))[0]
    assert (code, "contains an unfinished training" in message) == (Exit.WRITE, True)
    resumed = partial(train, tmp_path, resume=True)
    assert launch(tmp_path, 3, resumed) == [(Exit.DONE, "")] * 3
    assert listing(tmp_path / "m") == expected


@pytest.mark.usefixtures("each_step")
def test_a_group_that_torchrun_restarts_resumes_by_itself(
    tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with `force`, which replaces the state of an earlier training when the group first starts."""
    killed, (code, _) = launch(tmp_path, 2, partial(train_until_killed, tmp_path, 0))
    assert (code, killed) == (Exit.INTERRUPTED, (-signal.SIGKILL, ""))
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    notes: list[Note] = []
    train(tmp_path, force=True, notify=notes.append)
    assert "resuming the training" in " ".join(note.text for note in notes)
    assert listing(tmp_path / "m") == expected


def test_an_error_of_any_rank_ends_the_group_with_a_message_from_rank_0(tmp_path: Path) -> None:
    def read_another_file(rank: int) -> None:
        seqpred.train(CONFIG, tmp_path / "absent.csv" if rank else frame(), tmp_path / "m")

    (code, message), (other, _) = launch(tmp_path, 2, read_another_file)
    assert code == other == Exit.DATA
    assert message.startswith(f"rank 1 on {socket.gethostname()}: ")
    assert "absent.csv: no such file" in message
    assert not (tmp_path / "m").exists()


def test_an_error_of_rank_0_alone_ends_all_ranks_with_its_exit_code(tmp_path: Path) -> None:
    """Rank 0, whose end closes the store, leaves after the other one has read the error, which here begins late."""
    leave, look = ranks.Ranks.fail, ranks.Ranks._reported

    def leave_last(group: ranks.Ranks, error: BaseException) -> BaseException:
        first = leave(group, error)
        assert group.rank or group.store.check([f"{ranks.READ}/1"])
        return first

    def look_late(group: ranks.Ranks) -> BaseException | None:
        if group.rank:
            group.store.wait([ranks.REPORTED])
        return look(group)

    def read_another_file(rank: int) -> None:
        ranks.Ranks.fail, ranks.Ranks._reported = leave_last, look_late  # type: ignore[method-assign]
        seqpred.train(CONFIG, frame() if rank else tmp_path / "absent.csv", tmp_path / "m")

    (code, message), (other, _) = launch(tmp_path, 2, read_another_file)
    assert code == other == Exit.DATA
    assert message.startswith(f"{tmp_path / 'absent.csv'}: no such file")


def test_all_ranks_must_read_the_same_data(tmp_path: Path) -> None:
    def read_other_rows(rank: int) -> None:
        seqpred.train(CONFIG, frame(90 + rank), tmp_path / "m")

    code, message = launch(tmp_path, 2, read_other_rows)[0]
    assert (code, "the data differs from that of rank 0" in message) == (Exit.DATA, True)


@pytest.mark.parametrize(("large", "machines"), [(False, 1), (True, 1), (True, 2)])
def test_one_process_of_a_machine_reads_a_large_file_for_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool, machines: int
) -> None:
    """The arrays of the others are mapped from a file, which nobody finds afterwards.

    Without the variables of torchrun, which other launchers do not set.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(follow, "LARGE", 1 if large else 1 << 30)
    frame().to_csv(tmp_path / "sales.csv", index=False)
    source, read = open_source(tmp_path / "sales.csv"), Config.from_tree(CONFIG)
    whole = load_panel(source, read)

    def load(rank: int) -> Panel:
        assert not (large and rank) or machines == 2
        return load_panel(source, read)

    def load_together(rank: int) -> None:
        for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
            del os.environ[name]
        if machines == 2:
            follow.socket = SimpleNamespace(gethostname=lambda: f"machine{rank}")  # type: ignore[attr-defined]
        with ranks.joined() as group:
            panel = follow.load_once(group, source, partial(load, rank))
        assert panel.fingerprint() == whole.fingerprint()
        assert panel.names == whole.names
        assert panel.values.flags.writeable is not (large and machines == 1)
        panel.release_pages()
        assert panel.between(1, 2).fingerprint() == whole.between(1, 2).fingerprint()

    assert launch(tmp_path, 2, load_together) == [(Exit.DONE, ""), (Exit.DONE, "")]
    assert not list(tmp_path.glob("cache/seqpred/*"))


def test_processes_that_share_a_panel_train_the_model_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(follow, "LARGE", 1)
    frame().to_csv(tmp_path / "sales.csv", index=False)

    def train_on_file(rank: int, out: str = "m") -> None:
        seqpred.train(CONFIG, tmp_path / "sales.csv", tmp_path / out)

    assert launch(tmp_path, 2, train_on_file) == [(Exit.DONE, ""), (Exit.DONE, "")]
    train_on_file(0, "one")
    assert listing(tmp_path / "m") == listing(tmp_path / "one")


def test_a_cache_that_cannot_be_written_ends_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(follow, "LARGE", 1)
    frame().to_csv(tmp_path / "sales.csv", index=False)

    def train_without_space(rank: int) -> None:
        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        follow.write_shared = refuse  # type: ignore[attr-defined]  # in this process alone
        seqpred.train(CONFIG, tmp_path / "sales.csv", tmp_path / "m")

    (code, message), (other, _) = launch(tmp_path, 2, train_without_space)
    assert code == other == Exit.WRITE
    assert "No space left on device" in message
    assert not list(tmp_path.glob("cache/seqpred/*"))


def test_a_group_does_not_train_in_the_folder_of_another_training(tmp_path: Path) -> None:
    """Neither with `force` nor with `resume`; the other training is unharmed."""
    found = []

    def train_too(_: object) -> None:
        if not found:
            for options in ({}, {"force": True}, {"resume": True}):
                found.append(launch(tmp_path, 2, partial(train, tmp_path, **options)))

    train(tmp_path, on_progress=train_too)
    for (code, message), (other, _) in found:
        assert code == other == Exit.WRITE
        assert "another training is running in this folder" in message
    assert seqpred.load(tmp_path / "m").horizon == 7


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is present")
def test_a_gpu_that_does_not_exist_ends_the_group(tmp_path: Path) -> None:
    tree = {**CONFIG, "training": {**CONFIG["training"], "device": "cuda"}}
    (code, message), (other, _) = launch(tmp_path, 2, lambda rank: seqpred.train(tree, frame(), tmp_path / "m"))
    assert code == other == Exit.CONFIG
    assert "training.device is 'cuda', which torch cannot find on this machine for each of 2 processes" in message
    assert not (tmp_path / "m").exists()


def test_an_unexpected_error_of_a_rank_has_its_traceback(tmp_path: Path) -> None:
    def fail(rank: int) -> None:
        if rank:
            rounds.Trainee.train = None  # type: ignore[assignment, method-assign]  # in this process alone
        train(tmp_path)

    code, message = launch(tmp_path, 2, fail)[0]
    assert (code, "'NoneType' object is not callable" in message) == (Exit.BUG, True)


def test_only_rank_0_prints(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "sales.yaml").write_text("data: {path: sales.csv, target: sales}")
    shared = environment(2)

    def run(rank: int) -> tuple[int, bytes, bytes]:
        words = ["train", "sales.yaml", "--out", "m", *TINY, "--set", "model.members=2"]
        return warm.run(words, tmp_path, b"", {**outside.environment(), **shared, "RANK": str(rank)})

    with ThreadPoolExecutor(2) as pool:
        (code, out, err), silent = pool.map(run, range(2))
    assert silent == (Exit.DONE, b"", b"")
    assert (code, out) == (Exit.DONE, b"m\n")
    assert b"Validation scores" in err


def test_an_address_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**environment(2), "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ranks, "CONNECT", timedelta(seconds=0.1))
    with pytest.raises(UnreachableError, match=r"cannot find each other at 127\.0\.0\.1:"), ranks.joined():
        pass


def test_a_rank_beyond_the_number_of_processes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**environment(2), "RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnreachableError, match="RANK is 2, and the 2 processes are numbered from 0"), ranks.joined():
        pass


def test_a_search_ignores_the_group_of_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (launcher.is_grouped(), launcher.rank()) == (True, 1)
    launcher.ignore()
    assert (launcher.is_grouped(), launcher.rank()) == (False, 0)
