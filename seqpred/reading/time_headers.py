"""Column names that are timestamps, as in a table with one row for each series."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqpred.sources.body import kind_of
from seqpred.timestamps.names import month_of

Part = Literal["", "month", "quarter", "week", "day", "hour", "clock"]
Coarse = Literal["year", "month", "day"]  # the finest unit of the row to which a part belongs

MIN_HEADERS = 3
MIN_COUNTED = 10  # of d_1, d_2, ...: fewer may be different variables
MIN_CLOCKS = 12
_LABEL = re.compile(r"\s*\[[^\]]*\]$")  # 1960 [YR1960]
_COUNTED = re.compile(r"(d|days?|w|wk|weeks?|m|mon|months?|q|t|time|period|h|hrs?|hours?|step)[ _.-]?(\d+)", re.I)
_YEAR = re.compile(r"(?:1[5-9]|2[01])\d\d", re.ASCII)
_COMPACT = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-3]\d)?", re.ASCII)
_PREFIXED = re.compile(r"([A-Za-z_]+?)[ _.]?((?:1[5-9]|2[01])\d\d(?:[-_.]?\d\d){0,2})", re.ASCII)  # X1960, F2015
_QUARTER = re.compile(r"(?:Q|q|T)[1-4]|[1-4](?:Q|q)")
_NUMBERED = re.compile(r"(?:w|kw|week|d|day|h|he|hr|hour|hour ending)?[ _]?(\d{1,2})", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?", re.ASCII)
_RANGES: dict[Part, tuple[range, ...]] = {  # all numbers that the headers of a part have
    "month": (range(1, 13),),
    "week": (range(1, 53), range(1, 54)),
    "day": (range(1, 32),),
    "hour": (range(24), range(1, 25)),
}
_PARTS: dict[Coarse, tuple[Part, ...]] = {
    "year": ("month", "quarter", "week"),
    "month": ("day",),
    "day": ("hour", "clock"),
}


@dataclass(frozen=True)
class TimeHeaders:
    """Columns whose names are timestamps, or parts of a year.

    Attributes:
        names: the columns.
        texts: the timestamps in these names, without what surrounds them.
        part: the unit, if each is only a part of a year.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    part: Part = ""


def find_time_headers(names: Sequence[str]) -> TimeHeaders | None:
    """The columns whose names are full timestamps, years or a counter such as d_1, d_2; None if there are too few.

    >>> find_time_headers(["Country", "2019 [YR2019]", "2020 [YR2020]", "2021 [YR2021]"]).texts
    ('2019', '2020', '2021')
    >>> find_time_headers(["id", "v1", "v2", "v3"])
    """
    bare = {name: _LABEL.sub("", name).strip() for name in names}
    found = {name: text for name, text in bare.items() if kind_of(text) == "time" or _COMPACT.fullmatch(text)}
    found = {name: text for name, text in found.items() if not _CLOCK.fullmatch(text)}
    if len(found) < MIN_HEADERS:
        found = {name: text for name, text in bare.items() if _YEAR.fullmatch(text)}
    if len(found) < MIN_HEADERS:
        found = _without_prefix(bare) or _counted(bare)
    if len(found) < MIN_HEADERS:
        return None
    return TimeHeaders(tuple(found), tuple(found.values()))


def find_part_headers(names: Sequence[str], coarse: Coarse) -> TimeHeaders | None:
    """The columns whose names are parts of the year, month or day that the rows have; None if some are lacking.

    >>> find_part_headers(["Jan", "Feb", "Mar", "Total"], "year").part
    'month'
    >>> find_part_headers([f"H{hour}" for hour in range(1, 25)], "day").texts[:2]
    ('1', '2')
    """
    bare = {name: name.strip() for name in names}
    for part in _PARTS[coarse]:
        if part == "quarter":
            found = {name: text for name, text in bare.items() if _QUARTER.fullmatch(text)}
            found = found if len(found) == 4 else {}
        elif part == "clock":
            found = {name: text for name, text in bare.items() if _CLOCK.fullmatch(text)}
            found = found if len(found) >= MIN_CLOCKS else {}
        else:
            found = _numbered(bare, part)
        if part == "month" and not found:
            found = {name: text for name, text in bare.items() if month_of(text.rstrip(".")) is not None}
        if len(found) >= MIN_HEADERS:
            return TimeHeaders(tuple(found), tuple(found.values()), part)
    return None


def _numbered(bare: dict[str, str], part: Part) -> dict[str, str]:
    """The numbers of H1, H2, ..., if they are all numbers of the part; a 25th hour is ignored."""
    numbers = {name: match[1] for name, text in bare.items() if (match := _NUMBERED.fullmatch(text))}
    numbers = {name: number for name, number in numbers.items() if part != "hour" or number != "25"}
    there = {int(number) for number in numbers.values()}
    return numbers if any(there == {*expected} for expected in _RANGES[part]) else {}


def _without_prefix(bare: dict[str, str]) -> dict[str, str]:
    """Timestamps behind the most frequent prefix, as in X1960, X1961."""
    split = {name: found for name, text in bare.items() if (found := _PREFIXED.fullmatch(text))}
    if not split:
        return {}
    prefix = Counter(found[1] for found in split.values()).most_common(1)[0][0]
    return {name: found[2] for name, found in split.items() if found[1] == prefix}


def _counted(bare: dict[str, str]) -> dict[str, str]:
    """The numbers of d_1, d_2, ..., which must follow one another."""
    split = {name: found for name, text in bare.items() if (found := _COUNTED.fullmatch(text))}
    numbers = [int(found[2]) for found in split.values()]
    is_counter = len(numbers) >= MIN_COUNTED and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if not is_counter or len({found[1] for found in split.values()}) > 1:
        return {}
    return {name: found[2] for name, found in split.items()}
