"""Checkpoints: a resumed training ends with the same bytes, nothing it depends on has changed, and one at a time."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.commands.train import TrainOptions, run_training
from seqpred.errors import ConfigError, DataError, FolderError, StoppedError, WriteError
from seqpred.notes import Note
from seqpred.storage.atomic import replace_file
from seqpred.storage.lock import locked
from seqpred.training import checkpoint
from seqpred.training.checkpoint import Checkpoint, pack, unpack
from seqpred.training.run import State
from tests.cli.outside import listing
from tests.invariants.conftest import frame

FROM_SHELL = TrainOptions(resume_command="`seqpred train c.yaml --resume`")
GRID = list(itertools.product(["rnn", "lstm", "gru"], [1, 2], [False, True]))


class KilledError(BaseException):
    """The end of a process at an arbitrary moment."""


def config(cell: str = "gru", depth: int = 1, bidirectional: bool = False, **training: Any) -> dict[str, Any]:
    network = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "dropout": 0.3}
    return {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {**network, "hidden_size": 4, "window": 14, "members": 2},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 8, "validation": 7, "learning_rate": 0.01, "batch_size": 8, "threads": 1, **training},
    }


@pytest.fixture
def uninterrupted(tmp_path: Path) -> dict[str, bytes | None]:
    """The folder of an uninterrupted training."""
    return listing(seqpred.train(config(), frame(), tmp_path / "whole").folder.path)


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Writes the state after every step, and kills the training after the steps in this list."""
    steps: list[int] = []

    def write_and_die(path: Path, content: bytes) -> None:
        replace_file(path, content)
        runs = unpack(content)["runs"].values()
        if runs and steps and max(run["step"] for run in runs) >= steps[0]:
            steps.pop(0)
            raise KilledError

    monkeypatch.setattr(checkpoint, "replace_file", write_and_die)
    monkeypatch.setattr(checkpoint, "Checkpoint", partial(Checkpoint, every=0.0))
    return steps


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_a_killed_and_resumed_training_writes_the_same_bytes(
    dying: list[int], tmp_path: Path, cell: str, depth: int, bidirectional: bool
) -> None:
    chosen = config(cell, depth, bidirectional)
    expected = seqpred.train(chosen, frame(), tmp_path / "whole").folder.path
    rng = np.random.default_rng(depth)
    dying += sorted(rng.choice(np.arange(1, 8), 2, replace=False).tolist())
    kills = len(dying)
    for _ in range(kills):
        with pytest.raises(KilledError):
            seqpred.train(chosen, frame(), tmp_path / "killed", resume=True)
    assert not dying
    resumed = seqpred.train(chosen, frame(), tmp_path / "killed", resume=True).folder.path
    assert listing(resumed) == listing(expected)
    assert {p.name for p in tmp_path.iterdir()} == {"whole", "killed"}


def test_a_signal_ends_training_after_the_step_and_names_the_command_to_resume(
    tmp_path: Path, uninterrupted: Any
) -> None:
    def interrupt(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="training state is saved") as e:
        run_training(config(), frame(), tmp_path / "m", FROM_SHELL, on_progress=interrupt)
    assert e.value.hint == "Resume with `seqpred train c.yaml --resume`."
    assert signal.getsignal(signal.SIGTERM) is before
    assert listing(tmp_path / "m").keys() == {"checkpoint", "checkpoint/state"}
    notes: list[Note] = []
    assert (
        listing(seqpred.train(config(), frame(), tmp_path / "m", resume=True, notify=notes.append).folder.path)
        == uninterrupted
    )
    assert "after step 1" in notes[-1].text


