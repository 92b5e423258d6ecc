"""Which column of a source is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """Which column is what; the time may stand in several, as a date's and a clock's, or in none."""

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


def column_names(header: Sequence[str]) -> list[str]:
    """The names of columns; one without a name is called by its place, as pandas calls it.

    >>> column_names(["", "y"])
    ['Unnamed: 0', 'y']
    """
    return [name or f"Unnamed: {i}" for i, name in enumerate(header)]
