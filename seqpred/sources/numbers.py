"""Numbers as people write them: decimal signs, grouped thousands, currencies, units, percent, scale suffixes.

All distinct cells of a column are examined together. A column has one format or is rejected with the cell quoted.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Sign = Literal[".", ","]  # decimal sign

NAN = float("nan")
_GROUPS = " \u00a0\u2009\u202f'\u2019"  # separate thousands in any language
_SIGNS = ("+", "-", "\u2212")  # the last one is the typographic minus
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "bn": 1e9, "mn": 1e6}
_SCALES |= {"Tsd": 1e3, "Tsd.": 1e3, "Mio": 1e6, "Mio.": 1e6, "Mrd": 1e9, "Mrd.": 1e9}
CURRENCIES = frozenset(
    re.findall(
        r"\S+",
        "USD EUR GBP JPY CHF AUD CAD NZD CNY INR SEK NOK DKK PLN CZK HUF BRL MXN ZAR KRW TRY RUB SGD HKD "
        "$ € £ ¥ ₹ ₩ ₽ ₺ ₴ ₪ ฿ R$ US$ A$ C$ NZ$ HK$ S$ kr Kr kr. Kč zł Ft Rs Rs. Fr Fr.",
    )
)
_DECIMAL_POINT = frozenset(("$", "US$", "A$", "C$", "NZ$", "£", "¥", "₹", "USD", "GBP", "JPY", "INR"))


@functools.cache
def _numeral(decimal: Sign) -> re.Pattern[str]:
    """Digits with this decimal sign. A grouped number starts with 1 to 9, since 0,123 groups no thousands."""
    point, groups = re.escape(decimal), f"[{_GROUPS}{'.' if decimal == ',' else ','}]"
    grouped = rf"[1-9]\d{{0,2}}({groups})\d{{3}}(?:\1\d{{3}})*"
    indian = r"[1-9]\d?(,)(?:\d\d,)+\d{3}" if decimal == "." else r"(?!)()"  # 12,34,567
    plain = rf"(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
    return re.compile(rf"(?:{grouped}|{indian})(?:{point}\d*)?|{plain}", re.ASCII)


_CELL = re.compile(
    rf"(?P<before>\D*?)(?P<digits>[.,]?\d(?:[\d.,{_GROUPS}]*[\d.,])?(?:[eE][+-]?\d+)?)(?P<after>\D.*)?", re.ASCII
)
_UNIT = re.compile(r"(?:[^\W\d_]|[%‰°€$£¥₹₩₽₺₴₪฿])(?:[^\d\s:;,_]|(?<=[A-Za-z])[23])*(?: [^\d\s:;,_]+)?")  # kWh, m3, °C
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.ASCII | re.IGNORECASE)


class Cell(NamedTuple):
    """The parts of a cell: `($1,234.50)` is negative, has the unit `$` and the digits `1,234.50`.

    Attributes:
        unit: a currency, a unit or `%`, before or after the digits.
        scale: K, M and the like, or nothing.
        attached: whether unit or scale follow the digits without a blank.
    """

    digits: str
    negative: bool = False
    unit: str = ""
    scale: str = ""
    attached: bool = True


def is_plain_number(text: str) -> bool:
    """Whether a cell is a number as programs write it, which has one reading in every locale but for 1.234."""
    return bool(_PLAIN.fullmatch(text))


def split_cell(text: str) -> Cell | None:
    """The parts of a cell that contains one number; None for anything else.

    >>> split_cell("-$1,234.50").unit, split_cell("12 kWh").unit, split_cell("1.2K").scale, split_cell("12:30")
    ('$', 'kWh', 'K', None)
    """
    found = _CELL.fullmatch(text.strip())
    if not found:
        return None
    before, digits, tail = found["before"].strip(), found["digits"], found["after"] or ""
    after, attached = tail.strip(), not tail[:1].isspace()
    if digits[0] == "." and f"{before}." in CURRENCIES:  # Rs.500
        before, digits = f"{before}.", digits[1:]
    signs, before, after = _split_signs(before, after)
    scale, unit = _split_scale(after)
    if (before and (unit or before not in CURRENCIES)) or (unit and not _UNIT.fullmatch(unit)) or len(signs) > 1:
        return None
    return Cell(digits, signs not in ("", "+"), before or unit, scale, attached)


def _split_signs(before: str, after: str) -> tuple[str, str, str]:
    """The signs of a number, and what surrounds it without them.

    >>> _split_signs("$(", ")"), _split_signs("-$", ""), _split_signs("$-", ""), _split_signs("", "kWh -")
    (('(', '$', ''), ('-', '$', ''), ('-', '$', ''), ('-', '', 'kWh'))
    """
    signs = ""
    if "(" in (before[:1], before[-1:]) and after[-1:] == ")":
        signs, before, after = "(", before.strip("( "), after[:-1].strip()
    if after[-1:] in _SIGNS:
        signs, after = signs + after[-1], after[:-1].strip()
    if before[:1] in _SIGNS:
        signs, before = signs + before[0], before[1:].strip()
    if before[-1:] in _SIGNS:
        signs, before = signs + before[-1], before[:-1].strip()
    return signs, before, after


def _split_scale(after: str) -> tuple[str, str]:
    """The scale and the unit in what follows the digits.

    >>> _split_scale("Mio. €"), _split_scale("M€"), _split_scale("MWh")
    (('Mio.', '€'), ('M', '€'), ('', 'MWh'))
    """
    first, _, rest = after.partition(" ")
    if first in _SCALES:
        return first, rest.strip()
    for symbol in CURRENCIES:
        if after.endswith(symbol) and (scale := after.removesuffix(symbol).strip()) in _SCALES:
            return scale, symbol
    return "", after


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written.

    Attributes:
        decimal: the decimal sign.
        unit: the currency, unit or `%` before or after each number.
    """

    decimal: Sign = "."
    unit: str = ""

    SIGNS: ClassVar[tuple[Sign, Sign]] = (".", ",")

    def number(self, text: str) -> float:
        """The number in a cell; NaN if the cell has another format. K, M and the like multiply it.

        >>> NumberFormat(",", "€").number("1.234,56 €"), NumberFormat().number("1.5K"), NumberFormat().number("5%")
        (1234.56, 1500.0, nan)
        """
        if self.decimal == "." and not self.unit and "_" not in text and text.isascii():
            try:
                return float(text)  # almost always, and fast
            except ValueError:
                pass
        cell = split_cell(text)
        if cell is None:
            return NAN
        if self.unit and not cell.unit and self.unit == cell.scale:  # 293 K is a temperature
            cell = cell._replace(unit=cell.scale, scale="")
        if cell.unit != self.unit:
            return NAN
        value = to_number(cell.digits, self.decimal) * _SCALES.get(cell.scale, 1.0)
        return -value if cell.negative else value

    def numbers(self, texts: Sequence[str]) -> Float:
        """The numbers in cells, `[cells]`; NaN where a cell has another format."""
        known = {text: self.number(text) for text in set(texts)}
        return np.array([known[text] for text in texts], np.float64)

    def is_number(self, text: str) -> bool:
        """Whether a cell is a number of this format, or one without a unit, with another currency or in percent."""
        cell = split_cell(text)
        if cell is None or to_number(cell.digits, self.decimal) != to_number(cell.digits, self.decimal):
            return False
        return cell.unit in {self.unit, "", "%"} | CURRENCIES or self.number(text) == self.number(text)


