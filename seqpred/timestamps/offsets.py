"""Offsets from UTC in texts: `Z`, `+02`, `+0200`, `+02:00`, `UTC+2`, `CEST`."""

from __future__ import annotations

import re

from seqpred.timestamps.fields import HOUR, MINUTE
from seqpred.timestamps.spans import Span

# Hours east of UTC of the names that exports write behind a time. The American ones are those of RFC 5322, section 4.3.
ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2,
    "EET": 2, "EEST": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "JST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip
ZONE = rf"(?:(?:UTC|GMT)?[+-]00?(?::?00)?|{'|'.join(sorted(ZONES, key=len, reverse=True))}|z)"
_WINTER_SUMMER = (("CET", "CEST"), ("MEZ", "MESZ"), ("EET", "EEST"), ("WET", "WEST"), ("GMT", "BST"),
                  ("EST", "EDT"), ("CST", "CDT"), ("MST", "MDT"), ("PST", "PDT"), ("AEST", "AEDT"))  # fmt: skip
_ZONE = re.compile(r"(?P<name>[A-Za-z]*)(?:(?P<sign>[+-])(?P<hours>\d\d?)(?::?(?P<minutes>\d\d))?)?")


def zone_spans(found: str, start: int) -> list[Span]:
    """The offset from UTC, in microseconds, of a name, or of a sign and digits.

    Args:
        found: a zone of a form that `ZONE` describes.
        start: where it starts in the text.
    """
    match = _ZONE.fullmatch(found)
    assert match is not None
    if match["sign"] is None:
        return [Span("offset", constant=ZONES[match["name"].upper()] * HOUR)]
    sign = -1 if match["sign"] == "-" else 1
    spans = [Span("offset", start + match.start("hours"), start + match.end("hours"), sign * HOUR)]
    if match["minutes"]:
        spans.append(Span("offset", start + match.start("minutes"), start + match.end("minutes"), sign * MINUTE))
    return spans


def offset_of(zone: str) -> int:
    """Microseconds east of UTC.

    >>> [offset_of(zone) // 60_000_000 for zone in ("Z", "+0530", "-03:30", "+02", "CEST")]
    [0, 330, -210, 120, 120]
    """
    shape = re.sub(r"\d", "0", zone)
    total = 0
    for span in zone_spans(shape, 0):
        total += span.constant if span.constant is not None else int(zone[span.start : span.stop]) * span.multiply
    return total


def is_offset(text: str) -> bool:
    """Whether a text is a sign and digits, as in the name of a fixed zone.

    >>> is_offset("+02:00"), is_offset("Europe/Berlin"), is_offset("")
    (True, False, False)
    """
    found = _ZONE.fullmatch(text)
    return found is not None and found["sign"] is not None


def is_utc(zone: str) -> bool:
    """Whether a zone is named as UTC, and so keeps its offset; `+00:00` may be London in winter.

    >>> is_utc("Z"), is_utc("GMT"), is_utc("+00:00")
    (True, True, False)
    """
    return zone.upper() in ("Z", "UTC", "GMT", "UT")


def offset_like(zone: str, offset: int) -> str:
    """An offset from UTC, in microseconds, written as another one is.

    >>> offset_like("+02:00", HOUR), offset_like("+02", 0), offset_like("-0330", 2 * HOUR), offset_like("CEST", HOUR)
    ('+01:00', '+00', '+0200', 'CET')
    """
    if offset_of(zone) == offset:
        return zone
    for pair in _WINTER_SUMMER:
        if zone in pair:
            return next((name for name in pair if offset_of(name) == offset), _signed("", offset, ":"))
    match = _ZONE.fullmatch(zone)
    assert match is not None
    if match["sign"] is None:
        return _signed("", offset, ":")
    whole_hours = not match["minutes"] and not offset % HOUR
    return _signed(match["name"], offset, "" if ":" not in zone else ":")[: -2 if whole_hours else None]


def _signed(prefix: str, offset: int, colon: str) -> str:
    hours, minutes = divmod(abs(offset) // MINUTE, 60)
    return f"{prefix}{'-' if offset < 0 else '+'}{hours:02d}{colon}{minutes:02d}"
