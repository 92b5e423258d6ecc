"""The texts of a time column become numbers: which form they have, which clock they are of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqpred.data.sources import Source
from seqpred.data.timing import DAY, SECOND, Clock, Int

if TYPE_CHECKING:
    import pandas as pd

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


def read_times(source: Source, frame: pd.DataFrame, name: str | None, codes: Int) -> tuple[Clock, Int]:
    """How the time column is written, and its times [rows] as `timing` counts them.

    Args:
        name: the column; None for rows in order, counted within each series.
        codes: [rows], which series a row belongs to.
    Raises:
        DataError: empty cells, texts that are no dates or not all of one form, or dates that can be read in two ways.
    """
    from pandas.api import types

    if name is None:
        return Clock(None), frame.groupby(codes).cumcount().to_numpy(np.int64)
    column = frame[name]
    empty = np.flatnonzero(column.isna().to_numpy())
    if len(empty):
        raise source.fault(empty, f"column {name!r} is empty", "Every row needs its time.")
    if types.is_integer_dtype(column):
        return (
            (Clock("%Y%m%d"), _parsed(column.astype(str), "%Y%m%d")[0])
            if are_compact_dates(column)
            else (Clock("integer"), column.to_numpy(np.int64))
        )
    if types.is_datetime64_any_dtype(column):
        stamps = _microseconds(column)
        return Clock("%Y-%m-%d" if not (stamps % 86_400_000_000).any() else "%Y-%m-%d %H:%M:%S"), stamps
    if types.is_float_dtype(column) and bool((column == column.round()).all()):
        return Clock("integer"), column.to_numpy().astype(np.int64)
    return _dates(source, stripped(column), name)


def _dates(source: Source, column: pd.Series, name: str) -> tuple[Clock, Int]:
    form = date_form(column)
    if form is None:
        form = date_form(column.iloc[:1])
        if form is None:
            raise source.fault(
                np.arange(1),
                f"{column.iloc[0]!r} in column {name!r} is neither a date nor a whole number",
                "Write dates as 2024-12-31 or 2024-12-31 23:00:00.",
            )
        bad = np.flatnonzero(_parsed(column, form)[1])
        found = f"{column.iloc[bad[0]]!r} in column {name!r} is not a date of the form {form}, as the first row is"
        raise source.fault(bad, found, "Write all dates in one form.")
    other = form.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")
    if other != form and form[:3] in ("%d/", "%m/", "%d-", "%m-") and not _parsed(column, other)[1].any():
        raise source.fault(
            np.arange(1),
            f"{column.iloc[0]!r} in column {name!r} may be day first or month first",
            "No row decides it: write the dates as 2024-12-31.",
        )
    instants = _parsed(column, form)[0]
    return _on_the_wall(column, instants, form) if form.endswith("%z") else (Clock(form), instants)


def _on_the_wall(column: pd.Series, instants: Int, form: str) -> tuple[Clock, Int]:
    """Times of the clock on the wall where all rows have one offset, or all the same hour of their day; else UTC's."""
    zones = column.str.extract(_ZONE, expand=False)
    offsets = zones.map({z: _offset(z) for z in zones.unique()}).to_numpy(np.int64)
    wall = instants + offsets
    form = form.removesuffix("%z")
    if (offsets == offsets[0]).all() or len(np.unique(wall % DAY)) == 1:
        return Clock(form, str(zones.iloc[-1])), wall
    return Clock(form, "+00:00"), instants


def _offset(zone: str) -> int:
    """Microseconds east of UTC that Z, +0200 or +02:00 stands for."""
    digits = zone.replace(":", "")
    return 0 if zone == "Z" else int(f"{digits[0]}1") * (int(digits[1:3]) * 60 + int(digits[3:5])) * 60 * SECOND


def stripped(column: pd.Series) -> pd.Series:
    """The cells as texts, without the blanks around them."""
    return column.astype(str).str.strip()


def date_form(column: pd.Series) -> str | None:
    """The one form that all these texts have, as a strftime pattern, or None."""
    first = str(column.iloc[0])
    if not re.search(r"\d{4}", first):
        return None  # no year in it
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


def are_compact_dates(column: pd.Series) -> bool:
    """Whether whole numbers are dates written as 20241231."""
    if not (len(column) and column.min() >= 19_000_101 and column.max() <= 21_001_231):
        return False
    return not _parsed(column.astype(str), "%Y%m%d")[1].any()
