"""Stop and go on: the same bytes in the end, one training at a time, and nothing taken up that has changed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import ConfigError, DataError, FolderError, StoppedError, WriteError
from seqpred.notes import Note
from seqpred.storage import claim
from seqpred.training import checkpoint
from seqpred.training.checkpoint import Checkpoint, pack, unpack
from seqpred.training.run import State
from tests.cli.outside import listing
from tests.invariants.conftest import frame

GRID = list(itertools.product(["rnn", "lstm", "gru"], [1, 2], [False, True]))


class KilledError(BaseException):
    """A process that ends without being asked."""


def config(cell: str = "gru", depth: int = 1, bidirectional: bool = False, **training: Any) -> dict[str, Any]:
    network = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "dropout": 0.3}
    return {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {**network, "hidden_size": 4, "window": 14, "members": 2},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 8, "validation": 7, "learning_rate": 0.01, "batch_size": 8, "threads": 1, **training},
    }


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes | None]:
    """The folder of a training that was never stopped."""
    return listing(seqpred.train(config(), frame(), tmp_path / "whole").folder.path)


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every step's state is written, and training dies after those steps of it that are in the list."""
    steps: list[int] = []
    write = Checkpoint._write

    def write_and_die(self: Checkpoint) -> None:
        write(self)
        if self.run and steps and self.run["step"] >= steps[0]:
            steps.pop(0)
            raise KilledError

    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "COST", 1e9)
    monkeypatch.setattr(Checkpoint, "_write", write_and_die)
    return steps


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), GRID)
def test_killed_and_resumed_the_folder_is_the_same_in_every_byte(
    dying: list[int], tmp_path: Path, cell: str, depth: int, bidirectional: bool
) -> None:
    chosen = config(cell, depth, bidirectional)
    unbroken = seqpred.train(chosen, frame(), tmp_path / "whole").folder.path
    rng = np.random.default_rng(depth)
    dying += sorted(rng.choice(np.arange(1, 8), 2, replace=False).tolist())
    kills = len(dying)
    for _ in range(kills):
        with pytest.raises(KilledError):
            seqpred.train(chosen, frame(), tmp_path / "killed", resume=True)
    assert not dying
    resumed = seqpred.train(chosen, frame(), tmp_path / "killed", resume=True).folder.path
    assert listing(resumed) == listing(unbroken)
    assert {p.name for p in tmp_path.iterdir()} == {"whole", "killed"}


def test_a_signal_is_answered_after_the_step_and_the_way_on_is_told(tmp_path: Path, whole: Any) -> None:
    def interrupt(_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="training state is saved") as e:
        seqpred.train(
            config(), frame(), tmp_path / "m", resume_command="`seqpred train c.yaml --resume`", on_progress=interrupt
        )
    assert e.value.hint == "Resume with `seqpred train c.yaml --resume`."
    assert signal.getsignal(signal.SIGTERM) is before
    assert listing(tmp_path / "m").keys() == {"checkpoint", "checkpoint/state"}
    said: list[Note] = []
    assert (
        listing(seqpred.train(config(), frame(), tmp_path / "m", resume=True, notify=said.append).folder.path) == whole
    )
    assert "after step 1" in said[-1].text


def test_a_second_signal_is_answered_at_once(tmp_path: Path) -> None:
    def interrupt_twice(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        seqpred.train(config(), frame(), tmp_path / "m", on_progress=interrupt_twice)
    assert not (tmp_path / "m").exists(), "there was nothing to keep"


def test_a_kill_before_the_first_state_loses_nothing(tmp_path: Path, whole: Any) -> None:
    (tmp_path / "m" / "checkpoint").mkdir(parents=True)
    (tmp_path / "m" / "checkpoint" / "lock").touch()  # what kill -9 leaves
    said: list[Note] = []
    assert (
        listing(seqpred.train(config(), frame(), tmp_path / "m", resume=True, notify=said.append).folder.path) == whole
    )
    assert "holds no unfinished training" in said[-1].text


@pytest.fixture
def unfinished(dying: list[int], tmp_path: Path) -> Path:
    """The folder of a training that was killed after five steps."""
    dying.append(5)
    with pytest.raises(KilledError):
        seqpred.train(config(), frame(), tmp_path / "m")
    return tmp_path / "m"


def test_an_unfinished_training_is_reported_with_the_way_on(unfinished: Path) -> None:
    before = listing(unfinished)
    with pytest.raises(WriteError, match="holds an unfinished training") as e:
        seqpred.train(config(), frame(), unfinished, resume_command="`seqpred train c.yaml --resume`")
    assert e.value.hint.startswith("Resume it with `seqpred train c.yaml --resume`")
    assert listing(unfinished) == before
    with pytest.raises(FolderError, match=r"its training is not finished.*--resume"):
        seqpred.load(unfinished)


def test_force_begins_anew(unfinished: Path, whole: Any) -> None:
    assert listing(seqpred.train(config(), frame(), unfinished, force=True).folder.path) == whole


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"seed": 2}, "training.seed was 1 and is 2"), ({"loss": "huber"}, "training.loss was 'pinball' and is 'huber'")],
)
def test_a_changed_config_is_refused_by_key(unfinished: Path, changed: dict[str, Any], told: str) -> None:
    before = listing(unfinished)
    with pytest.raises(ConfigError) as e:
        seqpred.train(config(**changed), frame(), unfinished, resume=True)
    assert told in e.value.message
    assert "--force" in e.value.hint
    assert listing(unfinished) == before


