"""Numbers that are timestamps: 202401, 2024013105, seconds since 1970, Excel serial dates.

They are recognized by their range and by the step that they then follow; everything else stays a plain counter.
Years stay numbers, too: a step of one year is a step of 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seqpred.arrays import Int
from seqpred.timestamps.fields import FIRST_SHORT_YEAR, LAST_SHORT_YEAR
from seqpred.timestamps.infer import Inferred
from seqpred.timestamps.meanings import COMPACT_YEARS
from seqpred.timestamps.pattern import compile_pattern
from seqpred.timestamps.readings import Readings
from seqpred.timestamps.regularity import are_four_week_periods, monotony, regularity, years_of
from seqpred.timestamps.shapes import ShapedTexts, shaped
from seqpred.timestamps.units import Unit
from seqpred.timestamps.unreadable import ambiguous

EPOCH_YEARS = (1980, 2100)  # of seconds since 1970; outside, ten digits are something else
SERIAL_YEARS = (1950, 2060)  # of Excel serial dates
LEAST_REGULAR = 0.5  # the share of distances that are the usual one
_NUMBER = re.compile(r"\d+(?:\.(?P<decimals>\d+))?")
_COMPACT: dict[int, tuple[str, ...]] = {
    6: ("%Y%m", "%G%V"),
    7: ("%Y%j",),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
_UNITS_OF_SERIALS = ("date", "time", "day", "week", "month")


@dataclass(frozen=True)
class _Kind:
    """A way to read numbers.

    Attributes:
        pattern: the text of the pattern.
        years: within which all must lie.
        label: what the numbers are, for people.
        surely: whether this many digits are not a coincidence, so that the rows need not be regular.
    """

    pattern: str
    years: tuple[int, int]
    label: str
    surely: bool = False


def infer_numeric(texts: Sequence[str] | ShapedTexts, unit: Unit | None = None) -> Inferred | None:
    """The pattern of numbers that are timestamps; None if they are counters, years or measurements.

    Args:
        texts: distinct, in order of appearance.
        unit: the unit in the name of the column.
    Raises:
        UnreadableError: they are dates whose day and month can be either way round.

    >>> infer_numeric(["199011", "199012", "199101"]).pattern.text, infer_numeric(["1", "2", "3"])
    ('%Y%m', None)
    """
    texts = shaped(texts)
    found = [_NUMBER.fullmatch(shape) for shape in texts.groups]
    if not all(found) or not found:
        return None
    decimals = {len(match["decimals"] or "") for match in found if match}
    meanings = []
    for kind in _kinds({len(shape.partition(".")[0]) for shape in texts.groups}, decimals, unit):
        if kind.pattern == "%Y.%-m" and not _has_short_months(texts):
            continue
        pattern = compile_pattern(kind.pattern)
        readings = pattern.read(texts)
        if _holds(kind, readings, unit):
            meanings.append((regularity(readings.times) + monotony(readings.times), kind, pattern, readings))
    if not meanings:
        return None
    if {"%d%m%Y", "%m%d%Y"} <= {pattern.text for _, _, pattern, _ in meanings}:
        raise ambiguous(("day-first", "month-first"))
    best, kind, pattern, readings = max(meanings, key=lambda meaning: meaning[0])
    equal = [other for score, _, other, _ in meanings if score == best and "%y" in other.text]
    if "%y" in pattern.text and len(equal) > 1:
        raise ambiguous([str(other.date_order) for other in equal])
    return Inferred(pattern, readings, (_note(texts[0], kind, readings.times),))


def _kinds(widths: set[int], places: set[int], unit: Unit | None) -> Iterator[_Kind]:
    """The meanings of numbers with these digits before and after the point, the usual one first."""
    if max(places):
        yield from _decimal_kinds(widths, places, unit)
    else:
        yield from _whole_kinds(max(widths), unit)


def _decimal_kinds(widths: set[int], places: set[int], unit: Unit | None) -> Iterator[_Kind]:
    width, decimals = max(widths), max(places)
    if width <= 2 and places == {4}:
        yield _Kind("%-m.%Y" if 1 in widths else "%m.%Y", COMPACT_YEARS, "months and years")
    if width == 4:
        yield _Kind(f"%{min(decimals, 12)}D", COMPACT_YEARS, "years and twelfths of a year")
        if places in ({2}, {1, 2}):
            yield _Kind("%Y.%m" if places == {2} else "%Y.%-m", COMPACT_YEARS, "years and months")
    if width == 5 and unit in _UNITS_OF_SERIALS:
        yield _Kind(f"%{min(decimals, 12)}J", SERIAL_YEARS, "Excel serial dates")
    if width in (9, 10):
        yield _Kind(f"%s.%{decimals}f" if decimals <= 9 else "%s.%f", EPOCH_YEARS, "seconds since 1970", surely=True)


def _whole_kinds(width: int, unit: Unit | None) -> Iterator[_Kind]:
    compact = _COMPACT.get(width, ())
    for pattern in reversed(compact) if unit == "week" else compact:
        label = {"%G%V": "years and ISO weeks", "%Y%j": "years and days of the year"}.get(pattern, "dates")
        yield _Kind(pattern, (1900, 2100), label, surely=width >= 8)
    for pattern in ("%y%m%d", "%d%m%y", "%m%d%y") if width == 6 and unit in ("date", "time") else ():
        yield _Kind(pattern, (FIRST_SHORT_YEAR, LAST_SHORT_YEAR + 1), "dates with two-digit years")
    if width == 5:
        if unit in ("quarter", "time"):
            yield _Kind("%Y%q", (1900, 2100), "years and quarters")
        if unit in _UNITS_OF_SERIALS:
            yield _Kind("%J", SERIAL_YEARS, "Excel serial dates")
    for digits, name in ((0, "seconds"), (3, "milliseconds"), (6, "microseconds"), (9, "nanoseconds")):
        if width - digits in (9, 10):
            yield _Kind(f"%{digits or ''}s", EPOCH_YEARS, f"{name} since 1970", surely=True)


def _has_short_months(texts: ShapedTexts) -> bool:
    """Whether 2005.1 is January: October is 2005.10, and no month is written as 2005.01."""
    return any(text.endswith(".10") for text in texts) and not any(".0" in text for text in texts)


def _holds(kind: _Kind, readings: Readings, unit: Unit | None) -> bool:
    """Whether all numbers are timestamps of a kind, and regular enough not to be something else."""
    if readings.bad.any():
        return False
    years = years_of(readings.times)
    if not (kind.years[0] <= years.min() and years.max() < kind.years[1]):
        return False
    if kind.pattern == "%G%V" and unit != "week" and are_four_week_periods(readings.times):
        return False
    return regularity(readings.times) >= LEAST_REGULAR or (kind.surely and (unit is not None or len(kind.pattern) > 4))


def _note(text: str, kind: _Kind, times: Int) -> str:
    written = str(times[:1].astype("datetime64[us]")[0]).removesuffix(".000000").removesuffix("T00:00:00")
    return f"numbers are read as {kind.label}: {text} is {written.replace('T', ' ')}"
