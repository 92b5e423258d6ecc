"""Lines as they come become rows; a line that is none is told by its number, and the next one is read."""

from __future__ import annotations

import csv
import json
import math
import os
import select
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from seqpred.calendar.step import Step
from seqpred.errors import DataError, Fault, did_you_mean
from seqpred.sources.columns import Columns, column_names
from seqpred.sources.dialect import EMPTY, LARGEST, LETTERS, Dialect
from seqpred.sources.numbers import NumberFormat
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.row_reader import TimestampReader

LONGEST = 1 << 20  # bytes of a line; a longer one is no row
AT_ONCE = 1 << 18  # bytes taken from the pipe at most, which bounds memory


class Line(NamedTuple):
    """A line without its break, and its number from 1; None where it is longer than any row."""

    number: int
    content: bytes | None
    ended: bool = True


class Row(NamedTuple):
    """A row: the line that it stands on, its series, its time as `timing` counts (None where rows are in order).

    A time that the clock on the wall shows twice is the `later` one where its series has passed the first.
    """

    line: int
    name: str
    time: int | None
    later: int | None
    values: list[float]


def lines_of(descriptor: int, stop: int | None = None) -> Iterator[list[Line]]:
    """The lines that are waiting, again and again until the end; never waits for more than the first of them.

    What has come of a line when it is told to stop is not given.

    Args:
        descriptor: of a pipe or a file, gzip or not.
        stop: a descriptor that becomes readable when no more lines are to be read.
    """
    number, rest, too_long = 1, b"", False
    for piece in _pieces(descriptor, stop):
        if piece is None:
            return
        *whole, rest = (rest + piece).split(b"\n")
        lines = []
        for content in whole:
            lines.append(Line(number, None if too_long or len(content) > LONGEST else content))
            number, too_long = number + 1, False
        if len(rest) > LONGEST:
            rest, too_long = b"", True
        yield lines
    if rest or too_long:
        yield [Line(number, None if too_long else rest, ended=False)]


def _waiting(descriptor: int, stop: int | None) -> bytes | None:
    """What is waiting, at least a byte; nothing at the end, None when told to stop."""
    if stop is not None and stop in select.select([descriptor, stop], [], [])[0]:
        return None
    return os.read(descriptor, AT_ONCE)


def _pieces(descriptor: int, stop: int | None) -> Iterator[bytes | None]:
    """The text that is waiting, again and again until the end; None, at last, when told to stop.

    Raises:
        DataError: it is gzip, and damaged or cut off.
    """
    unpack: Any = None
    first = True
    while (piece := _waiting(descriptor, stop)) != b"":
        if piece is None:
            yield None
            return
        if first and piece[:2] == b"\x1f\x8b":
            unpack = zlib.decompressobj(31)
        first = False
        if unpack is None:
            yield piece
            continue
        text = b""
        while piece or (len(text) == AT_ONCE and not unpack.eof):  # a little that is packed may be very much
            if unpack.eof:  # one file after another is one gzip file too
                unpack = zlib.decompressobj(31)
            text = _unpacked(unpack, piece)
            yield text
            piece = unpack.unused_data.lstrip(b"\0") if unpack.eof else unpack.unconsumed_tail
    if unpack is not None and not unpack.eof:
        raise _damaged("it is cut off")


def _unpacked(unpack: Any, piece: bytes) -> bytes:
    try:
        text: bytes = unpack.decompress(piece, AT_ONCE)  # zlib does not name its type
        return text
    except zlib.error as e:
        raise _damaged(str(e)) from None


def _damaged(why: str) -> DataError:
    return DataError(f"is no whole gzip stream ({why})", hint="Write it again.", where="standard input")


@dataclass(frozen=True)
class Wanted:
    """The columns that rows are made from, and how they are written.

    Attributes:
        words: the categories that a model knows, by column.
        step: from one row to the next.
    """

    columns: Columns
    dialect: Dialect
    words: Mapping[str, Sequence[str]]
    step: Step


