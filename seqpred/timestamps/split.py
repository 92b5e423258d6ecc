"""Timestamps that are split over columns: date and hour, year and quarter, year, month, day, ...

Each column has its own pattern; joined by tabs they are the pattern of the timestamp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqpred.calendar.step import DAY, SECOND
from seqpred.sources.dialect import DateOrder
from seqpred.timestamps.infer import infer_pattern
from seqpred.timestamps.numeric import infer_numeric
from seqpred.timestamps.units import Unit, unit_of
from seqpred.timestamps.unreadable import UnreadableError

_RANGES: dict[str, tuple[int, int]] = {
    "month": (1, 12),
    "quarter": (1, 4),
    "half": (1, 2),
    "week": (1, 53),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 59),
    "second": (0, 59),
}
_LETTERS = {"month": "m", "quarter": "q", "half": "i", "week": "V", "day": "d", "day_of_year": "j", "minute": "M",
            "second": "S"}  # fmt: skip
_AFTER: dict[str, tuple[Unit, ...]] = {  # what a number without a telling name can be, by the finest unit so far
    "year": ("month", "week", "day_of_year"),
    "month": ("day",),
    "week": (),
    "quarter": (),
    "half": (),
    "day": ("hour", "slot"),
    "hour": ("minute",),
    "minute": ("second",),
    "second": (),
}
_SLOTS = {24: 3600, 48: 1800, 96: 900, 144: 600, 288: 300, 1440: 60}  # seconds, by slots a day
_PREFIX = "2000-01-31 "  # puts a clock behind a date, which `infer_pattern` then reads
_CLOCK_PREFIX = "%Y-%m-%d "
_CLOCK_INTERVAL = re.compile(r"\d{1,2}:\d\d-\d{1,2}:\d\d")
_HALF_YEAR = re.compile("S0[12]")
_HOURS = re.compile(r"(?P<start>\d{1,2})(?P<between>\s?[-\u2013]\s?)(?P<end>\d{1,2})")
_AVERAGE = re.compile(r"M13|Q05|S03|A01", re.IGNORECASE)  # of a year, among the periods of the U.S. labor statistics


@dataclass(frozen=True)
class TimeColumn:
    """A column that contains a part of a timestamp.

    Attributes:
        texts: distinct, without blanks around them, in order of appearance.
    """

    name: str
    texts: tuple[str, ...]

    @property
    def unit(self) -> Unit | None:
        """The unit of time in its name; `mm` is a minute if a cell is not a month."""
        if self.name == "mm" and any(text.isdigit() and not 1 <= int(text) <= 12 for text in self.texts):
            return "minute"
        return unit_of(self.name)


class UnreadablePartError(UnreadableError):
    """As the base class, in one of several columns."""

    def __init__(self, column: TimeColumn, message: str, hint: str, places: Sequence[int] = (0,)) -> None:
        super().__init__(message, hint, places)
        self.column = column


def infer_parts(columns: Sequence[TimeColumn], order: DateOrder = "auto") -> tuple[str, ...]:
    """The pattern of each column.

    Args:
        columns: two or more, in any order.
    Raises:
        UnreadablePartError: a column is not a part of a timestamp that fits to the others.

    >>> infer_parts([TimeColumn("date", ("2024-01-31",)), TimeColumn("hour", ("1", "24"))])
    ('%Y-%m-%d', '%-K')
    >>> infer_parts([TimeColumn("Year", ("1990", "1991")), TimeColumn("Period", ("M01", "M02"))])
    ('%Y', 'M%m')
    """
    first = next((c for c in columns if _is_year(c)), None) or next((c for c in columns if _is_dated(c)), columns[0])
    patterns, finest = {first.name: _first_pattern(first, order)}, "year" if _is_year(first) else "day"
    rest = [column for column in columns if column is not first]
    while rest:
        column = _next(rest)
        rest.remove(column)
        patterns[column.name], finest = _pattern_after(column, finest)
    if any("%-V" in pattern or "%V" in pattern for pattern in patterns.values()):
        patterns[first.name] = patterns[first.name].replace("%Y", "%G")
    unpadded = any(pattern.startswith("%-") for pattern in patterns.values())
    for column in columns:
        if unpadded and column is not first and not any(text.startswith("0") for text in column.texts):
            patterns[column.name] = re.sub(r"^%([mdHKVj])$", r"%-\1", patterns[column.name])  # no 1 to 9: as the others
    return tuple(patterns[column.name] for column in columns)


def _is_year(column: TimeColumn) -> bool:
    four = all(re.fullmatch(r"[12]\d{3}", text) for text in column.texts)
    two = column.unit == "year" and all(re.fullmatch(r"\d\d", text) for text in column.texts)
    return (four or two) and column.unit in (None, "year", "date", "time")


def _is_dated(column: TimeColumn) -> bool:
    return column.unit == "date" or (max(map(len, column.texts)) >= 6 and ":" not in column.texts[0][:5])


def _first_pattern(column: TimeColumn, order: DateOrder) -> str:
    """The pattern of the column with the year."""
    if _is_year(column):
        return "%Y" if len(column.texts[0]) == 4 else "%y"
    numeric = infer_numeric(column.texts, "date")
    try:
        return (numeric or infer_pattern(column.texts, order)).pattern.text
    except UnreadableError as e:
        hint = "Name one column in data.time, a date's and an hour's or clock's, or year, month and so on."
        raise UnreadablePartError(column, e.message, e.hint if "data." in e.hint else hint, e.places) from None


def _next(columns: Sequence[TimeColumn]) -> TimeColumn:
    """The column with the coarsest unit that is left; of those without a telling name the first."""
    units = list(_RANGES)
    return min(columns, key=lambda c: units.index(c.unit) if c.unit in units else len(units))


def _pattern_after(column: TimeColumn, finest: str) -> tuple[str, str]:
    """The pattern of a column that makes a timestamp finer, and its unit."""
    texts, unit = column.texts, column.unit
    if finest == "day" and (clock := clock_pattern(column)):
        return clock, "second" if ":" in texts[0] or "%p" in clock else "hour"
    if finest == "year" and (named := named_part(column)):
        return named
    numbers = [int(text) for text in texts] if all(text.isascii() and text.isdigit() for text in texts) else []
    if not numbers:
        raise _unfit(column, finest)
    if finest in ("day", "hour") and (unit == "slot" or (finest == "day" and max(numbers) > 24)):
        return _slots_or_clock(column, numbers), "second"
    after = _AFTER.get(finest, ())
    wanted = [unit] if unit in _RANGES and unit not in (None, finest) else list(after)
    for name in wanted:
        low, high = _RANGES.get(str(name), (0, -1))
        if low <= min(numbers) and max(numbers) <= high:
            return _number(str(name), texts), str("day" if name == "day_of_year" else name)
    raise _unfit(column, finest, wanted[0] if wanted else None)


def clock_pattern(column: TimeColumn) -> str | None:
    """The pattern of a clock or an hour; None for other texts."""
    texts = column.texts
    if all(_CLOCK_INTERVAL.fullmatch(text) for text in texts):  # else 00:00-01:00 had an offset from UTC
        spaced = infer_pattern([_PREFIX + text.replace("-", " - ") for text in texts]).pattern.text
        return spaced.removeprefix(_CLOCK_PREFIX).replace(" - ", "-")
    if all(_HOURS.fullmatch(text) for text in texts):
        return _hours_pattern(texts)
    if column.unit == "slot" or any(re.fullmatch(r"\d{3,}", text) for text in texts):
        return None
    if all(text.isdigit() for text in texts) and max(map(int, texts)) > 24:
        return None
    try:
        pattern = infer_pattern([_PREFIX + text for text in texts]).pattern.text
    except UnreadableError:
        return None
    clock = pattern.removeprefix(_CLOCK_PREFIX)
    return clock if clock != pattern and re.search("%-?[HKI]", clock) else None


def _hours_pattern(texts: Sequence[str]) -> str | None:
    """The pattern of 00-01 and 23-24, or 23-00; None if these are not the hours of a day."""
    found = [match for text in texts if (match := _HOURS.fullmatch(text))]
    hours = [(int(match["start"]), int(match["end"])) for match in found]
    if len({match["between"] for match in found}) > 1 or any(
        end not in (start + 1, start - 23) for start, end in hours
    ):
        return None
    flag = "-" if min(len(match["start"]) for match in found) == 1 else ""
    end = "K" if any(end == 24 for _, end in hours) else "H"
    return f"%{flag}H{found[0]['between']}%{{+3600s}}%{flag}{end}"


def named_part(column: TimeColumn) -> tuple[str, Unit] | None:
    """The pattern and unit of Jan, M01, Q1, W05 or Week 5; None for a plain number or anything else."""
    average = [place for place, text in enumerate(column.texts) if _AVERAGE.fullmatch(text)]
    if average and len(average) < len(column.texts):
        hint = "It is an annual average: remove these rows."
        raise UnreadablePartError(column, "is not a month, quarter or half-year", hint, average)
    if column.texts[0].isdigit():
        return None
    if all(_HALF_YEAR.fullmatch(text) for text in column.texts):  # elsewhere, S01 is a week
        return "S%2i", "half"
    for joined, fixed in (
        ("{} 2000", " %Y"),
        ("2000{}", "%Y"),
        ("2000 {}", "%Y "),
        ("2000{}", "%G"),
        ("2000 {}", "%G "),
    ):
        try:
            pattern = infer_pattern([joined.format(text) for text in column.texts]).pattern.text
        except UnreadableError:
            continue
        part = pattern.removesuffix(fixed) if joined[0] == "{" else pattern.removeprefix(fixed)
        if part != pattern:
            return part, _unit_of_pattern(part)
    return None


def _unit_of_pattern(part: str) -> Unit:
    letters: dict[str, Unit] = {"V": "week", "q": "quarter", "i": "half"}
    return next((letters[letter] for letter in re.findall(r"%-?\d?([a-zA-Z])", part) if letter in letters), "month")


def _slots_or_clock(column: TimeColumn, numbers: Sequence[int]) -> str:
    """The pattern of numbered slots of a day, or of a clock such as 1345 that has no colon."""
    most = max(numbers)
    if column.unit != "slot" and most > 50 and all(map(_is_clock_number, column.texts)):
        widths = {len(text) for text in column.texts}
        return "%H%M" if widths == {4} else "%H%M%S" if widths == {6} else "%O"
    length = next((seconds for slots, seconds in _SLOTS.items() if most <= slots + slots // 24), 0)  # 25 hours at most
    if not length or min(numbers) < 1:
        raise _unfit(column, "day")
    if most * length * SECOND > DAY:
        bad = [place for place, number in enumerate(numbers) if number * length * SECOND > DAY]
        hint = "It belongs to a day on which clocks go back: use timestamps in UTC."
        raise UnreadablePartError(column, f"is more than the {DAY // SECOND // length} slots of a day", hint, bad)
    return f"%N{{{length}}}"


def number_unit(unit: Unit, texts: Sequence[str]) -> Unit | None:
    """The unit in the name of a column, if its whole numbers are in the range of that unit."""
    if not all(text.isascii() and text.isdigit() for text in texts):
        return None
    if unit in ("time", "hour") and max(map(int, texts)) > 24:
        return "hour" if all(map(_is_clock_number, texts)) else None
    low, high = {"year": (1000, 2999), "slot": (1, max(_SLOTS))}.get(unit, _RANGES.get(unit, (0, -1)))
    return unit if all(low <= int(text) <= high for text in texts) else None


def _is_clock_number(text: str) -> bool:
    """Whether a whole number is a time of day as 1345 or 134500, without leading zeros or with them."""
    if len(text) > 6:
        return False
    number = int(text) if len(text) <= 4 else int(text) // 100
    return number <= 2400 and number % 100 < 60


def _number(unit: str, texts: Sequence[str]) -> str:
    letter = _LETTERS.get(unit, "K" if "24" in texts and not {"0", "00"} & set(texts) else "H")
    if letter in "qi":
        return f"%{letter}" if min(map(len, texts)) == 1 else f"%2{letter}"
    padded = {"j": 3}.get(letter, 2)
    return f"%{letter}" if min(map(len, texts)) == padded else f"%-{letter}"


def _unfit(column: TimeColumn, finest: str, wanted: str | None = None) -> UnreadablePartError:
    """The note on a column that does not make a timestamp finer."""
    low, high = _RANGES.get(wanted or "", (0, 0))
    texts = enumerate(column.texts)
    bad = [i for i, text in texts if not text.isdigit() or (wanted and not low <= int(text) <= high)]
    what = f"finer than the {finest}"
    if wanted:
        what = f"{'an' if wanted == 'hour' else 'a'} {wanted.replace('_', ' of the ')}"
    hint = "Columns of a timestamp are a date and a clock or hour, or year, month, day and so on."
    return UnreadablePartError(column, f"is not {what}", hint, bad or [0])
