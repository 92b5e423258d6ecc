"""Lines at the end of a text that are not rows: totals, sources, delimiters without a value."""

from __future__ import annotations

import re
from typing import NamedTuple

from seqpred.sources.body import Body, Record, kind_of, records_of
from seqpred.sources.structure import name_lines

_TOTAL = (  # compiled on first use
    r"(?:(?:grand|sub|overall|gesamt)[- ]?)?(?:totals?|totale|totaal|sum(?:me|a)?|gesamt|somme|insgesamt|average|avg|"
    r"mean|durchschnitt|mittelwert|moyenne|media|min(?:imum)?|max(?:imum)?|count|median)\b.*"
)


MIN_ROWS = 10  # with a time, below which a row without one is a total and not a fault
TAIL, TAIL_LINES = 1 << 14, 50  # characters and lines of a text in which its footer is looked for


class Footer(NamedTuple):
    """The records of a footer, and how many lines of the text precede the part in which it was found."""

    records: tuple[Record, ...] = ()
    before: int = 0

    @property
    def lines(self) -> frozenset[int]:
        """The lines of the text, from 1."""
        return frozenset(line + self.before for r in self.records for line in range(r.first, r.last + 1))

    @property
    def notes(self) -> list[str]:
        """What is skipped."""
        empty = [record.first + self.before for record in self.records if not record.filled]
        words = [record for record in self.records if record.filled]
        notes = [f"{name_lines(empty)} skipped: delimiters without a value"] if empty else []
        if words:
            lines = name_lines([record.first + self.before for record in words])
            notes.append(f"{lines} skipped: not a row ({words[0].filled[0][:40]!r})")
        return notes


def find_footer(tail: str, delimiter: str) -> Footer:
    """The footer in the last whole lines of a text."""
    if tail.count('"') % 2:
        return Footer()  # it begins within quotes
    records = list(records_of(tail, delimiter))
    body = Body(records)
    found = list[Record]()
    while records and is_footer(records[-1], body):
        found.insert(0, records.pop())
    timeless = [record for record in records if _has_no_time(record, body)]
    if len(records) > MIN_ROWS and timeless == records[-1:]:
        found.insert(0, records.pop())
    return Footer(tuple(found)) if records and body.kinds else Footer()


def _has_no_time(record: Record, body: Body) -> bool:
    """Whether the cells of timestamps are empty, as in a total below them."""
    times = [column for column, kind in body.kinds.items() if kind == "time"]
    return bool(times) and not any(record.fields[column].strip() for column in times if column < len(record.fields))


def is_footer(record: Record, body: Body) -> bool:
    """Whether a record at the end of a text is not a row: it has no value, is a line of text, or a total."""
    filled = record.filled
    if not filled:
        return True
    if "time" in body.matches(record):
        return False
    is_text = kind_of(filled[0]) == "text"
    if body.width > 1 and len(record.fields) == 1:
        return is_text or any(map(str.isalpha, filled[0]))  # the end of a row that is cut off has no letters
    if not is_text:
        return False
    first = next(i for i, field in enumerate(record.fields) if field.strip())
    return first in body.kinds and (
        len(filled) == 1 < body.width or bool(re.fullmatch(_TOTAL, filled[0], re.IGNORECASE))
    )
