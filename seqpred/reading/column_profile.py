"""What the columns of a source contain, judged by their first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seqpred.errors import DataError
from seqpred.reading.header import find_nested, header
from seqpred.sources.dialect import EMPTY
from seqpred.sources.numbers import is_plain_number
from seqpred.sources.source import BROKEN, Source

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.timestamps.recognize import Recognized
    from seqpred.timestamps.units import Unit

Kind = Literal["number", "whole", "time", "clock", "text", "empty", "nested"]
SAMPLE_ROWS = 2000
SAMPLE_TEXTS = 200  # distinct ones of a column, at most, that decide whether they are timestamps
FEW_ROWS = 3
DECIMAL_COMMA = re.compile(r"[+-]?\d*(?:,\d*)?", re.ASCII)
LIKE_TIMES = r"(?=(?:.*\d){2}).{3,30}"  # short texts with two digits or more


@dataclass(frozen=True)
class ColumnProfile:
    """What the first rows show of a column.

    Attributes:
        dated: whether its timestamps are dates without a time of day.
        counted: whether it numbers the rows.
        part: the unit of a part of a timestamp that it contains, such as `month` or `hour`.
        unreadable: why it is not a time column though it looks like one; empty for others.
    """

    name: str
    kind: Kind
    distinct: int
    rows: int
    dated: bool = False
    counted: bool = False
    part: Unit | None = None
    unreadable: str = ""


def profile_columns(source: Source) -> list[ColumnProfile]:
    """What each column seems to contain, from the first rows.

    Raises:
        DataError: empty, no header, only a header, or not a table at all.
    """
    from seqpred.reading.frame import read_frame

    if len(source.parts) > 1:
        header(source)  # the same in all of them
    frame = read_frame(source, rows=SAMPLE_ROWS)
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    found = [_profile(frame[c], (*EMPTY, *source.dialect.missing_texts)) for c in frame.columns]
    return [*found, *(ColumnProfile(name, "nested", 0, len(frame)) for name in find_nested(source))]


def name_columns(source: Source) -> list[ColumnProfile]:
    """The columns by name alone, for a model that knows what they contain; a source without a header is profiled.

    Raises:
        DataError: as `profile_columns`.
    """
    try:
        names = header(source)
    except (UnicodeDecodeError, *BROKEN):
        names = []  # profiling finds the same fault and reports it
    return [ColumnProfile(name, "empty", 0, 0) for name in names] or profile_columns(source)


def _profile(column: pd.Series, empty: Sequence[str]) -> ColumnProfile:
    from pandas.api import types

    from seqpred.timestamps.reader import stripped

    filled = column[column.notna() & ~column.isin(empty)]
    name, distinct = str(column.name), int(column.nunique())
    texts = list(dict.fromkeys(stripped(filled.drop_duplicates()).tolist()))
    found = _recognize(name, filled, texts)
    kind = _kind(filled, found, texts)
    counted = types.is_integer_dtype(column) and column.iloc[0] in (0, 1) and bool((column.diff()[1:] == 1).all())
    unreadable = found.unreadable if kind != "whole" else ""
    if kind == "text" and found.part:
        unreadable = f"{str(filled.iloc[0]).strip()!r} has no year"
    if kind == "text" and distinct == len(column) >= FEW_ROWS and stripped(filled).str.fullmatch(LIKE_TIMES).all():
        unreadable = unreadable or f"{str(filled.iloc[0]).strip()!r} is not a timestamp"
    is_dated = kind == "time" and not found.has_clock
    return ColumnProfile(name, kind, distinct, len(column), is_dated, counted, found.part, unreadable)


def _recognize(name: str, filled: pd.Series, texts: list[str]) -> Recognized:
    """What a column could be in a timestamp."""
    from pandas.api import types

    from seqpred.timestamps.recognize import Recognized, recognize_numbers, recognize_texts

    if not len(filled) or types.is_bool_dtype(filled):
        return Recognized()
    if types.is_datetime64_any_dtype(filled):
        return Recognized(is_time=True, has_clock=bool((filled != filled.dt.normalize()).any()))
    if types.is_numeric_dtype(filled):
        return recognize_numbers(name, texts, filled.unique().tolist())
    if all(map(is_plain_number, texts[:SAMPLE_TEXTS])):
        numbers = [float(text) for text in texts if is_plain_number(text)]
        return recognize_numbers(name, texts, numbers)
    if all(DECIMAL_COMMA.fullmatch(text) for text in texts):  # 1994,5 is no month
        return Recognized()
    return recognize_texts(name, texts[:SAMPLE_TEXTS])


def _kind(filled: pd.Series, found: Recognized, texts: list[str]) -> Kind:
    """What the cells of a column are that are not empty."""
    from pandas.api import types

    if not len(filled):
        return "empty"
    if found.is_time or found.is_clock:
        return "time" if found.is_time else "clock"
    if types.is_numeric_dtype(filled):
        return "whole" if types.is_integer_dtype(filled) else "number"
    if all(map(is_plain_number, texts)):  # text only because other cells contain words such as NA
        return "whole" if all(float(text).is_integer() for text in texts) else "number"
    from seqpred.reading.number_columns import are_numbers

    return "number" if are_numbers(texts) else "text"
