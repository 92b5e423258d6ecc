"""The state of a session in one file.

The format is safetensors, so reading it executes nothing, with a hash of its content that reveals damage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.calendar.step import YEAR_10000
from seqpred.calendar.zones import to_local
from seqpred.errors import FolderError
from seqpred.forecasting.session import ForecastSession
from seqpred.forecasting.session_state import ADDED, SeriesState, SessionSpec
from seqpred.storage.atomic import replace_file
from seqpred.storage.untrusted import irregular
from seqpred.timestamps.format import TimestampFormat

FORMAT = 2
MAX_SIZE = 16 << 30  # bytes
MAX_ROWS = 1 << 40  # of a series
_HINT = "Restore it from a copy, or start over: move it away and provide the history again."


def write_session(path: Path, session: ForecastSession, model: str) -> None:
    """Replace the state file, completely or not at all.

    Args:
        model: the fingerprint of the model.
    Raises:
        WriteError: it could not be written; the previous file is unchanged.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in session.state.to_arrays().items()}
    arrays["names"] = np.frombuffer(json.dumps(session.names).encode(), np.uint8)
    clock = session.clock and vars(session.clock)
    header = {"format": FORMAT, "model": model, "clock": clock, "rows": _kind_of_rows(session.spec)}
    # One key, because safetensors writes several in any order.
    replace_file(path, save(arrays, {"seqpred": json.dumps({**header, "sha256": _hash(arrays, header)})}))


def read_session(path: Path, session: ForecastSession, model: str) -> None:
    """Continue a session from the state in a file.

    Raises:
        FolderError: it is damaged, of another model, season or step, or of another format.
    """
    from safetensors import SafetensorError, safe_open

    where = str(path)
    if kind := irregular(path):
        raise FolderError(f"is {kind}, not a state file", hint="Name another file.", where=where)
    try:
        if path.stat().st_size > MAX_SIZE:
            raise FolderError(f"damaged: more than {MAX_SIZE} bytes", hint=_HINT, where=where)
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {})["seqpred"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
        sha256, format_ = header.pop("sha256", ""), int(header["format"])
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FolderError(f"not a state file of --state ({e})", hint=_HINT, where=where) from None
    if format_ != FORMAT:
        hint = "Upgrade with `pip install --upgrade seqpred`." if format_ > FORMAT else _HINT
        raise FolderError(f"has format {format_}; this seqpred reads {FORMAT}", hint=hint, where=where)
    if sha256 != _hash(arrays, header):
        raise FolderError("damaged: its content does not match its hash", hint=_HINT, where=where)
    if header.get("model") != model:
        hint = "Pass the model that it was written with, or another --state file."
        raise FolderError("is the state of another model", hint=hint, where=where)
    own, written = _kind_of_rows(session.spec), header.get("rows")
    if written is not None and written != own:
        hint = "Choose them as before: pass a file with more rows as --like, or the same --season and data.frequency."
        raise FolderError(f"is the state of rows with {written}, and the new rows have {own}", hint=hint, where=where)
    try:
        names, clock = json.loads(arrays.pop("names").tobytes()), _clock(header["clock"])
        _check(session.spec, names, arrays)
        session.restore(names, SeriesState.from_arrays(arrays))
        session.clock = clock
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FolderError(f"damaged: unexpected content ({e})", hint=_HINT, where=where) from None


def _kind_of_rows(spec: SessionSpec) -> str:
    """What a state depends on besides the model: a pretrained network reads rows of any season and step."""
    season = spec.series.inputs.season
    return f"{f'season {season}' if season > 1 else 'no season'} and step {spec.step}"


def _check(spec: SessionSpec, names: list[str], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Check that a session of this model can have written these arrays: a valid hash does not prove it.

    Raises:
        ValueError: it cannot.
    """
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError("names")
    own = SeriesState.start(spec, [0]).to_arrays()
    expected = {name: (array.dtype, (len(names), *array.shape[1:])) for name, array in own.items()}
    found = {name: (array.dtype, array.shape) for name, array in arrays.items()}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise ValueError(name)
    if (arrays["origins"] >= YEAR_10000).any() or (arrays["last"] >= YEAR_10000).any():
        raise ValueError("times")
    rows, since = arrays["rows"], arrays["since"]
    if ((rows < 1) | (rows > MAX_ROWS)).any() or ((since < 0) | (since > rows[:, None])).any():
        raise ValueError("rows")
    if spec.added is not None and (arrays[f"{ADDED}rows"] != rows).any():
        raise ValueError("rows of the added forecast")
    if not all(((codes >= 0) & (codes <= largest)).all() for codes, largest in _codes(spec, arrays)):
        raise ValueError("codes of unknown categories")


def _codes(spec: SessionSpec, arrays: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[npt.NDArray[Any], int]]:
    """All category codes in a state, and the largest that each may be, since the network looks up a vector for it."""
    covariates, layout = spec.covariates, spec.covariates.layout
    for place, index in enumerate(covariates.held):
        words = covariates.columns[index].words
        if words is not None:
            yield np.nan_to_num(arrays["held"][:, place, 0]), len(words)
    joint = (spec.targets,) if spec.series.joint else ()
    known = layout.codes[len(layout.codes) - layout.known_codes :]
    for name, largest in (("known", known), ("window", (*joint, *layout.codes))):
        if largest:
            yield from zip(np.moveaxis(arrays[name], -1, 0)[-len(largest) :], largest, strict=True)


def _clock(stored: Any) -> TimestampFormat | None:
    """How timestamps are written.

    Raises:
        TypeError, ValueError: it is invalid.
    """
    if stored is None:
        return None
    clock = TimestampFormat(**stored)
    if any(not isinstance(value, str | bool | None) for value in vars(clock).values()):
        raise TypeError("clock")
    clock.write(np.zeros(1, np.int64))
    if clock.tz is not None:
        to_local(clock.tz, np.zeros(1, np.int64))
    return clock


def _hash(arrays: Mapping[str, npt.NDArray[Any]], header: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name} {array.dtype} {array.shape}\0".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
