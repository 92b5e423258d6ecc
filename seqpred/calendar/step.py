"""The step of time: our own rule, never a library's alias, so that a stored model outlives a library.

Times are whole numbers: microseconds since 1970-01-01 for dates, themselves for integer times, row
numbers where there is no time column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from seqpred.calendar.zones import to_days, to_instants, to_wall

Int = npt.NDArray[np.int64]
Unit = Literal["row", "microsecond", "month", "month-end", "business-day", "irregular"]

SECOND = 1_000_000
DAY = 86_400 * SECOND
YEAR_1 = -62_135_596_800 * SECOND
YEAR_10000 = 253_402_300_800 * SECOND
COMPACT_DATES = (19_000_101, 21_001_231)  # whole numbers that may be dates written as 20241231
BLOCK = 1 << 16  # rows that are compared at once: what that takes is used again for the next ones
MOST_STEPS = 10  # between most rows; beyond that, a step is the resolution of a clock and tells no rows
_UNITS = {"W": 7 * DAY, "D": DAY, "H": 3600 * SECOND, "M": 60 * SECOND, "S": SECOND}
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,6})?)S)?)?")
_CALENDAR = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(-end)?")


@dataclass(frozen=True)
class Step:
    """From one row to the next: an exact duration, or a rule of the calendar, or no rule at all (irregular).

    The count of an irregular one is the usual distance of two rows, which its text does not tell.

    >>> Step.parse("PT1H"), str(Step.parse("P1Y")), str(Step("row", 2))
    (Step(unit='microsecond', count=3600000000), 'P1Y', '2')
    """

    unit: Unit
    count: int

    def __str__(self) -> str:
        if self.unit == "row":
            return str(self.count)
        if self.unit in ("business-day", "irregular"):
            return self.unit
        if self.unit in ("month", "month-end"):
            years, months = divmod(self.count, 12)
            return ("P" + (f"{years}Y" if years else "") + (f"{months}M" if months else "")) + (
                "-end" if self.unit == "month-end" else ""
            )
        days, rest = divmod(self.count, DAY)
        hours, rest = divmod(rest, 3600 * SECOND)
        minutes, rest = divmod(rest, 60 * SECOND)
        seconds = f"{rest / SECOND:.6f}".rstrip("0").rstrip(".")
        clock = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M")) if n) + (f"{seconds}S" if rest else "")
        return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")

    @staticmethod
    def parse(text: str) -> Step:
        """The step that a text such as PT15M, P7D, P1M-end, business-day, irregular or 1 stands for.

        Raises:
            ValueError: none of these.
        """
        if text == "business-day":
            return Step("business-day", 1)
        if text == "irregular":
            return Step("irregular", 1)
        if text.isascii() and text.isdigit() and int(text) > 0:
            return Step("row", int(text))
        calendar = _CALENDAR.fullmatch(text)
        if calendar and (calendar[1] or calendar[2]):
            months = 12 * int(calendar[1] or 0) + int(calendar[2] or 0)
            if months:
                return Step("month-end" if calendar[3] else "month", months)
        duration = _DURATION.fullmatch(text)
        if duration:
            count = round(sum(float(n or 0) * size for n, size in zip(duration.groups(), _UNITS.values(), strict=True)))
            if count:
                return Step("microsecond", count)
        raise ValueError(
            f"{text!r} is not a step such as PT1H, P1D, P7D, P1M, P1M-end, P1Y, business-day, irregular or 1"
        )

    def positions(self, times: Int, origin: int | Int) -> tuple[Int, npt.NDArray[np.bool_]]:
        """How many steps each time lies after `origin`, and whether it lies exactly on one; there must be a step.

        Args:
            times: [rows].
            origin: the time at position 0, on the grid itself; [rows] where each has its own.
        """
        start = np.asarray(origin, np.int64)
        if self.unit in ("row", "microsecond"):
            position = (times - origin) // self.count
        elif self.unit == "business-day":
            position = np.busday_count(_days(start), _days(times)).astype(np.int64)
        else:
            position = (_months(times) - _months(start)) // self.count
        return position, self.times(origin, position) == times

    def times(self, origin: int | Int, positions: Int) -> Int:
        """The times that lie so many steps after `origin`, or so many usual distances."""
        if self.unit in ("row", "microsecond", "irregular"):
            return origin + positions * self.count
        start = np.asarray(origin, np.int64)
        clock = origin % DAY
        if self.unit == "business-day":
            days: Int = np.busday_offset(_days(start), positions, roll="forward").astype(np.int64)
            return days * DAY + clock
        months = _months(start) + positions * self.count
        first, after = _first_day(months), _first_day(months + 1)
        day = after - 1 if self.unit == "month-end" else np.minimum(first + _day_of_month(start), after - 1)
        return day * DAY + clock


DAILY = Step("microsecond", DAY)


def _days(times: Int | np.int64) -> npt.NDArray[np.datetime64]:
    days: npt.NDArray[np.datetime64] = (times // DAY).astype("datetime64[D]")
    return days


def _months(times: Int | np.int64) -> Int:
    months: Int = _days(times).astype("datetime64[M]").astype(np.int64)
    return months


def _first_day(months: Int) -> Int:
    """The day with which each month begins, both counted from 1970."""
    days: Int = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


def _day_of_month(times: Int | np.int64) -> Int:
    """Days since the first of the month, from 0."""
    days = _days(times)
    since: Int = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return since


def gaps_within(times: Int, starts: npt.NDArray[np.bool_]) -> Int:
    """From each row to the next of its series, [rows less series]."""
    return np.diff(times)[~starts[1:]]


def infer_step(times: Int, starts: npt.NDArray[np.bool_], dated: bool) -> Step | None:
    """The step that most rows obey, or None where no two rows follow one another.

    Args:
        times: [rows], rising within each series.
        starts: [rows], whether a row is the first of its series.
        dated: whether the times are dates, to which the calendar applies.
    """
    sizes, counts = _sizes(times, starts)
    if not len(sizes):
        return None
    usual = int(sizes[counts.argmax()])
    if not dated:
        return Step("row", usual)
    if usual >= 28 * DAY and (month := _infer_months(times, starts)):
        return month
    if usual == DAY and _on_business_days(times, sizes):
        return Step("business-day", 1)
    return Step("microsecond", usual)


def find_change(times: Int) -> tuple[int, int, int] | None:
    """Where one usual distance of a series' rows gives way to another: the last row before, and both distances.

    >>> find_change(np.array([0, 10, 20, 30, 40, 50, 51, 52, 53, 54, 55]))
    (5, 10, 1)
    >>> find_change(np.array([0, 10, 20, 21, 30, 40]))
    """
    gaps = np.diff(times)
    sizes, counts = np.unique(gaps, return_counts=True)
    if len(sizes) < 2:
        return None
    two = sizes[np.argsort(-counts, kind="stable")[:2]]
    found = []
    for before, after in (two, two[::-1]):
        early, late = np.cumsum(gaps == before), np.cumsum((gaps == after)[::-1])[::-1]
        obeying = early + np.append(late[1:], 0)
        found.append((int(obeying.max()), int(obeying.argmax()) + 1, int(before), int(after)))
    most, row, before, after = max(found)
    clear = most >= 0.9 * len(gaps) and most - counts.max() >= 0.1 * len(gaps)
    return (row, before, after) if clear else None


def is_explained(step: Step, times: Int, starts: npt.NDArray[np.bool_]) -> bool:
    """Whether a step says how rows follow one another: half of their distances are whole, and half at most 10 steps.

    >>> times = np.array([0, 2, 4, 6, 10, 15])
    >>> [is_explained(Step("row", count), times, times == 0) for count in (2, 5)]
    [True, False]
    """
    if step.unit not in ("row", "microsecond"):
        return True
    gaps = gaps_within(times, starts)
    return bool((gaps % step.count == 0).mean() >= 0.5 and np.median(gaps) <= MOST_STEPS * step.count)


def is_even(times: Int, starts: npt.NDArray[np.bool_], distance: int) -> bool:
    """Whether each row comes so long after the one before it in its series."""
    for low in range(0, len(times) - 1, BLOCK):
        block = times[low : low + BLOCK + 1]
        if not ((np.diff(block) == distance) | starts[low + 1 : low + len(block)]).all():
            return False
    return True


def _sizes(times: Int, starts: npt.NDArray[np.bool_]) -> tuple[Int, Int]:
    """The sizes of the gaps that occur, in order, and how often each does."""
    row = int(starts.argmin())  # the first that begins no series
    if starts[row]:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = times[row : row + 1] - times[row - 1 : row]
    if is_even(times, starts, int(first[0])):  # as in most files, and far cheaper to see than to count
        return first, np.ones(1, np.int64)
    sizes, counts = np.unique(gaps_within(times, starts), return_counts=True)
    return sizes, counts


def _infer_months(times: Int, starts: npt.NDArray[np.bool_]) -> Step | None:
    """A rule of months: all rows on the same day of the month, or all on the last one."""
    days, lasts = _day_of_month(times), _day_of_month(times + DAY) == 0
    same_day = (days == np.maximum.reduceat(days, np.flatnonzero(starts))[np.cumsum(starts) - 1]) | (
        lasts & (days >= 27)
    )
    sizes, counts = _sizes(_months(times), starts)
    counts = np.where(sizes > 0, counts, 0)
    if not counts.any() or not (same_day.mean() > 0.99 or lasts.mean() > 0.99):
        return None
    at_end = lasts.mean() > 0.99 and not (days == 27).all()
    return Step("month-end" if at_end else "month", int(sizes[counts.argmax()]))


def _on_business_days(times: Int, gap_sizes: Int) -> bool:
    """Whether a daily step leaves out just the weekends."""
    if not (gap_sizes == 3 * DAY).any():
        return False
    weekday = (times // DAY + 3) % 7  # 1970-01-01 was a Thursday
    return bool((weekday < 5).all() and len(np.unique(weekday)) == 5)


@dataclass(frozen=True)
class Clock:
    """How a time column is read and written, so that forecasts carry times in the form of the data.

    Attributes:
        form: a strftime pattern, `integer`, or None where there is no time column.
            `%-d` and `%-m` are days and months without a leading zero.
        zone: what follows each time, as `Z` or `+02:00`, where something does.
        second: the patterns of the other columns, blanks between them, where a date stands in several.
        place: the name of the time zone, as Europe/Berlin, where it is known.
        on_wall: whether times are those of the clock on the wall there; else they are UTC's.
    """

    form: str | None
    zone: str = ""
    second: str | None = None
    place: str | None = None
    on_wall: bool = True

    @property
    def dated(self) -> bool:
        """Whether the times are dates."""
        return self.form not in (None, "integer")

    @property
    def date_order(self) -> Literal["day-first", "month-first"] | None:
        """Which comes first in dates such as 03/04/2005; None in any other form."""
        found = re.match("%-?([dm])[/-]", self.form or "")
        return None if not found else "day-first" if found[1] == "d" else "month-first"

    def wall(self, times: Int) -> Int:
        """What the clock on the wall shows at these times, which is what the calendar is told of."""
        return times if self.on_wall or self.place is None else to_wall(self.place, times)

    def instants(self, times: Int) -> Int:
        """These times in UTC, as far as their zone is known by name."""
        return to_instants(self.place, times) if self.on_wall and self.place is not None else times

    def on_grid(self, times: Int, step: Step) -> tuple[Clock, Int]:
        """Times as they stand on the grid of a step: days are those of the wall, hours go on as the clock is turned.

        The days of a file that is written in UTC (Z) are UTC's.

        >>> daily, hourly = Step.parse("P1D"), Step.parse("PT1H")
        >>> clock = Clock("%Y-%m-%d %H:%M", place="Europe/Berlin", on_wall=False)
        >>> [int(clock.on_grid(np.array([0]), step)[1][0]) // SECOND for step in (daily, hourly)]
        [3600, 0]
        """
        by_days = step.count % DAY == 0 if step.unit == "microsecond" else step.unit != "irregular"
        on_wall = by_days and self.zone != "Z"
        if self.place is None or on_wall == self.on_wall:
            return self, times
        turned = to_days(self.place, times) if on_wall else to_instants(self.place, times)
        return replace(self, on_wall=on_wall), turned

    def reaches(self, times: Int) -> bool:
        """Whether these times can be written: the calendar ends with the year 9999."""
        return not self.dated or bool((times < YEAR_10000).all())

    def write(self, times: Int) -> list[str] | list[int]:
        """Times as the data writes them.

        >>> Clock("%d/%m/%Y").write(np.array([0]))
        ['01/01/1970']
        >>> Clock("%Y-%m-%dT%H:%M", "+02:00").write(np.array([0]))
        ['1970-01-01T00:00+02:00']
        >>> Clock("%Y", second="%-m %-d %H").write(np.array([0]))
        ['1970 1 1 00']
        """
        if self.form is None or self.form == "integer":
            numbers: list[int] = times.tolist()
            return numbers
        return [" ".join(cells) for cells in zip(*self.write_columns(times), strict=True)]

    def write_columns(self, times: Int) -> list[list[str]] | list[list[int]]:
        """Times as the columns of the data hold them, one list for each column."""
        if self.form is None or self.form == "integer":
            return [times.tolist()]
        shown = self.instants(times) if self.zone == "Z" else self.wall(times)
        stamps: list[datetime] = shown.astype("datetime64[us]").astype(object).tolist()
        columns = [[_written(s, form) for s in stamps] for form in (self.form, *(self.second or "").split())]
        return [*columns[:-1], [a + b for a, b in zip(columns[-1], self._zones(times), strict=True)]]

    def _zones(self, times: Int) -> list[str]:
        """What follows each of these times."""
        if self.place is None or self.zone in ("", "Z"):
            return [self.zone] * len(times)
        minutes = ((self.wall(times) - self.instants(times)) // (60 * SECOND)).tolist()
        colon = ":" if ":" in self.zone else ""
        return [f"{'-' if m < 0 else '+'}{abs(m) // 60:02d}{colon}{abs(m) % 60:02d}" for m in minutes]


def _written(stamp: datetime, form: str) -> str:
    """A date by a pattern; the C library writes the year 1 as "1", which no reader would take back."""
    bare = {"%-m": stamp.month, "%-d": stamp.day, "%-H": stamp.hour, "%-M": stamp.minute}
    for sign, text in (("%Y", f"{stamp.year:04d}"), *bare.items()):
        form = form.replace(sign, str(text))
    return stamp.strftime(form)


def usual_seasons(step: Step) -> list[int]:
    """Lengths in rows of the cycles that people and the sky impose on a step: day, week, year.

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
