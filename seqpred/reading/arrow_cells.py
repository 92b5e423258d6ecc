"""The cells of a large text, parsed by pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.calendar.step import DAY
from seqpred.reading.plain_cells import ISO, NotPlainError
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import EMPTY
from seqpred.sources.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

Made = TypeVar("Made")
Number = TypeVar("Number", np.int32, np.int64, np.float64)


class ArrowCells:
    """See `PlainCells`. A column is released once it is read, so that it is never in memory twice.

    Buffers are read directly, because the `to_numpy` of pyarrow would import pandas.
    """

    def __init__(self, source: Source, columns: Columns, categories: Collection[str], first: str) -> None:
        import pyarrow as pa

        try:
            self._rows = pa.concat_tables([_parse(part, columns, categories, first) for part in source.parts])
        except pa.ArrowException:
            raise NotPlainError from None
        self._count = len(self._rows)
        if not self._count:
            raise NotPlainError

    def __len__(self) -> int:
        return self._count

    def _take(self, name: str) -> pa.ChunkedArray:
        """A column, which is removed."""
        column = self._rows[name]
        self._rows = self._rows.drop_columns([name])
        return column

    def words(self, name: str) -> tuple[list[str], Int]:
        """See `PlainCells`."""
        import pyarrow as pa

        ends, runs = zip(*_map_chunks(_runs, self._take(name)), strict=True)
        joined = pa.chunked_array(runs).unify_dictionaries().chunks
        words: list[str] = joined[0].dictionary.to_pylist()
        lengths = (np.diff(end, prepend=0) for end in ends)
        codes = (_buffer(chunk.indices, np.int32).repeat(count) for chunk, count in zip(joined, lengths, strict=True))
        return words, np.concatenate(list(codes), dtype=np.int64)

    def numbers(self, name: str) -> Float:
        """See `PlainCells`."""
        column = self._take(name)
        values = np.concatenate([_with_nan(chunk) for chunk in column.chunks])
        missing = column.null_count
        if np.isnan(values).sum() != missing if missing else np.isnan(values.min()):
            raise NotPlainError  # "NAN" is a number to pyarrow and text to pandas
        return values

    def whole(self, name: str) -> Int:
        """See `PlainCells`."""
        column = self._take(name)
        if column.null_count:
            raise NotPlainError
        return np.concatenate([_buffer(chunk, np.int64) for chunk in column.chunks])

    def instants(self, name: str, first: str) -> Int:
        """See `PlainCells`."""
        import pyarrow as pa

        column = self._take(name)
        if pa.types.is_date32(column.type):
            if column.null_count:
                raise NotPlainError
            return np.concatenate([_buffer(chunk, np.int32) for chunk in column.chunks], dtype=np.int64) * DAY
        try:
            return np.concatenate(_map_chunks(partial(parse_instants, first=first), column))
        except pa.ArrowException:
            raise NotPlainError from None


def _parse(source: Source, columns: Columns, categories: Collection[str], first: str) -> pa.Table:
    """Words, numbers, and timestamps as whole numbers, dates or text, depending on the first one."""
    import pyarrow as pa
    from pyarrow import csv

    word = pa.string()
    kinds = {name: word if name in categories else pa.float64() for name in columns.values}
    kinds |= {columns.id: word} if columns.id else {}
    dates = pa.date32() if ISO.fullmatch(first) and len(first) == 10 else pa.string()  # date32 reads only 2024-12-31
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
    """A stream for pyarrow that refuses a NUL byte, which may be in a column that is not parsed."""

    closed = False

    def __init__(self, content: BinaryIO) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        if b"\0" in data:
            raise NotPlainError
        return data


def _map_chunks(make: Callable[[pa.Array], Made], column: pa.ChunkedArray) -> list[Made]:
    """The results for the chunks of a column, computed on all processors."""
    from concurrent.futures import ThreadPoolExecutor

    import pyarrow as pa

    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        return list(pool.map(make, column.chunks))


def _runs(texts: pa.Array) -> tuple[npt.NDArray[np.int32], pa.DictionaryArray]:
    """The end and the word of each run of equal texts; the rows of a series are mostly contiguous."""
    from pyarrow import compute

    runs = compute.run_end_encode(texts)
    return _buffer(runs.run_ends, np.int32), runs.values.dictionary_encode()


def _buffer(array: pa.Array, kind: type[Number]) -> npt.NDArray[Number]:
    """The numbers of an array; those of missing cells are arbitrary."""
    return np.frombuffer(array.buffers()[1], kind, len(array) + array.offset)[array.offset :]


def _with_nan(array: pa.Array) -> Float:
    """The numbers of an array, NaN where missing."""
    values = _buffer(array, np.float64)
    if not array.null_count:
        return values
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    there = np.unpackbits(bits, count=len(array) + array.offset, bitorder="little")[array.offset :]
    return np.where(there, values, np.nan)


def parse_instants(texts: pa.Array, first: str) -> Int:
    """The timestamps in texts that all have the length and the separators of the first one, in microseconds."""
    from pyarrow import compute

    lengths = compute.min_max(compute.binary_length(texts)).as_py()
    if texts.offset or (lengths["min"], lengths["max"]) != (len(first), len(first)):
        raise NotPlainError
    letters = np.frombuffer(texts.buffers()[2], np.uint8, len(texts) * len(first)).reshape(-1, len(first))
    if not all((letters[:, i] == ord(sign)).all() for i, sign in enumerate(first) if sign in "T :"):
        raise NotPlainError
    return _buffer(texts.cast("timestamp[us]").cast("int64"), np.int64)
