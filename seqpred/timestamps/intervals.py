"""Intervals such as `01.05.2023 00:00 - 01.05.2023 01:00`: the start is the timestamp, and all have one length."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.step import DAY, SECOND
from seqpred.timestamps.fields import add_months

_TEXT = re.compile(r"\+(?:(?P<months>\d+)mo)?(?:(?P<seconds>[+-]?\d+(?:\.\d{1,6})?)s)?")
_MOST_DAYS = 2  # between the end of an interval of months and the day on which it started


class Duration(NamedTuple):
    """From the start of an interval to its end: months, then microseconds.

    >>> str(Duration(0, 3_600_000_000)), str(Duration(1, -86_400_000_000)), Duration.parse("+1mo-86400s").months
    ('+3600s', '+1mo-86400s', 1)
    """

    months: int
    microseconds: int

    def __str__(self) -> str:
        months = f"{self.months}mo" if self.months else ""
        if months and not self.microseconds:
            return f"+{months}"
        whole, rest = divmod(abs(self.microseconds), SECOND)
        sign = "-" if self.microseconds < 0 else "+" if months else ""
        return f"+{months}{sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "") + "s"

    @staticmethod
    def parse(text: str) -> Duration:
        """The duration in a text.

        Raises:
            ValueError: none.
        """
        found = _TEXT.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is not a duration such as +3600s or +1mo-86400s")
        return Duration(int(found["months"] or 0), round(float(found["seconds"] or 0) * SECOND))

    def end(self, start: datetime) -> datetime:
        """The end of the interval that starts at this time."""
        return (add_months(start, self.months) if self.months else start) + timedelta(microseconds=self.microseconds)


def usual_duration(starts: Int, ends: Int) -> Duration | None:
    """The duration of at least 90 % of some intervals; None if there is none.

    Where a clock is set back or forward, an hour of local time has another length than the others.

    >>> months = np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "datetime64[us]").astype(np.int64)
    >>> usual_duration(months[:2], months[1:])
    Duration(months=1, microseconds=0)
    """
    for months in (0, 1, 3, 6, 12):
        sizes, counts = np.unique(ends - _later(starts, months), return_counts=True)
        usual = int(sizes[counts.argmax()])
        sensible = abs(usual) <= _MOST_DAYS * DAY if months else usual > 0
        if counts.max() >= 0.9 * len(starts) and sensible:
            return Duration(months, usual)
    return None


def _later(times: Int, months: int) -> Int:
    """The times a number of months later; a day that the month lacks is one of the next month."""
    stamps = times.astype("datetime64[us]")
    month = stamps.astype("datetime64[M]")
    return np.asarray((month + months).astype("datetime64[us]") + (stamps - month)).astype(np.int64)
