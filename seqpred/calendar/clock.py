"""How a time column is read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from seqpred.arrays import Int
from seqpred.calendar.step import DAY, SECOND, Step
from seqpred.calendar.zones import to_days, to_instants, to_local

YEAR_1 = -62_135_596_800 * SECOND
YEAR_10000 = 253_402_300_800 * SECOND
COMPACT_DATES = (19_000_101, 21_001_231)  # whole numbers that may be dates written as 20241231


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
        return times if self.on_wall or self.place is None else to_local(self.place, times)

    def instants(self, times: Int) -> Int:
        """These times in UTC, as far as their zone is known by name."""
        return to_instants(self.place, times) if self.on_wall and self.place is not None else times

    def on_grid(self, times: Int, step: Step) -> tuple[Clock, Int]:
        """Times as they stand on the grid of a step: days are those of the wall, hours go on as the clock is turned.

        The days of a file that is written in UTC (Z) are UTC's.

        >>> daily, hourly = Step.parse("P1D"), Step.parse("PT1H")
        >>> import numpy as np
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

        >>> import numpy as np
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
