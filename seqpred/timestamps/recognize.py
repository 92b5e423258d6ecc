"""What a column could be in a timestamp, from its name and a sample of its texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqpred.timestamps.column import NUMBER
from seqpred.timestamps.format import may_be_timestamps
from seqpred.timestamps.infer import infer_pattern
from seqpred.timestamps.names import weekday_of
from seqpred.timestamps.numeric import infer_numeric
from seqpred.timestamps.regularity import share_of_usual
from seqpred.timestamps.split import TimeColumn, clock_pattern, named_part, number_unit
from seqpred.timestamps.units import Unit, is_time_name, unit_of
from seqpred.timestamps.unreadable import UnreadableError

_UNITS_OF_MONTHS = ("year", "month", "date", "time")
_YEAR_MONTH = re.compile(r"(?:1[89]|20)\d\d\.(?:1[0-2]?|[2-9])")
FEWEST = 24  # rows from which a regular step proves that numbers without a telling name are timestamps


@dataclass(frozen=True)
class Recognized:
    """What a column could be.

    Attributes:
        is_time: whether it contains timestamps, with at most a few faults.
        has_clock: whether these have a time of day.
        is_clock: whether it contains only times of day.
        part: the unit of a part of a timestamp, as `month` or `hour`.
        unreadable: why a column that should contain timestamps does not; empty for others.
    """

    is_time: bool = False
    has_clock: bool = False
    is_clock: bool = False
    part: Unit | None = None
    unreadable: str = ""


def recognize_texts(name: str, texts: Sequence[str]) -> Recognized:
    """What a column of texts could be.

    Args:
        texts: a sample, distinct, without blanks around them, in order of appearance; at least one.

    >>> recognize_texts("Month", ["January 1990"]).is_time, recognize_texts("Month", ["January", "February"]).part
    (True, 'month')
    """
    numbers = [text for text in texts if NUMBER.fullmatch(text)]
    if 2 * len(numbers) > len(texts):  # numbers, with a word or a mark among them
        unit = TimeColumn(name, tuple(texts)).unit
        return Recognized(part=number_unit(unit, numbers) if unit else None)
    try:
        pattern = infer_pattern(texts, hint=unit_of(name) or "").pattern
        return Recognized(is_time=True, has_clock=pattern.has_clock)
    except UnreadableError as error:
        fault = error
    if fault.recognized and 2 * len(fault.places) < len(texts) + 1:
        return Recognized(is_time=True, has_clock=any(":" in text for text in texts))
    column = TimeColumn(name, tuple(texts))
    clock = clock_pattern(column)
    if clock and ":" in texts[0]:
        return Recognized(is_clock=True)
    part = _part(column, clock)
    return Recognized(part=part, unreadable="" if part else _suspicion(name, texts, fault))


def recognize_numbers(name: str, texts: Sequence[str], numbers: Sequence[float]) -> Recognized:
    """What a column of numbers could be.

    Args:
        texts: as in `recognize_texts`; of whole numbers without a decimal point.
        numbers: the same.
    """
    unit = TimeColumn(name, tuple(texts)).unit
    has_decimals = any("." in text for text in texts)
    decimals = max(len(text.partition(".")[2]) for text in texts)
    if decimals in (2, 4):  # October 1990 may be 1990.10 or 10.1990 in the file
        texts = [f"{number:.{decimals}f}" for number in numbers]
    are_months = decimals == 4 and min(numbers) >= 1 and max(numbers) < 13
    if may_be_timestamps(min(numbers), max(numbers)) or (has_decimals and (unit or are_months)):
        try:
            inferred = infer_numeric(texts, unit)
        except UnreadableError:
            return Recognized(is_time=True)
        if inferred and (unit or len(texts[0]) >= 8 or _is_more_regular(inferred.readings.times.tolist(), numbers)):
            return Recognized(is_time=True, has_clock=inferred.pattern.has_clock)
    part = number_unit(unit, texts) if unit else None
    if unit in _UNITS_OF_MONTHS and has_decimals and all(_YEAR_MONTH.fullmatch(f"{n:g}") for n in numbers):
        return Recognized(is_time=True)  # 2005.1 and 2005.10 are one number, and two texts
    if unit in ("date", "time") and has_decimals:
        return Recognized(unreadable=f"{texts[0]!r} is neither a timestamp nor a whole number")
    return Recognized(part=part)


def _is_more_regular(times: Sequence[int], numbers: Sequence[float]) -> bool:
    """Whether numbers are more regular as timestamps, as 199011, 199012 and 199101 are."""
    return len(numbers) >= FEWEST and share_of_usual(times) > share_of_usual(numbers)


def _part(column: TimeColumn, clock: str | None) -> Unit | None:
    """The unit of a part such as January, Q1, M01 or HE05 in a column named for it."""
    if clock and column.unit == "hour":
        return "hour"
    try:
        found = named_part(column) if column.unit in ("month", "quarter", "week", "half", "time") else None
    except UnreadableError:  # a few faults, which reading reports
        return "month"
    return found[1] if found else None


def _suspicion(name: str, texts: Sequence[str], fault: UnreadableError) -> str:
    """Why a column that is named like a time, or has a digit in every distinct cell, is not one; empty for others."""
    if not is_time_name(name) or all(weekday_of(text) is not None for text in texts):
        return ""
    return f"{texts[fault.places[0]]!r} {fault.message}"
