"""Atomic writing: a file or folder appears under its name only once it is complete and on disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seqpred.errors import WriteError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


def write_file(path: Path, content: bytes) -> None:
    """Write a file, or the file that a link leads to; write directly into a pipe or device.

    Raises:
        WriteError: it could not be written; a previous file is unchanged.
    """
    with open_output(path) as file:
        file.write(content)


@contextmanager
def open_output(path: Path) -> Iterator[SupportsWrite[bytes]]:
    """A file to write part after part, which appears under its name when the block ends without an error.

    A link leads to the file that is replaced. A pipe or a device receives everything at the end.

    Raises:
        WriteError: it could not be written; a previous file is unchanged.
    """
    with writing(path):
        if os.path.exists(path) and not os.path.isfile(path):
            from seqpred.spool.held_output import HeldOutput  # only pipes need it

            with HeldOutput() as held:
                yield held
                with path.open("wb") as out:
                    out.writelines(held.parts())
        else:
            with _replacing(_target(path)) as file:
                yield file


def replace_file(path: Path, content: bytes) -> None:
    """Write a temporary file next to `path`, then rename it; a link at `path` is replaced, not followed.

    Raises:
        WriteError: it could not be written; a previous file is unchanged.
    """
    with writing(path), _replacing(path) as file:
        file.write(content)


@contextmanager
def _replacing(path: Path) -> Iterator[SupportsWrite[bytes]]:
    """A temporary file next to `path`, which is renamed to it once it is complete and on disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        os.chmod(name, 0o644)
        os.replace(name, path)
        _sync_folder(path.parent)
    finally:
        Path(name).unlink(missing_ok=True)


def replace_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Replace the folder at `path`, or the target of a link there, by a folder with these files.

    Raises:
        WriteError: it could not be written; a previous folder is unchanged.
    """
    with writing(path):
        path = _target(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = new_folder(path)
        shutil.rmtree(new, ignore_errors=True)  # left by a killed process
        try:
            new.mkdir()
            for name, content in files.items():
                _write_synced(new / name, content)
            _sync_folder(new)
            _put_in_place(new, path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _target(path: Path) -> Path:
    """The file that a path or a link leads to.

    Raises:
        OSError: the links form a loop, or a name is too long.
    """
    with suppress(FileNotFoundError):
        os.stat(path)
    return Path(os.path.realpath(path))


def new_folder(path: Path) -> Path:
    """Where a folder is until it is complete."""
    return path.with_name(f".{path.name}.seqpred-new")


def old_folder(path: Path) -> Path:
    """Where the previous folder is meanwhile, if two folders cannot be exchanged in one step."""
    return path.with_name(f".{path.name}.seqpred-old")


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a new folder to its place; the previous one is removed only afterwards."""
    if not os.path.lexists(path):
        new.rename(path)
    elif not _exchange(new, path):
        old = old_folder(path)
        path.rename(old)
        try:
            new.rename(path)
        except BaseException:  # Ctrl-C too
            old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, so that a kill leaves the old or the new one; False if not possible.

    Source: renameat2(2) with RENAME_EXCHANGE, Linux 3.15 and later.
    """
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):  # not Linux, or an old C library
        return False
    here = -100  # AT_FDCWD
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), 2) == 0)


def check_writable(path: Path) -> None:
    """Check before a long computation that a file can be written.

    Raises:
        WriteError: it cannot.
    """
    with writing(path):
        if os.path.isdir(path):
            raise IsADirectoryError(21, "it is a folder")
        if os.path.exists(path) and not os.path.isfile(path):
            return  # a pipe or a device
        with tempfile.TemporaryFile(dir=_target(path).parent):
            pass


def make_folder(path: Path) -> list[Path]:
    """Create a folder with its parents; return the parents that were missing, lowest first.

    Raises:
        WriteError: it cannot be created.
    """
    missing = [p for p in path.parents if not os.path.exists(p)]
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


def _write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until its content is on disk."""
    with path.open("wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())


def _sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power failure, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
