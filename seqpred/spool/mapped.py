"""Arrays too large for memory, in unnamed files; their memory pages are released after use."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

LARGE = 128 << 20  # bytes from which arrays are in files


def cache_folder() -> Path:
    """The user's cache folder, created if it does not exist.

    Source: XDG Base Directory Specification, https://specifications.freedesktop.org/basedir-spec/latest
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "seqpred"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zeros(shapes: Mapping[str, tuple[int, ...]], dtype: npt.DTypeLike) -> dict[str, npt.NDArray[Any]]:
    """Arrays of zeros that take no space until written: in memory, or together too large, in nameless files."""
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


class SpillBuffer:
    """Concatenates arrays [n, ...]: in memory, or once they are large, in a nameless file."""

    def __init__(self) -> None:
        self._held: list[npt.NDArray[Any]] = []
        self._file: IO[bytes] | None = None
        self._like = np.empty(0)

    def __enter__(self) -> SpillBuffer:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; the result remains valid."""
        if self._file is not None:
            self._file.close()

    def add(self, array: npt.NDArray[Any]) -> None:
        """Add the next array."""
        self._like = np.empty((0, *array.shape[1:]), array.dtype)
        self._held.append(array)
        if self._file is None and sum(a.nbytes for a in self._held) >= LARGE:
            self._file = tempfile.TemporaryFile(dir=cache_folder())  # noqa: SIM115, closed by `__exit__`
        if self._file is not None:
            for held in self._held:
                self._file.write(np.ascontiguousarray(held).data)
            self._held.clear()

    def result(self) -> npt.NDArray[Any]:
        """All arrays as one."""
        if self._file is None:
            return self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
        self._file.flush()
        array = np.frombuffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ), self._like.dtype)
        return array.reshape(-1, *self._like.shape[1:])


def mapped(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A file as a read-only array."""
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)


def release_pages(*arrays: npt.NDArray[Any]) -> None:
    """Release the memory pages of arrays mapped from a file; others are unchanged."""
    for array in arrays:
        base: Any = array
        while isinstance(base, (np.ndarray, memoryview)):
            base = base.base if isinstance(base, np.ndarray) else base.obj
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)
