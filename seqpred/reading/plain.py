"""The quick way into a plain file: it is parsed with the types that its first row shows, or, on any doubt, not.

pyarrow parses large files, and loops small ones, which take less time than its import. Whatever is unusual, faults
above all, is left to `reading.py`, which makes the same numbers and has the words for it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.calendar.step import DAY, YEAR_1
from seqpred.reading.number_columns import is_open, may_group
from seqpred.sources.body import records_of
from seqpred.sources.columns import Columns, column_names
from seqpred.sources.dialect import EMPTY, LARGEST
from seqpred.sources.source import BROKEN, Source
from seqpred.timestamps.format import INTEGER, TimestampFormat, may_be_timestamps

if TYPE_CHECKING:
    import pyarrow as pa

Made = TypeVar("Made")
Number = TypeVar("Number", np.int32, np.int64, np.float64)
SMALL = 1 << 18  # bytes of text that are parsed without pyarrow
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d(:\d\d)?)?", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Plain:
    """The parts of a `reading.Table`, and how many cells hold a sentinel."""

    clock: TimestampFormat
    names: list[str]
    codes: Int
    times: Int
    values: Float
    words: dict[str, tuple[str, ...]]
    marked: int


class _DoubtError(Exception):
    """The file is not as plain as it must be here."""


def read_plain(source: Source, columns: Columns, categories: Collection[str]) -> Plain | None:
    """The rows of a CSV whose cells are all as plain as can be; None where `reading.py` has to look.

    Args:
        columns: which are there.
        categories: the covariates that hold categories.
    """
    dialect = source.dialect
    usual = dialect.decimal != "," and not dialect.missing_texts and dialect.timezone == "auto"
    if not usual or not source.is_csv or not all(_is_plain(part, columns) for part in source.parts):
        return None
    try:
        first = _first_time(source.parts[0], columns)
        rows = _cells(source, columns, categories, first)
        names, codes = _series(rows, columns)
        clock, times = _times(rows, columns, codes, first)
        words = {name: _categories(*rows.words(name)) for name in columns.values if name in categories}
        parts = [words[name][1] if name in words else _checked(rows.numbers(name)) for name in columns.values]
        values = (
            np.stack(parts, axis=1, dtype=np.float64) if len(parts) > 1 else parts[0].astype(np.float64, copy=False)
        )
        values, marked = values.reshape(len(rows), -1), 0
        numbers = [name for name in columns.values if name not in words]
        if any(may_group(values[:, columns.values.index(name)]) for name in numbers) and is_open(source, numbers):
            return None
        for i, name in enumerate(columns.values if dialect.missing_numbers else ()):
            if name not in words:
                sentinels = np.isin(values[:, i], dialect.missing_numbers)
                values[sentinels, i] = np.nan
                marked += int(sentinels.sum())
    except (_DoubtError, KeyError, ValueError, *BROKEN):
        return None
    return Plain(clock, names, codes, times, values, {name: found for name, (found, _) in words.items()}, marked)


def _is_plain(part: Source, columns: Columns) -> bool:
    """Whether a file can be parsed as it is stored. Without timestamps only its end shows whether it has a footer."""
    return part.encoding == "utf-8-sig" and (part.structure.is_plain if columns.time else part.is_plain)


def _first_time(source: Source, columns: Columns) -> str:
    """The time of the first row as it is written; nothing where there is no such column."""
    records = [record.fields for record in itertools.islice(records_of(source.head, source.delimiter), 2)]
    header, row = records if len(records) == 2 else ([], [])
    header = column_names(header)
    if not row or len(row) != len(header) or len(columns.time) > 1:
        raise _DoubtError
    return "".join(row[header.index(name)] for name in columns.time)


def _cells(source: Source, columns: Columns, categories: Collection[str], first: str) -> _Cells:
    """The cells of a source's files, one after another."""
    if len(source.parts) == 1:
        with source.parts[0].unpacked() as content:
            begin = content.read(SMALL + 1)
        if len(begin) <= SMALL:
            return _Few(source.parts[0], begin)
    return _Many(source, columns, categories, first)


def _series(rows: _Cells, columns: Columns) -> tuple[list[str], Int]:
    if columns.id is None:
        return [""], np.zeros(len(rows), np.int64)
    names, codes = rows.words(columns.id)
    if any(not name or name != name.strip() for name in names):
        raise _DoubtError
    return names, codes


