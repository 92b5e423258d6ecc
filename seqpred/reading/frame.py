"""A source as a pandas DataFrame of unconverted cells."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import numpy as np

from seqpred.arrays import Float
from seqpred.errors import DataError
from seqpred.reading.damage import check_nul, check_widths, diagnose, empty_file, malformed_csv
from seqpred.reading.json_rows import read_json
from seqpred.sources.dialect import EMPTY
from seqpred.sources.source import BROKEN, HEAD, Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Wanted:
    """The columns to read.

    Attributes:
        names: all of them.
        id: the one that names the series; its cells stay as they are written.
        texts: those that stay text, though they may look like numbers.
        categories: those in which a text such as NA is a category and not an empty cell.
        id_kind: the dtype of the ids. `category` is fast, but reads 007 as 7 if all ids are whole numbers.
    """

    names: tuple[str, ...]
    id: str | None
    texts: frozenset[str]
    categories: frozenset[str]
    id_kind: str = "category"

    def as_options(self) -> dict[str, Any]:
        """The arguments of `pandas.read_csv` for them."""
        kinds: dict[str, Any] = dict.fromkeys(self.texts, "str")
        marks = {n: [""] if n == self.id else list(EMPTY) for n in self.names if n not in self.categories}
        return {
            "usecols": list(self.names),
            "dtype": {**kinds, **({self.id: self.id_kind} if self.id else {})},
            "na_values": marks,
        }


NESTED_ROWS = 100  # of JSON, in which nested values are looked for
EVERYTHING: dict[str, Any] = {"usecols": None, "dtype": {}, "na_values": [""]}


def read_frame(source: Source, wanted: Wanted | None = None, rows: int | None = None) -> pd.DataFrame:
    """The frame in a source, or only the requested columns and first rows; several files one after another.

    Raises:
        DataError: it is empty, damaged, not a table, of another encoding, or has a record with too many fields.
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
    """The frame in one file."""
    try:
        if source.is_csv:
            return _read_csv(source, wanted, rows)
        return _flat(source.with_folder_columns(_read_typed(source, wanted, rows)))
    except (UnicodeDecodeError, *BROKEN) as e:
        raise diagnose(source, e) from None


def _read_csv(source: Source, wanted: Wanted | None, rows: int | None) -> pd.DataFrame:
    import pandas as pd

    check_nul(source, None if rows is None else HEAD)
    try:
        with _opened(source) as content, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(
                content,
                sep=source.delimiter,
                index_col=False,
                nrows=rows,
                encoding=source.encoding,
                skipinitialspace=source.structure.spaced,
                keep_default_na=False,
                low_memory=False,
                **(wanted.as_options() if wanted else EVERYTHING),
            )
    except pd.errors.EmptyDataError:
        raise empty_file(source) from None
    except pd.errors.ParserError as e:
        raise malformed_csv(source, str(e)) from None
    if any(issubclass(w.category, pd.errors.ParserWarning) for w in warned):
        check_widths(source)
    if wanted and wanted.id and wanted.id_kind == "category":
        ids = frame[wanted.id].cat.categories
        if pd.api.types.is_numeric_dtype(ids):
            return _read_csv(source, replace(wanted, id_kind="str"), rows)
    return frame


def _opened(source: Source) -> BinaryIO | TextIO:
    """Bytes of a plain text, which pandas decodes faster; otherwise the text of its rows."""
    return source.unpacked() if source.is_plain else source.open_text()


# ------------------------------------------------------------------ sources with types


def _read_typed(source: Source, wanted: Wanted | None, rows: int | None) -> pd.DataFrame:
    """The frame in a source whose columns have types: a DataFrame, JSON, Parquet or Feather."""
    if source.is_frame:
        frame: Any = source.content
        return _with_index(frame).head(rows) if rows else _with_index(frame)
    if source.form == "json":
        return read_json(source, rows)
    with source.unpacked() as content:
        return _read_arrow(source, content, wanted, rows)


