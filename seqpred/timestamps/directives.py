"""The directives of a timestamp pattern: how each one looks in a text, which field it is, and how it is written.

They are those of `strftime` and GNU `date`, and a few for what neither has (marked with +):

    %Y %y %m %d %e %b %B   year, two-digit year, month, day, day padded with a blank, month names
    %H %I %p %M %S %f      hour, hour of a 12-hour clock, AM or PM, minute, second, fraction of a second
    %j %q %G %V %u %a %A   day of the year, quarter, ISO year, ISO week, ISO weekday, weekday names
    %z %s                  offset from UTC or name of a zone, seconds since 1970
    %K %N{900} +           hour from 01 to 24, number of a 900-second slot of the day from 1
    %O +                   hour and minute as one number without leading zeros: 5, 130, 1345
    %i %o %J %D +          half-year, day with its English ordinal suffix, Excel serial date, year and twelfths

A flag follows the percent sign: `%-d` writes no leading zero, `%2q` two digits, `%3f` milliseconds, `%3s`
milliseconds since 1970. The names that a directive writes may follow it in braces (`%b{janv.|févr.|...}`); names in
any of the languages are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from seqpred.calendar.step import DAY, SECOND
from seqpred.timestamps.fields import EPOCH, EXCEL_EPOCH, MINUTE
from seqpred.timestamps.names import ENGLISH_MONTHS, ENGLISH_WEEKDAYS, month_of, weekday_of
from seqpred.timestamps.offsets import ZONE, zone_spans
from seqpred.timestamps.spans import Span

SPEC = re.compile(r"%(?P<flag>-|\d\d?)?(?P<letter>[a-zA-Z])(?:\{(?P<option>[^}]*)\})?")
WORD = r"[^\W\d_]+(?:-feira)?\.?"  # segunda-feira is Portuguese for Monday
BLANK = "[ \u00a0\u202f]"  # the last two do not break a line
HALF_OF_DAY = rf"[AaPp]\.?{BLANK}?[Mm]\.?"
_SUFFIXES = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_ORDINAL = "0{1,2}(?:st|nd|rd|th)"
_ATTRIBUTES = {"Y": "year", "m": "month", "d": "day", "H": "hour", "M": "minute", "S": "second"}
_DEFAULT_NAMES = {**ENGLISH_MONTHS, **ENGLISH_WEEKDAYS, "p": ("AM", "PM")}


class Directive(NamedTuple):
    """A part of a pattern such as `%-d` or `%b{ene|feb|...}`: flag `-`, letter `b`, option between the braces."""

    letter: str
    flag: str = ""
    option: str = ""

    def __str__(self) -> str:
        return f"%{self.flag}{self.letter}" + (f"{{{self.option}}}" if self.option else "")

    @property
    def kind(self) -> Kind:
        """The meaning of its letter."""
        return KINDS[self.letter]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it writes."""
        return tuple(self.option.split("|")) if self.option else _DEFAULT_NAMES[self.letter]

    def regex(self, *, adjacent: bool) -> str:
        """Its form in the shape of a text, in which every digit is a 0.

        Args:
            adjacent: whether the digits of another directive adjoin its own, so that their number must be fixed.
        """
        return self.kind.fixed if adjacent else self.kind.loose

    def spans(self, found: str, start: int) -> list[Span] | None:
        """Where its fields are in a text, given the part of its shape that the regex has found and where that starts.

        Returns None for a word that is not a name.
        """
        return self.kind.read(found, start, self)

    def as_format(self) -> str:
        """The format string that writes it, given a datetime; empty if there is none.

        >>> Directive("d").as_format(), Directive("m", "-").as_format(), Directive("b").as_format()
        ('{0.day:02d}', '{0.month}', '')
        """
        attribute = _ATTRIBUTES.get(self.letter)
        width = ":04d" if self.letter == "Y" else ":02d"
        return f"{{0.{attribute}{'' if self.flag else width}}}" if attribute and self.flag in ("", "-") else ""

    def write(self, stamp: datetime) -> str:
        """Its field of a local time."""
        return self.kind.write(stamp, self)


