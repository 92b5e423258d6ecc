"""The fast path for plain files, without pandas: every cell is parsed with the type that the first row shows.

Anything unusual, above all a malformed cell, is left to `table.py`, which reads the same numbers and finds the line of
a fault.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import YEAR_1
from seqpred.errors import DataError
from seqpred.reading.plain_cells import ISO, NUMBER, WHOLE, NotPlainError, PlainCells
from seqpred.reading.thousands import is_open, may_group
from seqpred.sources.body import records_of
from seqpred.sources.columns import Columns, column_names
from seqpred.sources.dialect import EMPTY, LARGEST
from seqpred.sources.source import BROKEN, Source
from seqpred.timestamps.format import INTEGER, TimestampFormat, may_be_timestamps
from seqpred.timestamps.reader import Timestamps, infer_timestamps
from seqpred.timestamps.unreadable import UnreadableError

SMALL = 1 << 18  # bytes of text that are parsed without pyarrow


class TableParts(NamedTuple):
    """The parts of a `table.Table`.

    Attributes:
        marked: how many cells are sentinels.
        notes: choices that were made when the timestamps were read.
    """

    clock: TimestampFormat
    names: list[str]
    codes: Int
    times: Int
    values: Float
    words: dict[str, tuple[str, ...]]
    marked: int
    notes: tuple[str, ...] = ()


def read_plain(source: Source, columns: Columns, categories: Collection[str]) -> TableParts | None:
    """The rows of a plain CSV file; None if it has to be read by `table.py`.

    Args:
        columns: all of them are in the file.
        categories: the covariates that contain categories.
    """
    dialect = source.dialect
    is_usual = dialect.decimal != "," and not dialect.missing_texts and dialect.timezone == "auto"
    if not is_usual or not source.is_csv or not all(_is_plain(part, columns) for part in source.parts):
        return None
    try:
        first = _first_time(source.parts[0], columns)
        cells = _open_cells(source, columns, categories, first)
        names, codes = _read_series(cells, columns)
        stamps = _read_times(source, cells, columns, codes, first)
        words, values = _read_values(cells, columns, categories)
        numbers = [i for i, name in enumerate(columns.values) if name not in words]
        if any(may_group(values[:, i]) for i in numbers) and is_open(source, [columns.values[i] for i in numbers]):
            return None
    except (NotPlainError, KeyError, ValueError, *BROKEN):
        return None
    marked = 0
    for i in numbers if dialect.missing_numbers else ():
        sentinels = np.isin(values[:, i], dialect.missing_numbers)
        values[sentinels, i] = np.nan
        marked += int(sentinels.sum())
    return TableParts(stamps.format, names, codes, stamps.times, values, words, marked, stamps.notes)


def first_cells(source: Source, rows: int) -> dict[str, Sequence[str]] | None:
    """The first cells of each column of a file without quotes or words for empty cells; None for others.

    Args:
        rows: how many, at most. A file of more than `SMALL` bytes must have that many within these.
    """
    dialect = source.dialect
    if len(source.parts) > 1 or not source.is_csv or dialect.missing_texts or source.encoding != "utf-8-sig":
        return None
    try:
        if not source.is_plain:
            return None
        with source.unpacked() as content:
            begin = content.read(SMALL + 1)
        split = SplitCells(source, begin if len(begin) <= SMALL else _first_lines(begin, rows + 1))
    except (NotPlainError, KeyError, ValueError, DataError, *BROKEN):
        return None
    cells: dict[str, Sequence[str]] = {name: column[:rows] for name, column in split.cells.items()}
    has_words = any(cell and cell.strip() in EMPTY for column in cells.values() for cell in column)
    return None if has_words else cells


def _first_lines(begin: bytes, count: int) -> bytes:
    """The first lines of the beginning of a longer text that are not empty; its last line may be incomplete."""
    lines = [line for line in begin.split(b"\n")[:-1] if line.rstrip(b"\r")]
    if len(lines) < count:
        raise NotPlainError
    return b"\n".join([*lines[:count], b""])


def _is_plain(part: Source, columns: Columns) -> bool:
    """Whether a file can be parsed as it is stored. Without timestamps only its end shows whether it has a footer."""
    is_plain = part.is_plain if part.drops_headers or not columns.time else part.structure.is_plain
    return part.encoding == "utf-8-sig" and is_plain


def _first_time(source: Source, columns: Columns) -> str:
    """The first timestamp as it is written; nothing without a time column."""
    records = [record.fields for record in itertools.islice(records_of(source.head, source.delimiter), 2)]
    header, row = records if len(records) == 2 else ([], [])
    if not row or len(row) != len(header) or len(columns.time) > 1:
        raise NotPlainError
    names = column_names(header)
    return "".join(row[names.index(name)] for name in columns.time)


def _open_cells(source: Source, columns: Columns, categories: Collection[str], first: str) -> PlainCells:
    """The cells of all files of a source."""
    if len(source.parts) == 1:
        with source.parts[0].unpacked() as content:
            begin = content.read(SMALL + 1)
        if len(begin) <= SMALL:
            return SplitCells(source.parts[0], begin)
    from seqpred.reading.arrow_cells import ArrowCells

    return ArrowCells(source, columns, categories, first)


def _read_series(cells: PlainCells, columns: Columns) -> tuple[list[str], Int]:
    if columns.id is None:
        return [""], np.zeros(len(cells), np.int64)
    names, codes = cells.words(columns.id)
    if any(not name or name != name.strip() for name in names):
        raise NotPlainError
    return names, codes


def _read_values(
    cells: PlainCells, columns: Columns, categories: Collection[str]
) -> tuple[dict[str, tuple[str, ...]], Float]:
    """The categories of each column that has some, and the values `[rows, columns]`."""
    words: dict[str, tuple[str, ...]] = {}
    parts = list[Float | Int]()
    for name in columns.values:
        if name in categories:
            words[name], codes = _sort_words(*cells.words(name))
            parts.append(codes)
        else:
            parts.append(_checked(cells.numbers(name)))
    if len(parts) == 1:
        return words, parts[0].astype(np.float64, copy=False).reshape(len(cells), 1)
    return words, np.stack(parts, axis=1, dtype=np.float64).reshape(len(cells), -1)


def _sort_words(raw: Sequence[str], codes: Int) -> tuple[tuple[str, ...], Int]:
    """The words in alphabetical order, without blanks around them, and the place of each row's, `[rows]`."""
    words = sorted({word.strip() for word in raw})
    place = {word: i for i, word in enumerate(words)}
    return tuple(words), np.array([place[word.strip()] for word in raw], np.int64)[codes]


