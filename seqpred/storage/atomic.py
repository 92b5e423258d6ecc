"""Atomic writing: a file appears under its name only once it is complete and on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqpred.errors import WriteError


def write_file(path: Path, content: bytes) -> None:
    """Write a temporary file next to `path`, then rename it; write directly into a pipe or device.

    Raises:
        WriteError: the file could not be written; a previous file is unchanged.
    """
    with writing(path):
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        path = path.resolve()  # replace the target of a link, not the link
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        try:
            write_synced(Path(name), content)
            os.chmod(name, 0o644)
            os.replace(name, path)
            sync_folder(path.parent)
        finally:
            Path(name).unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Check before a long computation that a file can be written.

    Raises:
        WriteError: it cannot.
    """
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if path.exists() and not path.is_file():
            return  # a pipe or a device
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def make_folder(path: Path) -> list[Path]:
    """Create a folder with its parents; return the parents that were missing, lowest first.

    Raises:
        WriteError: it cannot be created.
    """
    missing = [p for p in path.parents if not p.exists()]
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system error while writing `path` into a `WriteError`."""
    try:
        yield
    except OSError as e:
        hint = "Check the folder, its permissions and the free disk space."
        raise WriteError(f"cannot be written ({e.strerror or e})", hint=hint, where=str(path)) from None


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until its content is on disk."""
    with path.open("wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power failure, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