class Kind(NamedTuple):
    """The meaning of a letter: its field, its regex (loose, and with a fixed number of digits), reader and writer."""

    field: str
    loose: str
    fixed: str
    read: Callable[[str, int, Directive], list[Span] | None]
    write: Callable[[datetime, Directive], str]
    is_number: bool = True


def _digits(
    field: str, most: int, get: Callable[[datetime], int], *, width: int = 0, least: int = 1, fixed: int = 0
) -> Kind:
    """A number of up to a number of digits, of `fixed` ones next to another, written with zeros up to `width`."""

    def read(found: str, start: int, _: Directive) -> list[Span]:
        return [Span(field, start, start + len(found))]

    def write(stamp: datetime, directive: Directive) -> str:
        flag = directive.flag
        return str(get(stamp)) if flag == "-" else f"{get(stamp):0{int(flag) if flag else width or most}d}"

    return Kind(field, f"0{{{least},{most}}}", f"0{{{fixed or most}}}", read, write)


def _names(field: str, place_of: Callable[[str], int | None], get: Callable[[datetime], int]) -> Kind:
    """The name of a month or weekday; `get` is its place in the list of names."""

    def read(found: str, _: int, __: Directive) -> list[Span] | None:
        place = place_of(found)
        return None if place is None else [Span(field, constant=place)]

    return Kind(field, WORD, WORD, read, lambda stamp, directive: directive.names[get(stamp)], is_number=False)


def _read_half_of_day(found: str, _: int, __: Directive) -> list[Span]:
    return [Span("afternoon", constant=int(found[0] in "Pp"))]


def _read_ordinal(found: str, start: int, _: Directive) -> list[Span]:
    return [Span("day", start, start + found.count("0"))]


def _read_fraction(found: str, start: int, _: Directive) -> list[Span]:
    digits = min(len(found), 6)  # microseconds are the finest that is kept
    return [Span("microsecond", start, start + digits, 10 ** (6 - digits))]


def _write_fraction(stamp: datetime, directive: Directive) -> str:
    digits = f"{stamp.microsecond:06d}000"
    return digits.rstrip("0") or "0" if directive.flag == "-" else digits[: int(directive.flag or 6)]