def test_changed_data_is_refused(unfinished: Path) -> None:
    data = frame()
    data.loc[3, "sales"] += 1e-9
    with pytest.raises(DataError, match="the data has changed"):
        seqpred.train(config(), data, unfinished, resume=True)


def test_another_version_is_refused(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seqpred, "__version__", "99")
    with pytest.raises(ConfigError, match=r"made_by.seqpred was '.*' and is '99'"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_every_bit_that_flips_in_a_state_is_noticed(unfinished: Path) -> None:
    file = unfinished / "checkpoint" / "state"
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, len(content) - 1, *rng.integers(0, len(content), 200).tolist()]:
        altered = bytearray(content)
        altered[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(ValueError, match="not the file that training wrote"):
            unpack(bytes(altered))
    file.write_bytes(content[:-1])
    with pytest.raises(FolderError, match=r"state: damaged: .*--force begins anew"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_a_state_of_nonsense_with_the_right_hash_is_refused_in_words(unfinished: Path) -> None:
    file = unfinished / "checkpoint" / "state"
    good = unpack(file.read_bytes())
    faults: list[State] = [{}, {**good, "run": {"step": 1}}, {**good, "run": {**good["run"], "weights": {}}}]
    faults += [{**good, "finished": [{}]}, {**good, "run": {**good["run"], "rng": np.zeros(3, np.uint8)}}]
    faults += [{**good, "made_for": 3}, {**good, "finished": 3}, {**good, "run": []}]
    for state in faults:
        file.write_bytes(pack(state))
        with pytest.raises(FolderError, match="damaged"):
            seqpred.train(config(), frame(), unfinished, resume=True)


def test_the_old_model_loads_until_the_new_one_is_whole(dying: list[int], tmp_path: Path) -> None:
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


def test_a_finished_training_is_not_trained_again(tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("seqpred.training.fitting.fit_panel")
    monkeypatch.setattr("seqpred.training.fitting.fit_panel", None, raising=False)
    said: list[Note] = []
    assert seqpred.train(config(), frame(), tmp_path / "whole", resume=True, notify=said.append).horizon == 7
    assert "finished" in said[-1].text
    with pytest.raises(WriteError, match="holds a model already"):
        seqpred.train(config(seed=2), frame(), tmp_path / "whole", resume=True)


def test_a_folder_is_for_one_training_at_a_time(tmp_path: Path) -> None:
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


def test_what_ends_before_training_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        seqpred.train(config(), pd.DataFrame({"x": [1, 2]}), tmp_path / "a" / "b" / "m")
    assert not list(tmp_path.iterdir())


def test_a_state_that_can_not_be_written_is_said_and_training_goes_on(
    tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise WriteError("can't be written (No space left on device)", hint="", where=str(path))

    monkeypatch.setattr(checkpoint, "write_file", full)
    said: list[Note] = []
    assert listing(seqpred.train(config(), frame(), tmp_path / "m", notify=said.append).folder.path) == whole
    assert said[-1].text.endswith("(No space left on device); training continues without a checkpoint")


def test_what_killed_processes_left_is_taken_away(unfinished: Path) -> None:
    (unfinished.parent / ".m.seqpred-new").mkdir()
    (unfinished.parent / ".m.seqpred-new" / "model.safetensors").write_bytes(b"half")
    (unfinished / "checkpoint" / ".state.ab12").write_bytes(b"half")
    seqpred.train(config(), frame(), unfinished, resume=True)
    assert [p.name for p in unfinished.parent.iterdir()] == ["m"]


def test_a_folder_called_checkpoint_that_is_someone_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "m" / "checkpoint").mkdir(parents=True)
    (tmp_path / "m" / "checkpoint" / "epoch-3.pt").write_bytes(b"theirs")
    for force in (False, True):
        with pytest.raises(WriteError, match="is no model folder"):
            seqpred.train(config(), frame(), tmp_path / "m", force=force)


@pytest.mark.parametrize("system", ["without locks", "whose folder has none"])
def test_where_there_are_no_locks_training_goes_on_without(
    tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    if system == "without locks":
        monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    else:
        monkeypatch.setattr("fcntl.flock", fail)
    seqpred.train(config(), frame(), tmp_path / "m")
    assert listing(tmp_path / "m") == whole


def test_a_lock_that_is_taken_away_before_it_is_held_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = tmp_path / "checkpoint" / "lock", []
    flock = fcntl.flock

    def slow(held: Any, how: int) -> None:
        if not taken:  # whoever held it ends in between
            lock.unlink()
            taken.append(lock)
        flock(held, how)

    monkeypatch.setattr("fcntl.flock", slow)
    with claim._open_locked(lock) as held:
        assert taken
        assert claim._is(held, lock)


def test_a_state_too_large_is_refused_before_it_is_read(unfinished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checkpoint.LARGEST, "model.safetensors", 1)
    with pytest.raises(FolderError, match="damaged: it has"):
        seqpred.train(config(), frame(), unfinished, resume=True)


def test_a_state_that_is_no_safetensors_is_a_fault_of_its_value() -> None:
    content = b"no state"
    with pytest.raises(ValueError, match=r"."):
        unpack(hashlib.sha256(content).digest() + content)
