"""The errors that are reported to users, each with its exit code.

An error is raised where the fact is known, and shown in one place, `cli/run.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple


class Exit(IntEnum):
    """Every exit code of the command."""

    DONE = 0
    BUG = 1
    CONFIG = 2
    DATA = 3
    FOLDER = 4
    SKILL = 5
    WRITE = 6
    INTERRUPTED = 130


class Fault(NamedTuple):
    """One malformed line of a file.

    Attributes:
        path: the file, as messages call it.
        line: its number, from 1.
        message: what is wrong with it.

    >>> str(Fault("sales.csv", 79, "'x' in column 'y' is not a number"))
    "sales.csv:79: 'x' in column 'y' is not a number"
    """

    path: str
    line: int
    message: str

    @property
    def where(self) -> str:
        """The file and line, as an editor understands them."""
        return f"{self.path}:{self.line}"

    def __str__(self) -> str:
        return f"{one_line(self.where)}: {self.message}"


class SeqpredError(Exception):
    """An error that the user can fix: what was found where, and what to do next.

    Args:
        message: what was found and what was expected, with the offending value.
        hint: a remedy that can be followed literally.
        where: file, or file and line as an editor understands it (`sales.csv:79`).

    >>> print(DataError("no rows below the header", hint="Check the export.", where="a.csv"))
    a.csv: no rows below the header. Check the export.
    """

    exit: ClassVar[Exit] = Exit.BUG

    def __init__(self, message: str, *, hint: str, where: str | None = None) -> None:
        self.message = message if where is None else f"{one_line(where)}: {message}"
        self.hint = hint
        super().__init__(f"{self.message}. {hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        """How to send it to another process."""
        return _rebuilt, (type(self), self.message, self.hint)


def _rebuilt(kind: type[SeqpredError], message: str, hint: str) -> SeqpredError:
    return kind(message, hint=hint)


class ConfigError(SeqpredError):
    """Wrong usage or config."""

    exit = Exit.CONFIG


class UnreachableError(ConfigError):
    """The processes of a training cannot find each other, so each of them reports it."""


class DataError(SeqpredError):
    """Data that cannot be read or trained on."""

    exit = Exit.DATA


class FolderError(SeqpredError):
    """A model folder that is damaged, altered or of another format."""

    exit = Exit.FOLDER


class SkillError(SeqpredError):
    """A skill below the one required."""

    exit = Exit.SKILL


class WriteError(SeqpredError):
    """A file or folder that cannot be written."""

    exit = Exit.WRITE


class StoppedError(SeqpredError):
    """Interrupted by Ctrl-C or SIGTERM; the state is saved."""

    exit = Exit.INTERRUPTED


def one_line(text: str) -> str:
    r"""Text with line breaks escaped, which a path may contain.

    >>> one_line("a\nb.csv")
    'a\\nb.csv'
    """
    return text.replace("\n", "\\n").replace("\r", "\\r")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known names, as the last sentence of a hint.

    >>> did_you_mean("lsmt", ["gru", "lstm", "rnn"])
    "Did you mean 'lstm'?"
    >>> did_you_mean("transformer", ["gru", "lstm", "rnn"])
    'Known: gru, lstm, rnn.'
    """
    known = list(known)
    lowered = {k.lower(): k for k in reversed(known)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    if near:
        return f"Did you mean {lowered[near[0]]!r}?"
    return f"Known: {', '.join(known[:20])}{', ...' if len(known) > 20 else '.'}"
