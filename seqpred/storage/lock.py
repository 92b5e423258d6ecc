"""Locks between processes, which the operating system releases when a process ends in any way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seqpred.errors import WriteError
from seqpred.storage.atomic import writing
from seqpred.storage.untrusted import UntrustedFileError, open_regular


@contextmanager
def locked(path: Path, taken: WriteError) -> Iterator[None]:
    """Hold a lock file, which is created and removed.

    Args:
        taken: raised if another process holds it.
    Raises:
        WriteError: the lock file cannot be created.
    """
    with _acquire(path, taken) as held:
        try:
            yield
        finally:
            if _is(held, path):
                path.unlink()


def _acquire(path: Path, taken: WriteError) -> BinaryIO:
    """Open and lock the lock file."""
    try:
        import fcntl
    except ImportError:  # Windows: concurrent processes are not detected
        return _open(path)
    while True:
        held = _open(path)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise taken from None
        except OSError:  # a file system without locks
            return held
        if _is(held, path):
            return held
        held.close()  # removed between opening and locking


def _open(path: Path) -> BinaryIO:
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)  # the previous holder may have removed it
            return os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT), "wb")
    except UntrustedFileError as e:
        raise WriteError(f"{e}, which seqpred does not touch", hint="Remove it.", where=str(path)) from None


def _is(held: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one at this path."""
    try:
        return os.path.samestat(os.fstat(held.fileno()), path.lstat())
    except FileNotFoundError:
        return False
