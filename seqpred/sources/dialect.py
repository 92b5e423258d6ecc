"""How a file is written: encoding, missing values, order of dates, decimal sign, units, layout, time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from seqpred.sources.numbers import is_plain_number

if TYPE_CHECKING:
    from seqpred.config.data_section import DataSection

DateOrder = Literal["auto", "day-first", "month-first", "year-first"]
Decimal = Literal["auto", ".", ","]
Layout = Literal["rows", "years", "weekday-years", "wide"]

EMPTY = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "<NA>", "None", "NULL", "null")  # cells that are missing
LARGEST = 1e100  # beyond it, squares are infinite
LETTERS = 40  # of a malformed cell that a message shows


@dataclass(frozen=True)
class Dialect:
    """How a file is written; see the config keys of the same names."""

    encoding: str = "auto"
    sentinels: tuple[float | str, ...] = ()
    date_order: DateOrder = "auto"
    decimal: Decimal = "auto"
    layout: Layout = "rows"
    timezone: str = "auto"
    timestamp_format: str = "auto"
    unit: Mapping[str, str] = field(default_factory=dict)
    snap: str | None = None

    @classmethod
    def of(cls, data: DataSection) -> Dialect:
        """The dialect that a config describes."""
        return cls(
            encoding=data.encoding,
            sentinels=tuple(data.sentinels),
            date_order=data.date_order,
            decimal=data.decimal,
            layout=data.layout,
            timezone=data.timezone,
            timestamp_format=data.timestamp_format,
            unit=data.unit,
            snap=data.snap,
        )

    @property
    def missing_texts(self) -> list[str]:
        """The sentinels that are text."""
        return [s for s in self.sentinels if isinstance(s, str)]

    @property
    def missing_numbers(self) -> list[float]:
        """The sentinels that are numbers, in quotes or not."""
        return [float(s) for s in self.sentinels if not isinstance(s, str) or is_plain_number(s)]


USUAL = Dialect()
