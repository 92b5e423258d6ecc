"""Timestamps row by row, as a stream delivers them; read by the same patterns as those of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqpred.calendar.step import Step
from seqpred.calendar.zones import to_instants, to_local
from seqpred.sources.dialect import Dialect
from seqpred.timestamps.format import INTEGER, TimestampFormat
from seqpred.timestamps.offsets import offset_of
from seqpred.timestamps.pattern import Pattern
from seqpred.timestamps.units import unit_of

if TYPE_CHECKING:
    from seqpred.timestamps.infer import Inferred

LARGEST_INTEGER = 2**53  # up to here, a number read as a float is exact


class TimestampReader:
    """Reads the time cells of one row after another.

    Args:
        names: the time columns.
        dialect: how the data is written.
        step: of the data.

    Attributes:
        format: how timestamps are written; the first row decides it, unless it is set. A later row may show a part
            that the first one lacks, such as a fraction of a second.
    """

    def __init__(self, names: Sequence[str], dialect: Dialect, step: Step) -> None:
        self.format: TimestampFormat | None = None
        self._names, self._dialect, self._step = list(names), dialect, step
        self._first = ""  # the texts of the first row
        self._last: tuple[Sequence[str], tuple[int, int | None]] | None = None

    def read(self, texts: Sequence[str]) -> tuple[int, int | None]:
        """The time of a row; and the later one with the same local time, where the clocks go back.

        Args:
            texts: the cells, without blanks around them.
        Raises:
            ValueError: they are not a timestamp of the form of the first row.
        """
        if self._last is not None and self._last[0] == texts:
            return self._last[1]  # rows of many series often have the same time
        if not all(texts):
            raise ValueError("the time is empty")
        if self.format is None:
            self.format = self._first_format(texts)
        time = _integer(texts[0]) if self.format.pattern == INTEGER else self._timestamp("\t".join(texts))
        self._last = texts, time
        return time

    def _timestamp(self, text: str) -> tuple[int, int | None]:
        assert self.format is not None
        try:
            local, offset = self.format.compiled.read_one(text)
        except ValueError:
            self._widen(text)
            local, offset = self.format.compiled.read_one(text)
        form = self.format
        if form.tz is not None:
            return _in_zone(form, local, offset if form.zone else None)
        return local - offset + (offset_of(form.zone) if form.zone else 0), None

    def _first_format(self, texts: Sequence[str]) -> TimestampFormat:
        """The format that the first row shows.

        Raises:
            ValueError: none, or several.
        """
        if self._step.unit == "row":
            _integer(texts[0])
            return TimestampFormat(INTEGER)
        self._first = "\t".join(texts)
        inferred = self._infer([self._first])
        if inferred is None:
            if self._step.unit != "irregular":
                raise ValueError(f"{texts[0]!r} is not a timestamp")
            return TimestampFormat(INTEGER)
        pattern = inferred.pattern
        zone = pattern.zone_of(self._first) if pattern.has_zone else "Z" if pattern.counts_instants else ""
        form = TimestampFormat(pattern.text, zone)
        if self._dialect.timezone == "auto":
            return form
        localized = replace(form, tz=self._dialect.timezone, is_local=False)
        return localized.on_grid(np.zeros(1, np.int64), self._step)[0]

    def _widen(self, text: str) -> None:
        """Use a pattern that matches this text as well as the first one, if there is one."""
        if not self._first or self.format is None:
            return
        try:
            inferred = self._infer([self._first, text])
        except ValueError:
            return
        if inferred and _begins_alike(inferred.pattern, self.format.compiled, self._first):
            self.format = replace(self.format, pattern=inferred.pattern.text)

    def _infer(self, rows: list[str]) -> Inferred | None:
        from seqpred.timestamps.column import infer_column, infer_columns, unit_of_step
        from seqpred.timestamps.unreadable import UnreadableError

        dialect = self._dialect
        known = dialect.timestamp_format
        try:
            if len(self._names) == 1:
                unit = unit_of_step(self._step) or unit_of(self._names[0]) or "time"
                return infer_column(rows, dialect.date_order, unit, known=known)
            cells = [list(dict.fromkeys(column)) for column in zip(*(row.split("\t") for row in rows), strict=True)]
            return infer_columns(list(zip(self._names, cells, strict=True)), rows, dialect.date_order, known=known)
        except UnreadableError as e:
            shown = rows[-1].replace("\t", " ")
            raise ValueError(f"{shown!r} {e.message}. {e.hint}") from None


def _begins_alike(new: Pattern, old: Pattern, text: str) -> bool:
    """Whether two patterns read a text alike."""
    return new.read_one(text) == old.read_one(text)


def _integer(text: str) -> tuple[int, None]:
    number = float(text)
    if not abs(number) < LARGEST_INTEGER or number != round(number):
        raise ValueError(f"the time {text!r} is not a whole number")
    return int(number), None


def _in_zone(form: TimestampFormat, local: int, offset: int | None) -> tuple[int, int | None]:
    """The time on the grid, in a zone that is known by name; and the later one of a local time that occurs twice.

    Args:
        local: the local time.
        offset: from UTC, if the text has one.
    """
    assert form.tz is not None
    if offset is not None:
        instant = np.array([local - offset])
        return int(to_local(form.tz, instant)[0] if form.is_local else instant[0]), None
    if form.is_local:
        return local, None
    shown = np.array([local])
    first, second = to_instants(form.tz, shown), to_instants(form.tz, shown, later=True)
    if to_local(form.tz, first) != shown:
        text = replace(form, tz=None).write(shown)[0]
        raise ValueError(f"the time {text} does not exist in {form.tz}: the clocks there skip it")
    return int(first[0]), int(second[0]) if second > first else None
