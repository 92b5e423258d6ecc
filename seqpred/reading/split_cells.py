"""The cells of a small text, split at delimiters: faster than importing pyarrow."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.reading.plain_cells import ISO, NUMBER, WHOLE, NotPlainError
from seqpred.sources.columns import column_names
from seqpred.sources.dialect import EMPTY
from seqpred.sources.source import Source


class SplitCells:
    """See `PlainCells`.

    Attributes:
        cells: of each column by its name, as they are written.
    """

    def __init__(self, source: Source, content: bytes) -> None:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if '"' in text or "\r" in text or "\0" in text:
            raise NotPlainError
        header, *rows = [line.split(source.delimiter) for line in text.split("\n") if line]
        if not rows or any(len(row) != len(header) for row in rows):
            raise NotPlainError
        self.cells = dict(zip(column_names(header), zip(*rows, strict=True), strict=True))

    def __len__(self) -> int:
        return len(next(iter(self.cells.values())))

    def words(self, name: str) -> tuple[list[str], Int]:
        """See `PlainCells`."""
        place: dict[str, int] = {}
        codes = [place.setdefault(word, len(place)) for word in self.cells[name]]
        return list(place), np.array(codes, np.int64)

    def numbers(self, name: str) -> Float:
        """See `PlainCells`."""
        texts = ["nan" if text in EMPTY else text for text in self.cells[name]]
        if not all(NUMBER.fullmatch(text) or text == "nan" for text in texts):
            raise NotPlainError
        return np.array([float(text) for text in texts])

    def whole(self, name: str) -> Int:
        """See `PlainCells`."""
        if not all(map(WHOLE.fullmatch, self.cells[name])):
            raise NotPlainError
        return np.array([int(text) for text in self.cells[name]], np.int64)

    def instants(self, name: str, first: str) -> Int:
        """See `PlainCells`."""
        signs = [(i, sign) for i, sign in enumerate(first) if sign in "T :"]
        for text in self.cells[name]:
            if len(text) != len(first) or not ISO.fullmatch(text) or any(text[i] != sign for i, sign in signs):
                raise NotPlainError
        return np.array(self.cells[name], "datetime64[us]").astype(np.int64)
