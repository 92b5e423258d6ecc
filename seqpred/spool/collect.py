"""Number series and categories alike in all pieces of a file."""

from __future__ import annotations

import re

import numpy as np

from seqpred.arrays import Float
from seqpred.notes import Count
from seqpred.reading.table import Table, id_notes, sentinel_notes
from seqpred.sources.dialect import USUAL
from seqpred.spool.rows import Records, record_type
from seqpred.timestamps.format import TimestampFormat

_VARIABLE = re.compile(r"""(column )?('[^']*'|"[^"]*")|\d[\d.:-]*""")
_LIST = re.compile(r"#(?:, (?:#|\.\.\.))+")


class Collector:
    """What the pieces of a file have in common so far.

    Attributes:
        series: the number of each series, in order of appearance.
        words: the number of each category of a column, in order of appearance.
        lengths: [S], rows of each series.
        in_order: whether all rows are sorted by series.
    """

    def __init__(self) -> None:
        self.series: dict[str, int] = {}
        self.words: dict[str, dict[str, int]] = {}
        self.lengths = np.zeros(0, np.int64)
        self.clock: TimestampFormat | None = None
        self.dialect = USUAL
        self.in_order = True
        self._last, self._rows, self._marked = 0, 0, 0
        self._notes: dict[str, str | Count] = {}  # see `note_kind`

    def records(self, table: Table) -> Records:
        """The rows of the next piece, as they are stored."""
        codes = np.array([self.series.setdefault(name, len(self.series)) for name in table.names])[table.codes]
        before = np.zeros(len(self.series), np.int64)
        before[: len(self.lengths)] = self.lengths
        records = np.empty(len(codes), record_type(table.columns))
        records["code"], records["values"] = codes, self._values(table)
        records["time"] = table.times if table.clock.pattern else table.times + before[codes]
        records["place"] = np.arange(self._rows, self._rows + len(codes))
        self.lengths = before + np.bincount(codes, minlength=len(before))
        self.in_order &= codes[0] >= self._last and bool((codes[1:] >= codes[:-1]).all())
        self._last, self._rows = codes[-1], self._rows + len(codes)
        self.clock, self.dialect = self.clock or table.clock, table.source.dialect
        self._marked += table.marked
        for note in table.remarks:
            self._add(note)
        return records

    def _values(self, table: Table) -> Float:
        """The values [rows, columns], in which a category has the same number in all pieces."""
        values = table.values
        for i, name in enumerate(table.columns.values):
            if name in table.words:
                known = self.words.setdefault(name, {})
                numbers = np.array([known.setdefault(word, len(known)) for word in table.words[name]], np.float64)
                values[:, i] = numbers[values[:, i].astype(np.int64)]
        return values

    def _add(self, note: str | Count) -> None:
        """Add a note on a piece; of notes of one kind, the first one, with the sum of their counts."""
        kind = note_kind(note.text if isinstance(note, Count) else note)
        known = self._notes.setdefault(kind, note)
        if known is not note and isinstance(known, Count) and isinstance(note, Count):
            self._notes[kind] = known + note

    @property
    def notes(self) -> list[str]:
        """The notes on all pieces."""
        for note in id_notes(self.series, "id"):  # on ids that differ in capitals and are in different pieces
            self._add(note)
        return [*map(str, self._notes.values()), *sentinel_notes(self.dialect, self._marked)]


def note_kind(note: str) -> str:
    """What the notes on several pieces have in common: the text without numbers and examples in quotes.

    >>> note_kind("numbers in column 'day' are dates: 20240131 is 2024-01-31, and '20240201' is 2024-02-01")
    "numbers in column 'day' are dates: # is #, and # is #"
    """
    return _LIST.sub("#", _VARIABLE.sub(lambda found: found[0] if found[1] else "#", note))