def test_a_second_signal_ends_training_immediately(tmp_path: Path) -> None:
    def interrupt_twice(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        seqpred.train(config(), frame(), tmp_path / "m", on_progress=interrupt_twice)
    assert not (tmp_path / "m").exists(), "there was no state to save"


def test_a_training_killed_before_its_first_checkpoint_starts_from_the_beginning(
    tmp_path: Path, uninterrupted: Any
) -> None:
    (tmp_path / "m" / "checkpoint").mkdir(parents=True)
    (tmp_path / "m" / "checkpoint" / "lock").touch()  # what kill -9 leaves
    notes: list[Note] = []
    assert (
        listing(seqpred.train(config(), frame(), tmp_path / "m", resume=True, notify=notes.append).folder.path)
        == uninterrupted
    )
    assert "contains no unfinished training" in notes[-1].text


@pytest.fixture
def unfinished(dying: list[int], tmp_path: Path) -> Path:
    """The folder of a training that was killed after five steps."""
    dying.append(5)
    with pytest.raises(KilledError):
        seqpred.train(config(), frame(), tmp_path / "m")
    return tmp_path / "m"


def test_an_unfinished_training_is_reported_with_the_command_to_resume(unfinished: Path) -> None:
    before = listing(unfinished)
    with pytest.raises(WriteError, match="contains an unfinished training") as e:
        run_training(config(), frame(), unfinished, FROM_SHELL)
    assert e.value.hint.startswith("Resume it with `seqpred train c.yaml --resume`")
    assert listing(unfinished) == before
    with pytest.raises(FolderError, match=r"its training is not finished.*--resume"):
        seqpred.load(unfinished)


def test_force_starts_over(unfinished: Path, uninterrupted: Any) -> None:
    assert listing(seqpred.train(config(), frame(), unfinished, force=True).folder.path) == uninterrupted


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"seed": 2}, "training.seed was 1 and is 2"), ({"loss": "huber"}, "training.loss was 'pinball' and is 'huber'")],
)
def test_a_changed_config_is_rejected_with_the_key(unfinished: Path, changed: dict[str, Any], message: str) -> None:
    before = listing(unfinished)
    with pytest.raises(ConfigError) as e:
        seqpred.train(config(**changed), frame(), unfinished, resume=True)
    assert message in e.value.message
    assert "--force" in e.value.hint
    assert listing(unfinished) == before


def test_changed_data_is_rejected(unfinished: Path) -> None:
    data = frame()
    data.loc[3, "sales"] += 1e-9
    with pytest.raises(DataError, match="the data has changed"):
        seqpred.train(config(), data, unfinished, resume=True)


