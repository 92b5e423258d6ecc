"""From the spans of a text, or of all texts of a shape, to a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from seqpred.arrays import Bool, Int
from seqpred.calendar.step import SECOND
from seqpred.timestamps.directives import microseconds
from seqpred.timestamps.fields import Truth, Whole, to_microseconds
from seqpred.timestamps.spans import Span

_DATE_FIELDS = frozenset(
    ("year", "short_year", "iso_year", "month", "day", "quarter", "half", "week", "iso_weekday", "day_of_year", "epoch")
)


class Readings(NamedTuple):
    """The values of texts, [texts].

    Attributes:
        times: local times in microseconds since 1970-01-01, 0 where the text is bad.
        offsets: microseconds east of UTC, 0 where there is no zone.
        ends: of intervals; the times themselves where there are none.
        bad: whether a text does not match, or names a day or time that does not exist.
    """

    times: Int
    offsets: Int
    ends: Int
    bad: Bool


def moment_of(spans: Sequence[Span], number: Callable[[int, int], Whole]) -> tuple[Whole, Whole, Whole, Truth]:
    """Time, offset, end of the interval, and whether they exist."""
    fields = _sum(spans, number)
    end = {name.removeprefix("end "): value for name, value in fields.items() if name.startswith("end ")}
    offset, rounded_to = fields.get("offset", 0), fields.get("rounded_to", 1)
    time, exists = to_microseconds(fields)
    time = (time + rounded_to // 2) // rounded_to * rounded_to
    if not end:
        return time, offset, time, exists
    if not end.keys() & _DATE_FIELDS:  # 00:00 - 01:00 after one date
        end = {**{name: value for name, value in fields.items() if name in _DATE_FIELDS}, **end}
    stop, stops = to_microseconds(end)
    return time, offset, stop, exists & stops


def _sum(spans: Sequence[Span], number: Callable[[int, int], Whole]) -> dict[str, Whole]:
    """The value of each field."""
    fields: dict[str, Whole] = {}
    for name, start, stop, multiply, divide, constant in spans:
        value: Whole = number(start, stop) * multiply // divide if constant is None else constant
        fields[name] = fields[name] + value if name in fields else value
    return fields


def from_iso(text: str) -> tuple[int, int]:
    """As `Pattern.read_one`, of a text whose shape is known to match."""
    stamp = datetime.fromisoformat(text.removesuffix("Z"))
    if stamp.tzinfo is None:
        return microseconds(stamp), 0
    offset = stamp.utcoffset() or timedelta(0)
    return microseconds(stamp.replace(tzinfo=None)), (offset.days * 86_400 + offset.seconds) * SECOND
