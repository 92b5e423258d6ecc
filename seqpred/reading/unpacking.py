"""Decompress what arrives in a pipe, piece by piece."""

from __future__ import annotations

import bz2
import lzma
import shlex
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
    """Decompresses pieces; several files one after another are one.

    Args:
        source: what messages call it.
    """

    def __init__(self, packing: Packing, source: str) -> None:
        self._packing, self._source, self._new = packing, source, _NEW[packing]
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
        return DataError(message, hint="Compress it again.", where=self._source)


def unpacker_of(beginning: bytes, source: str) -> Unpacker | None:
    """What decompresses a stream with this beginning; None if it is not compressed.

    Args:
        source: the file that is streamed, or `standard input`.
    Raises:
        DataError: a stream of this form cannot be read row by row.
    """
    packing, form = packing_of(beginning), form_of(beginning, source)
    file = "FILE" if source == "standard input" else shlex.quote(source)
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = f"Convert it first: iconv -f utf-16 -t utf-8 {file} | seqpred predict MODEL - --stream."
        raise DataError("is UTF-16, which cannot be read row by row", hint=hint, where=source)
    if form in ("parquet", "feather"):
        message = f"is a {form.capitalize()} file, which cannot be read row by row"
        raise DataError(message, hint="Omit --stream and --state.", where=source)
    if packing in _TOOLS:
        hint = f"Decompress it first: {_TOOLS[packing]} {file} | seqpred predict MODEL - --stream."
        raise DataError(f"is compressed with {packing}, which cannot be read row by row", hint=hint, where=source)
    return Unpacker(packing, source) if packing else None
