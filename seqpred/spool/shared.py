"""Large arrays that one process of a machine writes and others map, so that the machine holds them once."""

from __future__ import annotations

import mmap
import pickle
from pathlib import Path
from typing import Any

ALIGNED = 64  # bytes at whose multiples arrays begin


def write_shared(value: object, folder: Path) -> None:
    """Write a value to a folder, its arrays apart from the rest."""
    buffers: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    places = []
    with (folder / "arrays").open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % ALIGNED))
            places.append((file.tell(), buffer.raw().nbytes))
            file.write(buffer.raw())
    (folder / "rest").write_bytes(pickle.dumps((rest, places)))


def read_shared(folder: Path) -> Any:
    """The value in a folder. Its arrays cannot be written to, and remain valid when the folder is removed."""
    rest, places = pickle.loads((folder / "rest").read_bytes())  # noqa: S301, from a process of this group
    with (folder / "arrays").open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if places else memoryview(b"")
    return pickle.loads(rest, buffers=[whole[begin : begin + size] for begin, size in places])  # noqa: S301, see above
