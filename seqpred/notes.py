"""What a long operation reports while it runs: notes and progress; the caller determines how to show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqpred.errors import one_line

PLACES = 3  # that a note names


class Note(NamedTuple):
    """Something that was inferred, filled or skipped, or another fact that the user should know.

    Attributes:
        text: a clause without a final period.
        where: the file that it is about.

    >>> str(Note("3 empty cells, treated as missing", where="sales.csv"))
    'sales.csv: 3 empty cells, treated as missing.'
    """

    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{one_line(self.where)}: {self.text}." if self.where else f"{self.text}."


@dataclass(frozen=True)
class Count:
    """The text of a note that begins with a number, which is added up over the parts of a file.

    Attributes:
        one: the text after the number 1, if it is another one.
        places: of the first ones.

    >>> str(Count(3, "empty cells")), str(Count(2, "cells are empty", places=("4",)) + Count(1, "", places=("7",)))
    ('3 empty cells', '3 cells are empty (4, 7, ...)')
    """

    count: int
    text: str
    one: str = ""
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = self.one if self.one and self.count == 1 else self.text
        shown = ", ".join([*self.places, *(["..."] if self.count > len(self.places) else [])])
        return f"{self.count} {text} ({shown})" if self.places else f"{self.count} {text}"

    def __add__(self, other: Count) -> Count:
        places = (*self.places, *other.places)[:PLACES]
        return Count(self.count + other.count, self.text, self.one, places)


@dataclass(frozen=True)
class Progress:
    """How far an operation is.

    Attributes:
        what: the operation, as `training`.
        share: from 0 to 1.
    """

    what: str
    share: float

    @property
    def detail(self) -> str:
        """More about it, for a progress bar."""
        return ""

    @property
    def line(self) -> str:
        """All of it as one line, for a log.

        >>> Progress("reading", 0.5).line
        'reading: 50 %'
        """
        return f"{self.what}: {100 * self.share:.0f} %"

    def fields(self) -> dict[str, Any]:
        """All of it by name, for `--log`; empty if it is not worth a line."""
        return {}


Notify = Callable[[Note], None]
OnProgress = Callable[[Progress], None]


def no_op(*_: object) -> None:
    """Ignore a note or a progress report."""