class Rows:
    """Makes rows of lines: the header first, or objects of JSON.

    Args:
        on_fault: receives each malformed line.

    Attributes:
        bad: how many lines were no rows.
    """

    def __init__(self, name: str, wanted: Wanted, on_fault: Callable[[Fault], None]) -> None:
        self.name, self.wanted, self.on_fault = name, wanted, on_fault
        self._times = TimestampReader(wanted.columns.time, wanted.dialect, wanted.step)
        self.bad = 0
        self._places: dict[str, int] | None = None  # of each column in a line
        self._delimiter = ","
        self._json = False
        self._codes = {name: {w: i for i, w in enumerate(own, start=1)} for name, own in wanted.words.items()}
        marks = (*EMPTY, *wanted.dialect.missing_texts)
        self._empty = frozenset(marks)
        decimal: Literal[".", ","] = "," if wanted.dialect.decimal == "," else "."
        units = wanted.dialect.unit
        self._formats = {name: NumberFormat(decimal, units.get(name, "")) for name in wanted.columns.values}
        self._missing = frozenset(wanted.dialect.missing_numbers)

    @property
    def clock(self) -> TimestampFormat | None:
        """How timestamps are written; the first row decides it, unless a saved state does."""
        return self._times.format

    @clock.setter
    def clock(self, clock: TimestampFormat | None) -> None:
        self._times.format = clock

    @property
    def begun(self) -> bool:
        """Whether the header has been read."""
        return self._json or self._places is not None

    def read(self, lines: Sequence[Line]) -> list[Row]:
        """The rows of these lines."""
        rows = []
        for line in lines:
            try:
                row = self._row(line)
            except ValueError as e:
                self.bad += 1
                self.on_fault(Fault(self.name, line.number, str(e)))
                continue
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, line: Line) -> Row | None:
        text = self._text(line)
        if not text or text.isspace():
            return None
        if not self.begun:
            self._begin(text)
            if not self._json:
                return None
        cells = self._object(text) if self._json else self._cells(text)
        columns = self.wanted.columns
        name = cells[columns.id].strip() if columns.id else ""
        if columns.id and not name:
            raise ValueError(f"column {columns.id!r} is empty")
        if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
            raise ValueError(f"{name!r} in column {columns.id!r} contains a lone surrogate, which is not a character")
        time, later = self._times.read([cells[c].strip() for c in columns.time]) if columns.time else (None, None)
        return Row(line.number, name, time, later, [self._value(c, cells[c]) for c in columns.values])

    def _text(self, line: Line) -> str:
        if line.content is None:
            raise ValueError(f"the line is longer than {LONGEST:,} bytes")
        if b"\0" in line.content:
            raise ValueError("the line holds a NUL byte")
        encoding = self.wanted.dialect.encoding
        try:
            text = line.content.decode("utf-8" if encoding == "auto" else encoding)
        except UnicodeDecodeError as e:
            raise ValueError(f"the line is not {e.encoding.upper()} (byte 0x{e.object[e.start]:02x})") from None
        return text.removesuffix("\r")

    def _begin(self, text: str) -> None:
        text = text.removeprefix("\ufeff")
        if text.lstrip().startswith("{"):
            self._json = True
            return
        self._delimiter = max(",;\t|", key=text.count)
        header = column_names(_split(text, self._delimiter))
        columns = self.wanted.columns
        for name in (*((columns.id,) if columns.id else ()), *columns.time, *columns.values):
            if name not in header:
                raise DataError(f"no column {name!r}", hint=did_you_mean(name, header), where=f"{self.name}:1")
            if header.count(name) > 1:
                raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=f"{self.name}:1")
        self._places = {name: i for i, name in enumerate(header)}
        self._wanted = [(c, self._places[c]) for c in (*([columns.id] if columns.id else []), *columns.time)]
        self._wanted += [(c, self._places[c]) for c in columns.values]

    def _cells(self, text: str) -> dict[str, str]:
        assert self._places is not None
        fields = text.split(self._delimiter) if '"' not in text else _split(text, self._delimiter)
        if len(fields) < len(self._places) or any(fields[len(self._places) :]):
            raise ValueError(f"{len(fields)} fields where the header has {len(self._places)}")
        return {name: fields[place] for name, place in self._wanted}

    def _object(self, text: str) -> dict[str, str]:
        try:
            found = json.loads(text.strip().removesuffix(",") if text.strip() not in "[]" else "{}")
        except (ValueError, RecursionError) as e:
            raise ValueError(f"the line is no JSON object ({e})") from None
        if not isinstance(found, dict):
            raise ValueError("the line is no JSON object")
        columns = self.wanted.columns
        for name in (*([columns.id] if columns.id else []), *columns.time):
            if name not in found:
                raise ValueError(f"no {name!r} in the object")
        return {**dict.fromkeys(columns.values, ""), **{k: "" if v is None else str(v) for k, v in found.items()}}

    def _value(self, name: str, text: str) -> float:
        codes = self._codes.get(name)
        if codes is not None:
            return float(codes.get(text.strip(), 0))
        number_format = self._formats[name]
        value = number_format.number(text)
        if value != value:  # noqa: PLR0124, the quickest test for NaN
            text = text.strip()
            if text in self._empty:
                return math.nan
            unit = f" in {number_format.unit}" if number_format.unit else ""
            raise ValueError(f"{text[:LETTERS]!r} in column {name!r} is not a number{unit}")
        if abs(value) > LARGEST:
            raise ValueError(f"{value:g} in column {name!r} is infinite, or as good as")
        return math.nan if value in self._missing else value


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as e:
        raise ValueError(f"the quotes of the line do not match ({e})") from None
