"""Column names that are timestamps, as in a table with one row for each series."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqpred.sources.body import kind_of
from seqpred.timestamps.names import month_of

Part = Literal["", "month", "quarter", "week"]

MIN_HEADERS = 3
MIN_COUNTED = 10  # of d_1, d_2, ...: fewer may be different variables
_LABEL = re.compile(r"\s*\[[^\]]*\]$")  # 1960 [YR1960]
_COUNTED = re.compile(r"(d|days?|w|wk|weeks?|m|mon|months?|q|t|time|period|h|hrs?|hours?|step)[ _.-]?(\d+)", re.I)
_YEAR = re.compile(r"(?:1[5-9]|2[01])\d\d", re.ASCII)
_COMPACT = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-3]\d)?", re.ASCII)
_PREFIXED = re.compile(r"([A-Za-z_]+?)[ _.]?((?:1[5-9]|2[01])\d\d(?:[-_.]?\d\d){0,2})", re.ASCII)  # X1960, F2015
_QUARTER = re.compile(r"(?:Q|q|T)[1-4]|[1-4](?:Q|q)")
_WEEK = re.compile(r"(?:W|KW|w)?(?:[1-9]|[0-4]\d|5[0-3])")


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
    if len(found) < MIN_HEADERS:
        found = {name: text for name, text in bare.items() if _YEAR.fullmatch(text)}
    if len(found) < MIN_HEADERS:
        found = _without_prefix(bare) or _counted(bare)
    if len(found) < MIN_HEADERS:
        return None
    return TimeHeaders(tuple(found), tuple(found.values()))


def find_part_headers(names: Sequence[str]) -> TimeHeaders | None:
    """The columns whose names are months, quarters or weeks of a year.

    >>> find_part_headers(["Year", "Jan", "Feb", "Mar", "Total"]).part
    'month'
    """
    months = {name: name.strip() for name in names if month_of(name.strip().rstrip(".")) is not None}
    if len(months) < MIN_HEADERS:
        numbers = {name: name.strip() for name in names if name.strip() in {str(month) for month in range(1, 13)}}
        months = numbers if len(numbers) == 12 else {}
    quarters = {name: name.strip() for name in names if _QUARTER.fullmatch(name.strip())}
    weeks = {name: name.strip() for name in names if _WEEK.fullmatch(name.strip())}
    for part, found, fewest in (("month", months, 3), ("quarter", quarters, 4), ("week", weeks, 50)):
        if len(found) >= fewest:
            return TimeHeaders(tuple(found), tuple(found.values()), part)  # type: ignore[arg-type]
    return None


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
