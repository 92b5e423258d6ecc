"""What the columns of a source contain, judged by their first rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from seqpred.errors import DataError
from seqpred.reading.header import find_nested, header
from seqpred.reading.plain import first_cells
from seqpred.reading.plain_cells import NUMBER, WHOLE
from seqpred.sources.dialect import EMPTY
from seqpred.sources.numbers import is_plain_number
from seqpred.sources.source import BROKEN, Source
from seqpred.timestamps.format import may_be_timestamps
from seqpred.timestamps.units import Unit, unit_of

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.timestamps.recognize import Recognized

Kind = Literal["number", "whole", "time", "clock", "text", "empty", "nested"]
SAMPLE_ROWS = 2000
SAMPLE_TEXTS = 200  # distinct texts of a column, at most, that are examined for timestamps
FEW_ROWS = 3
MIN_COUNTED = 10  # evenly spaced numbers that are not measurements
DECIMAL_COMMA = re.compile(r"[+-]?\d*(?:,\d*)?", re.ASCII)
LIKE_TIMES = re.compile(r"(?=(?:.*\d){2}).{3,30}")  # short texts with two digits or more


class ColumnProfile(NamedTuple):
    """What the first rows show of a column.

    Attributes:
        dated: whether its timestamps are dates without a time of day.
        counted: whether it numbers the rows, or counts in equal steps as seconds or Julian dates do.
        part: the unit of a part of a timestamp that it contains, such as `month` or `hour`.
        unreadable: why it is not a time column though it looks like one; empty for others.
        example: of text, a cell that is not a number.
        mixed: whether it is text although most of its cells are numbers.
    """

    name: str
    kind: Kind
    distinct: int
    rows: int
    dated: bool = False
    counted: bool = False
    part: Unit | None = None
    unreadable: str = ""
    example: str = ""
    mixed: bool = False


def profile_columns(source: Source) -> list[ColumnProfile]:
    """What each column seems to contain, from the first rows.

    Raises:
        DataError: empty, no header, only a header, or not a table at all.
    """
    if len(source.parts) > 1:
        header(source)  # the same in all of them
    few = first_cells(source, SAMPLE_ROWS)
    if few is not None:
        return [profile(_plain_cells(name, column)) for name, column in few.items()]
    from seqpred.reading.frame import read_frame

    frame = read_frame(source, rows=SAMPLE_ROWS)
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    found = [profile(_cells(frame[c], (*EMPTY, *source.dialect.missing_texts))) for c in frame.columns]
    return [*found, *(ColumnProfile(name, "nested", 0, len(frame)) for name in find_nested(source))]


def name_columns(source: Source) -> list[ColumnProfile]:
    """The columns by name only, for a model whose columns are known; a source without a header is profiled.

    Raises:
        DataError: as `profile_columns`.
    """
    try:
        names = header(source)
    except (UnicodeDecodeError, *BROKEN):
        names = []  # profiling finds the same fault and reports it
    return [ColumnProfile(name, "empty", 0, 0) for name in names] or profile_columns(source)


class Cells(NamedTuple):
    """The cells of one column.

    Attributes:
        rows: how many there are.
        distinct: how many different ones, those that are empty not among them.
        texts: the different ones that are not empty, without blanks around them, in order of appearance; none for
            numbers that cannot be a part of a timestamp.
        numbers: the different numbers; None if the cells are texts, truth values or times.
        whole: whether these are stored as integers.
        counted: whether they number the rows.
        stored_time: what is known of cells that are stored as times or truth values; None for others.
    """

    name: str
    rows: int
    distinct: int
    texts: list[str]
    numbers: list[float] | None = None
    whole: bool = False
    counted: bool = False
    stored_time: Recognized | None = None


def profile(cells: Cells) -> ColumnProfile:
    """What a column seems to contain; a header that is repeated among its rows does not count."""
    if cells.name in cells.texts[1:]:
        cells = cells._replace(texts=[text for text in cells.texts if text != cells.name])
    name, texts = cells.name, cells.texts
    found = _recognize(cells)
    kind = _kind(cells, found)
    unreadable = found.unreadable if kind != "whole" else ""
    if kind == "clock":
        unreadable = f"{texts[0]!r} has no date"
    if kind == "text" and found.part:
        unreadable = f"{texts[0]!r} has no year"
    if kind == "text" and cells.distinct == cells.rows >= FEW_ROWS and all(map(LIKE_TIMES.fullmatch, texts)):
        unreadable = unreadable or f"{texts[0]!r} is not a timestamp"
    is_dated = kind == "time" and not found.has_clock
    strange = [text for text in texts if not is_plain_number(text)] if kind == "text" else []
    example = next((text for text in strange if any(map(str.isdigit, text))), strange[0] if strange else "")
    mixed = bool(strange) and 2 * len(strange) <= len(texts)
    counted = cells.counted or (cells.distinct == cells.rows and _counts_evenly(cells.numbers or ()))
    if counted and not cells.counted and kind in ("number", "whole"):
        unreadable = unreadable or f"its numbers, from {cells.numbers and cells.numbers[0]}, only increase evenly"
    known = (name, kind, cells.distinct, cells.rows, is_dated, counted, found.part, unreadable)
    return ColumnProfile(*known, example, mixed)


def _counts_evenly(numbers: Sequence[float]) -> bool:
    """Whether numbers increase in equal steps, but for rounding."""
    if len(numbers) < MIN_COUNTED:
        return False
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    return min(steps) > 0 and max(steps) - min(steps) < 1e-6 * max(map(abs, numbers))


def _plain_cells(name: str, column: Sequence[str]) -> Cells:
    """The cells of a column of a small file, with the types that pandas would find."""
    filled = [cell for cell in column if cell]
    texts = list(dict.fromkeys(map(str.strip, filled)))
    if not texts or not all(map(NUMBER.fullmatch, texts)):
        return Cells(name, len(column), len(set(filled)), texts)
    whole = len(filled) == len(column) and all(map(_is_int64, texts))
    numbers = list(dict.fromkeys(map(int if whole else float, filled)))
    counted = whole and [*map(int, column)] == [*range(int(column[0]), int(column[0]) + len(column))]
    counted = counted and int(column[0]) in (0, 1)
    return Cells(name, len(column), len(numbers), [*map(str, numbers)], numbers, whole, counted)


def _is_int64(text: str) -> bool:
    return WHOLE.fullmatch(text) is not None or (text.isdecimal() and int(text) < 1 << 63)  # nanoseconds since 1970


def _cells(column: pd.Series, empty: Sequence[str]) -> Cells:
    """The cells of a column of a frame."""
    from pandas.api import types

    from seqpred.timestamps.reader import stripped

    is_numeric = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
    filled = column.dropna() if is_numeric else column[column.notna() & ~column.isin(empty)]
    from seqpred.timestamps.recognize import Recognized

    texts: list[str] = []
    if not is_numeric or _may_be_time(str(column.name), filled):
        texts = list(dict.fromkeys(stripped(filled.drop_duplicates()).tolist()))
    counted = types.is_integer_dtype(column) and column.iloc[0] in (0, 1) and bool((column.diff()[1:] == 1).all())
    stored, is_bool = None, types.is_bool_dtype(filled)
    if is_bool:
        stored = Recognized()
    elif types.is_datetime64_any_dtype(filled):
        stored = Recognized(is_time=True, has_clock=bool((filled != filled.dt.normalize()).any()))
    numbers = filled.unique().tolist() if types.is_numeric_dtype(filled) else None
    whole = types.is_integer_dtype(filled)
    return Cells(str(column.name), len(column), int(column.nunique()), texts, numbers, whole, counted, stored)


def _may_be_time(name: str, numbers: pd.Series) -> bool:
    """Whether a column of numbers can be a part of a timestamp, by its name or size."""
    return unit_of(name) is not None or bool(len(numbers) and may_be_timestamps(numbers.min(), numbers.max()))


def _recognize(cells: Cells) -> Recognized:
    """What a column could be in a timestamp."""
    from seqpred.timestamps.recognize import Recognized, recognize_numbers, recognize_texts

    name, texts = cells.name, cells.texts
    if not texts or cells.stored_time is not None:
        return cells.stored_time or Recognized()
    if cells.numbers is not None:
        return recognize_numbers(name, texts, cells.numbers)
    if all(map(is_plain_number, texts[:SAMPLE_TEXTS])):
        numbers = [float(text) for text in texts if is_plain_number(text)]
        return recognize_numbers(name, texts, numbers)
    if all(DECIMAL_COMMA.fullmatch(text) for text in texts):  # 1994,5 is not a month
        return Recognized()
    return recognize_texts(name, texts[:SAMPLE_TEXTS])


def _kind(cells: Cells, found: Recognized) -> Kind:
    """What the cells of a column are that are not empty."""
    texts = cells.texts
    if not texts and not cells.numbers:
        return "empty"
    if found.is_time or found.is_clock:
        return "time" if found.is_time else "clock"
    if cells.numbers is not None:
        return "whole" if cells.whole else "number"
    if all(map(is_plain_number, texts)):  # text only because other cells contain words such as NA
        return "whole" if all(float(text).is_integer() for text in texts) else "number"
    from seqpred.reading.number_columns import are_numbers

    return "number" if are_numbers(texts) else "text"