def _read_arrow(source: Source, content: BinaryIO, wanted: Wanted | None, rows: int | None) -> pd.DataFrame:
    """The frame in a Parquet or Feather file."""
    import pandas.core.arrays.arrow.extension_types  # type: ignore[import-not-found] # noqa: F401, so periods are read
    import pyarrow as pa
    from pyarrow import feather, parquet

    try:
        if source.form == "feather":
            table = feather.read_table(_seekable(content))
            whole: pd.DataFrame = (table if rows is None else table.slice(0, rows)).to_pandas()
            return _with_index(whole)
        file = parquet.ParquetFile(_seekable(content))
        if rows is None:
            stored = [name for name in wanted.names if name in file.schema_arrow.names] if wanted else None
            return _with_index(file.read(stored, use_pandas_metadata=True).to_pandas())
        batches = list(itertools.islice(file.iter_batches(rows), 1))
        return _with_index(pa.Table.from_batches(batches, file.schema_arrow).to_pandas())
    except (OSError, ValueError) as e:
        found = f"is not a complete {source.form.title()} file ({e})"
        raise DataError(found, hint="Export it again.", where=source.name) from None


def _seekable(content: BinaryIO) -> BinaryIO:
    """The same bytes, with a random access that a decompressed stream lacks."""
    return content if content.seekable() else io.BytesIO(content.read())


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an index that is data, of timestamps or with a name, among its columns."""
    import pandas as pd

    index = frame.index
    is_data = isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)) or any(name is not None for name in index.names)
    whole = frame.reset_index(drop=not is_data or bool({*index.names} & {*frame.columns}))
    named: pd.DataFrame = whole.rename(columns=str)
    return named


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without nested columns, its periods as their first timestamps, and dates of Arrow as those of pandas.

    Raises:
        DataError: two columns have one name.
    """
    import pandas as pd

    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"two columns are called {name!r}", hint="Rename one.")
    nested = _nested(frame)
    flat = frame.drop(columns=nested) if nested else frame
    kinds = {str(name): kind for name, kind in flat.dtypes.items()}
    changed = {n: flat[n].dt.to_timestamp() for n, kind in kinds.items() if isinstance(kind, pd.PeriodDtype)}
    changed |= {n: _without_arrow(flat[n]) for n, kind in kinds.items() if isinstance(kind, pd.ArrowDtype)}
    return flat.assign(**changed) if changed else flat


def _without_arrow(column: pd.Series) -> pd.Series:
    """A column of dates or times that Arrow stores, in a type that can be compared with texts; others unchanged."""
    import pyarrow as pa

    cells = pa.chunked_array(pa.array(column))
    return cells.to_pandas().set_axis(column.index) if pa.types.is_temporal(cells.type) else column


def nested_columns(source: Source) -> list[str]:
    """The columns of a file or frame with types whose cells contain lists or mappings."""
    if source.is_frame:
        frame: Any = source.content
        return _nested(frame)
    if source.form == "json":
        return _nested(read_json(source, NESTED_ROWS))
    import pyarrow as pa
    from pyarrow import feather, parquet

    with source.unpacked() as content:
        file = _seekable(content)
        schema = feather.read_table(file).schema if source.form == "feather" else parquet.read_schema(file)
    return [field.name for field in schema if pa.types.is_nested(field.type)]


def _nested(frame: pd.DataFrame) -> list[str]:
    """The columns whose cells contain lists or mappings."""
    nested = (list, dict, tuple, set, np.ndarray)
    objects = [name for name, kind in frame.dtypes.items() if str(kind) == "object"]
    return [str(name) for name in objects if any(isinstance(cell, nested) for cell in frame[name])]


def to_frame(columns: Mapping[str, Sequence[Any] | Float]) -> pd.DataFrame:
    """A forecast table as a DataFrame, with its columns in order."""
    import pandas as pd

    return pd.DataFrame(dict(columns))
