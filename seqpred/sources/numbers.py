"""Numbers as people write them: decimal signs, grouped thousands, currencies, units, percent, scale suffixes.

All distinct cells of a column are examined together. A column has one format or is rejected with the cell quoted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Sign = Literal[".", ","]  # decimal sign
Negative = Literal["minus", "trailing minus", "parentheses"]

NAN = float("nan")
_GROUPS = " \u00a0\u2009\u202f'\u2019"  # separate thousands in any language
_MINUS = "-\u2212"  # hyphen and the typographic minus sign
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


def _numeral(decimal: Sign) -> re.Pattern[str]:
    """Digits with this decimal sign. A grouped number starts with 1 to 9, since 0,123 groups no thousands."""
    point, groups = re.escape(decimal), f"[{_GROUPS}{'.' if decimal == ',' else ','}]"
    grouped = rf"[1-9]\d{{0,2}}({groups})\d{{3}}(?:\1\d{{3}})*"
    indian = r"[1-9]\d?(,)(?:\d\d,)+\d{3}" if decimal == "." else r"(?!)()"  # 12,34,567
    return re.compile(rf"(?:(?:{grouped}|{indian}|\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


_NUMERALS: dict[Sign, re.Pattern[str]] = {".": _numeral("."), ",": _numeral(",")}
_CELL = re.compile(
    rf"(?P<before>\D*?)(?P<digits>[.,]?\d(?:[\d.,{_GROUPS}]*[\d.,])?(?:[eE][+-]?\d+)?)(?P<after>\D.*)?", re.ASCII
)
_UNIT = re.compile(r"(?:[^\W\d_]|[%‰°€$£¥₹₩₽₺₴₪฿])(?:[^\d\s:;,_]|(?<=[A-Za-z])[23])*(?: [^\d\s:;,_]+)?")  # kWh, m3, °C
_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)  # 1.234: a fraction, or a thousand


class Cell(NamedTuple):
    """The parts of a cell: `($1,234.50)` is negative, `$`, `1,234.50`.

    Attributes:
        negative: how it is marked as negative, if it is.
        prefix, suffix: a currency, a unit or `%`.
        scale: K, M and the like, or nothing.
        attached: whether the suffix follows the digits without a blank.
    """

    digits: str
    negative: Negative | None = None
    prefix: str = ""
    suffix: str = ""
    scale: str = ""
    attached: bool = True


def split_cell(text: str) -> Cell | None:
    """The parts of a cell that contains one number; None for anything else.

    >>> split_cell("-$1,234.50").prefix, split_cell("12 kWh").suffix, split_cell("1.2K").scale, split_cell("12:30")
    ('$', 'kWh', 'K', None)
    """
    found = _CELL.fullmatch(text.strip())
    if not found:
        return None
    before, digits, tail = found["before"].strip(), found["digits"], found["after"] or ""
    after, attached = tail.strip(), not tail[:1].isspace()
    if digits[0] == "." and f"{before}." in CURRENCIES:  # Rs.500
        before, digits = f"{before}.", digits[1:]
    negative: Negative | None = None
    if before[:1] == "(" and after[-1:] == ")":
        negative, before, after = "parentheses", before[1:].strip(), after[:-1].strip()
    elif after and after[-1] in _MINUS:
        negative, after = "trailing minus", after[:-1].strip()
    sign = next((mark for mark in f"+{_MINUS}" if mark in (before[:1], before[-1:])), "")  # -$5 and $-5
    if sign:
        if negative:
            return None
        negative, before = "minus" if sign != "+" else None, before.replace(sign, "").strip()
    if before and before not in CURRENCIES:
        return None
    scale, unit = _split_scale(after)
    if unit and not _UNIT.fullmatch(unit):
        return None
    return Cell(digits, negative, before, unit, scale, attached)


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
        prefix, suffix: what surrounds each number.
        scaled: whether K, M and the like multiply it.
    """

    decimal: Sign = "."
    prefix: str = ""
    suffix: str = ""
    scaled: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing surrounds the numbers."""
        return not (self.prefix or self.suffix or self.scaled)

    def number(self, text: str) -> float:
        """The number in a cell; NaN if the cell has another format.

        >>> NumberFormat(",", suffix="€").number("1.234,56 €"), NumberFormat(suffix="%").number("3.5")
        (1234.56, nan)
        """
        cell = split_cell(text)
        if cell is None:
            return NAN
        if not self.scaled and cell.scale:
            cell = replace_scale(cell)
        if (cell.prefix, cell.suffix) != (self.prefix, self.suffix):
            return NAN
        value = to_number(cell.digits, self.decimal) * _SCALES.get(cell.scale, 1.0)
        return -value if cell.negative else value

    def numbers(self, texts: Sequence[str]) -> Float:
        """The numbers in cells, `[cells]`; NaN where a cell has another format."""
        known = {text: self.number(text) for text in set(texts)}
        return np.array([known[text] for text in texts], np.float64)


def replace_scale(cell: Cell) -> Cell:
    """The cell with its scale read as a unit: 293 K is a temperature."""
    return cell._replace(suffix=f"{cell.scale} {cell.suffix}".strip(), scale="")


def to_number(digits: str, decimal: Sign) -> float:
    """The number that unsigned digits represent; NaN if they represent none.

    >>> to_number("1.234,56", ","), to_number("12,34,567", "."), to_number("1 000", ","), to_number("1.2.3", ".")
    (1234.56, 1234567.0, 1000.0, nan)
    """
    found = _NUMERALS[decimal].fullmatch(digits)
    if not found:
        return NAN
    group = found[1] or found[2]
    return float((digits.replace(group, "") if group else digits).replace(decimal, "."))


# ------------------------------------------------------------------ the format of a column


class MixedFormatError(ValueError):
    """Two cells of one column have different formats."""

    def __init__(self, cell: str, other: str) -> None:
        super().__init__(f"{cell!r} and {other!r} have different formats")
        self.cell, self.other = cell, other


class AmbiguousDecimalError(ValueError):
    """A cell such as 1,234 can be a fraction or a thousand, and no cell decides."""

    def __init__(self, cell: str, column: str) -> None:
        super().__init__(f"{cell!r} in column {column!r} can be read in two ways")
        self.cell, self.column = cell, column


def infer_format(texts: Collection[str], decimal: Sign) -> NumberFormat:
    """The one format of the numbers in a column. Cells without digits are ignored.

    Args:
        texts: the distinct cells.
    Raises:
        MixedFormatError: two cells have different currencies or units, or only one of them has any.

    >>> infer_format(["$5,306.00", "($40.00)"], ".")
    NumberFormat(decimal='.', prefix='$', suffix='', scaled=False)
    """
    cells = {text: cell for text in sorted(texts) if (cell := split_cell(text))}
    scales = {cell.scale for cell in cells.values()}
    spaced_unit = len(scales) == 1 and not any(cell.attached for cell in cells.values()) and scales <= {"K", "M", "B"}
    scaled = scales > {""} or (scales != {""} and bool(scales) and not spaced_unit)
    found: dict[tuple[str, str], str] = {}
    for text, cell in cells.items():
        whole = cell if scaled else replace_scale(cell)
        found.setdefault((whole.prefix, whole.suffix), text)
    if len(found) > 1:
        with_affix, without = sorted(found, key=lambda affixes: affixes == ("", ""))[:2]
        raise MixedFormatError(found[without], found[with_affix])
    prefix, suffix = next(iter(found), ("", ""))
    return NumberFormat(decimal, prefix, suffix, scaled)


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
    cells = {name: [c for text in sorted(texts) if (c := split_cell(text))] for name, texts in columns.items()}
    digits = [cell.digits for own in cells.values() for cell in own]
    point, comma = (np.array([to_number(d, sign) for d in digits], np.float64) for sign in _NUMERALS)
    faults, comma_faults = int(np.isnan(point).sum()), int(np.isnan(comma).sum())
    if faults != comma_faults:
        return "." if faults < comma_faults else ","
    if faults or np.array_equal(point, comma):
        return "."
    for name, own in cells.items():
        for cell in own:
            if "," in cell.digits and not {cell.prefix, cell.suffix} & _DECIMAL_POINT:
                raise AmbiguousDecimalError(cell.digits, name)
        dotted = [cell.digits for cell in own if "." in cell.digits and not cell.scale and cell.suffix != "%"]
        if dotted and _dots_may_group([cell.digits for cell in own], continental=continental):
            raise AmbiguousDecimalError(dotted[0], name)
    return "."


def _dots_may_group(digits: Sequence[str], *, continental: bool) -> bool:
    """Whether the dots in cells such as 1.234 may group thousands, given that every dotted cell looks like that.

    Of fractions and thousands, the reading whose magnitudes are nearer to the whole numbers is more plausible.
    Whoever groups 1.234 also groups 5.678, so 5678 is evidence of a decimal point. Without whole numbers, only the
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


def may_be_grouped(texts: Iterable[str]) -> bool:
    """Whether the dots in these cells can group thousands; False as soon as a cell such as 0.5 or 12.3 shows it.

    >>> may_be_grouped(["987", "1.234"]), may_be_grouped(["987", "12.3"]), may_be_grouped(["987"])
    (True, False, False)
    """
    found = False
    for text in texts:
        if "." in text:
            if not _THREE_DIGITS.fullmatch(text.strip().lstrip("+-")):
                return False
            found = True
    return found