def _checked(values: Float) -> Float:
    low, high = values.min(), values.max()
    if np.isnan(low):
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if low < -LARGEST or high > LARGEST:
        raise NotPlainError
    return values


def _read_times(source: Source, cells: PlainCells, columns: Columns, codes: Int, first: str) -> Timestamps:
    if not columns.time:
        return Timestamps(TimestampFormat(None), _count_within(codes))
    (name,) = columns.time
    if first.isdigit():
        whole = cells.whole(name)
        if may_be_timestamps(int(whole.min()), int(whole.max())):
            return _infer_times(source, cells, name)
        return Timestamps(TimestampFormat(INTEGER), whole)
    found = ISO.fullmatch(first)
    if not found:
        return _infer_times(source, cells, name)
    times = cells.instants(name, first)
    if times.min() < YEAR_1:
        raise NotPlainError
    clock = f"{found[1]}%H:%M{':%S' if found[2] else ''}" if found[1] else ""
    return Timestamps(TimestampFormat("%Y-%m-%d" + clock), times)


def _infer_times(source: Source, cells: PlainCells, name: str) -> Timestamps:
    texts, places = cells.words(name)
    if any(not text or text != text.strip() for text in texts):
        raise NotPlainError
    try:
        return infer_timestamps(source, name, texts, places)
    except UnreadableError:
        raise NotPlainError from None


def _count_within(codes: Int) -> Int:
    """How many rows of its series precede each row, `[rows]`."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    places = np.empty(len(codes), np.int64)
    places[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    return places


class SplitCells:
    """The cells of a small text, split at delimiters: faster than importing pyarrow. See `PlainCells`.

    Attributes:
        cells: of each column by its name, as they are written.
    """

    def __init__(self, source: Source, content: bytes) -> None:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if '"' in text or "\r" in text or "\0" in text:
            raise NotPlainError
        header, *rows = [line.split(source.delimiter) for line in text.split("\n") if line]
        if not rows or any(len(row) != len(header) for row in rows):
            raise NotPlainError
        self.cells = dict(zip(column_names(header), zip(*rows, strict=True), strict=True))

    def __len__(self) -> int:
        return len(next(iter(self.cells.values())))

    def words(self, name: str) -> tuple[list[str], Int]:
        """See `PlainCells`."""
        place: dict[str, int] = {}
        codes = [place.setdefault(word, len(place)) for word in self.cells[name]]
        return list(place), np.array(codes, np.int64)

    def numbers(self, name: str) -> Float:
        """See `PlainCells`."""
        texts = ["nan" if text in EMPTY else text for text in self.cells[name]]
        if not all(NUMBER.fullmatch(text) or text == "nan" for text in texts):
            raise NotPlainError
        return np.array([float(text) for text in texts])

    def whole(self, name: str) -> Int:
        """See `PlainCells`."""
        if not all(map(WHOLE.fullmatch, self.cells[name])):
            raise NotPlainError
        return np.array([int(text) for text in self.cells[name]], np.int64)

    def instants(self, name: str, first: str) -> Int:
        """See `PlainCells`."""
        signs = [(i, sign) for i, sign in enumerate(first) if sign in "T :"]
        for text in self.cells[name]:
            if len(text) != len(first) or not ISO.fullmatch(text) or any(text[i] != sign for i, sign in signs):
                raise NotPlainError
        return np.array(self.cells[name], "datetime64[us]").astype(np.int64)
