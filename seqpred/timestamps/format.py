"""How the time column of a table is written, so that forecasts carry timestamps in the form of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seqpred.arrays import Int
from seqpred.calendar.step import DAY, Step
from seqpred.calendar.zones import to_days, to_instants, to_local
from seqpred.sources.dialect import Dialect
from seqpred.timestamps.offsets import is_utc, offset_like
from seqpred.timestamps.pattern import Pattern, compile_pattern

INTEGER = "integer"


def may_be_timestamps(low: float, high: float) -> bool:
    """Whether numbers from `low` to `high` have as many digits as timestamps do.

    >>> may_be_timestamps(1, 500), may_be_timestamps(1949, 2020), may_be_timestamps(199001, 200112)
    (False, False, True)
    """
    return low >= 10_000 and high < 10**19


@dataclass(frozen=True)
class TimestampFormat:
    """How a time column is written, and what its numbers of microseconds count.

    Attributes:
        pattern: the text of a `Pattern`, `integer`, or None where there is no time column.
        zone: the offset from UTC, or the name of a zone, as the texts have it; empty if they have none. `Z` for
            seconds since 1970, which have no text for it.
        tz: the name of the time zone, as Europe/Berlin, if it is known.
        is_local: whether times are local ones; else they are UTC.
    """

    pattern: str | None
    zone: str = ""
    tz: str | None = None
    is_local: bool = True

    @property
    def dated(self) -> bool:
        """Whether the times are dates."""
        return self.pattern not in (None, INTEGER)

    @property
    def compiled(self) -> Pattern:
        """The pattern; the times must be dates."""
        assert self.pattern is not None
        return compile_pattern(self.pattern)

    @property
    def shown(self) -> str:
        """The form for messages."""
        return self.compiled.shown if self.dated else str(self.pattern)

    @property
    def date_order(self) -> Literal["day-first", "month-first", "year-first"] | None:
        """Which part comes first in dates such as 03/04/05; None in any other form."""
        return self.compiled.date_order if self.dated else None

    def complete(self, dialect: Dialect) -> Dialect:
        """A dialect with the known properties of the timestamps, as in a resolved config.

        >>> TimestampFormat("%d/%m/%Y", tz="Europe/Berlin").complete(Dialect()).timestamp_format
        '%d/%m/%Y'
        """
        return replace(
            dialect,
            date_order=self.date_order or dialect.date_order,
            timestamp_format=str(self.pattern) if self.dated else dialect.timestamp_format,
            timezone=self.tz or dialect.timezone,
        )

    def local(self, times: Int) -> Int:
        """The local times, to which calendar features refer."""
        return times if self.is_local or self.tz is None else to_local(self.tz, times)

    def instants(self, times: Int) -> Int:
        """These times in UTC, if the name of their zone is known."""
        return to_instants(self.tz, times) if self.is_local and self.tz is not None else times

    def on_grid(self, times: Int, step: Step) -> tuple[TimestampFormat, Int]:
        """The times on the grid of a step: days are local, hours continue across changes of the clocks.

        The days of a file that is written in UTC are those of UTC.

        >>> import numpy as np
        >>> daily, hourly = Step.parse("P1D"), Step.parse("PT1H")
        >>> berlin = TimestampFormat("%Y-%m-%d %H:%M", tz="Europe/Berlin", is_local=False)
        >>> [int(berlin.on_grid(np.array([0]), step)[1][0]) // 1_000_000 for step in (daily, hourly)]
        [3600, 0]
        """
        by_days = step.count % DAY == 0 if step.unit == "microsecond" else step.unit != "irregular"
        is_local = by_days and not is_utc(self.zone)
        if self.tz is None or is_local == self.is_local:
            return self, times
        turned = to_days(self.tz, times) if is_local else to_instants(self.tz, times)
        return replace(self, is_local=is_local), turned

    def reaches(self, times: Int) -> bool:
        """Whether these times can be written: the calendar ends with the year 9999, two-digit years earlier."""
        return not self.dated or bool((times < self.compiled.bounds[1]).all())

    def write(self, times: Int) -> list[str] | list[int]:
        """Times as the data writes them; those of several columns with blanks between them.

        >>> import numpy as np
        >>> TimestampFormat("%d/%m/%Y").write(np.array([0]))
        ['01/01/1970']
        >>> TimestampFormat("%Y-%m-%dT%H:%M%z", "+02:00").write(np.array([0]))
        ['1970-01-01T00:00+02:00']
        """
        if not self.dated:
            numbers: list[int] = times.tolist()
            return numbers
        return [text.replace("\t", " ") for text in self._texts(times)]

    def write_columns(self, times: Int) -> list[list[str]] | list[list[int]]:
        r"""Times as in the columns of the data, one list per column.

        >>> import numpy as np
        >>> TimestampFormat("%Y\t%-m\t%-d\t%H").write_columns(np.array([0]))
        [['1970'], ['1'], ['1'], ['00']]
        """
        if not self.dated:
            return [times.tolist()]
        rows = [text.split("\t") for text in self._texts(times)]
        return [[row[place] for row in rows] for place in range(self.compiled.columns)]

    def _texts(self, times: Int) -> list[str]:
        shown = self.instants(times) if is_utc(self.zone) else self.local(times)
        return self.compiled.write(shown, self._zones(times) if self.compiled.has_zone else ())

    def _zones(self, times: Int) -> list[str]:
        """The text of `%z` in each of these times."""
        if self.tz is None or not self.zone or is_utc(self.zone):
            return [self.zone] * len(times)
        offsets = self.local(times) - self.instants(times)
        return [offset_like(self.zone, offset) for offset in offsets.tolist()]
