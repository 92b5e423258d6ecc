"""Lines as they come become rows; a line that is none is told by its number, and the next one is read."""

from __future__ import annotations

import csv
import json
import math
import os
import select
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from seqpred.calendar.clock import COMPACT_DATES, Clock
from seqpred.calendar.step import Step
from seqpred.calendar.zones import to_instants, to_local
from seqpred.errors import DataError, did_you_mean
from seqpred.sources.columns import Columns, column_names
from seqpred.sources.dialect import EMPTY, LARGEST, LETTERS, Dialect, to_number
from seqpred.timestamps.dates import form_of, form_of_parts, offset_of, zone_of

LONGEST = 1 << 20  # bytes of a line; a longer one is no row
AT_ONCE = 1 << 18  # bytes taken from the pipe at most, which bounds memory
_EPOCH = datetime(1970, 1, 1)


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
        tell: told of each line that is no row.

    Attributes:
        clock: how times are written; the first row says it, unless a state has.
        bad: how many lines were no rows.
    """

    def __init__(self, name: str, wanted: Wanted, tell: Callable[[str], None]) -> None:
        self.name, self.wanted, self.tell = name, wanted, tell
        self.clock: Clock | None = None
        self.bad = 0
        self._places: dict[str, int] | None = None  # of each column in a line
        self._delimiter = ","
        self._json = False
        self._codes = {name: {w: i for i, w in enumerate(own, start=1)} for name, own in wanted.words.items()}
        marks = (*EMPTY, *wanted.dialect.missing_texts)
        self._empty = frozenset(marks)
        self._missing = frozenset(wanted.dialect.missing_numbers)

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
                self.tell(f"{self.name}:{line.number}: {e}")
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
        time, later = self._time([cells[c].strip() for c in columns.time]) if columns.time else (None, None)
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

    def _time(self, texts: Sequence[str]) -> tuple[int, int | None]:
        """The time as `timing` counts it, and the later one that is written so; the first row decides the form."""
        if not all(texts):
            raise ValueError("the time is empty")
        if self.clock is None:
            self.clock = self._clock(texts)
        if self.clock.form == "integer":
            number = float(texts[0])
            if not abs(number) < 2**53 or number != round(number):
                raise ValueError(f"the time {texts[0]!r} is no whole number")
            return int(number), None
        form = f"{self.clock.form} {self.clock.second}" if self.clock.second else str(self.clock.form)
        text = " ".join(texts)
        zone = zone_of(text)
        try:
            stamp = _stamp(text.removesuffix(zone).rstrip(), form)
        except ValueError:
            raise ValueError(f"{text!r} is not a time of the form {form.replace('%-', '%')}") from None
        since = stamp - _EPOCH
        shown = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if self.clock.place is not None:
            return _in_place(self.clock, shown, zone)
        return shown + (offset_of(self.clock.zone) - offset_of(zone) if zone and self.clock.zone else 0), None

    def _clock(self, texts: Sequence[str]) -> Clock:
        step, dialect, text = self.wanted.step, self.wanted.dialect, " ".join(texts)
        if step.unit == "row" or (step.unit == "irregular" and _is_count(text)):
            float(text)
            return Clock("integer")
        zone = zone_of(text)
        parts = form_of_parts(texts) if len(texts) > 1 else None
        form = parts or form_of(text.removesuffix(zone).rstrip(), dialect.date_order)
        if form is None:
            raise ValueError(f"{text!r} is no date")
        date, _, second = form.partition(" ")
        clock = Clock(date, zone, second) if len(texts) > 1 else Clock(form, zone)
        if dialect.timezone == "auto":
            return clock
        return replace(clock, place=dialect.timezone, on_wall=False).on_grid(np.zeros(1, np.int64), step)[0]

    def _value(self, name: str, text: str) -> float:
        codes = self._codes.get(name)
        if codes is not None:
            return float(codes.get(text.strip(), 0))
        dialect = self.wanted.dialect
        try:
            value = math.nan if "_" in text or dialect.decimal == "," else float(text)
        except ValueError:
            value = math.nan
        if value != value:  # noqa: PLR0124, the quickest test for NaN
            text = text.strip()
            if text in self._empty:
                return math.nan
            value = to_number(text, "." if dialect.decimal == "auto" else dialect.decimal)
            if value != value:  # noqa: PLR0124
                raise ValueError(f"{text[:LETTERS]!r} in column {name!r} is not a number")
        if abs(value) > LARGEST:
            raise ValueError(f"{value:g} in column {name!r} is infinite, or as good as")
        return math.nan if value in self._missing else value


def _is_count(text: str) -> bool:
    """Whether a time is a whole number, and no date such as 20240131."""
    return text.removeprefix("-").isdigit() and not COMPACT_DATES[0] <= int(text) <= COMPACT_DATES[1]


def _in_place(clock: Clock, shown: int, zone: str) -> tuple[int, int | None]:
    """What is shown by the clock of a named zone, or of an offset, on the grid of the step; and the later such time."""
    assert clock.place is not None
    if zone:
        instant = np.array([shown - offset_of(zone)])
        return int(to_local(clock.place, instant)[0] if clock.on_wall else instant[0]), None
    if clock.on_wall:
        return shown, None
    wall = np.array([shown])
    first, second = to_instants(clock.place, wall), to_instants(clock.place, wall, later=True)
    if to_local(clock.place, first) != wall:
        skipped = replace(clock, place=None).write(wall)[0]
        raise ValueError(f"the time {skipped} does not exist in {clock.place}: the clocks there skip it")
    return int(first[0]), int(second[0]) if second > first else None


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as e:
        raise ValueError(f"the quotes of the line do not match ({e})") from None


def _stamp(text: str, form: str) -> datetime:
    """The date in a text; the usual forms have a quick way.

    Raises:
        ValueError: it has another form.
    """
    if form.startswith("%Y-%m-%d"):
        stamp = datetime.fromisoformat(text)  # which takes 20240131, 2024-W05-3 and 2024-01-31-01-07 too
        if (text[4:5], text[7:8], text[10:11]) != ("-", "-", form[8:9]) or stamp.tzinfo is not None:
            raise ValueError(text)
        return stamp
    return datetime.strptime(text, form.replace("%-", "%"))
