"""The columns of a plain text, each parsed with its expected type."""

from __future__ import annotations

import re
from typing import Protocol

from seqpred.arrays import Float, Int

ISO = re.compile(r"\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d(:\d\d)?)?", re.ASCII)
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class NotPlainError(Exception):
    """The text has a cell or a line that needs the thorough reader."""


class PlainCells(Protocol):
    """The cells of a text. Methods raise `NotPlainError` or ValueError if a cell is not what they return."""

    def __len__(self) -> int: ...

    def words(self, name: str) -> tuple[list[str], Int]:
        """The words of a column in order of appearance, and the place of each row's among them, `[rows]`."""
        ...

    def numbers(self, name: str) -> Float:
        """`[rows]`, NaN where the cell is missing."""
        ...

    def whole(self, name: str) -> Int:
        """`[rows]`, none missing."""
        ...

    def instants(self, name: str, first: str) -> Int:
        """Timestamps in microseconds, `[rows]`, all written like the first one."""
        ...
