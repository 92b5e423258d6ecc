"""A file, standard input or a DataFrame becomes a table of numbers; pandas lives here alone.

Faults carry the line of the file on which they stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from seqpred.data.sources import Source
from seqpred.data.timing import Clock, Int
from seqpred.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "whole", "time", "text", "empty"]
SAMPLE_ROWS = 2000
SHOWN = 3  # offending rows that a message names


@dataclass(frozen=True)
class Sketch:
    """What the first rows say of a column."""

    name: str
    kind: Kind
    distinct: int
    rows: int


@dataclass(frozen=True)
class Columns:
    """Which column is what."""

    time: str | None
    id: str | None
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The rows of a source, as numbers, in the order in which they stand there.

    Attributes:
        names: the series, in order of appearance; one nameless series where there is no id column.
        codes: [rows], which series a row belongs to.
        times: [rows], see `timing`.
        values: [rows, columns], NaN where the cell is empty.
    """

    source: Source
    columns: Columns
    clock: Clock
    names: list[str]
    codes: Int
    times: Int
    values: npt.NDArray[np.float64]


# ------------------------------------------------------------------ the first rows


def sketch(source: Source) -> list[Sketch]:
    """What each column seems to hold, from the first rows.

    Raises:
        DataError: empty, no header, only a header, or not a table at all.
    """
    frame = _read(source, rows=SAMPLE_ROWS)
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    return [Sketch(str(c), _kind(frame[c]), int(frame[c].nunique()), len(frame)) for c in frame.columns]


def _kind(column: pd.Series) -> Kind:
    from pandas.api import types

    filled = column.dropna()
    if not len(filled):
        return "empty"
    if types.is_datetime64_any_dtype(column):
        return "time"
    if types.is_integer_dtype(column):
        return "time" if _compact_dates(filled) else "whole"
    if types.is_numeric_dtype(column):
        return "number"
    return "time" if _date_form(filled.astype(str).iloc[:50]) else "text"


def _read(source: Source, columns: Columns | None = None, rows: int | None = None) -> pd.DataFrame:
    """The frame in a source, or just the columns and rows asked for."""
    import pandas as pd

    if not isinstance(source.content, (Path, bytes)):
        frame = source.content
        return frame.head(rows) if rows else frame
    content = source.open_bytes()
    wanted = _names(columns) if columns else None
    try:
        if source.is_parquet:
            return _read_parquet(content, wanted, rows)
        return pd.read_csv(
            content,
            sep=source.delimiter,
            usecols=wanted,
            nrows=rows,
            encoding="utf-8-sig",
            compression="gzip" if source.is_gzip else None,
            dtype={columns.id: "category"} if columns and columns.id else None,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        raise DataError(
            "is empty", hint="Give a CSV with a header row, then one row per time.", where=source.name
        ) from None
    except pd.errors.ParserError as e:
        raise _parse_fault(source, str(e)) from None
    except UnicodeDecodeError as e:
        raise DataError(
            f"is not UTF-8 (byte 0x{e.object[e.start]:02x} at {e.start})",
            hint=f"Convert it: iconv -f latin1 -t utf-8 {source.name}",
            where=source.name,
        ) from None
    except (OSError, EOFError) as e:
        raise DataError(f"can't be read ({e})", hint="Check the file and its permissions.", where=source.name) from None


def _read_parquet(content: Any, wanted: list[str] | None, rows: int | None) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.read_parquet(content, columns=wanted)
    except ImportError:
        raise DataError("Parquet needs pyarrow", hint="pip install 'seqpred[parquet]'") from None
    except (OSError, ValueError) as e:
        raise DataError(f"is not a whole Parquet file ({e})", hint="Write it again.") from None
    first: pd.DataFrame = frame.head(rows) if rows else frame
    return first


def _parse_fault(source: Source, message: str) -> DataError:
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if ragged:
        expected, line, found = ragged.groups()
        return DataError(
            f"{found} fields where the header has {expected}",
            hint="Quote the field that holds a separator.",
            where=f"{source.name}:{line}",
        )
    return DataError(f"is not a CSV ({message.strip()})", hint="Check the quotes near its end.", where=source.name)


# ------------------------------------------------------------------ the columns asked for


def read_table(source: Source, columns: Columns) -> Table:
    """The rows of a source as numbers.

    Raises:
        DataError: a column is absent, a cell is not what its column holds, a time or id is missing; the first
            three lines are named, and how many there are.
    """
    frame = _read(source, columns if _has_columns(source, columns) else None)
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    names, codes = _series(source, frame, columns.id)
    clock, times = _times(source, frame, columns.time)
    values = np.empty((len(frame), len(columns.targets)))
    for i, name in enumerate(columns.targets):
        values[:, i] = _numbers(source, frame[name], name)
    return Table(source, columns, clock, names, codes, times, values)


def has_columns(source: Source, names: Sequence[str]) -> bool:
    """Whether all these columns are in the source."""
    present = _header(source)
    return all(n in present for n in names)


def _header(source: Source) -> list[str]:
    return [str(c) for c in _read(source, rows=1).columns]


def _names(columns: Columns) -> list[str]:
    return [c for c in (columns.id, columns.time, *columns.targets) if c is not None]


def _has_columns(source: Source, columns: Columns) -> bool:
    header = _header(source)
    for name in _names(columns):
        if name not in header:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, header), where=source.name)
    return True