def _categories(raw: Sequence[str], codes: Int) -> tuple[tuple[str, ...], Int]:
    """The words in the order of the alphabet, blanks around them left out, and each row's place."""
    words = sorted({word.strip() for word in raw})
    place = {word: i for i, word in enumerate(words)}
    return tuple(words), np.array([place[word.strip()] for word in raw], np.int64)[codes]


def _checked(values: Float) -> Float:
    low, high = values.min(), values.max()
    if np.isnan(low):
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if low < -LARGEST or high > LARGEST:
        raise _DoubtError
    return values


def _times(rows: _Cells, columns: Columns, codes: Int, first: str) -> tuple[TimestampFormat, Int]:
    if not columns.time:
        return TimestampFormat(None), _places(codes)
    if first.isdigit():
        whole = rows.whole(columns.time[0])
        if may_be_timestamps(int(whole.min()), int(whole.max())):
            raise _DoubtError
        return TimestampFormat(INTEGER), whole
    found = _ISO.fullmatch(first)
    if not found:
        raise _DoubtError
    times = rows.instants(columns.time[0], first)
    if times.min() < YEAR_1:
        raise _DoubtError
    clock = f"{found[1]}%H:%M{':%S' if found[2] else ''}" if found[1] else ""
    return TimestampFormat("%Y-%m-%d" + clock), times


def _places(codes: Int) -> Int:
    """How many rows of its series stand before each row."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    places = np.empty(len(codes), np.int64)
    places[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    return places


class _Cells(Protocol):
    """The columns of a text, each to be read as what it is to hold; `_DoubtError` or ValueError where it is not."""

    def __len__(self) -> int: ...

    def words(self, name: str) -> tuple[list[str], Int]:
        """The words of a column in order of appearance, and the place in them of each row's, [rows]."""
        ...

    def numbers(self, name: str) -> Float:
        """[rows], NaN where the cell is empty."""
        ...

    def whole(self, name: str) -> Int:
        """[rows], none empty."""
        ...

    def instants(self, name: str, first: str) -> Int:
        """Times in microseconds, [rows], all written as long as the first one and with the same signs."""
        ...


class _Few:
    """The cells of a small file."""

    def __init__(self, source: Source, content: bytes) -> None:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if '"' in text or "\r" in text or "\0" in text:
            raise _DoubtError
        header, *rows = [line.split(source.delimiter) for line in text.split("\n") if line]
        if not rows or any(len(row) != len(header) for row in rows):
            raise _DoubtError
        self._cells = dict(zip(column_names(header), zip(*rows, strict=True), strict=True))

    def __len__(self) -> int:
        return len(next(iter(self._cells.values())))

    def words(self, name: str) -> tuple[list[str], Int]:
        place: dict[str, int] = {}
        codes = [place.setdefault(word, len(place)) for word in self._cells[name]]
        return list(place), np.array(codes, np.int64)

    def numbers(self, name: str) -> Float:
        texts = ["nan" if text in EMPTY else text for text in self._cells[name]]
        if not all(_NUMBER.fullmatch(text) or text == "nan" for text in texts):
            raise _DoubtError
        return np.array([float(text) for text in texts])

    def whole(self, name: str) -> Int:
        if not all(map(_WHOLE.fullmatch, self._cells[name])):
            raise _DoubtError
        return np.array([int(text) for text in self._cells[name]], np.int64)

    def instants(self, name: str, first: str) -> Int:
        signs = [(i, sign) for i, sign in enumerate(first) if sign in "T :"]
        for text in self._cells[name]:
            if len(text) != len(first) or not _ISO.fullmatch(text) or any(text[i] != sign for i, sign in signs):
                raise _DoubtError
        return np.array(self._cells[name], "datetime64[us]").astype(np.int64)


