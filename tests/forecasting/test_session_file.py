"""The file of a stream's state: what was remembered comes back, and a stranger's file is held to that form."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seqpred.errors import FolderError
from seqpred.features.covariates import Covariate, Covariates
from seqpred.forecasting import session_file as state
from seqpred.timestamps.format import TimestampFormat


class Memory:
    """As much of a follower as its state is about."""

    def __init__(self, series: int) -> None:
        self.names = [f"s{i}" for i in range(series)]
        self.places = {name: i for i, name in enumerate(self.names)}
        self.origins, self.rows = [7] * series, [3] * series
        count = max(series, 1)
        self.memory = {
            "rows": np.full(count, 3, np.int64),
            "since": np.full((count, 2), 2, np.int64),
            "filled": np.ones((count, 2, 4)),
            "kept": np.array([[[1.0, 0], [np.nan, 0]]] * count),
            "known": np.ones((count, 4, 2), np.float32),
            "recent": np.ones((count, 2, 3, 5), np.float32),
        }
        columns = (Covariate("k", "static", ("a", "b")), Covariate("w", "known", ("x",), daily=True))
        plan = SimpleNamespace(covariates=Covariates(columns), joint=True)
        self.following = SimpleNamespace(plan=plan, targets=2)


def written(path, follower: Memory, **altered: Any) -> None:
    """A state whose hash fits, with other arrays (None: without them), `told` or `clock` than are written."""
    from safetensors.numpy import load_file, save_file

    state.write_state(path, follower, TimestampFormat("%Y-%m-%d"), "model")
    told = {"format": 1, "model": "model", "clock": vars(TimestampFormat("%Y-%m-%d"))}
    told = altered.pop("told", {**told, **{k: altered.pop(k) for k in ("format", "clock") if k in altered}})
    arrays = {k: a for k, a in {**load_file(path), **altered}.items() if a is not None}
    save_file(arrays, path, {"seqpred": json.dumps({**told, "sha256": state._hash(arrays, told)})})


def test_what_was_remembered_comes_back(tmp_path):
    follower, other = Memory(3), Memory(0)
    written(tmp_path / "s", follower)
    assert state.read_state(tmp_path / "s", other, "model") == TimestampFormat("%Y-%m-%d")
    assert (other.names, other.places, other.origins) == (follower.names, follower.places, follower.origins)
    assert other.rows == follower.rows
    assert {k: a.tobytes() for k, a in other.memory.items()} == {k: a.tobytes() for k, a in follower.memory.items()}


def test_nothing_remembered_comes_back(tmp_path):
    other = Memory(0)
    state.write_state(tmp_path / "s", Memory(0), None, "model")
    assert state.read_state(tmp_path / "s", other, "model") is None
    assert (other.names, len(other.memory["rows"])) == ([], 1)


STRANGE = {
    "an array too few": {"since": None},
    "an array too many": {"more": np.zeros(3)},
    "another shape": {"filled": np.ones((3, 2, 5))},
    "another type": {"filled": np.ones((3, 2, 4), np.float32)},
    "a name twice": {"names": np.frombuffer(b'["s0", "s0", "s2"]', np.uint8)},
    "names that are none": {"names": np.frombuffer(b"[1, 2, 3]", np.uint8)},
    "no names": {"names": None},
    "a number for names": {"names": np.frombuffer(b"7", np.uint8)},
    "nested names": {"names": np.frombuffer(b"[" * 100_000, np.uint8)},
    "no origins": {"origins": None},
    "one origin": {"origins": np.zeros(1, np.int64)},
    "an origin after all time": {"origins": np.full(3, 2**62)},
    "fewer rows than none": {"rows": np.full(3, -1)},
    "rows before the first": {"since": np.full((3, 2), 4)},
    "rows without end": {"rows": np.full(3, 2**62)},
    "a word never heard": {"kept": np.full((3, 2, 2), 3.0)},
    "less than a word": {"kept": np.full((3, 2, 2), -1.0)},
    "a word ahead that there is not": {"known": np.full((3, 4, 2), 2, np.float32)},
    "no word ahead": {"known": np.full((3, 4, 2), np.nan, np.float32)},
    "a word in the window that there is not": {"recent": np.full((3, 2, 3, 5), 2, np.float32)},
    "a target that there is not": {"recent": np.array([1, 1, 9, 1, 1], np.float32) * np.ones((3, 2, 3, 1), np.float32)},
    "a clock of another make": {"clock": {"hand": 1}},
    "a clock without a face": {"clock": {"form": [1]}},
    "a clock's number": {"clock": 7},
    "a zone that is none": {"clock": {"form": "%Y", "place": "Nowhere/Atlantis", "zone": "+01:00"}},
    "no format": {"told": {"model": "model"}},
    "a list": {"told": {"format": [], "model": "model"}},
}


@pytest.mark.parametrize("altered", STRANGE.values(), ids=STRANGE)
def test_a_strangers_state_is_refused_in_words(tmp_path, altered):
    written(tmp_path / "s", Memory(3), **altered)
    other = Memory(0)
    with pytest.raises(FolderError, match=r"s: (damaged|is no state)"):
        state.read_state(tmp_path / "s", other, "model")


@pytest.mark.parametrize("text", ["[]", "7", '"s"', "{}", "[" * 100_000])
def test_a_state_that_is_told_otherwise_is_refused(tmp_path, text):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(1)}, tmp_path / "s", {"seqpred": text})
    with pytest.raises(FolderError, match="is no state that --state wrote"):
        state.read_state(tmp_path / "s", Memory(0), "model")


def test_a_newer_format_is_refused_with_the_way_to_read_it(tmp_path):
    written(tmp_path / "s", Memory(1), format=2)
    with pytest.raises(FolderError, match="reads up to 1") as caught:
        state.read_state(tmp_path / "s", Memory(0), "model")
    assert "upgrade" in caught.value.hint
