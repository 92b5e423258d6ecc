"""The state file of a session: it restores the session, and an altered file is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpred.arrays import Float32
from seqpred.calendar.step import DAY, Step
from seqpred.errors import FolderError
from seqpred.features.covariates import Covariate, Covariates
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.forecasting import session_file
from seqpred.forecasting.row_session import RowSession
from seqpred.forecasting.session_file import read_session, write_session
from seqpred.forecasting.session_state import SessionSpec
from seqpred.reading.lines import Row
from seqpred.timestamps.format import TimestampFormat

COLUMNS = (Covariate("w", "known", ("x",), daily=True), Covariate("k", "static", ("a", "b")))
CLOCK = TimestampFormat("%Y-%m-%d")


class EchoRuntime:
    """Emits zeros; its state is the number of rows so far, or it has a window."""

    name = "echo"

    def __init__(self, window: int | None) -> None:
        self.window = window

    def start(self, batch: int) -> Float32:
        return np.zeros((1, batch, 1), np.float32)

    def read(self, x: Float32, state: Float32, n_positions: int = 1, _: Any = None) -> tuple[Float32, Float32]:
        return np.zeros((len(x), n_positions, 3, 1), np.float32), state + x.shape[1]


def new_session(window: int | None = 3) -> RowSession:
    series = SeriesSpec(InputSpec(2, 2, (1, 2), blend=False), Covariates(COLUMNS), targets=2, joint=True)
    return RowSession(SessionSpec(series, EchoRuntime(window), 3, 0, Step("microsecond", DAY), 3))


def session_of(series: int, window: int | None = 3, rows: int = 3) -> RowSession:
    """A session after some rows of each series."""
    session = new_session(window)
    session.clock = CLOCK
    for day in range(rows):
        values = [1.0 + day, 5.0 - day, 1.0, 2.0]
        session.update([Row(day, f"s{i}", day * DAY, None, values) for i in range(series)])
    return session


def write_altered(path: Path, series: int = 3, **altered: Any) -> None:
    """A state with a valid hash, but other arrays (None: without them), another header or parts of it."""
    from safetensors.numpy import load_file, save_file

    write_session(path, session_of(series), "model")
    header = {"format": session_file.FORMAT, "model": "model", "clock": vars(CLOCK)}
    header = altered.pop("header", {**header, **{k: altered.pop(k) for k in ("format", "clock") if k in altered}})
    arrays = {k: a for k, a in {**load_file(path), **altered}.items() if a is not None}
    save_file(arrays, path, {"seqpred": json.dumps({**header, "sha256": session_file._hash(arrays, header)})})


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("series", [0, 1, 3])
def test_a_session_continues_from_its_file(tmp_path: Path, window: int | None, series: int) -> None:
    session, restored = session_of(series, window), new_session(window)
    write_session(tmp_path / "s", session, "model")
    read_session(tmp_path / "s", restored, "model")
    assert (restored.names, restored.clock) == (session.names, CLOCK)
    one, other = session.state.to_arrays(), restored.state.to_arrays()
    assert {name: array.tobytes() for name, array in one.items()} == {n: a.tobytes() for n, a in other.items()}
    rows = [Row(9, name, 3 * DAY, None, [4.0, 2.0, 1.0, 2.0]) for name in ("s0", "new")]
    for before, after in zip(session.update(rows), restored.update(rows), strict=True):
        assert before[:3] == after[:3]
        assert np.array_equal(before.quantiles, after.quantiles)


def test_the_state_of_a_series_has_a_fixed_size(tmp_path: Path) -> None:
    sizes = set()
    for rows in (5, 50, 95):
        write_session(tmp_path / "s", session_of(2, rows=rows), "model")
        sizes.add((tmp_path / "s").stat().st_size)
    assert len(sizes) == 1


# As written: 3 series of 2 targets; 2 rows of history; 2 columns that hold; 1 known code; inputs of width 13.
WIDTH = 4 + 2 + 2 * 2 + 1 + 2
ALTERED: dict[str, dict[str, Any]] = {
    "a missing array": {"since": None},
    "an extra array": {"more": np.zeros(3)},
    "another shape": {"filled": np.ones((3, 2, 5))},
    "another type": {"filled": np.ones((3, 2, 2), np.float32)},
    "a duplicate name": {"names": np.frombuffer(b'["s0", "s0", "s2"]', np.uint8)},
    "names that are numbers": {"names": np.frombuffer(b"[1, 2, 3]", np.uint8)},
    "no names": {"names": None},
    "a number instead of names": {"names": np.frombuffer(b"7", np.uint8)},
    "nested names": {"names": np.frombuffer(b"[" * 100_000, np.uint8)},
    "no origins": {"origins": None},
    "one origin": {"origins": np.zeros(1, np.int64)},
    "an origin after the year 9999": {"origins": np.full(3, 2**62)},
    "a negative number of rows": {"rows": np.full(3, -1)},
    "rows before the first": {"since": np.full((3, 2), 4)},
    "too many rows": {"rows": np.full(3, 2**62)},
    "an unknown category": {"held": np.full((3, 2, 2), 3.0)},
    "a negative category": {"held": np.full((3, 2, 2), -1.0)},
    "an unknown known category": {"known": np.full((3, 2, 1), 2, np.float32)},
    "a missing known category": {"known": np.full((3, 2, 1), np.nan, np.float32)},
    "an unknown category in the window": {"window": np.full((3, 2, 3, WIDTH), 2, np.float32)},
    "an unknown target in the window": {
        "window": np.array([1] * (WIDTH - 3) + [9, 1, 1], np.float32) * np.ones((3, 2, 3, 1), np.float32)
    },
    "an unknown field of the clock": {"clock": {"hand": 1}},
    "a clock with a list": {"clock": {"pattern": [1]}},
    "a number instead of a clock": {"clock": 7},
    "an unknown time zone": {"clock": {"pattern": "%Y", "tz": "Nowhere/Atlantis", "zone": "+01:00"}},
    "no format": {"header": {"model": "model"}},
    "a list as format": {"header": {"format": [], "model": "model"}},
}


def test_an_unaltered_file_is_read(tmp_path: Path) -> None:
    write_altered(tmp_path / "s")
    read_session(tmp_path / "s", new_session(), "model")


@pytest.mark.parametrize("altered", ALTERED.values(), ids=ALTERED)
def test_an_altered_file_is_refused(tmp_path: Path, altered: dict[str, Any]) -> None:
    write_altered(tmp_path / "s", **altered)
    with pytest.raises(FolderError, match=r"s: (damaged|not a state file)"):
        read_session(tmp_path / "s", new_session(), "model")


def test_a_file_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    write_session(tmp_path / "s", session_of(1), "model")
    content = bytearray((tmp_path / "s").read_bytes())
    content[-1] ^= 1
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(FolderError, match="damaged: its content does not match its hash"):
        read_session(tmp_path / "s", new_session(), "model")


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    write_session(tmp_path / "s", session_of(1), "model")
    with pytest.raises(FolderError, match="is the state of another model"):
        read_session(tmp_path / "s", new_session(), "other")


@pytest.mark.parametrize("text", ["[]", "7", '"s"', "{}", "[" * 100_000])
def test_a_file_without_a_valid_header_is_refused(tmp_path: Path, text: str) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(1)}, tmp_path / "s", {"seqpred": text})
    with pytest.raises(FolderError, match="not a state file of --state"):
        read_session(tmp_path / "s", new_session(), "model")


@pytest.mark.parametrize(("version", "hint"), [(1, "start over"), (3, "upgrade")])
def test_another_format_is_refused_with_what_to_do(tmp_path: Path, version: int, hint: str) -> None:
    write_altered(tmp_path / "s", 1, format=version)
    with pytest.raises(FolderError, match=f"has format {version}; this seqpred reads 2") as caught:
        read_session(tmp_path / "s", new_session(), "model")
    assert hint in caught.value.hint
