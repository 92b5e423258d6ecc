"""Types of config values with additional rules."""

from __future__ import annotations

import codecs
import itertools
import re
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from seqpred.config.cells import has_cell, installed_cells
from seqpred.errors import did_you_mean

T = TypeVar("T")


def _cell_name(name: str) -> str:
    if not has_cell(name):
        hint = did_you_mean(name, installed_cells())
        raise PydanticCustomError("cell", "no cell of this name is installed", {"hint": hint})
    return name


def _increasing(levels: list[float]) -> list[float]:
    if any(b - a < 1e-9 for a, b in itertools.pairwise(levels)):
        raise ValueError("quantiles must be in increasing order, without duplicates")
    return levels


def _distinct(names: T) -> T:
    if isinstance(names, list) and len(set(names)) < len(names):
        raise ValueError("a column is named twice")
    return names


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _encoding(name: str) -> str:
    try:
        known = name == "auto" or codecs.lookup(name)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        raise ValueError("no text encoding has this name")
    return name


def _time_zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return name if name == "auto" else ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        near = did_you_mean(name, sorted(available_timezones()))
        hint = near if near.startswith("Did") else "Use a name such as Europe/Berlin."
        raise PydanticCustomError("time_zone", "no time zone has this name", {"hint": hint}) from None


def _region(name: object) -> object:
    if name is False:  # YAML 1.1 reads NO, the code of Norway, as false
        hint = 'Write "NO" in quotes for Norway, or null for no holidays.'
        raise PydanticCustomError("region", "YAML reads this as false", {"hint": hint})
    if isinstance(name, str) and not re.fullmatch("[A-Z]{2,3}(-.+)?", name):
        hint = "Use an ISO 3166 code in capitals, such as US, DE-BY or GB-SCT."
        raise PydanticCustomError("region", "not the code of a country", {"hint": hint})
    return name


Auto: TypeAlias = Literal["auto"]
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]
# A column may be called 2019, and a step 1, which YAML reads as numbers.
Word: TypeAlias = Annotated[str, BeforeValidator(_text)]
Words: TypeAlias = Annotated[list[Word], AfterValidator(_distinct)]
Target: TypeAlias = Annotated[Word | Annotated[list[Word], Field(min_length=1)], AfterValidator(_distinct)]
Cycle: TypeAlias = Literal["hour", "weekday", "day-of-month", "day-of-year"]
Cell: TypeAlias = Annotated[str, AfterValidator(_cell_name)]
Encoding: TypeAlias = Annotated[str, AfterValidator(_encoding)]
TimeZone: TypeAlias = Annotated[str, AfterValidator(_time_zone)]
Region: TypeAlias = Annotated[str, BeforeValidator(_region)]
Level: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Levels: TypeAlias = Annotated[list[Level], Field(min_length=1, max_length=99), AfterValidator(_increasing)]
