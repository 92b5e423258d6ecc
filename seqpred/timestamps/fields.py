"""Calendar fields (year, week, hour, ...) to microseconds since 1970-01-01.

The arithmetic is the same for one row and for a column, so that a stream and a file cannot differ: every function
takes integers or integer arrays `[rows]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from seqpred.arrays import Bool, Int
from seqpred.calendar.step import DAY, SECOND

Whole = int | Int
Truth = bool | Bool

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
TWELFTH = 1_000_000  # of a year, as `12 * year_fraction` counts
EPOCH = datetime(1970, 1, 1)
EXCEL_EPOCH = -25_569  # days: serial number 0 of Excel's calendar after February 1900 is 1899-12-30
FIRST_SHORT_YEAR = 1940  # two-digit years are those from 1940 to 2039
LAST_SHORT_YEAR = FIRST_SHORT_YEAR + 99


def day_number(year: Whole, month: Whole, day: Whole) -> Whole:
    """Days since 1970-01-01 of a date in the Gregorian calendar.

    Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.

    >>> day_number(1970, 1, 1), day_number(2000, 2, 29)
    (0, 11016)
    """
    year = year - (month <= 2)
    century = year // 400
    year_of_century = year - century * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    leap_days = year_of_century // 4 - year_of_century // 100
    return century * 146_097 + year_of_century * 365 + leap_days + day_of_year - 719_468


def days_in_month(year: Whole, month: Whole) -> Whole:
    """The length of a month in days, for months from 1 to 12.

    >>> days_in_month(2024, 2), days_in_month(1900, 2), days_in_month(2024, 7)
    (29, 28, 31)
    """
    following = day_number(year + month // 12, month % 12 + 1, 1)
    return following - day_number(year, month, 1)


def weekday(day: Whole) -> Whole:
    """The day of the week, Monday being 0, of a day since 1970-01-01 (a Thursday)."""
    return (day + 3) % 7


def first_iso_day(year: Whole) -> Whole:
    """The Monday of week 1 of an ISO 8601 year, in days since 1970-01-01.

    >>> first_iso_day(2024) == day_number(2024, 1, 1)
    True
    """
    fourth = day_number(year, 1, 4)
    return fourth - weekday(fourth)


def to_microseconds(fields: Mapping[str, Whole]) -> tuple[Whole, Truth]:
    """The local time that the fields name, and whether it exists.

    Missing parts are the first of their kind: a month alone is its first day, a week alone its Monday, a date alone
    its midnight. 24:00 is 00:00 of the next day.

    Args:
        fields: `year`, or `short_year` or `iso_year`; then `month` and `day`, `quarter`, `half`, `week` and
            `iso_weekday`, or `day_of_year`; `hour`, or `hour12` and `afternoon`; `minute`, `second`, `microsecond`;
            `weekday` (Monday is 0), which must agree with the date. Alone: `epoch` (microseconds); `year` and
            `year_fraction` (millionths).
    """
    if "epoch" in fields:
        return fields["epoch"] + fields.get("microsecond", 0), True
    day, exists = _date(fields)
    clock, runs = _clock(fields)
    exists = exists & runs
    if "weekday" in fields:
        exists = exists & (weekday(day) == fields["weekday"])
    return day * DAY + clock, exists


def _date(fields: Mapping[str, Whole]) -> tuple[Whole, Truth]:
    """Days since 1970-01-01, and whether there is such a day."""
    if "short_year" in fields:
        short = fields["short_year"]
        year: Whole = FIRST_SHORT_YEAR + (short - FIRST_SHORT_YEAR) % 100
    else:
        year = fields["iso_year" if "iso_year" in fields else "year"]
    dated = (year >= 1) & (year <= 9999)
    if "week" in fields:
        return _week(year, fields, dated)
    if "day_of_year" in fields:
        ordinal = fields["day_of_year"]
        first = day_number(year, 1, 1)
        return first + ordinal - 1, dated & (ordinal >= 1) & (first + ordinal - 1 < day_number(year + 1, 1, 1))
    if "year_fraction" in fields:
        return _twelfth(year, fields["year_fraction"], dated)
    if "quarter" in fields:
        month, most, count = 3 * fields["quarter"] - 2, 4, fields["quarter"]
    elif "half" in fields:
        month, most, count = 6 * fields["half"] - 5, 2, fields["half"]
    else:
        month = count = fields.get("month", 1)
        most = 12
    day = fields.get("day", 1)
    exists = dated & (count >= 1) & (count <= most) & (day >= 1) & (day <= days_in_month(year, month))
    return day_number(year, month, day), exists


def _twelfth(year: Whole, fraction: Whole, dated: Truth) -> tuple[Whole, Truth]:
    """The month that begins at a fraction of a year, in millionths, as statistics programs write 1949.083."""
    twelfths = (12 * fraction + TWELFTH // 2) // TWELFTH
    distance = 12 * fraction - twelfths * TWELFTH
    near = (distance >= -TWELFTH // 12) & (distance <= TWELFTH // 12)  # two decimals are off by 0.06 twelfths
    return day_number(year + twelfths // 12, twelfths % 12 + 1, 1), dated & near


def _week(year: Whole, fields: Mapping[str, Whole], dated: Truth) -> tuple[Whole, Truth]:
    week, iso_weekday = fields["week"], fields.get("iso_weekday", 1)
    first = first_iso_day(year)
    monday = first + 7 * (week - 1)
    exists = dated & (week >= 1) & (monday < first_iso_day(year + 1)) & (iso_weekday >= 1) & (iso_weekday <= 7)
    return monday + iso_weekday - 1, exists


def _clock(fields: Mapping[str, Whole]) -> tuple[Whole, Truth]:
    """Microseconds since midnight, and whether a clock shows this."""
    minute, second = fields.get("minute", 0), fields.get("second", 0)
    rest = minute * MINUTE + second * SECOND + fields.get("microsecond", 0)
    runs = (minute <= 59) & (second <= 59)
    if "slot" in fields:
        slot, length = fields["slot"], fields["slot_length"]
        return (slot - 1) * length, (slot >= 1) & (slot * length <= DAY)
    if "hour12" in fields:
        short = fields["hour12"]
        hour: Whole = short % 12 + 12 * fields.get("afternoon", 0)
        return hour * HOUR + rest, runs & (short >= 1) & (short <= 12)
    hour = fields.get("hour", 0)
    return hour * HOUR + rest, runs & ((hour <= 23) | ((hour == 24) & (rest == 0)))


def add_months(stamp: datetime, months: int) -> datetime:
    """The same day of a later month, or its last day where there is no such day.

    >>> add_months(datetime(2024, 1, 31), 1)
    datetime.datetime(2024, 2, 29, 0, 0)
    """
    index = stamp.year * 12 + stamp.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return stamp.replace(year=year, month=month, day=min(stamp.day, int(days_in_month(year, month))))


def to_datetime(time: int) -> datetime:
    """A local time in microseconds since 1970-01-01 as a datetime without a time zone."""
    return EPOCH + timedelta(microseconds=time)
