"""Arrays too large for memory, in files that nobody else sees; their pages are let go of when they have been used."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LARGE = 128 << 20  # bytes from which arrays stand in files


def cache_folder() -> Path:
    """Where a user's programs keep what they can make again; made if it isn't there.

    Source: XDG Base Directory Specification, https://specifications.freedesktop.org/basedir-spec/latest
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "seqpred"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zeros(shapes: Mapping[str, tuple[int, ...]], dtype: npt.DTypeLike) -> dict[str, npt.NDArray[Any]]:
    """Arrays of zeros that take no room until they are written: in memory, or if all are large in nameless files."""
    sizes = {name: int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize for name, shape in shapes.items()}
    spilled = sum(sizes.values()) >= LARGE
    return {
        name: _in_file(shape, dtype, sizes[name]) if spilled and sizes[name] else np.zeros(shape, dtype)
        for name, shape in shapes.items()
    }


def _in_file(shape: tuple[int, ...], dtype: npt.DTypeLike, size: int) -> npt.NDArray[Any]:
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        os.truncate(file.fileno(), size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype).reshape(shape)


def joined(arrays: Iterable[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Arrays [n, ...] one after another: in memory, or if they are large in a nameless file."""
    held: list[npt.NDArray[Any]] = []
    arrays = iter(arrays)
    for array in arrays:
        held.append(array)
        if sum(a.nbytes for a in held) >= LARGE:
            break
    else:
        return held[0] if len(held) == 1 else np.concatenate(held)
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        for array in (*held, *arrays):
            file.write(np.ascontiguousarray(array).data)
        shape, dtype = held[0].shape[1:], held[0].dtype
        held.clear()
        file.flush()
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype).reshape(-1, *shape)


def mapped(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A file as an array that can't be written."""
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)


def let_go(*arrays: npt.NDArray[Any]) -> None:
    """Give back the memory in which parts of a file stand; what is in memory alone stays."""
    for array in arrays:
        base: Any = array
        while isinstance(base, (np.ndarray, memoryview)):
            base = base.base if isinstance(base, np.ndarray) else base.obj
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)
