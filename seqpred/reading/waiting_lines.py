"""The lines of a pipe or a file as they arrive, without waiting for more than the first of them."""

from __future__ import annotations

import os
import select
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from seqpred.errors import DataError

MAX_LINE = 1 << 20  # bytes; a longer line is not a row
MAX_READ = 1 << 18  # bytes read at once, which bounds memory


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


def waiting_lines(descriptor: int, stop: int | None = None) -> Iterator[list[Line]]:
    """The lines that are waiting, repeatedly until the end.

    A line that is incomplete when the stop is requested is dropped.

    Args:
        descriptor: of a pipe or a file, gzip or not.
        stop: a descriptor that becomes readable when no more lines are wanted.
    Raises:
        DataError: it is gzip, and damaged or truncated.
    """
    number, rest, too_long = 1, b"", False
    for piece in _pieces(descriptor, stop):
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
    """What is waiting, at least a byte; empty at the end, None if a stop is requested."""
    if stop is not None and stop in select.select([descriptor, stop], [], [])[0]:
        return None
    return os.read(descriptor, MAX_READ)


def _pieces(descriptor: int, stop: int | None) -> Iterator[bytes | None]:
    """The decompressed bytes that are waiting, repeatedly until the end; then None if a stop is requested."""
    decompress: Any = None
    first = True
    while (piece := _read(descriptor, stop)) != b"":
        if piece is None:
            yield None
            return
        if first and piece[:2] == b"\x1f\x8b":
            decompress = zlib.decompressobj(31)
        first = False
        if decompress is None:
            yield piece
            continue
        text = b""
        while piece or (len(text) == MAX_READ and not decompress.eof):  # a few packed bytes may contain very many
            if decompress.eof:  # several gzip files one after another are one gzip file
                decompress = zlib.decompressobj(31)
            text = _decompressed(decompress, piece)
            yield text
            piece = decompress.unused_data.lstrip(b"\0") if decompress.eof else decompress.unconsumed_tail
    if decompress is not None and not decompress.eof:
        raise _damaged("it is truncated")


def _decompressed(decompress: Any, piece: bytes) -> bytes:
    try:
        text: bytes = decompress.decompress(piece, MAX_READ)  # zlib does not export the type
    except zlib.error as e:
        raise _damaged(str(e)) from None
    return text


def _damaged(why: str) -> DataError:
    return DataError(f"damaged gzip stream ({why})", hint="Compress it again.", where="standard input")