class _Many:
    """The cells of a large file, parsed by pyarrow: words, numbers, times as the `first` one is.

    Its arrays are read where they lie: their own `to_numpy` would load pandas.
    """

    def __init__(self, source: Source, columns: Columns, categories: Collection[str], first: str) -> None:
        import pyarrow as pa

        try:
            self._rows = pa.concat_tables([_parsed(part, columns, categories, first) for part in source.parts])
        except pa.ArrowException:
            raise _DoubtError from None
        if not len(self._rows):
            raise _DoubtError

    def __len__(self) -> int:
        return len(self._rows)

    def words(self, name: str) -> tuple[list[str], Int]:
        import pyarrow as pa

        ends, runs = zip(*_each(_runs, self._rows[name]), strict=True)
        joined = pa.chunked_array(runs).unify_dictionaries().chunks
        words: list[str] = joined[0].dictionary.to_pylist()
        lengths = (np.diff(end, prepend=0) for end in ends)
        codes = (_raw(chunk.indices, np.int32).repeat(count) for chunk, count in zip(joined, lengths, strict=True))
        return words, np.concatenate(list(codes), dtype=np.int64)

    def numbers(self, name: str) -> Float:
        column = self._rows[name]
        values = np.concatenate([_with_gaps(chunk) for chunk in column.chunks])
        gaps = column.null_count
        if np.isnan(values).sum() != gaps if gaps else np.isnan(values.min()):
            raise _DoubtError  # "NAN" is a number to one reader and a text to the other
        return values

    def whole(self, name: str) -> Int:
        column = self._rows[name]
        if column.null_count:
            raise _DoubtError
        return np.concatenate([_raw(chunk, np.int64) for chunk in column.chunks])

    def instants(self, name: str, first: str) -> Int:
        import pyarrow as pa

        column = self._rows[name]
        if pa.types.is_date32(column.type):
            if column.null_count:
                raise _DoubtError
            return np.concatenate([_raw(chunk, np.int32) for chunk in column.chunks], dtype=np.int64) * DAY
        try:
            return np.concatenate(_each(partial(_instants, first=first), column))
        except pa.ArrowException:
            raise _DoubtError from None


def _parsed(source: Source, columns: Columns, categories: Collection[str], first: str) -> pa.Table:
    """Words, numbers, and the times as whole numbers, dates or texts, as the `first` one is."""
    import pyarrow as pa
    from pyarrow import csv

    word = pa.string()
    kinds = {name: word if name in categories else pa.float64() for name in columns.values}
    kinds |= {columns.id: word} if columns.id else {}
    dates = pa.date32() if _ISO.fullmatch(first) and len(first) == 10 else pa.string()  # date32 reads 2024-12-31 alone
    kinds |= dict.fromkeys(columns.time, pa.int64() if first.isdigit() else dates)
    with source.unpacked() as content:
        rows: pa.Table = csv.read_csv(
            _WithoutNul(content),
            parse_options=csv.ParseOptions(delimiter=source.delimiter),
            convert_options=csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=list(EMPTY),
            ),
        )
    return rows


class _WithoutNul:
    """A stream for pyarrow that ends in doubt at a NUL byte, which may be in a column that is not parsed."""

    closed = False

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        if b"\0" in data:
            raise _DoubtError
        return data


def _each(make: Callable[[pa.Array], Made], column: pa.ChunkedArray) -> list[Made]:
    """What is made of each part of a column, on all processors."""
    from concurrent.futures import ThreadPoolExecutor

    import pyarrow as pa

    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        return list(pool.map(make, column.chunks))


def _runs(texts: pa.Array) -> tuple[npt.NDArray[np.int32], pa.DictionaryArray]:
    """Where each run of equal texts ends, and its word: rows of a series mostly follow one another."""
    from pyarrow import compute

    runs = compute.run_end_encode(texts)
    return _raw(runs.run_ends, np.int32), runs.values.dictionary_encode()


def _raw(array: pa.Array, kind: type[Number]) -> npt.NDArray[Number]:
    """The numbers of an array; what stands in a gap is anything."""
    return np.frombuffer(array.buffers()[1], kind, len(array) + array.offset)[array.offset :]


def _with_gaps(array: pa.Array) -> Float:
    """The numbers of an array, NaN in its gaps."""
    values = _raw(array, np.float64)
    if not array.null_count:
        return values
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    there = np.unpackbits(bits, count=len(array) + array.offset, bitorder="little")[array.offset :]
    return np.where(there, values, np.nan)


def _instants(texts: pa.Array, first: str) -> Int:
    """The times in these texts, all as long as the first one and with the same signs between date and clock."""
    from pyarrow import compute

    lengths = compute.min_max(compute.binary_length(texts)).as_py()
    if texts.offset or (lengths["min"], lengths["max"]) != (len(first), len(first)):
        raise _DoubtError
    letters = np.frombuffer(texts.buffers()[2], np.uint8, len(texts) * len(first)).reshape(-1, len(first))
    if not all((letters[:, i] == ord(sign)).all() for i, sign in enumerate(first) if sign in "T :"):
        raise _DoubtError
    return _raw(texts.cast("timestamp[us]").cast("int64"), np.int64)
