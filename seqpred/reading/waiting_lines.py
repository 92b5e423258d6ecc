"""The lines of a pipe or a file as they arrive, without waiting for more than the first of them."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import NamedTuple

from seqpred.reading.unpacking import MAX_READ, Unpacker, unpacker_of

MAX_LINE = 1 << 20  # bytes; a longer line is not a row


class Line(NamedTuple):
    """A line without its line break.

    Attributes:
        number: from 1.
        content: None if it is longer than `MAX_LINE`.
        ended: whether it has a line break.
    """

    number: int
    content: bytes | None
    ended: bool = True


def waiting_lines(descriptor: int, stop: int | None = None, source: str = "standard input") -> Iterator[list[Line]]:
    """The lines that are waiting, repeatedly until the end.

    A line that is incomplete when the stop is requested is dropped.

    Args:
        descriptor: of a pipe or a file, which may be compressed with gzip, bzip2 or xz.
        stop: a descriptor that becomes readable when no more lines are needed.
        source: what messages call it.
    Raises:
        DataError: it is compressed in another way, or damaged or truncated.
    """
    number, rest, too_long = 1, b"", False
    for piece in _pieces(descriptor, stop, source):
        if piece is None:
            return
        *complete, rest = (rest + piece).split(b"\n")
        lines = []
        for content in complete:
            lines.append(Line(number, None if too_long or len(content) > MAX_LINE else content))
            number, too_long = number + 1, False
        if len(rest) > MAX_LINE:
            rest, too_long = b"", True
        yield lines
    if rest or too_long:
        yield [Line(number, None if too_long else rest, ended=False)]


def _read(descriptor: int, stop: int | None) -> bytes | None:
    """The waiting bytes, at least one; empty at the end, None if a stop is requested."""
    if stop is not None and stop in select.select([descriptor, stop], [], [])[0]:
        return None
    return os.read(descriptor, MAX_READ)


def _pieces(descriptor: int, stop: int | None, source: str) -> Iterator[bytes | None]:
    """The decompressed bytes that are waiting, repeatedly until the end; then None if a stop is requested."""
    unpacker: Unpacker | None = None
    first = True
    while (piece := _read(descriptor, stop)) != b"":
        if piece is None:
            yield None
            return
        if first:
            unpacker = unpacker_of(piece, source)
        first = False
        if unpacker is None:
            yield piece
        else:
            yield from unpacker.unpack(piece)
    if unpacker is not None:
        unpacker.close()
