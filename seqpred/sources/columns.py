"""The names and roles of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """The role of each column. The timestamp may be split over several columns, such as a date's and a clock's."""

    time: tuple[str, ...]
    id: str | None
    targets: tuple[str, ...]
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The columns of `Table.values`, in order."""
        return (*self.targets, *self.known, *self.past, *self.static)

    @property
    def all_names(self) -> list[str]:
        """The id, the time columns and the columns of values."""
        return [c for c in (self.id, *self.time, *self.values) if c is not None]


def column_names(header: Sequence[str]) -> list[str]:
    """The names of columns, without blanks and quotes around them.

    A column without a name is named after its position, as pandas does.

    >>> column_names(["", " sales ", ' "price"'])
    ['Unnamed: 0', 'sales', 'price']
    """
    return [_unquoted(name.strip()) or f"Unnamed: {i}" for i, name in enumerate(header)]


def _unquoted(name: str) -> str:
    """The name in quotes, which csv leaves if a blank precedes them."""
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name