def test_another_version_is_rejected(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seqpred, "__version__", "99")
    with pytest.raises(ConfigError, match=r"made_by.seqpred was '.*' and is '99'"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_every_flipped_bit_in_a_checkpoint_is_detected(unfinished: Path) -> None:
    file = unfinished / "checkpoint" / "state"
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, len(content) - 1, *rng.integers(0, len(content), 200).tolist()]:
        altered = bytearray(content)
        altered[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(ValueError, match="not the file that training wrote"):
            unpack(bytes(altered))
    file.write_bytes(content[:-1])
    with pytest.raises(FolderError, match=r"state: damaged: .*Start over with --force"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_an_invalid_state_with_a_valid_hash_is_reported_as_damaged(unfinished: Path) -> None:
    file = unfinished / "checkpoint" / "state"
    good = unpack(file.read_bytes())
    run = good["runs"]["0"]
    faults: list[State] = [{}, *({**good, "runs": {"0": r}} for r in ({"step": 1}, {**run, "weights": {}}, []))]
    faults += [{**good, "finished": {"0": {}}}, {**good, "runs": {"0": {**run, "rng": np.zeros(3, np.uint8)}}}]
    faults += [{**good, "made_for": 3}, {**good, "finished": 3}, {**good, "runs": {"x": run}}]
    for state in faults:
        file.write_bytes(pack(state))
        with pytest.raises(FolderError, match="damaged"):
            seqpred.train(config(), frame(), unfinished, resume=True)


def test_the_old_model_loads_until_the_new_one_is_complete(dying: list[int], tmp_path: Path) -> None:
    old = listing(seqpred.train(config(seed=2), frame(), tmp_path / "m").folder.path)
    dying += [3, 6]
    for _ in range(2):
        with pytest.raises(KilledError):
            seqpred.train(
                config(), frame(), tmp_path / "m", force=not (tmp_path / "m/checkpoint").exists(), resume=True
            )
        assert {k: v for k, v in listing(tmp_path / "m").items() if "checkpoint" not in k} == old
        assert len(seqpred.predict(tmp_path / "m", frame())) == 14
    new = listing(seqpred.train(config(), frame(), tmp_path / "m", resume=True).folder.path)
    assert new.keys() == old.keys()
    assert new != old


def test_resuming_a_finished_training_trains_nothing(
    tmp_path: Path, uninterrupted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqpred.training.validate.validate", None)
    notes: list[Note] = []
    assert seqpred.train(config(), frame(), tmp_path / "whole", resume=True, notify=notes.append).horizon == 7
    assert "finished" in notes[-1].text
    with pytest.raises(WriteError, match="already contains a model"):
        seqpred.train(config(seed=2), frame(), tmp_path / "whole", resume=True)


def test_a_second_training_in_the_same_folder_is_rejected(tmp_path: Path) -> None:
    refused: list[str] = []

    def train_too(_: object) -> None:
        if not refused:
            for force in (False, True):
                with pytest.raises(WriteError, match="another training is running in this folder") as e:
                    seqpred.train(config(), frame(), tmp_path / "a" / "m", force=force, resume=force)
                refused.append(str(e.value))

    seqpred.train(config(), frame(), tmp_path / "a" / "m", on_progress=train_too)
    assert len(refused) == 2
    assert str(tmp_path / "a" / "m") in refused[0]


def test_a_failure_before_training_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        seqpred.train(config(), pd.DataFrame({"x": [1, 2]}), tmp_path / "a" / "b" / "m")
    assert not list(tmp_path.iterdir())


def test_training_continues_with_a_note_if_a_checkpoint_cannot_be_written(
    tmp_path: Path, uninterrupted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise WriteError("can't be written (No space left on device)", hint="", where=str(path))

    monkeypatch.setattr(checkpoint, "replace_file", full)
    notes: list[Note] = []
    assert listing(seqpred.train(config(), frame(), tmp_path / "m", notify=notes.append).folder.path) == uninterrupted
    assert notes[-1].text.endswith("(No space left on device); training continues without a checkpoint")


def test_files_of_killed_processes_are_removed(unfinished: Path) -> None:
    (unfinished.parent / ".m.seqpred-new").mkdir()
    (unfinished.parent / ".m.seqpred-new" / "model.safetensors").write_bytes(b"half")
    (unfinished / "checkpoint" / ".state.ab12").write_bytes(b"half")
    seqpred.train(config(), frame(), unfinished, resume=True)
    assert [p.name for p in unfinished.parent.iterdir()] == ["m"]


def test_a_foreign_folder_named_checkpoint_is_untouched(tmp_path: Path) -> None:
    (tmp_path / "m" / "checkpoint").mkdir(parents=True)
    (tmp_path / "m" / "checkpoint" / "epoch-3.pt").write_bytes(b"theirs")
    for force in (False, True):
        with pytest.raises(WriteError, match="is not a model folder"):
            seqpred.train(config(), frame(), tmp_path / "m", force=force)


@pytest.mark.parametrize("system", ["without locks", "whose folder has none"])
def test_training_does_not_require_file_locks(
    tmp_path: Path, uninterrupted: Any, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    if system == "without locks":
        monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    else:
        monkeypatch.setattr("fcntl.flock", fail)
    seqpred.train(config(), frame(), tmp_path / "m")
    assert listing(tmp_path / "m") == uninterrupted


def test_a_lock_file_removed_before_it_is_locked_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = tmp_path / "checkpoint" / "lock", []
    flock = fcntl.flock

    def slow(held: Any, how: int) -> None:
        if not taken:  # the previous holder ends in between
            lock.unlink()
            taken.append(lock)
        flock(held, how)

    monkeypatch.setattr("fcntl.flock", slow)
    with locked(lock, WriteError("taken", hint="")):
        assert taken
        assert lock.exists()
    assert not lock.exists()


def test_a_checkpoint_that_is_too_large_is_rejected_before_it_is_read(
    unfinished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(checkpoint.LARGEST, "model.safetensors", 1)
    with pytest.raises(FolderError, match="damaged: it has"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_a_checkpoint_that_is_not_safetensors_raises_value_error() -> None:
    content = b"no state"
    with pytest.raises(ValueError, match=r"."):
        unpack(hashlib.sha256(content).digest() + content)
