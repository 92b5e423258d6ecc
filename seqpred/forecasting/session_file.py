"""The state of a stream in one file: what is remembered of every series, and of which model.

Safetensors, so that reading it runs nothing; a hash of all that is in it, so that damage is seen.
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
from seqpred.forecasting.follower import Follower, Following
from seqpred.storage.atomic import replace_file
from seqpred.storage.untrusted import irregular
from seqpred.timestamps.format import TimestampFormat

FORMAT = 1
LARGEST = 16 << 30  # bytes
MOST_ROWS = 1 << 40  # of a series
_HINT = "Restore it from a copy, or begin anew: move it away and give the history again."


def write_state(path: Path, follower: Follower, clock: TimestampFormat | None, model: str) -> None:
    """Write the state in place of the one that is there, whole or not at all.

    Args:
        clock: how times are written.
        model: the model's fingerprint.
    Raises:
        WriteError: it could not be written; what was there before still is.
    """
    from safetensors.numpy import save

    count = len(follower.names)
    arrays = {name: np.ascontiguousarray(array[:count]) for name, array in follower.memory.items()}
    arrays["origins"] = np.array(follower.origins, np.int64)
    arrays["names"] = np.frombuffer(json.dumps(follower.names).encode() or b" ", np.uint8)
    told = {"format": FORMAT, "model": model, "clock": clock and vars(clock)}
    # One key, for safetensors writes several in any order.
    replace_file(path, save(arrays, {"seqpred": json.dumps({**told, "sha256": _hash(arrays, told)})}))


def read_state(path: Path, follower: Follower, model: str) -> TimestampFormat | None:
    """Fill a follower with the state in a file; how its times are written.

    Raises:
        FolderError: damaged, of another model, or of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    where = str(path)
    if kind := irregular(path):
        raise FolderError(f"is {kind}, not a state file", hint="Name another file.", where=where)
    try:
        if path.stat().st_size > LARGEST:
            raise FolderError(f"damaged: more than {LARGEST} bytes", hint=_HINT, where=where)
        with safe_open(path, "np") as file:
            told = json.loads((file.metadata() or {})["seqpred"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
        written, format_ = told.pop("sha256", ""), int(told["format"])
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FolderError(f"is no state that --state wrote ({e})", hint=_HINT, where=where) from None
    if format_ > FORMAT:
        raise FolderError(
            f"has format {format_}; this seqpred reads up to {FORMAT}",
            hint="pip install --upgrade seqpred",
            where=where,
        )
    if written != _hash(arrays, told):
        raise FolderError("damaged: it is not the file that --state wrote", hint=_HINT, where=where)
    if told.get("model") != model:
        hint = "Give the model that it was written with, or another --state file."
        raise FolderError("is the state of another model", hint=hint, where=where)
    try:
        _fill(follower, json.loads(arrays.pop("names").tobytes()), arrays.pop("origins"), arrays)
        return _clock(told["clock"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FolderError(f"damaged: it holds what --state does not write ({e})", hint=_HINT, where=where) from None


def _fill(follower: Follower, names: list[str], origins: npt.NDArray[Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Let a follower remember these series.

    Raises:
        ValueError: it can't have remembered them: the hash of a stranger's file fits whatever is in it.
    """
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError("names")
    wanted = {name: (array.dtype, (len(names), *array.shape[1:])) for name, array in follower.memory.items()}
    found = {name: (array.dtype, array.shape) for name, array in arrays.items()}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise ValueError(name)
    if (origins.dtype, origins.shape) != (np.dtype(np.int64), (len(names),)):
        raise ValueError("origins")
    if (origins >= YEAR_10000).any() or (arrays.get("last", origins) >= YEAR_10000).any():
        raise ValueError("times")
    rows, since = arrays["rows"], arrays["since"]
    if ((rows < 0) | (rows > MOST_ROWS)).any() or ((since < 0) | (since > rows[:, None])).any():
        raise ValueError("rows")
    if not all(((codes >= 0) & (codes <= most)).all() for codes, most in _codes(follower.following, arrays)):
        raise ValueError("codes of words that there are not")
    follower.names = names
    follower.places = {name: place for place, name in enumerate(names)}
    follower.origins, follower.rows = origins.tolist(), rows.tolist()
    follower.memory = dict(arrays) if names else follower.memory


def _codes(following: Following, arrays: Mapping[str, npt.NDArray[Any]]) -> Iterator[tuple[npt.NDArray[Any], int]]:
    """All codes among what is remembered, and the highest that each may be: the network looks up a vector for it."""
    covariates, layout = following.plan.covariates, following.plan.covariates.layout
    held = [c for c in covariates.columns if c.role == "static" or c.daily]
    for place, column in enumerate(held):
        if column.words is not None:
            yield np.nan_to_num(arrays["kept"][:, place, 0]), len(column.words)
    joint = (following.targets,) if following.plan.joint else ()
    known = layout.codes[len(layout.codes) - layout.known_codes :]
    for name, most in (("known", known), ("recent", (*joint, *layout.codes))):
        if name in arrays and most:
            yield from zip(np.moveaxis(arrays[name], -1, 0)[-len(most) :], most, strict=True)


def _clock(told: Any) -> TimestampFormat | None:
    """How times are written.

    Raises:
        TypeError, ValueError: they are not.
    """
    if told is None:
        return None
    clock = TimestampFormat(**told)
    if any(not isinstance(value, str | bool | None) for value in vars(clock).values()):
        raise TypeError("clock")
    clock.write(np.zeros(1, np.int64))
    if clock.tz is not None:
        to_local(clock.tz, np.zeros(1, np.int64))
    return clock


def _hash(arrays: Mapping[str, npt.NDArray[Any]], told: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name} {array.dtype} {array.shape}\0".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
