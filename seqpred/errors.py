"""The kinds of error a person can meet, each with its exit code.

An error is raised once, where the fact is known, and worded once, in `cli/terminal.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


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


class SeqpredError(Exception):
    """A fault that a person can mend: what was found where, and what to do next.

    Args:
        message: what was found and what was expected, the culprit's own value included.
        hint: one remedy that can be followed as it stands.
        where: file, or file and line as an editor understands it (`sales.csv:79`).

    >>> print(DataError("no rows below the header", hint="Check the export.", where="a.csv"))
    a.csv: no rows below the header. Check the export.
    """

    exit: ClassVar[Exit] = Exit.BUG

    def __init__(self, message: str, *, hint: str, where: str | None = None) -> None:
        self.message = message if where is None else f"{where}: {message}"
        self.hint = hint
        super().__init__(f"{self.message}. {hint}")


class ConfigError(SeqpredError):
    """Wrong usage or config."""

    exit = Exit.CONFIG


class DataError(SeqpredError):
    """Data that can't be read as it is, or can't be learned from."""

    exit = Exit.DATA


class FolderError(SeqpredError):
    """A model folder that is damaged, altered or of another format."""

    exit = Exit.FOLDER


class SkillError(SeqpredError):
    """A skill below the one required."""

    exit = Exit.SKILL


class WriteError(SeqpredError):
    """A place that can't be written."""

    exit = Exit.WRITE


class StoppedError(SeqpredError):
    """Stopped by Ctrl-C or SIGTERM; what was reached is kept."""

    exit = Exit.INTERRUPTED


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known names, as the end of a hint.

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
    return f"Known: {', '.join(known[:20])}{', ...' if len(known) > 20 else ''}."
