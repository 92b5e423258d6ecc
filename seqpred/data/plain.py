"""The quick way into a plain file: pyarrow parses it with the types that its first row shows, or, on any doubt, not.

Whatever is unusual, faults above all, is left to `reading.py`, which makes the same numbers and has the words for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqpred.data.dialect import EMPTY, LARGEST
from seqpred.data.sources import BROKEN, Source
from seqpred.data.timing import COMPACT_DATES, DAY, YEAR_1, Clock, Int

if TYPE_CHECKING:
    import pyarrow as pa

    from seqpred.data.reading import Columns

Float = npt.NDArray[np.float64]
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d(:\d\d)?)?")


@dataclass(frozen=True)
class Plain:
    """The parts of a `reading.Table`, and how many cells hold a sentinel."""

    clock: Clock
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
    import pyarrow as pa

    dialect = source.dialect
    usual = dialect.decimal != "," and not dialect.missing_texts and dialect.timezone == "auto"
    if not usual or not source.is_csv or any(part.encoding != "utf-8-sig" for part in source.parts):
        return None
    try:
        first = _first_time(source.parts[0], columns)
        rows = pa.concat_tables([_parsed(part, columns, categories, first) for part in source.parts])
        if not len(rows):
            return None
        rows = rows.unify_dictionaries()
        names, codes = _series(rows, columns)
        clock, times = _times(rows, columns, codes, first)
        words = {name: _categories(rows[name]) for name in columns.values if name in categories}
        parts = [words[name][1] if name in words else _numbers(rows[name]) for name in columns.values]
        values = (
            np.stack(parts, axis=1, dtype=np.float64) if len(parts) > 1 else parts[0].astype(np.float64, copy=False)
        )
        values, marked = values.reshape(len(rows), -1), 0
        for i, name in enumerate(columns.values if dialect.missing_numbers else ()):
            if name not in words:
                sentinels = np.isin(values[:, i], dialect.missing_numbers)
                values[sentinels, i] = np.nan
                marked += int(sentinels.sum())
    except (_DoubtError, pa.ArrowException, KeyError, ValueError, *BROKEN):
        return None
    return Plain(clock, names, codes, times, values, {name: found for name, (found, _) in words.items()}, marked)


def _first_time(source: Source, columns: Columns) -> str:
    """The time of the first row as it is written; nothing where there is no such column."""
    records = source.records()
    (_, header), (_, row) = next(records, (0, [])), next(records, (0, []))
    if not row or len(row) != len(header) or len(columns.time) > 1:
        raise _DoubtError
    return "".join(row[header.index(name)] for name in columns.time)


def _parsed(source: Source, columns: Columns, categories: Collection[str], first: str) -> pa.Table:
    """Words as dictionaries, numbers, and the times as whole numbers, dates or texts, as the `first` one is."""
    import pyarrow as pa
    from pyarrow import csv

    word = pa.dictionary(pa.int32(), pa.string())
    kinds = {name: word if name in categories else pa.float64() for name in columns.values}
    kinds |= {columns.id: word} if columns.id else {}
    dates = pa.date32() if _ISO.fullmatch(first) and len(first) == 10 else pa.string()  # date32 reads 2024-12-31 alone
    kinds |= dict.fromkeys(columns.time, pa.int64() if first.isdigit() else dates)
    with source.unpacked() as content:
        rows: pa.Table = csv.read_csv(
            content,
            parse_options=csv.ParseOptions(delimiter=source.delimiter),
            convert_options=csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(kinds),
                null_values=list(EMPTY),
            ),
        )
    return rows


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Int]:
    """The words of a column in order of appearance, and the place in them of each row's, [rows]."""
    words: list[str] = column.chunk(0).dictionary.to_pylist()
    return words, np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks], dtype=np.int64)


def _series(rows: pa.Table, columns: Columns) -> tuple[list[str], Int]:
    if columns.id is None:
        return [""], np.zeros(len(rows), np.int64)
    names, codes = _codes(rows[columns.id])
    if any(not name or name != name.strip() for name in names):
        raise _DoubtError
    return names, codes


def _categories(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Int]:
    """The words in the order of the alphabet, blanks around them left out, and each row's place."""
    raw, codes = _codes(column)
    words = sorted({word.strip() for word in raw})
    place = {word: i for i, word in enumerate(words)}
    return tuple(words), np.array([place[word.strip()] for word in raw], np.int64)[codes]


def _numbers(column: pa.ChunkedArray) -> Float:
    values: Float = column.to_numpy()
    if column.null_count:
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        strange = np.isnan(values).sum() != column.null_count
    else:  # the usual case, for which two quick looks are enough
        low, high = values.min(), values.max()
        strange = np.isnan(low)
    if strange or low < -LARGEST or high > LARGEST:
        raise _DoubtError  # "NAN" is a number to one reader and a text to the other
    return values if values.flags.writeable else values.copy()


def _times(rows: pa.Table, columns: Columns, codes: Int, first: str) -> tuple[Clock, Int]:
    import pyarrow as pa

    if not columns.time:
        return Clock(None), _places(codes)
    column = rows[columns.time[0]]
    if first.isdigit():
        whole: Int = column.to_numpy()
        if column.null_count or (whole.min() >= COMPACT_DATES[0] and whole.max() <= COMPACT_DATES[1]):
            raise _DoubtError
        return Clock("integer"), whole
    found = _ISO.fullmatch(first)
    if not found:
        raise _DoubtError
    if pa.types.is_date32(column.type):
        if column.null_count:
            raise _DoubtError
        days: Int = column.cast(pa.int32()).to_numpy().astype(np.int64)
        if days.min() < YEAR_1 // DAY:
            raise _DoubtError
        return Clock("%Y-%m-%d"), days * DAY
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        times = np.concatenate(list(pool.map(partial(_instants, first=first), column.chunks)))
    return Clock(f"%Y-%m-%d{found[1]}%H:%M{':%S' if found[2] else ''}"), times


def _instants(texts: pa.Array, first: str) -> Int:
    """The times in these texts, all as long as the first one and with the same signs between date and clock."""
    from pyarrow import compute

    lengths = compute.min_max(compute.binary_length(texts)).as_py()
    if texts.offset or (lengths["min"], lengths["max"]) != (len(first), len(first)):
        raise _DoubtError
    letters = np.frombuffer(texts.buffers()[2], np.uint8, len(texts) * len(first)).reshape(-1, len(first))
    if not all((letters[:, i] == ord(sign)).all() for i, sign in enumerate(first) if sign in "T :"):
        raise _DoubtError
    times: Int = texts.cast("timestamp[us]").cast("int64").to_numpy()
    if times.min() < YEAR_1:
        raise _DoubtError
    return times


def _places(codes: Int) -> Int:
    """How many rows of its series stand before each row."""
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    places = np.empty(len(codes), np.int64)
    places[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(starts, append=len(codes)))
    return places
