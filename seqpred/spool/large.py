"""Which files are too large for memory."""

from __future__ import annotations

from dataclasses import replace

from seqpred.sources.source import Source

LARGE = 512 << 20  # bytes of a file whose rows are stored


def is_large(source: Source) -> bool:
    """Whether the rows of a file are stored rather than kept in memory."""
    return source.is_file and source.is_divisible and source.size >= LARGE


def beginning(source: Source) -> Source:
    """The first piece of a large file, which shows how it is written; a smaller file as a whole."""
    if not is_large(source):
        return source
    from seqpred.sources.pieces import pieces

    return replace(next(pieces(source))[0], name=source.name)