def to_number(digits: str, decimal: Sign) -> float:
    """The number that unsigned digits represent; NaN if they represent none.

    >>> to_number("1.234,56", ","), to_number("12,34,567", "."), to_number("1 000", ","), to_number("1.2.3", ".")
    (1234.56, 1234567.0, 1000.0, nan)
    """
    found = _numeral(decimal).fullmatch(digits)
    if not found:
        return NAN
    group = found[1] or found[2]
    return float((digits.replace(group, "") if group else digits).replace(decimal, "."))


# ------------------------------------------------------------------ the format of a column


class AmbiguousDecimalError(ValueError):
    """A cell such as 1,234 can be a fraction or a thousand, and no cell resolves this."""

    def __init__(self, digits: str, column: str) -> None:
        super().__init__(f"{digits!r} in column {column!r} can be read in two ways")
        self.digits, self.column = digits, column


def infer_format(texts: Collection[str], decimal: Sign) -> NumberFormat:
    """The most frequent format of the numbers in a column. Cells without digits are ignored.

    Args:
        texts: the distinct cells.

    >>> infer_format(["$5,306.00", "($40.00)", "x"], ".").unit, infer_format(["12 K", "13 K"], ".").unit
    ('$', 'K')
    """
    cells = [cell for text in texts if (cell := split_cell(text))]
    units = Counter(cell.unit for cell in cells)
    unit = units.most_common(1)[0][0] if units else ""
    scales = {cell.scale for cell in cells}
    if not unit and len(scales) == 1 and scales <= {"K", "M", "B"} and not any(cell.attached for cell in cells):
        unit = scales.pop()
    return NumberFormat(decimal, unit)


def infer_decimal(columns: Mapping[str, Collection[str]], *, continental: bool = False) -> Sign:
    """The decimal sign with which most cells are numbers. All columns of a file share it.

    Args:
        columns: the distinct cells of each column of numbers; cells without digits are ignored.
        continental: whether the file looks like one from a country with a decimal comma.
    Raises:
        AmbiguousDecimalError: all cells are numbers either way, with other values, and both are plausible.

    >>> infer_decimal({"y": ["1.234,56"]}), infer_decimal({"y": ["2,426,758", "1,234"]})
    (',', '.')
    """
    cells = {name: [c for text in texts if (c := split_cell(text))] for name, texts in columns.items()}
    digits = [cell.digits for own in cells.values() for cell in own]
    point, comma = (np.array([to_number(d, sign) for d in digits], np.float64) for sign in NumberFormat.SIGNS)
    faults, comma_faults = int(np.isnan(point).sum()), int(np.isnan(comma).sum())
    if faults != comma_faults:
        return "." if faults < comma_faults else ","
    if faults or np.array_equal(point, comma):
        return "."
    for name, own in cells.items():
        for cell in own:
            if "," in cell.digits and cell.unit not in _DECIMAL_POINT:
                raise AmbiguousDecimalError(cell.digits, name)
        dotted = [cell.digits for cell in own if "." in cell.digits and not cell.scale and cell.unit != "%"]
        if dotted and _dots_may_group([cell.digits for cell in own], continental=continental):
            raise AmbiguousDecimalError(dotted[0], name)
    return "."


def _dots_may_group(digits: Sequence[str], *, continental: bool) -> bool:
    """Whether the dots in cells such as 1.234 may group thousands, given that every dotted cell looks like that.

    Of fractions and thousands, the reading whose magnitudes are nearer to the whole numbers is more plausible.
    A file that groups 1.234 also groups 5.678, so 5678 is evidence of a decimal point. Without whole numbers, only the
    country of the file counts.
    """
    whole = np.array([float(text) for text in digits if text.isdigit() and text.strip("0")])
    if not len(whole):
        return continental
    if (whole >= 1000).any():
        return False
    ratio = float(np.median([float(text) for text in digits if "." in text]) / np.median(whole))
    as_fractions, as_thousands = max(ratio, 1 / ratio), max(1000 * ratio, 1 / (1000 * ratio))
    return as_thousands < 10 * as_fractions
