"""Decompress what arrives in a pipe, piece by piece."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from seqpred.errors import DataError
from seqpred.sources.containers import Packing, form_of, packing_of

MAX_READ = 1 << 18  # bytes read or decompressed at once, which bounds memory

_NEW: dict[Packing, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
_TOOLS: dict[Packing, str] = {"zstd": "zstdcat", "zip": "unzip -p"}


class Unpacker:
    """Decompresses pieces; several files one after another are one."""

    def __init__(self, packing: Packing) -> None:
        self._packing, self._new = packing, _NEW[packing]
        self._part = self._new()

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """The decompressed bytes of the next piece, in parts of at most `MAX_READ`.

        Raises:
            DataError: they are damaged.
        """
        text = b""
        while piece or (len(text) == MAX_READ and not self._part.eof):  # a few packed bytes may contain very many
            if self._part.eof:
                self._part = self._new()
            try:
                text = self._part.decompress(piece, MAX_READ)
            except (zlib.error, lzma.LZMAError, OSError, EOFError) as e:
                raise self._damaged(str(e)) from None
            yield text
            if self._part.eof:
                piece = self._part.unused_data.lstrip(b"\0")
            else:
                piece = getattr(self._part, "unconsumed_tail", b"")  # the others keep it

    def close(self) -> None:
        """Check that the last piece was complete.

        Raises:
            DataError: it was not.
        """
        if not self._part.eof:
            raise self._damaged("it is truncated")

    def _damaged(self, why: str) -> DataError:
        message = f"damaged {self._packing} stream ({why})"
        return DataError(message, hint="Compress it again.", where="standard input")


def unpacker_of(beginning: bytes) -> Unpacker | None:
    """What decompresses a stream with this beginning; None if it is not compressed.

    Raises:
        DataError: a stream of this form cannot be read row by row.
    """
    packing, form = packing_of(beginning), form_of(beginning, "the stream")
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "Convert it first: iconv -f utf-16 -t utf-8 FILE | seqpred predict MODEL - --stream."
        raise DataError("is UTF-16, which cannot be read row by row", hint=hint, where="the stream")
    if form in ("parquet", "feather"):
        message = f"is a {form.capitalize()} file, which cannot be read row by row"
        raise DataError(message, hint="Omit --stream and --state.", where="the stream")
    if packing in _TOOLS:
        hint = f"Decompress it first: {_TOOLS[packing]} FILE | seqpred predict MODEL - --stream."
        raise DataError(f"is compressed with {packing}, which cannot be read row by row", hint=hint, where="the stream")
    return Unpacker(packing) if packing else None