def _series(source: Source, frame: pd.DataFrame, id_name: str | None) -> tuple[list[str], Int]:
    import pandas as pd

    if id_name is None:
        return [""], np.zeros(len(frame), np.int64)
    column = frame[id_name].astype("category")
    raw = column.cat.codes.to_numpy().astype(np.int64)
    if (raw < 0).any():
        raise _cells(source, np.flatnonzero(raw < 0), f"column {id_name!r} is empty", "Every row needs its series.")
    order = pd.unique(raw)
    place = np.empty(len(column.cat.categories), np.int64)
    place[order] = np.arange(len(order))
    labels = [str(c) for c in column.cat.categories]
    return [labels[i] for i in order], place[raw]


def _numbers(source: Source, column: pd.Series, name: str) -> npt.NDArray[np.float64]:
    import pandas as pd
    from pandas.api import types

    if types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
        if len(bad):
            shown = repr(str(column.iloc[bad[0]])[:40])
            raise _cells(
                source, bad, f"{shown} in column {name!r} is not a number", "Mend these cells, or leave them empty."
            )
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise _cells(source, infinite, f"an infinite value in column {name!r}", "Leave it empty if it is unknown.")
    return values


def _cells(source: Source, rows: Int, found: str, hint: str) -> DataError:
    """An error at the first offending row that names a few more, and how many there are."""
    if len(rows) > 1:
        lines = ", ".join(source.where(int(r)).removeprefix(f"{source.name}").lstrip(":, ") for r in rows[:SHOWN])
        found += f" ({len(rows)} such rows: {lines}{', ...' if len(rows) > SHOWN else ''})"
    return DataError(found, hint=hint, where=source.where(int(rows[0])))


# ------------------------------------------------------------------ times

_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S.%f")
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y-%m",
    "%Y/%m",
    "%b %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%b %d %Y",
    "%Y.%m.%d",
    "%Y%m%d",
)
_FORMS = tuple(date + clock for date in _DATES for clock in _CLOCKS)
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


def _times(source: Source, frame: pd.DataFrame, name: str | None) -> tuple[Clock, Int]:
    from pandas.api import types

    if name is None:
        return Clock(None), np.arange(len(frame), dtype=np.int64)
    column = frame[name]
    empty = np.flatnonzero(column.isna().to_numpy())
    if len(empty):
        raise _cells(source, empty, f"column {name!r} is empty", "Every row needs its time.")
    if types.is_integer_dtype(column):
        return (
            (Clock("%Y%m%d"), _parsed(column.astype(str), "%Y%m%d")[0])
            if _compact_dates(column)
            else (Clock("integer"), column.to_numpy(np.int64))
        )
    if types.is_datetime64_any_dtype(column):
        stamps = _microseconds(column)
        return Clock("%Y-%m-%d" if not (stamps % 86_400_000_000).any() else "%Y-%m-%d %H:%M:%S"), stamps
    if types.is_float_dtype(column) and bool((column == column.round()).all()):
        return Clock("integer"), column.to_numpy().astype(np.int64)
    return _dates(source, column.astype(str).str.strip(), name)


def _dates(source: Source, column: pd.Series, name: str) -> tuple[Clock, Int]:
    form = _date_form(column)
    if form is None:
        form = _date_form(column.iloc[:1])
        if form is None:
            raise _cells(
                source,
                np.arange(1),
                f"{column.iloc[0]!r} in column {name!r} is neither a date nor a whole number",
                "Write dates as 2024-12-31 or 2024-12-31 23:00:00.",
            )
        bad = np.flatnonzero(_parsed(column, form)[1])
        found = f"{column.iloc[bad[0]]!r} in column {name!r} is not a date of the form {form}, as the first row is"
        raise _cells(source, bad, found, "Write all dates in one form.")
    other = form.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")
    if other != form and form[:3] in ("%d/", "%m/", "%d-", "%m-") and not _parsed(column, other)[1].any():
        raise _cells(
            source,
            np.arange(1),
            f"{column.iloc[0]!r} in column {name!r} may be day first or month first",
            "No row decides it: write the dates as 2024-12-31.",
        )
    return Clock(form), _parsed(column, form)[0]


def _date_form(column: pd.Series) -> str | None:
    """The one form that all these texts have, as a strftime pattern, or None."""
    first = str(column.iloc[0])
    zone = _ZONE.search(first) if ":" in first else None
    for form in _FORMS:
        pattern = form + ("%z" if zone else "")
        if not _parsed(column.iloc[:1], pattern)[1].any() and not _parsed(column, pattern)[1].any():
            return pattern
    return None


def _parsed(column: pd.Series, form: str) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Microseconds since 1970 (of UTC, where there are zones), and which texts are not of the form."""
    import pandas as pd

    stamps = pd.to_datetime(column, format=form, errors="coerce", utc=form.endswith("%z"))
    return _microseconds(stamps), stamps.isna().to_numpy()


def _microseconds(stamps: pd.Series) -> Int:
    if getattr(stamps.dtype, "tz", None) is not None:
        stamps = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return stamps.to_numpy().astype("datetime64[us]").astype(np.int64)


def _compact_dates(column: pd.Series) -> bool:
    """Whether whole numbers are dates written as 20241231."""
    if not (len(column) and column.min() >= 19_000_101 and column.max() <= 21_001_231):
        return False
    return not _parsed(column.astype(str), "%Y%m%d")[1].any()


# ------------------------------------------------------------------ and back


def to_frame(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A forecast table as a DataFrame, its columns in order."""
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame(dict(columns))
    return frame
