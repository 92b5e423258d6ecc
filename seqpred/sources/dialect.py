"""How a file writes what it holds: encoding, missing values, order of dates, decimal sign, layout, time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from seqpred.arrays import Float

if TYPE_CHECKING:
    from seqpred.config.schema import DataSection

DateOrder = Literal["auto", "day-first", "month-first", "year-first"]
Decimal = Literal["auto", ".", ","]
Layout = Literal["rows", "years", "weekday-years"]

EMPTY = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "<NA>", "None", "NULL", "null")  # cells without a value
LARGEST = 1e100  # beyond it, squares are infinite
LETTERS = 40  # of a faulty cell, that a message shows
_SPACES = " \u00a0\u2009\u202f'\u2019"  # what stands between thousands in any language


@dataclass(frozen=True)
class Dialect:
    """What a config says of how a file is written; see the keys of these names."""

    encoding: str = "auto"
    sentinels: tuple[float | str, ...] = ()
    date_order: DateOrder = "auto"
    decimal: Decimal = "auto"
    layout: Layout = "rows"
    timezone: str = "auto"
    timestamp_pattern: str = ""  # of other rows of the same data, to be tried first

    @classmethod
    def of(cls, data: DataSection) -> Dialect:
        """The dialect that a config describes."""
        return cls(data.encoding, tuple(data.sentinels), data.date_order, data.decimal, data.layout, data.timezone)

    @property
    def missing_texts(self) -> list[str]:
        """The sentinels as a cell of text may hold them."""
        return [s for s in self.sentinels if isinstance(s, str)]

    @property
    def missing_numbers(self) -> list[float]:
        """The sentinels that are numbers, in quotes or not."""
        numbers = [to_number(s, ".") if isinstance(s, str) else float(s) for s in self.sentinels]
        return [n for n in numbers if np.isfinite(n)]


USUAL = Dialect()


def _numeral(decimal: str) -> re.Pattern[str]:
    """What a number looks like: `[1-9]` begins a grouped one, since 0,123 groups no thousands."""
    point, groups = re.escape(decimal), f"[{_SPACES}{'.' if decimal == ',' else ','}]"
    whole = rf"(?:[1-9]\d{{0,2}}({groups})\d{{3}}(?:\1\d{{3}})*|\d+)"
    return re.compile(rf"[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?")


_NUMERALS = {decimal: _numeral(decimal) for decimal in ".,"}


def to_number(text: str, decimal: str) -> float:
    """The number that a cell stands for; NaN where it stands for none.

    >>> to_number("1.234,56", ","), to_number("2,426,758", "."), to_number("1 000", ","), to_number("x", ".")
    (1234.56, 2426758.0, 1000.0, nan)
    """
    text = text.strip()
    found = _NUMERALS[decimal].fullmatch(text)
    if not found:
        return float("nan")
    return float((text.replace(found[1], "") if found[1] else text).replace(decimal, "."))


def to_numbers(texts: Sequence[str], decimal: str) -> Float:
    """The numbers in cells, [cells]; NaN where there is none."""
    known = {text: to_number(text, decimal) for text in set(texts)}
    return np.array([known[text] for text in texts], np.float64)


def decide_decimal(texts: Sequence[str]) -> Literal[".", ",", "either"]:
    """The decimal sign with which more of these cells are numbers.

    >>> decide_decimal(["1.234,56"]), decide_decimal(["2,426,758", "1,234"]), decide_decimal(["1,234"])
    (',', '.', 'either')
    """
    cells = sorted(set(texts))
    point, comma = to_numbers(cells, "."), to_numbers(cells, ",")
    faults, comma_faults = int(np.isnan(point).sum()), int(np.isnan(comma).sum())
    if faults != comma_faults:
        return "." if faults < comma_faults else ","
    return "." if faults or np.array_equal(point, comma) else "either"
