"""The time step from one row to the next, as an ISO 8601 duration or a calendar rule.

The steps are our own, so that a stored model does not depend on the aliases of a library. Times are int64:
microseconds since 1970-01-01 for dates, the values themselves for integer times, row numbers without a time column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Int

Unit = Literal["row", "microsecond", "month", "month-end", "business-day", "irregular"]

SECOND = 1_000_000
DAY = 86_400 * SECOND
YEAR_1, YEAR_10000 = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND  # the calendar has the years in between
_UNITS = {"W": 7 * DAY, "D": DAY, "H": 3600 * SECOND, "M": 60 * SECOND, "S": SECOND}
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,6})?)S)?)?")
_MONTHS = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(-end)?")


@dataclass(frozen=True)
class Step:
    """An exact duration, a rule of the calendar, or no fixed step (irregular).

    The count of an irregular step is the median distance of two rows, which its text does not contain. Times within
    the tolerance (in microseconds, not in the text either) of a time on the grid are on the grid.

    >>> Step.parse("PT1H").count // SECOND, str(Step.parse("P1Y")), str(Step("row", 2))
    (3600, 'P1Y', '2')
    """

    unit: Unit
    count: int
    tolerance: int = 0

    def __str__(self) -> str:
        match self.unit:
            case "row":
                return str(self.count)
            case "business-day" | "irregular":
                return self.unit
            case "microsecond":
                return _format_duration(self.count)
        years, months = divmod(self.count, 12)
        end = "-end" if self.unit == "month-end" else ""
        return "P" + (f"{years}Y" if years else "") + (f"{months}M" if months else "") + end

    @property
    def plural(self) -> str:
        """The step in words, as in 'the file contains weeks (P7D)'.

        >>> Step.parse("P3M").plural, Step.parse("PT15M").plural, Step("row", 2).plural
        ('quarters (P3M)', 'steps of PT15M', 'steps of 2')
        """
        words = {"P1Y": "years", "P3M": "quarters", "P1M": "months", "P1M-end": "months", "P7D": "weeks", "P1D": "days"}
        words |= {"PT1H": "hours", "PT1M": "minutes", "PT1S": "seconds"}
        if self.unit == "business-day":
            return "business days"
        return f"{words[str(self)]} ({self})" if str(self) in words else f"steps of {self}"

    @staticmethod
    def parse(text: str) -> Step:
        """Parse a step such as PT15M, P7D, P1M-end, business-day, irregular or 1.

        Raises:
            ValueError: not a step.
        """
        if text in ("business-day", "irregular"):
            return Step("business-day" if text == "business-day" else "irregular", 1)
        if text.isascii() and text.isdigit() and int(text) > 0:
            return Step("row", int(text))
        rule = _MONTHS.fullmatch(text)
        if rule and (months := 12 * int(rule[1] or 0) + int(rule[2] or 0)):
            return Step("month-end" if rule[3] else "month", months)
        duration = _DURATION.fullmatch(text)
        if duration:
            count = round(sum(float(n or 0) * size for n, size in zip(duration.groups(), _UNITS.values(), strict=True)))
            if count:
                return Step("microsecond", count)
        raise ValueError(
            f"{text!r} is not a step such as PT1H, P1D, P7D, P1M, P1M-end, P1Y, business-day, irregular or 1"
        )

    def positions(self, times: Int, origin: int | Int) -> tuple[Int, Bool]:
        """How many steps each time is after `origin`, and whether it is on the grid; not for irregular rows.

        Args:
            times: [rows].
            origin: the time at position 0, itself on the grid; or one for each row, [rows].
        """
        if self.tolerance:
            return self._nearest(times, origin)
        start = np.asarray(origin, np.int64)
        if self.unit in ("row", "microsecond"):
            position = (times - origin) // self.count
        elif self.unit == "business-day":
            position = np.busday_count(_days(start), _days(times)).astype(np.int64)
        else:
            position = (months_since_1970(times) - months_since_1970(start)) // self.count
        return position, self.times(origin, position) == times

    def _nearest(self, times: Int, origin: int | Int) -> tuple[Int, Bool]:
        """As `positions`, of the nearest time on the grid.

        >>> weekly = Step("microsecond", 7 * DAY, tolerance=DAY)
        >>> position, on_grid = weekly.positions(np.array([0, 6 * DAY, 16 * DAY]), 0)
        >>> position.tolist(), on_grid.tolist()
        ([0, 1, 2], [True, True, False])
        """
        below = replace(self, tolerance=0).positions(times, origin)[0]
        near = np.stack([below - 1, below, below + 1])
        distances = np.abs(np.stack([self.times(origin, positions) for positions in near]) - times)
        best = distances.argmin(axis=0)
        rows = np.arange(len(times))
        return near[best, rows], distances[best, rows] <= self.tolerance

    @property
    def shortest(self) -> int:
        """The least time from one time on the grid to the next, in microseconds, or as the rows count."""
        return {"month": 28 * DAY, "month-end": 28 * DAY, "business-day": DAY}.get(self.unit, 1) * self.count

    def times(self, origin: int | Int, positions: Int) -> Int:
        """The times this many steps (or median distances, if irregular) after `origin`."""
        if self.unit in ("row", "microsecond", "irregular"):
            return origin + positions * self.count
        start = np.asarray(origin, np.int64)
        time_of_day = origin % DAY
        if self.unit == "business-day":
            return np.busday_offset(_days(start), positions, roll="forward").astype(np.int64) * DAY + time_of_day
        months = months_since_1970(start) + positions * self.count
        first, after = _first_day(months), _first_day(months + 1)
        day = after - 1 if self.unit == "month-end" else np.minimum(first + day_of_month(start), after - 1)
        return day * DAY + time_of_day


DAILY = Step("microsecond", DAY)


def _format_duration(microseconds: int) -> str:
    days, rest = divmod(microseconds, DAY)
    hours, rest = divmod(rest, 3600 * SECOND)
    minutes, rest = divmod(rest, 60 * SECOND)
    seconds = f"{rest / SECOND:.6f}".rstrip("0").rstrip(".")
    clock = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M")) if n) + (f"{seconds}S" if rest else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _days(times: Int | np.int64) -> npt.NDArray[np.datetime64]:
    return (times // DAY).astype("datetime64[D]")


def months_since_1970(times: Int | np.int64) -> Int:
    """Months from January 1970 to the month of each time."""
    return _days(times).astype("datetime64[M]").astype(np.int64)


def _first_day(months: Int) -> Int:
    """The first day of each month, both counted from 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def day_of_month(times: Int | np.int64) -> Int:
    """Days since the first of the month, from 0."""
    days = _days(times)
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)


def usual_seasons(step: Step) -> list[int]:
    """The natural cycles of a step (day, week, year), in rows.

    >>> usual_seasons(Step.parse("PT1H")), usual_seasons(Step.parse("P1M")), usual_seasons(Step.parse("P1D"))
    ([24, 168], [12], [7, 365])
    """
    if step.unit in ("month", "month-end"):
        return [12 // step.count] if 12 % step.count == 0 and step.count < 12 else []
    if step.unit == "business-day":
        return [5, 261]
    if step.unit == "row":
        return []
    if step.count % (7 * DAY) == 0:
        return [s for s in [round(365.25 * DAY / step.count)] if s > 1]
    cycles = [3600 * SECOND, DAY, 7 * DAY, *([365 * DAY] if step.count >= DAY else [])]
    return [round(cycle / step.count) for cycle in cycles if cycle >= 2 * step.count][-2:]
