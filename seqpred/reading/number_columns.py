"""Columns of text that are to be numbers: their decimal sign, their formats, and the cells that do not fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float
from seqpred.errors import DataError
from seqpred.reading.thousands import head_cells
from seqpred.sources.dialect import LARGEST, LETTERS, Decimal
from seqpred.sources.numbers import (
    AmbiguousDecimalError,
    NumberFormat,
    infer_decimal,
    infer_format,
    is_plain_number,
    split_cell,
)
from seqpred.sources.source import Source
from seqpred.timestamps.reader import stripped

if TYPE_CHECKING:
    import pandas as pd

_DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(\d\d|\d{4})\b.*", re.ASCII)
_MISSING_WORDS = frozenset(  # in lower case
    re.findall(
        r"[^,]+",
        "unavailable,unknown,missing,not available,no data,nodata,n.a.,n.a,n/d,nd,na,nil,none,null,nan,void,undefined,"
        "offline,error,bad,invalid,fault,i/o timeout,no value,empty,k.a.,k. a.,keine angabe,n.v.,s/o,s.o.,n.d.,"
        "#div/0!,#ref!,#value!,#name?,#num!,#null!",
    )
)


class WordsError(DataError):
    """Cells among numbers that contain words.

    Attributes:
        words: the different ones.
    """

    def __init__(self, fault: DataError, words: Sequence[str]) -> None:
        super().__init__(fault.message, hint=fault.hint)
        self.words = words

    @property
    def are_missing(self) -> bool:
        """Whether all of them represent a missing value."""
        return all(map(means_missing, self.words))


def means_missing(text: str) -> bool:
    """Whether a word among numbers represents a missing value: `?`, `--`, `unavailable`.

    >>> means_missing("--"), means_missing("Unavailable"), means_missing("closed")
    (True, True, False)
    """
    return not any(map(str.isalnum, text)) or text.casefold() in _MISSING_WORDS


def are_numbers(texts: Collection[str]) -> bool:
    """Whether a column with these distinct cells contains numbers, although some of its cells may be malformed.

    A few words are acceptable if they represent missing values, or if there are very many numbers.

    >>> are_numbers(["$5", "$6.50"]), are_numbers(["5", "unavailable"]), are_numbers(["12A", "7C"])
    (True, True, False)
    """
    cells = [text for text in texts if any(map(str.isdigit, text)) and not means_missing(text)]
    words = [text for text in texts if text not in set(cells) and not means_missing(text)]
    if not cells or 10 * len(words) > len(cells):
        return False
    for decimal in NumberFormat.SIGNS:
        found = infer_format(cells, decimal)
        if sum(found.is_number(text) for text in cells) >= 0.9 * len(cells):
            return True
    return False


# ------------------------------------------------------------------ the decimal sign of a file


def find_decimal(source: Source, frame: pd.DataFrame, names: Sequence[str]) -> tuple[Decimal, str]:
    """The decimal sign that all columns of numbers share, and a note; `auto` if every cell is a plain number.

    Raises:
        DataError: all cells can be read with either sign.
    """
    texts = {name: cells for name in names if (cells := distinct_texts(source, frame[name]))}
    unusual = [text for cells in texts.values() for text in cells if not _has_plain_digits(text)]
    if source.dialect.decimal != "auto" or not texts:
        return source.dialect.decimal, ""
    try:
        decimal = infer_decimal(texts, continental=is_continental(source))
    except AmbiguousDecimalError as e:
        rows = np.flatnonzero(stripped(frame[e.column].astype(str)).str.contains(e.digits, regex=False).to_numpy())
        sign = "comma" if "," in e.digits else "point"
        message = f"{e.digits!r} in column {e.column!r} may have a decimal {sign} or group thousands"
        raise source.fault(rows[:1], message, "No cell decides it: set data.decimal to '.' or ','.") from None
    separated = [text for text in unusual if np.isfinite(infer_format([text], decimal).number(text))]
    if not separated:
        return "auto", ""
    shown = max(separated, key=len)
    return decimal, f"numbers are read with the decimal sign {decimal!r}, as in {shown!r} (data.decimal)"


def _has_plain_digits(text: str) -> bool:
    """Whether a number in a cell is written plainly, apart from what surrounds it."""
    cell = split_cell(text)
    return cell is not None and is_plain_number(cell.digits)


def is_continental(source: Source) -> bool:
    """Whether a file looks like one from a country with a decimal comma: semicolons or dates such as 31.12.2024."""
    if not source.is_csv:
        return False
    names = source.parts[0].structure.names
    return source.parts[0].delimiter == ";" or any(_DOTTED_DATE.fullmatch(text) for text in head_cells(source, names))


def distinct_texts(source: Source, column: pd.Series) -> list[str]:
    """The different cells of a column of text in order of appearance; none of a column of numbers.

    Empty cells and sentinels do not count.
    """
    from pandas.api import types

    if types.is_numeric_dtype(column):
        return []
    texts = stripped(column.dropna().drop_duplicates().astype(str))
    missing = {*source.dialect.missing_texts, ""}
    return [text for text in dict.fromkeys(texts.tolist()) if text not in missing]


# ------------------------------------------------------------------ the numbers of a column


class Numbers(NamedTuple):
    """The numbers of a column.

    Attributes:
        values: `[rows]`, NaN where the cell is missing.
        marked: how many cells contain a sentinel.
        unit: what surrounds the numbers.
        note: how they are read, if they have a unit.
    """

    values: Float
    marked: int
    unit: str
    note: str


def read_numbers(source: Source, column: pd.Series, name: str) -> Numbers:
    """The numbers in a column.

    Raises:
        DataError: a cell is not a number, has another format than the others, or is infinite.
    """
    from pandas.api import types

    dialect, note, unit = source.dialect, "", ""
    marked = np.zeros(len(column), bool)
    if types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        marked = stripped(column).isin(dialect.missing_texts).to_numpy() & column.notna().to_numpy()
        column = column.mask(marked)
        found = format_of(source, column, name)
        unit, note = found.unit, _format_note(found, column, name)
        values = found.numbers(column.astype(object).fillna("").astype(str).tolist())
        bad = np.isnan(values) & column.notna().to_numpy()
        if bad.any():
            raise _malformed(source, column, found, np.flatnonzero(bad))
    marked |= np.isin(values, dialect.missing_numbers)
    values = np.where(marked, np.nan, values)
    huge = np.flatnonzero(np.abs(values) > LARGEST)
    if len(huge):
        message = f"{values[huge[0]]:g} in column {name!r} is infinite, or too large to compute with"
        raise source.fault(huge, message, "Leave the cell empty if the value is unknown.")
    return Numbers(values, int(marked.sum()), unit, note)


def format_of(source: Source, column: pd.Series, name: str) -> NumberFormat:
    """The format of a column of text: the unit that the config names, else the most frequent one."""
    decimal: Literal[".", ","] = "," if source.dialect.decimal == "," else "."
    if name in source.dialect.unit:
        return NumberFormat(decimal, source.dialect.unit[name])
    return infer_format(distinct_texts(source, column), decimal)


def _format_note(found: NumberFormat, column: pd.Series, name: str) -> str:
    """How cells of a column are read that have a unit, a scale or an unusual sign: `'$5' is read as 5`."""
    text = next((text.strip() for text in column.dropna().astype(str) if _is_unusual(text.strip())), "")
    return f"column {name!r}: {text!r} is read as {found.number(text):.15g}" if np.isfinite(found.number(text)) else ""


def _is_unusual(text: str) -> bool:
    """Whether a number has a unit, a scale, or a sign other than a plus or minus before it."""
    cell = split_cell(text)
    return cell is not None and bool(cell.unit or cell.scale or text[0] == "(" or text[-1] == "-")


def _example(found: NumberFormat, column: pd.Series) -> str:
    """The first cell that has a format; nothing if none has."""
    return next((text.strip() for text in column.dropna().astype(str) if np.isfinite(found.number(text))), "")


def _malformed(source: Source, column: pd.Series, found: NumberFormat, rows: npt.NDArray[np.intp]) -> DataError:
    """The error for the cells in these rows, which are words or malformed numbers."""
    texts = stripped(column.iloc[rows].astype(str))
    words = [text for text in texts.drop_duplicates() if not any(map(str.isdigit, text)) or means_missing(text)]
    shown = words[0] if words else texts.iloc[0]
    if words:
        rows = rows[texts.isin(words).to_numpy()]
    sentinels = ", ".join(repr(word[:LETTERS]) for word in words[:3])
    to_missing = f"Set data.sentinels to [{sentinels}] to treat these cells as missing, or fix them."
    hint = to_missing if words else "Fix these cells, or leave them empty."
    if source.dialect.decimal != "auto":
        hint = f"The decimal sign is {source.dialect.decimal!r} (data.decimal). {hint}"
    message = f"{shown[:LETTERS]!r} in column {str(column.name)!r} is not a number"
    if found.unit and not words:
        example = _example(found, column)
        message += f" like {example!r}" if example else f" in {found.unit}"
    fault = source.fault(rows, message, hint)
    return WordsError(fault, words) if words else fault
