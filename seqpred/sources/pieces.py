"""A large file in pieces that fit into memory, each of which is a source."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from seqpred.sources.containers import unpack
from seqpred.sources.source import Source

PIECE = 16 << 20  # bytes of a file that are read at once


def pieces(source: Source) -> Iterator[tuple[Source, float]]:
    """The pieces of one file or of several, and the share of all bytes that has been read with each."""
    done, whole = 0, max(1, source.size)
    for group in _groups(source):
        if isinstance(group.content, tuple):
            yield group, (done + group.size) / whole
        else:
            for piece, share in _pieces_of_file(group):
                yield piece, (done + share * group.size) / whole
        done += group.size


def _groups(source: Source) -> Iterator[Source]:
    """Small files together, as many as make a piece; larger ones alone; of several, only those with rows."""
    group, filled, parts = list[Path](), 0, source.parts
    for part in parts:
        assert isinstance(part.content, Path)
        if part.size >= PIECE or filled + part.size >= PIECE:
            if group:
                yield replace(source, content=tuple(group))
            group, filled = [], 0
        if len(parts) > 1 and not part.has_rows:
            continue
        if part.size >= PIECE or len(parts) == 1:
            yield part
        else:
            group.append(part.content)
            filled += part.size
    if group:
        yield replace(source, content=tuple(group))


def _pieces_of_file(source: Source) -> Iterator[tuple[Source, float]]:
    assert isinstance(source.content, Path)
    size = source.content.stat().st_size
    with source.content.open("rb") as file:
        for piece in _frames(source, file) if source.is_parquet else _texts(source, file):
            yield piece, file.tell() / size


def _frames(source: Source, file: BinaryIO) -> Iterator[Source]:
    from pyarrow import parquet

    rows = 0
    for batch in parquet.ParquetFile(file).iter_batches(PIECE // 64):
        yield replace(source, content=source.with_folder_columns(batch.to_pandas()), skipped=rows)
        rows += len(batch)


def _texts(source: Source, file: BinaryIO) -> Iterator[Source]:
    """Whole lines, each time with the header before them; a line break in quotes ends none."""
    stream: Any = unpack(file, source.packing, source.size, source.name)
    recoded = source.encoding != "utf-8-sig"
    stream = codecs.EncodedFile(stream, "utf-8", source.encoding) if recoded else stream
    decoded = source.with_dialect(replace(source.dialect, encoding="utf-8")) if recoded else source
    head, rest, lines = b"", b"", 0
    while chunk := stream.read(PIECE):
        rest += chunk
        if not head and rest.count(b"\n") >= source.structure.header:
            head, rest = _split_head(rest, source.structure.header)
        whole = _whole_lines(rest) if head else b""
        if whole:
            yield replace(decoded, content=_rows(source, head, whole, lines), skipped=lines)
            lines += whole.count(b"\n")
            rest = rest[len(whole) :]
    if rest.strip() or not lines:
        yield replace(decoded, content=_rows(source, head, rest, lines), skipped=lines)


def _split_head(text: bytes, header: int) -> tuple[bytes, bytes]:
    """The lines up to the header's, and the rest."""
    end = 0
    for _ in range(header):
        end = text.find(b"\n", end) + 1
    end = len(_whole_lines(text[:end])) or end
    return text[:end], text[end:]


def _rows(source: Source, head: bytes, rest: bytes, lines: int) -> bytes:
    """The head and a piece of the lines after it, blank where they are not rows."""
    structure = source.structure
    if structure.is_plain:
        return head + rest
    first = structure.header + lines + 1
    return (structure.rows(head.decode("utf-8-sig")) + structure.rows(rest.decode(), first=first)).encode()


def _whole_lines(text: bytes) -> bytes:
    """The lines that end in a text, none in the middle of a quoted field."""
    end = text.rfind(b"\n") + 1
    while end and text.count(b'"', 0, end) % 2:
        end = text.rfind(b"\n", 0, end - 1) + 1
    return text[:end]
