"""A source as a frame of pandas, whose cells are as they are written, and what pandas has to say of broken files."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from seqpred.errors import DataError
from seqpred.sources.dialect import EMPTY
from seqpred.sources.source import BROKEN, Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Wanted:
    """The columns to read.

    Attributes:
        names: all of them.
        id: the one that names the series, all cells of which are as they are.
        texts: those that stay texts, though they may look like numbers.
        categories: those in which a text such as NA is a word, and no empty cell.
        id_kind: how pandas is to take the ids: `category` is quick, and takes 007 for 7 if all are whole numbers.
    """

    names: tuple[str, ...]
    id: str | None
    texts: frozenset[str]
    categories: frozenset[str]
    id_kind: str = "category"

    def as_options(self) -> dict[str, Any]:
        """What `pandas.read_csv` is told of them."""
        kinds: dict[str, Any] = dict.fromkeys(self.texts, "str")
        marks = {n: [""] if n == self.id else list(EMPTY) for n in self.names if n not in self.categories}
        return {
            "usecols": list(self.names),
            "dtype": {**kinds, **({self.id: self.id_kind} if self.id else {})},
            "na_values": marks,
        }


EVERYTHING: dict[str, Any] = {"usecols": None, "dtype": {}, "na_values": [""]}


def read_frame(source: Source, wanted: Wanted | None = None, rows: int | None = None) -> pd.DataFrame:
    """The frame in a source, or just the columns and the first rows asked for; several files one after another.

    Raises:
        DataError: it is empty, damaged, no CSV, of another encoding, or has a record with too many fields.
    """
    import pandas as pd

    frames: list[pd.DataFrame] = []
    left = rows
    for part in source.parts:
        frames.append(_read(part, wanted, left))
        left = None if left is None else left - len(frames[-1])
        if left == 0:
            break
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if len(filled) > 1 else (filled or frames)[0]


def _read(source: Source, wanted: Wanted | None, rows: int | None) -> pd.DataFrame:
    """The frame in one file, or one that is a frame already."""
    import pandas as pd

    if source.is_frame:
        return _as_it_is(source, rows)
    try:
        with source.unpacked() as content, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", pd.errors.ParserWarning)
            if source.is_parquet:
                return _read_parquet(source, content, wanted, rows)
            frame: pd.DataFrame = pd.read_csv(
                content,
                sep=source.delimiter,
                index_col=False,
                nrows=rows,
                encoding=source.encoding,
                keep_default_na=False,
                low_memory=False,
                **(wanted.as_options() if wanted else EVERYTHING),
            )
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, *BROKEN) as e:
        raise _fault(source, e) from None
    if any(issubclass(w.category, pd.errors.ParserWarning) for w in warned):
        _check_widths(source)
    if wanted and wanted.id and wanted.id_kind == "category":
        ids = frame[wanted.id].cat.categories
        if pd.api.types.is_numeric_dtype(ids):
            return _read(source, replace(wanted, id_kind="str"), rows)
    return frame


def _as_it_is(source: Source, rows: int | None) -> pd.DataFrame:
    content: Any = source.content
    frame = _with_index(content)
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=source.name)
    return frame.head(rows) if rows else frame


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an index that says something, one of times or with a name, among its columns."""
    import pandas as pd

    index = frame.index
    told = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)) or any(name is not None for name in index.names)
    whole = frame.reset_index(drop=not told or bool({*index.names} & {*frame.columns}))
    named: pd.DataFrame = whole.rename(columns=str)
    return named


def _read_parquet(source: Source, content: BinaryIO, wanted: Wanted | None, rows: int | None) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(content)
        if rows is None:
            stored = [name for name in wanted.names if name in file.schema_arrow.names] if wanted else None
            whole: pd.DataFrame = file.read(stored, use_pandas_metadata=True).to_pandas()
            return _with_index(whole)
        batches = list(itertools.islice(file.iter_batches(rows), 1))
        first: pd.DataFrame = pa.Table.from_batches(batches, file.schema_arrow).to_pandas()
        return _with_index(first)
    except (OSError, ValueError) as e:
        raise DataError(f"is not a whole Parquet file ({e})", hint="Write it again.", where=source.name) from None


def header(source: Source) -> list[str]:
    """The columns' names as they stand there; pandas would rename the second of two alike.

    Raises:
        DataError: one of several files has other columns than the first.
    """
    first, *others = source.parts
    names = _header(first)
    hint = "Several files are one table: give files with the same columns."
    for part in others:
        there = _header(part)
        if not there:
            raise _empty(part)
        absent, strange = [n for n in names if n not in there], [n for n in there if n not in names]
        if absent:
            raise DataError(f"no column {absent[0]!r}, which {first.name} has", hint=hint, where=part.name)
        if strange:
            raise DataError(f"column {strange[0]!r} is not in {first.name}", hint=hint, where=part.name)
    return names


def _header(source: Source) -> list[str]:
    if not source.is_csv:
        return [str(c) for c in _read(source, None, rows=1).columns]
    try:
        return next((fields for _, fields in source.records()), [])
    except (UnicodeDecodeError, *BROKEN) as e:
        raise _fault(source, e) from None


# ------------------------------------------------------------------ broken files


def _fault(source: Source, fault: Exception) -> DataError:
    """What to say of a file that can't be read."""
    import pandas as pd

    if isinstance(fault, pd.errors.EmptyDataError):
        return _empty(source)
    if isinstance(fault, pd.errors.ParserError):
        return _parse_fault(source, str(fault))
    if isinstance(fault, UnicodeDecodeError):
        codec, byte = source.encoding.removesuffix("-sig").upper(), fault.object[fault.start]
        hint = (
            f"Name its encoding, as in 'data.encoding: cp1252', or convert it: iconv -f cp1252 -t utf-8 {source.name}"
        )
        return DataError(f"is not {codec} (byte 0x{byte:02x} at {fault.start})", hint=hint, where=source.name)
    return DataError(f"can't be read ({fault})", hint="Check the file and its permissions.", where=source.name)


def _empty(source: Source) -> DataError:
    return DataError("is empty", hint="Give a CSV with a header row, then one row per time.", where=source.name)


def _parse_fault(source: Source, message: str) -> DataError:
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if ragged:
        expected, line, found = (int(g) for g in ragged.groups())
        return _too_wide(source, line, found, expected)
    return DataError(f"is not a CSV ({message.strip()})", hint="Check the quotes near its end.", where=source.name)


def _check_widths(source: Source) -> None:
    """Refuse a record with more fields than the header, but for empty ones: a separator at the end of each row."""
    records = source.records()
    _, names = next(records)
    for line, fields in records:
        if any(fields[len(names) :]):
            raise _too_wide(source, line, len(fields), len(names))


def _too_wide(source: Source, line: int, found: int, expected: int) -> DataError:
    hint = "Quote the field that holds a separator."
    return DataError(
        f"{found} fields where the header has {expected}", hint=hint, where=f"{source.name}:{line + source.skipped}"
    )
