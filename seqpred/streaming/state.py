"""The state of a stream in one file: what is remembered of every series, and of which model.

Safetensors, so that reading it runs nothing; a hash of all that is in it, so that damage is seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.data.timing import Clock
from seqpred.errors import FolderError
from seqpred.folder import write_file
from seqpred.streaming.follower import Follower

FORMAT = 1
LARGEST = 16 << 30  # bytes
_HINT = "Restore it from a copy, or begin anew: move it away and give the history again."


def write_state(path: Path, follower: Follower, clock: Clock | None, model: str) -> None:
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
    write_file(path, save(arrays, {"seqpred": json.dumps({**told, "sha256": _hash(arrays, told)})}))


def read_state(path: Path, follower: Follower, model: str) -> Clock | None:
    """Fill a follower with the state in a file; how its times are written.

    Raises:
        FolderError: damaged, of another model, or of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    where = str(path)
    try:
        if path.stat().st_size > LARGEST:
            raise FolderError(f"damaged: more than {LARGEST} bytes", hint=_HINT, where=where)
        with safe_open(path, "np") as file:
            told = json.loads((file.metadata() or {})["seqpred"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as e:
        raise FolderError(f"is no state that --state wrote ({e})", hint=_HINT, where=where) from None
    written = told.pop("sha256", "")
    if told.get("format", 0) > FORMAT:
        raise FolderError(
            f"has format {told['format']}; this seqpred reads up to {FORMAT}",
            hint="pip install --upgrade seqpred",
            where=where,
        )
    if written != _hash(arrays, told):
        raise FolderError("damaged: it is not the file that --state wrote", hint=_HINT, where=where)
    if told["model"] != model:
        hint = "Give the model that it was written with, or another --state file."
        raise FolderError("is the state of another model", hint=hint, where=where)
    names = arrays.pop("names").tobytes()
    _fill(follower, json.loads(names), arrays)
    return Clock(**told["clock"]) if told["clock"] else None


def _fill(follower: Follower, names: list[str], arrays: dict[str, npt.NDArray[Any]]) -> None:
    follower.names = names
    follower.places = {name: place for place, name in enumerate(names)}
    follower.origins = arrays.pop("origins").tolist()
    follower.rows = arrays["rows"].tolist()
    follower.memory = dict(arrays) if names else follower.memory


def _hash(arrays: Mapping[str, npt.NDArray[Any]], told: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name} {array.dtype} {array.shape}\0".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
