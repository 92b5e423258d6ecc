"""A timestamp pattern: reads texts as local times, and writes local times in the form of those texts.

A pattern is a text of literals and directives (see `directives`), with three additions:

    [...]       a part that some rows lack, and that is not written where all its fields are zero
    %{+3600s}   the end of an interval follows; `%{+1mo-86400s}` is a month, less a day, after its start
    a tab       separates the columns of a timestamp that is split over several

A blank matches one or more blanks; `%%`, `%[` and `%]` are themselves.

    >>> pattern = compile_pattern("%d.%m.%Y %H:%M - %{+3600s}%d.%m.%Y %H:%M")
    >>> pattern.write([0])
    ['01.01.1970 00:00 - 01.01.1970 01:00']
    >>> compile_pattern("%Y-%m-%d[ %H:%M]").write([0, 60_000_000])
    ['1970-01-01', '1970-01-01 00:01']
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property, partial
from typing import Literal

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.step import DAY
from seqpred.timestamps.directives import Directive
from seqpred.timestamps.fields import (
    FIRST_SHORT_YEAR,
    LAST_SHORT_YEAR,
    day_number,
    to_datetime,
)
from seqpred.timestamps.intervals import Duration
from seqpred.timestamps.parts import Part, flat, parse_parts, regex_of
from seqpred.timestamps.readings import Readings, from_iso, moment_of
from seqpred.timestamps.shapes import ShapedTexts, shape_of, shaped
from seqpred.timestamps.spans import Span
from seqpred.timestamps.writers import Writer, writer_of

_ISO = re.compile(r"%Y-%m-%d([T ]%H:%M(:%S(\.%f)?)?(%z)?)?")
_ALIKE = {"K": "H", "e": "d", "B": "b", "A": "a"}
DateOrder = Literal["day-first", "month-first", "year-first"]


@dataclass(frozen=True)
class Pattern:
    """A timestamp pattern; see the module. Two are equal if their texts are.

    Raises:
        ValueError: the text is not a pattern.
    """

    text: str
    _found: dict[str, tuple[Span, ...] | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.fields & {"year", "short_year", "iso_year", "epoch"}:
            raise ValueError(f"{self.text!r} has no year")

    # ------------------------------------------------------------------ its parts

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Literals, directives, optional parts and durations in order."""
        return parse_parts(self.text)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Its fields, without those of an interval's end."""
        return frozenset(part.kind.field for part in flat(self._start) if isinstance(part, Directive))

    @cached_property
    def _split(self) -> int:
        """How many parts precede the duration of an interval."""
        return next((i for i, part in enumerate(self.parts) if isinstance(part, Duration)), len(self.parts))

    @property
    def _start(self) -> tuple[Part, ...]:
        return self.parts[: self._split]

    @property
    def has_zone(self) -> bool:
        """Whether an offset from UTC, or the name of a zone, is part of it."""
        return "offset" in self.fields

    @property
    def counts_instants(self) -> bool:
        """Whether it counts from 1970 in UTC, whatever the zone of the data is."""
        return any(isinstance(part, Directive) and part.letter == "s" for part in self.parts)

    @property
    def has_clock(self) -> bool:
        """Whether it has a time of day."""
        return bool(self.fields & {"hour", "hour12", "slot", "epoch"}) and self.text != "%J"

    @property
    def outline(self) -> str:
        """The pattern without flags, names and brackets, which a piece of a file may not show."""
        plain = re.sub(r"%[-\d]*([a-zA-Z])(\{[^}]*\})?", lambda found: f"%{_ALIKE.get(found[1], found[1])}", self.text)
        return re.sub(r"(?<!%)[\[\]]", "", plain)

    @property
    def columns(self) -> int:
        """Over how many columns a timestamp is split."""
        return self.text.count("\t") + 1

    @property
    def shown(self) -> str:
        """The pattern without flags and names, for people."""
        return re.sub(r"%[-\d]?([a-zA-Z])(\{[^}]*\})?", r"%\1", self.text).replace("\t", " ")

    @property
    def date_order(self) -> DateOrder | None:
        """Which part comes first in a date such as 03/04/05 or 03/04/2005; None in any other form.

        >>> [compile_pattern(text).date_order for text in ("%m/%d/%Y", "%y-%m-%d", "%Y-%m-%d", "%d-%b-%y")]
        ['month-first', 'year-first', None, None]
        """
        letters = [p.letter for p in flat(self._start) if isinstance(p, Directive) and p.letter in "YymdebBo"]
        first: dict[str, DateOrder] = {"dm": "day-first", "md": "month-first", "ym": "year-first"}
        return first.get("".join(letters[:2]).replace("e", "d")) if "d" in letters or "e" in letters else None

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The first time that can be written, and the time after the last one, in microseconds since 1970-01-01."""
        years = (FIRST_SHORT_YEAR, LAST_SHORT_YEAR + 1) if "short_year" in self.fields else (1, 10_000)
        low, high = (int(day_number(year, 1, 1)) * DAY for year in years)
        return low, high

    # ------------------------------------------------------------------ texts to times

    def read(self, texts: Sequence[str] | ShapedTexts) -> Readings:
        """The times in texts, all at once."""
        texts = shaped(texts)
        times, offsets, ends = (np.zeros(len(texts), np.int64) for _ in range(3))
        bad = np.ones(len(texts), bool)
        for shape, rows in texts.groups.items():
            spans = self._spans(shape)
            if spans is not None:
                moment = moment_of(spans, partial(texts.number, shape))
                times[rows], offsets[rows], ends[rows], bad[rows] = *moment[:3], ~np.asarray(moment[3])
        times[bad] = offsets[bad] = ends[bad] = 0
        return Readings(times, offsets, ends, bad)

    def field(self, texts: Sequence[str] | ShapedTexts, name: str) -> Int:
        """The number that each text has for a field, [texts]; -1 where the text lacks it."""
        texts = shaped(texts)
        numbers = np.full(len(texts), -1, np.int64)
        for shape, rows in texts.groups.items():
            span = next((span for span in self._spans(shape) or () if span.field == name), None)
            if span is not None:
                numbers[rows] = texts.number(shape, span.start, span.stop) if span.constant is None else span.constant
        return numbers

    def read_one(self, text: str) -> tuple[int, int]:
        """The local time in one text, and its offset from UTC (0 if it has none), in microseconds.

        Raises:
            ValueError: the text does not match, or names a day or time that does not exist.
        """
        spans = self._spans(shape_of(text))
        if spans is not None:
            if self._is_iso:
                try:
                    return from_iso(text)
                except ValueError:
                    pass  # 24:00, a zone by its name, or a day that does not exist
            time, offset, _, exists = moment_of(spans, lambda start, stop: int(text[start:stop]))
            if exists:
                return int(time), int(offset)
        raise ValueError(f"{text!r} is not a time of the form {self.shown}")

    @cached_property
    def _is_iso(self) -> bool:
        """Whether the standard library reads its texts as well, which is faster."""
        return bool(_ISO.fullmatch(self.outline))

    def zone_of(self, text: str) -> str:
        """The zone as a text writes it; empty where it has none."""
        match = self._regex.fullmatch(shape_of(text))
        for name, part in self._groups.items():
            if match and isinstance(part, Directive) and part.letter == "z" and match[name] is not None:
                return text[match.start(name) : match.end(name)]
        return ""

    def _spans(self, shape: str) -> tuple[Span, ...] | None:
        """The places of the fields in a text of this shape; None if it does not match."""
        if shape not in self._found:
            if len(self._found) > 10_000:  # of a stream without end
                self._found.clear()
            self._found[shape] = self._find_spans(shape)
        return self._found[shape]

    def _find_spans(self, shape: str) -> tuple[Span, ...] | None:
        match = self._regex.fullmatch(shape)
        if not match:
            return None
        found: list[Span] = []
        for name, directive in self._groups.items():
            if match[name] is None:
                continue
            spans = directive.spans(match[name], match.start(name))
            if spans is None:
                return None
            found += [span._replace(field=f"end {span.field}") for span in spans] if name.startswith("e") else spans
        return tuple(found)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(regex_of(self.parts, iter(self._groups)), re.IGNORECASE)

    @cached_property
    def _groups(self) -> dict[str, Directive]:
        """The name of each directive's group in the regex; those of an interval's end begin with e."""
        groups: dict[str, Directive] = {}
        side = "s"
        for part in flat(self.parts):
            if isinstance(part, Duration):
                side = "e"
            elif isinstance(part, Directive):
                groups[f"{side}{len(groups)}"] = part
        return groups

    # ------------------------------------------------------------------ times to texts

    def write(self, times: Sequence[int] | Int, zones: Sequence[str] = ()) -> list[str]:
        """Local times as texts of this form.

        Args:
            times: within `bounds`.
            zones: [times], what the texts have for `%z`.
        """
        known: dict[tuple[int, str], str] = {}
        texts = []
        for i, time in enumerate(times if isinstance(times, list) else np.asarray(times).tolist()):
            key = (time, zones[i] if zones else "")
            if key not in known:
                known[key] = self._written(*key)
            texts.append(known[key])
        return texts

    def _written(self, time: int, zone: str) -> str:
        stamp = to_datetime(time)
        if self._ends_days and not time % DAY:
            stamp -= timedelta(days=1)  # 00:00 is written as 24:00 of the day before
        text = self._writers[0](stamp, zone)
        if self._split == len(self.parts):
            return text
        duration = self.parts[self._split]
        assert isinstance(duration, Duration)
        return text + self._writers[1](duration.end(stamp), zone)

    @cached_property
    def _writers(self) -> tuple[Writer, Writer]:
        """How a time, and the end of its interval, are written."""
        return writer_of(self._start), writer_of(self.parts[self._split + 1 :])

    @cached_property
    def _ends_days(self) -> bool:
        """Whether its days end with 24:00."""
        return any(isinstance(part, Directive) and part.letter == "K" for part in flat(self._start))


@cache
def compile_pattern(text: str) -> Pattern:
    """The pattern of a text, created once."""
    return Pattern(text)
