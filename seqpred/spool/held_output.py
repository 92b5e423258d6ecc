"""Output that is delivered only once it is complete, so that a failure leaves a pipe or standard output empty."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqpred.errors import WriteError
from seqpred.spool.mapped import SpillBuffer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PART = 1 << 20  # bytes that are delivered at once


class HeldOutput(io.RawIOBase):
    """A file for writing whose content is kept in memory or, once it is large, in an unnamed file of the cache."""

    def __init__(self) -> None:
        self._buffer, self._size = SpillBuffer(), 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Keep more bytes.

        Raises:
            WriteError: the cache cannot be written.
        """
        part = np.frombuffer(bytes(data), np.uint8)
        if not len(part):
            return 0
        try:
            self._buffer.add(part)
        except OSError as e:
            hint = "Free some disk space, or set XDG_CACHE_HOME to another folder."
            raise WriteError(f"the output cannot be stored until it is complete ({e})", hint=hint) from None
        self._size += len(part)
        return len(part)

    def parts(self) -> Iterator[bytes]:
        """The content, to be delivered."""
        if not self._size:
            return
        content = self._buffer.result()
        for begin in range(0, self._size, PART):
            yield content[begin : begin + PART].tobytes()

    def close(self) -> None:
        """Release the memory or the file."""
        self._buffer.__exit__()
        super().close()