def _read_epoch(found: str, start: int, directive: Directive) -> list[Span]:
    scale, minus = 10 ** int(directive.flag or 0), found.startswith("-")
    multiply, divide = max(1, SECOND // scale), max(1, scale // SECOND)
    return [Span("epoch", start + minus, start + len(found), -multiply if minus else multiply, divide)]


def _write_epoch(stamp: datetime, directive: Directive) -> str:
    return str(microseconds(stamp) * 10 ** int(directive.flag or 0) // SECOND)


def _read_serial(found: str, start: int, directive: Directive) -> list[Span]:
    """Days and a fraction of a day, to the second; to the minute with at most four decimals (a unit is then 9 s)."""
    days, _, fraction = found.partition(".")
    spans = [Span("epoch", start, start + len(days), DAY), Span("epoch", constant=EXCEL_EPOCH * DAY)]
    if not fraction:
        return spans
    begin, digits = start + len(days) + 1, min(len(fraction), 7)  # seven are exact to 9 ms
    unit = MINUTE if directive.flag and int(directive.flag) <= 4 else SECOND
    return [*spans, Span("epoch", begin, begin + digits, DAY, 10**digits), Span("rounded_to", constant=unit)]


def _write_serial(stamp: datetime, directive: Directive) -> str:
    days, rest = divmod(microseconds(stamp) - EXCEL_EPOCH * DAY, DAY)
    digits = int(directive.flag or 10)
    return f"{days}{f'{rest / DAY:.{digits}f}'.rstrip('0').lstrip('0')}" if rest else str(days)


def _read_decimal_year(found: str, start: int, _: Directive) -> list[Span]:
    fraction = min(len(found) - 5, 6)
    year = Span("year", start, start + 4)
    return (
        [year, Span("year_fraction", start + 5, start + 5 + fraction, 10 ** (6 - fraction))] if fraction > 0 else [year]
    )


def _write_decimal_year(stamp: datetime, directive: Directive) -> str:
    return f"{stamp.year + (stamp.month - 1) / 12:.{directive.flag or 10}f}".rstrip("0").rstrip(".")


def _read_slot(found: str, start: int, directive: Directive) -> list[Span]:
    length = Span("slot_length", constant=int(directive.option) * SECOND)
    return [Span("slot", start, start + len(found)), length]


def _write_slot(stamp: datetime, directive: Directive) -> str:
    return str(microseconds(stamp) % DAY // (int(directive.option) * SECOND) + 1)


def microseconds(stamp: datetime) -> int:
    """The local time of a datetime in microseconds since 1970-01-01, exactly (`timestamp()` is a float).

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, 5))
    1000005
    """
    since = stamp - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def _read_clock_number(found: str, start: int, _: Directive) -> list[Span]:
    stop = start + len(found)
    minutes = Span("minute", max(start, stop - 2), stop)
    return [Span("hour", start, stop - 2), minutes] if len(found) > 2 else [minutes]


def _write_clock_number(stamp: datetime, _: Directive) -> str:
    return str(100 * stamp.hour + stamp.minute)


def _is_midnight(stamp: datetime) -> bool:
    return not (stamp.hour or stamp.minute or stamp.second or stamp.microsecond)


KINDS = {
    "Y": _digits("year", 4, lambda s: s.year, least=4),
    "y": _digits("short_year", 2, lambda s: s.year % 100, least=2),
    "m": _digits("month", 2, lambda s: s.month),
    "d": _digits("day", 2, lambda s: s.day),
    "j": _digits("day_of_year", 3, lambda s: s.timetuple().tm_yday),
    "q": _digits("quarter", 2, lambda s: (s.month + 2) // 3, width=1, fixed=1),
    "i": _digits("half", 2, lambda s: (s.month + 5) // 6, width=1, fixed=1),
    "G": _digits("iso_year", 4, lambda s: s.isocalendar()[0], least=4),
    "V": _digits("week", 2, lambda s: s.isocalendar()[1]),
    "u": _digits("iso_weekday", 1, lambda s: s.isoweekday()),
    "H": _digits("hour", 2, lambda s: s.hour),
    "K": _digits("hour", 2, lambda s: 24 if _is_midnight(s) else s.hour),  # of the day before, see `Pattern.write`
    "I": _digits("hour12", 2, lambda s: s.hour % 12 or 12),
    "M": _digits("minute", 2, lambda s: s.minute),
    "S": _digits("second", 2, lambda s: s.second),
    "b": _names("month", month_of, lambda s: s.month - 1),
    "B": _names("month", month_of, lambda s: s.month - 1),
    "a": _names("weekday", weekday_of, lambda s: s.weekday()),
    "A": _names("weekday", weekday_of, lambda s: s.weekday()),
    "p": Kind("afternoon", HALF_OF_DAY, HALF_OF_DAY, _read_half_of_day, lambda s, d: d.names[s.hour // 12], False),
    "e": Kind(
        "day", "0{1,2}", "00", lambda found, at, _: [Span("day", at, at + len(found))], lambda s, _: f"{s.day:2d}"
    ),
    "o": Kind("day", _ORDINAL, _ORDINAL, _read_ordinal, lambda s, _: f"{s.day}{_SUFFIXES.get(s.day, 'th')}"),
    "f": Kind("microsecond", "0{1,9}", "0{1,9}", _read_fraction, _write_fraction),
    "s": Kind("epoch", "-?0{1,19}", "-?0{1,19}", _read_epoch, _write_epoch),
    "J": Kind("epoch", r"0{1,6}(?:\.0{1,15})?", "0{5}", _read_serial, _write_serial),
    "D": Kind("year", r"0{4}(?:\.0{1,16})?", r"0{4}(?:\.0{1,16})?", _read_decimal_year, _write_decimal_year),
    "O": Kind("hour", "0{1,4}", "0{4}", _read_clock_number, _write_clock_number),
    "N": Kind("slot", "0{1,3}", "0{3}", _read_slot, _write_slot),
    "z": Kind("offset", ZONE, ZONE, lambda found, at, _: zone_spans(found, at), lambda _, __: "", is_number=False),
}
