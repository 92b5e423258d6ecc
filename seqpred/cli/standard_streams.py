"""The standard streams: every write to stdout is complete or an error; stderr never stops a command.

Python's own streams lose data silently: an unbuffered stdout ignores a short write, which a signal, a full disk or a
non-blocking pipe can cause.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seqpred.errors import WriteError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class CompleteWriter(io.RawIOBase):
    """A descriptor to which every write is complete: short writes are continued and a full pipe is waited for.

    Attributes:
        written: bytes that the system has accepted.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._broken = False
        self.written = 0

    def write(self, data: ReadableBuffer) -> int:
        """Write all of the data.

        Raises:
            BrokenPipeError: the reader has closed the pipe; what follows is discarded.
            WriteError: the system refused the data.
        """
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and not self._broken:
            try:
                accepted = os.write(self._descriptor, rest)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except BrokenPipeError:
                self._broken = True
                raise BrokenPipeError from None  # without an error number, at which typer would exit with 1
            except OSError as e:
                self.fail(e)
            else:
                self.written += accepted
                rest = rest[accepted:]
        return size

    def fail(self, error: OSError) -> None:
        """Report that the descriptor cannot be written."""
        closed = error.errno == errno.EBADF
        message = f"standard output {'is closed' if closed else f'cannot be written ({error.strerror})'}"
        hint = "Redirect it to a file or a pipe." if closed else "The output is incomplete. Check the free disk space."
        raise WriteError(message, hint=hint)

    def capacity(self) -> int:
        """Bytes that can be written before anything is read: the size of a pipe, 0 for anything else."""
        try:
            import fcntl

            return fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ)
        except (ImportError, AttributeError, OSError):  # not Linux, or not a pipe
            return 0

    def delivered(self) -> int:
        """Bytes that the reader has read, or can still read."""
        if not self._broken:
            return self.written
        try:
            import fcntl
            import termios

            unread = bytearray(4)
            fcntl.ioctl(self._descriptor, termios.FIONREAD, unread)
        except (ImportError, OSError):
            return self.written
        return self.written - int.from_bytes(unread, sys.byteorder)

    def cut(self, end: int) -> None:
        """Remove what was written after a position, if it is the end of a regular file."""
        with suppress(OSError):
            info, position = os.fstat(self._descriptor), os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if stat.S_ISREG(info.st_mode) and info.st_size == position and end < self.written:
                os.ftruncate(self._descriptor, position - (self.written - end))
                os.lseek(self._descriptor, 0, os.SEEK_END)
                self.written = end

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)


class _Lossy(CompleteWriter):
    """A descriptor for diagnostics: what cannot be written is discarded."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(memoryview(data))

    def fail(self, error: OSError) -> None:  # noqa: ARG002
        self._broken = True


def open_standard_streams() -> None:
    """Replace the standard streams of this process.

    Data is UTF-8, whatever the locale; bytes of file names that are not UTF-8 are passed through. A terminal gets its
    own encoding, and escapes for characters that it does not have.
    """
    # A closed descriptor would be given to the next file that is opened.
    for stream, flags in ((sys.stdin, os.O_RDONLY), (sys.stdout, os.O_RDONLY), (sys.stderr, os.O_WRONLY)):
        if stream is None:
            os.open(os.devnull, flags)  # stdout for reading, so that writing fails
    if sys.stdin is None:
        sys.stdin = open(0)  # noqa: SIM115, lasts as long as the process
    out, err = sys.stdout, sys.stderr
    terminal = out is not None and out.isatty()
    sys.stdout = io.TextIOWrapper(
        _binary(CompleteWriter(1)),
        encoding=out.encoding if terminal else "utf-8",
        errors="backslashreplace" if terminal else "surrogateescape",
        newline="\n",
        line_buffering=terminal,
    )
    encoding = err.encoding if err is not None else "utf-8"
    sys.stderr = io.TextIOWrapper(_binary(_Lossy(2)), encoding, "backslashreplace", newline="\n", line_buffering=True)


def _binary(raw: CompleteWriter) -> Any:
    """A raw writer as the type that TextIOWrapper requires; it needs no buffer, since every write is complete."""
    return raw
