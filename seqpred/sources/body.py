"""The records of a text, and the kinds of their cells, which distinguish rows from headers, titles and units."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from seqpred.sources.dialect import EMPTY
from seqpred.sources.numbers import split_cell

Kind = Literal["empty", "number", "time", "text"]

_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}:\d\d|\d{8}T\d{4}|\d{4}-?[MQWH]\d|[MQWH]\d{1,2}[- ]\d{4}|\d{4}-\d\d$"
_MONTH = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|avr|juin|juil|août|déc|fév)\w*\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)\w*[., ]+)?"
_TIME = re.compile(rf"{_WEEKDAY}(?:{_DATE}|\d{{1,2}}[-. ]*{_MONTH}\b|{_MONTH}[-., ]*\d)", re.IGNORECASE)
_SIMPLE_UNIT = (
    r"(?:[%‰°$€£¥]|°?deg(?:rees?)?[ _.]?[CF]?|°[CF]|[kmcdhGTnuµ]?(?:Wh?|VA?h?|Ah?|Hz|m|g|l|s|Pa|bar|t|J|N|K|C|F)[23²³]?"
    r"|min|hrs?|hours?|days?|mph|knots?|pp[mb]|usd|eur|gbp|utc|cet|gmt|lux|rh|psu|pcs)"
)
_UNIT = rf"%?{_SIMPLE_UNIT}(?:[/* ·^]{_SIMPLE_UNIT}(?:\^?-?[123])?)*|[\[(].{{0,30}}[\])]|yyyy.*"  # compiled when used
_FORMAT = re.compile(r"\d{1,3}[sdn]")
_NO_UNIT = frozenset(("ts", "rn", "smp", "avg", "tot", "std", "count", "number", "string", "text", "float", "integer"))

MIN_RECORDS = 4  # of a text with long ones that are examined
MANY_NAMES = 5  # numbers that follow one another, which are names and not a row


class Record(NamedTuple):
    """The fields of a record, and its first and last line (from 1)."""

    first: int
    last: int
    fields: list[str]

    @property
    def filled(self) -> list[str]:
        """The fields that are not empty, without blanks around them."""
        return [text for field in self.fields if (text := field.strip())]

    @property
    def width(self) -> int:
        """Fields up to the last one that is not empty."""
        return max((i for i, field in enumerate(self.fields, start=1) if field.strip()), default=0)


@functools.lru_cache(4096)
def kind_of(text: str) -> Kind:
    """What one cell seems to be, judged by itself.

    >>> [kind_of(text) for text in ("", "3.5", "$5", "2024-01-31", "Jan-49", "Sales")]
    ['empty', 'number', 'number', 'time', 'time', 'text']
    """
    text = text.strip()
    if text in EMPTY or not text.strip("-.:?*_/ \u2013\u2014"):
        return "empty"
    if not any(map(str.isdigit, text)):
        return "text"
    if _TIME.match(text):
        return "time"
    return "number" if split_cell(text) else "text"


def records_of(text: str, delimiter: str, cells: int | None = None) -> Iterator[Record]:
    """The first records of a text that are not blank, up to a number of cells, and `MIN_RECORDS` at least."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    first, found = 1, 0
    try:
        for fields in reader:
            if any(fields) or len(fields) > 1:
                yield Record(first, reader.line_num, fields)
                found += 1
                if cells is not None and (cells := cells - len(fields)) < 0 and found >= MIN_RECORDS:
                    return
            first = reader.line_num + 1
    except csv.Error:
        return  # the reader finds the same fault and reports it


class Body:
    """The records that are rows, judged by the majority of cells in each column.

    Attributes:
        kinds: of each column that contains numbers or timestamps, which of them.
        start: the first record that is a row; the number of records if none is.
        width: fields of a row.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        sample = records[max(1, len(records) // 2) :] or records
        self.width = Counter(len(record.fields) for record in sample).most_common(1)[0][0] if sample else 0
        counts = [Counter(kind_of(r.fields[c]) for r in sample if c < len(r.fields)) for c in range(self.width)]
        self.has_formats = bool(sample) and is_format_row(sample[-1])
        self.kinds: dict[int, Kind] = {}
        for c, count in enumerate(counts):
            kind: Kind = "time" if count["time"] > count["number"] else "number"
            if count["time"] + count["number"] >= max(1, count["text"]):
                self.kinds[c] = kind
        rows = (
            i for i, record in enumerate(records) if self.is_row(record) and not self._is_named(record, is_first=i == 0)
        )
        self.start = next(rows, len(records))

    def _is_named(self, record: Record, *, is_first: bool) -> bool:
        """Whether the numbers of a record are names, as years are; few of them are so only in the first record."""
        if "time" in self.matches(record):
            return False
        is_long = len(self.matches(record)) >= MANY_NAMES
        return (is_long or is_first) and (_counts_up(record.filled) or bool(self.misfits(record)))

    def matches(self, record: Record) -> list[Kind]:
        """The kinds of the cells that are what their columns contain."""
        there = ((kind, record.fields[c]) for c, kind in self.kinds.items() if c < len(record.fields))
        return [kind for kind, text in there if kind_of(text) == kind or (text.strip() and kind_of(text) == "empty")]

    def misfits(self, record: Record) -> list[str]:
        """The cells that are text in a column of numbers or timestamps."""
        return [record.fields[c] for c in self.kinds if c < len(record.fields) and kind_of(record.fields[c]) == "text"]

    def is_row(self, record: Record) -> bool:
        """Whether a record is a row and not a header, a title or a line of units."""
        if len(record.fields) < min(2, self.width) or self._is_format_row(record):
            return False
        matches, misfits = self.matches(record), self.misfits(record)
        if "time" in matches:
            return True
        return bool(matches) and (not misfits or (len(matches) > len(misfits) and not _counts_up(record.filled)))

    def _is_format_row(self, record: Record) -> bool:
        return not self.has_formats and is_format_row(record)

    def is_units(self, record: Record) -> bool:
        """Whether a record below the header contains the units or formats of the columns."""
        if self._is_format_row(record):
            return True
        found = [_is_unit(text) for text in record.filled]
        return bool(self.kinds and found) and not self.matches(record) and 2 * sum(found) >= len(found)


def is_format_row(record: Record) -> bool:
    """Whether a record contains widths and types of the columns, as in the RDB format: 15s for text, 10d for dates."""
    filled = record.filled
    return len(filled) > 1 and all(map(_FORMAT.fullmatch, filled))


def _is_unit(text: str) -> bool:
    """Whether a cell below a column's name is its unit, or its type or aggregation as loggers write them.

    >>> [_is_unit(text) for text in ("kWh", "W/m^2", "degC", "[UTC]", "Avg", "Berlin")]
    [True, True, True, True, True, False]
    """
    return bool(re.fullmatch(_UNIT, text, re.IGNORECASE)) or text.lower() in _NO_UNIT


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the numbers among these cells can be names: 0, 1, 2, ... or years that follow one another.

    >>> _counts_up(["Country", "1960", "1961"]), _counts_up(["0"]), _counts_up(["3", "17"])
    (True, True, False)
    """
    numbers = [int(text) for text in cells if text.isascii() and text.isdigit()]
    if len(numbers) < sum(kind_of(text) == "number" for text in cells) or not numbers:
        return False
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    if all(1800 <= number <= 2200 for number in numbers):
        return len({step > 0 for step in steps}) < 2 and 0 not in steps
    return (steps == {1} and numbers[0] < 2) or numbers == [0]
