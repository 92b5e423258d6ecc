"""The public holidays of a country, as a table of days that a model stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import DAY
from seqpred.errors import ConfigError, did_you_mean

KEY = "data.covariates.holidays"
YEARS_AHEAD = 20  # after the last row of the training data; holidays further ahead are rarely certain
INDICATORS = 3  # the day is a holiday, the one before, or the one after
LAST_DAY = 4_000_000  # in the year 12921; a larger number is an altered manifest
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Holidays:
    """The holidays of a region.

    Attributes:
        region: the country, or the country and its subdivision, such as US or DE-BY.
        first, last: the days that the table covers, counted from 1970-01-01.
        days: the holidays, increasing.
    """

    region: str
    first: int
    last: int
    days: tuple[int, ...]

    @cached_property
    def _table(self) -> Int:
        return np.array(self.days, np.int64)

    def encode(self, times: Int) -> Float:
        """Whether the day of each local time [...] is a holiday, the day before one, or the day after, [..., 3].

        >>> Holidays("US", 0, 364, (0, 358)).encode(np.array([357, 358, 359]) * DAY).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
        """
        days = times // DAY
        return np.stack([np.isin(days + shift, self._table) for shift in (0, 1, -1)], axis=-1).astype(np.float64)

    def covers(self, times: Int) -> bool:
        """Whether the table covers all of these local times."""
        days = times // DAY
        return bool(days.min() >= self.first and days.max() <= self.last)

    @property
    def span(self) -> str:
        """The years that the table covers, such as 2009 to 2046."""
        first, last = (_EPOCH + timedelta(days=day) for day in (self.first, self.last))
        return f"{first.year} to {last.year}"

    def as_data(self) -> dict[str, Any]:
        """The table as a manifest stores it."""
        return {"region": self.region, "first": self.first, "last": self.last, "days": list(self.days)}

    @staticmethod
    def from_data(stored: Mapping[str, Any]) -> Holidays:
        """The table that `as_data` stored.

        Raises:
            KeyError, TypeError, ValueError: it is invalid.
        """
        numbers = [stored["first"], stored["last"], *stored["days"]]
        if not all(isinstance(day, int) and abs(day) < LAST_DAY for day in numbers):
            raise ValueError("a holiday is not a day")
        if not isinstance(stored["region"], str):
            raise ValueError("the region of the holidays is not a text")
        return Holidays(stored["region"], stored["first"], stored["last"], tuple(sorted(stored["days"])))


def find_holidays(region: str, first: int, last: int) -> Holidays:
    """The holidays of a region from the year before the first local time to `YEARS_AHEAD` years after the last one.

    Raises:
        ConfigError: no country or subdivision has this name, or the package `holidays` is not installed.
    """
    try:
        import holidays
    except ImportError:
        hint = "Install the extra: pip install 'seqpred[holidays]'."
        raise ConfigError(f"{KEY} needs the package holidays", hint=hint) from None
    country, _, subdivision = region.partition("-")
    supported = holidays.list_supported_countries(include_aliases=True)
    if country not in supported:
        hint = did_you_mean(country, sorted(code for code in supported if len(code) == 2))
        raise ConfigError(f"{KEY}: there is no calendar for {country!r}; it must be an ISO 3166 code", hint=hint)
    if subdivision and subdivision not in supported[country]:
        hint = did_you_mean(subdivision, sorted(supported[country]))
        raise ConfigError(f"{KEY}: {country} has no calendar for the subdivision {subdivision!r}", hint=hint)
    begin, end = ((_EPOCH + timedelta(days=time // DAY)).year for time in (first, last))
    years = range(max(1, begin - 1), min(9999, end + YEARS_AHEAD) + 1)
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    bounds = (date(years[0], 1, 1), date(years[-1], 12, 31))
    first_day, last_day = ((day - _EPOCH).days for day in bounds)
    return Holidays(region, first_day, last_day, tuple(sorted((day - _EPOCH).days for day in found)))
