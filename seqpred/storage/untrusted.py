"""Reading files from untrusted sources: only regular files, only up to a size.

Opening a pipe would wait for its writer, opening a device can act on it, and a symbolic link leads out of the folder.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class UntrustedFileError(ValueError):
    """A file that is not read: not a regular file, or too large."""


def irregular(path: Path, *, folder: bool = False) -> str:
    """What is at a path if it is something else than a regular file (or a folder); empty if it is one or is missing.

    >>> irregular(Path("/dev/null"))
    'a device'
    """
    try:
        kind = stat.S_IFMT(os.lstat(path).st_mode)
    except OSError:
        return ""
    if kind == (stat.S_IFDIR if folder else stat.S_IFREG):
        return ""
    return _KINDS.get(kind, "a file")


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        UntrustedFileError: it is something else, or larger.
        OSError: it cannot be read.
    """
    with open(open_regular(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise UntrustedFileError(f"it has {size} bytes, more than {most}")
        return file.read()


def open_regular(path: Path, flags: int) -> int:
    """A descriptor of a regular file; with `O_CREAT`, of a new one if there is none.

    Raises:
        UntrustedFileError: it is something else.
        OSError: it cannot be opened.
    """
    if kind := irregular(path):
        raise UntrustedFileError(f"it is {kind}")
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags | safe | getattr(os, "O_BINARY", 0), 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # replaced in between
        os.close(descriptor)
        raise UntrustedFileError("it is not a regular file")
    return descriptor
