"""One line of text to one row: a header and delimited rows, or JSON objects. Used by streams."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from seqpred.calendar.step import Step
from seqpred.errors import Fault
from seqpred.notes import Notify, no_op
from seqpred.reading.stream_header import HeaderSearch, split
from seqpred.reading.waiting_lines import MAX_LINE, Line
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import EMPTY, LARGEST, LETTERS, Dialect
from seqpred.sources.numbers import NumberFormat
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.row_reader import TimestampReader


class Row(NamedTuple):
    """The values of one row.

    Attributes:
        line: its number in the source, from 1.
        name: the series.
        time: None without a time column.
        later: the second time with the same local time, where the clocks go back; it is meant if the series has
            already passed the first.
        values: of the columns in the order of `Columns.values`; categories as codes, NaN where missing.
    """

    line: int
    name: str
    time: int | None
    later: int | None
    values: list[float]


OnSkipped = Callable[[Fault], None]
"""Receives a row that cannot be used."""


@dataclass(frozen=True)
class RowFormat:
    """The columns of a row, and how they are written.

    Attributes:
        words: the categories of the model, by column.
        step: from one row to the next.
    """

    columns: Columns
    dialect: Dialect
    words: Mapping[str, Sequence[str]]
    step: Step


class LineParser:
    """Parses lines into rows: a header first, or JSON objects.

    Titles and comments may come before the header, which is recognized by the columns that it must contain.

    Args:
        source: what messages call the source of the lines.
        on_skipped: receives each malformed row.
        notify: receives which lines before the header are skipped.

    Attributes:
        malformed: how many rows were malformed.
    """

    def __init__(self, source: str, row_format: RowFormat, on_skipped: OnSkipped, notify: Notify = no_op) -> None:
        self.source, self.format, self.malformed = source, row_format, 0
        self.on_skipped = on_skipped
        self._is_json = False
        columns, dialect = row_format.columns, row_format.dialect
        self._times = TimestampReader(columns.time, dialect, row_format.step)
        self._codes = {name: {w: i for i, w in enumerate(own, start=1)} for name, own in row_format.words.items()}
        self._missing = frozenset((*EMPTY, *dialect.missing_texts)), frozenset(dialect.missing_numbers)
        decimal: Literal[".", ","] = "," if dialect.decimal == "," else "."
        self._numbers = {name: NumberFormat(decimal, dialect.unit.get(name, "")) for name in columns.values}
        self._wanted = [name for name in (columns.id, *columns.time, *columns.values) if name is not None]
        self._header = HeaderSearch(self._wanted, source, notify)

    @property
    def clock(self) -> TimestampFormat | None:
        """How timestamps are written; the first row determines it, unless a saved state does."""
        return self._times.format

    @clock.setter
    def clock(self, clock: TimestampFormat | None) -> None:
        self._times.format = clock

    @property
    def has_started(self) -> bool:
        """Whether the header, or a JSON object, has been read."""
        return self._is_json or self._header.names is not None

    def parse(self, lines: Sequence[Line]) -> list[Row]:
        """The rows of these lines; malformed ones are reported and skipped."""
        rows = []
        for line in lines:
            try:
                row = self._row(line)
            except ValueError as e:
                self.malformed += 1
                self.on_skipped(Fault(self.source, line.number, str(e)))
                continue
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, line: Line) -> Row | None:
        text = self._text(line)
        if not text or text.isspace():
            return None
        if not self.has_started and not self._starts_with_row(text, line.number):
            return None
        if self._header.comment and text.lstrip().startswith(self._header.comment):
            return None
        cells = self._object(text) if self._is_json else self._cells(text)
        columns = self.format.columns
        name = cells[columns.id].strip() if columns.id else ""
        if columns.id and not name:
            raise ValueError(f"column {columns.id!r} is empty")
        if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
            raise ValueError(f"{name!r} in column {columns.id!r} contains a lone surrogate, which is not a character")
        time, later = self._times.read([cells[c].strip() for c in columns.time]) if columns.time else (None, None)
        return Row(line.number, name, time, later, [self._value(c, cells[c]) for c in columns.values])

    def _text(self, line: Line) -> str:
        if line.content is None:
            raise ValueError(f"the line is longer than {MAX_LINE:,} bytes")
        if b"\0" in line.content:
            raise ValueError("the line contains a NUL byte")
        encoding = self.format.dialect.encoding
        try:
            text = line.content.decode("utf-8" if encoding == "auto" else encoding)
        except UnicodeDecodeError as e:
            raise ValueError(f"the line is not {e.encoding.upper()} (byte 0x{e.object[e.start]:02x})") from None
        return text.removesuffix("\r")

    def _starts_with_row(self, text: str, number: int) -> bool:
        """Read a line before the first row; whether it is a row itself."""
        text = text.removeprefix("\ufeff")
        self._is_json = text.lstrip().startswith("{")
        is_row = self._is_json or self._header.take(text, number)
        if self._header.names is not None:
            self._places = [(name, self._header.names.index(name)) for name in self._wanted]
        return is_row

    def _cells(self, text: str) -> dict[str, str]:
        assert self._header.names is not None
        delimiter, width = self._header.delimiter, len(self._header.names)
        fields = text.split(delimiter) if '"' not in text else split(text, delimiter)
        if len(fields) < width or any(fields[width:]):
            raise ValueError(f"{len(fields)} fields where the header has {width}")
        return {name: fields[place] for name, place in self._places}

    def _object(self, text: str) -> dict[str, str]:
        try:
            found = json.loads(text.strip().removesuffix(",") if text.strip() not in "[]" else "{}")
        except (ValueError, RecursionError) as e:
            raise ValueError(f"the line is not a JSON object ({e})") from None
        if not isinstance(found, dict):
            raise ValueError("the line is not a JSON object")
        columns = self.format.columns
        for name in (*([columns.id] if columns.id else []), *columns.time):
            if name not in found:
                raise ValueError(f"no {name!r} in the object")
        return {**dict.fromkeys(columns.values, ""), **{k: "" if v is None else str(v) for k, v in found.items()}}

    def _value(self, name: str, text: str) -> float:
        codes = self._codes.get(name)
        if codes is not None:
            return float(codes.get(text.strip(), 0))
        number_format, (missing_texts, missing_numbers) = self._numbers[name], self._missing
        value = number_format.number(text)
        if value != value:  # noqa: PLR0124, the quickest test for NaN
            text = text.strip()
            if text in missing_texts:
                return math.nan
            unit = f" in {number_format.unit}" if number_format.unit else ""
            raise ValueError(f"{text[:LETTERS]!r} in column {name!r} is not a number{unit}")
        if abs(value) > LARGEST:
            raise ValueError(f"{value:g} in column {name!r} is infinite or too large")
        return math.nan if value in missing_numbers else value
