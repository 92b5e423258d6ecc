"""The header of a stream, below titles and comments: recognized by the columns that it must contain."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from seqpred.errors import DataError, did_you_mean
from seqpred.notes import Note, Notify
from seqpred.sources.columns import column_names
from seqpred.sources.structure import COMMENTS, SEPARATOR_LINE, name_lines

MAX_TITLES = 50  # lines before the header
LOGGERS = ("TOA5", "TOB1", "TOACI1")  # the first field of a logger's file, above the header


class HeaderSearch:
    """Takes the lines of a stream one by one until the header is found.

    Args:
        wanted: the columns that the header must contain.
        source: what messages call the source of the lines.
        notify: receives which lines before the header are skipped.

    Attributes:
        names: the names of the columns; None until they are found.
        delimiter: of the fields.
        comment: the prefix of comments; empty if there are none.
    """

    def __init__(self, wanted: Sequence[str], source: str, notify: Notify) -> None:
        self._wanted, self._source, self._notify = wanted, source, notify
        self.names: list[str] | None = None
        self.delimiter, self.comment = ",", ""
        self._separator = self._open = ""
        self._commented: tuple[str, list[str]] | None = None  # a comment that names the columns
        self._skipped: list[int] = []

    def take(self, text: str, number: int) -> bool:
        """Take the next line; whether it is already a row, below a header in a comment.

        Raises:
            DataError: the line is a header without a wanted column, or with two of its name.
        """
        text, self._open = self._open + text, ""
        if self._continues(text):
            self._open = f"{text}\n"
            return False
        if named := SEPARATOR_LINE.fullmatch(text):
            self._separator = named[1]
            return False
        self.comment = next((mark for mark in COMMENTS if text.lstrip().startswith(mark)), self.comment)
        is_comment = bool(self.comment) and text.lstrip().startswith(self.comment)
        delimiter = self._delimiter(text)
        names = column_names(split(text.lstrip(f"{self.comment} ") if is_comment else text, delimiter))
        if is_comment or self._is_title(names):
            if self._has_all(names):
                self._commented = delimiter, names
            self._skipped.append(number)
            return False
        if self._commented is not None and not self._has_all(names):
            self._choose(*self._commented, number)
            return True
        self._choose(delimiter, names, number)
        return False

    def _continues(self, text: str) -> bool:
        """Whether the header continues on the next line: a column's name in quotes may contain line breaks."""
        if text.count('"') % 2 == 0 or text.count("\n") >= MAX_TITLES:
            return False
        try:
            *names, last = next(csv.reader([text], delimiter=self._delimiter(text)))
        except csv.Error:  # `split` reports it
            return False
        return bool({*names} & {*self._wanted}) or any(name.startswith(f"{last}\n") for name in self._wanted)

    def _delimiter(self, text: str) -> str:
        return self._separator or max(",;\t|", key=text.count)

    def _has_all(self, names: Sequence[str]) -> bool:
        return set(self._wanted) <= set(names)

    def _is_title(self, names: Sequence[str]) -> bool:
        """Whether a line names none of the columns and has fewer fields than there are columns, or a logger's form."""
        if set(self._wanted) & set(names) or len(self._skipped) >= MAX_TITLES:
            return False
        filled = [name for place, name in enumerate(names) if name != f"Unnamed: {place}"]
        return len(filled) < len(self._wanted) or names[0].upper().startswith(LOGGERS)

    def _choose(self, delimiter: str, names: list[str], number: int) -> None:
        where = f"{self._source}:{number}"
        for name in self._wanted:
            if name not in names:
                raise DataError(f"no column {name!r}", hint=did_you_mean(name, names), where=where)
            if names.count(name) > 1:
                raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=where)
        if self._skipped:
            text = f"{name_lines(self._skipped)} skipped: titles or comments before the header"
            self._notify(Note(text, self._source))
        self.delimiter, self.names = delimiter, names


def split(text: str, delimiter: str) -> list[str]:
    """The fields of a line.

    Raises:
        ValueError: the quotes do not match.
    """
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as e:
        if "\r" in text:
            raise ValueError("its lines end with CR alone; convert them with tr '\\r' '\\n'") from None
        why = "in a stream, a row is one line" if "end of data" in str(e) else e
        raise ValueError(f"the quotes of the line do not match ({why})") from None
