"""Covariates: what is stored of each column, and its values as numbers and category codes for the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from seqpred.arrays import Bool, Float, Float32, Int
from seqpred.calendar.holidays import INDICATORS, Holidays
from seqpred.calendar.step import DAY
from seqpred.features.calendar_cycles import HARMONICS, encode_cycle
from seqpred.panel.panel import Role


@dataclass(frozen=True)
class Covariate:
    """A column, with the statistics of its training split.

    Attributes:
        words: the categories in the training split, or None for a column of numbers.
        mean, spread: of the numbers.
        daily: whether a category at the first row of a day applies to the whole day.
    """

    name: str
    role: Role
    words: tuple[str, ...] | None = None
    mean: float = 0.0
    spread: float = 1.0
    daily: bool = False

    @property
    def is_held(self) -> bool:
        """Whether a value also applies to later rows of the series or of the day."""
        return self.role == "static" or self.daily


class Layout(NamedTuple):
    """The inputs that covariates add to each row: numbers, known ones last, then codes, known ones last.

    Attributes:
        numbers, known: how many numbers, and how many of them are known ahead.
        codes: the number of categories of each code; code 0 is an unknown category.
        known_codes: how many of the codes are known ahead.
    """

    numbers: int = 0
    known: int = 0
    codes: tuple[int, ...] = ()
    known_codes: int = 0


@dataclass(frozen=True)
class Covariates:
    """All covariates of a model, and the cycles of the calendar and the holidays that are inputs."""

    columns: tuple[Covariate, ...] = ()
    calendar: tuple[str, ...] = ()
    holidays: Holidays | None = None

    def __bool__(self) -> bool:
        """Whether they add any input."""
        return bool(self.columns or self.calendar or self.holidays)

    @cached_property
    def layout(self) -> Layout:
        """The inputs that they add."""
        numbers = [c for c in self._ordered if c.words is None]
        codes = [c for c in self._ordered if c.words is not None]
        indicators = INDICATORS if self.holidays else 0
        return Layout(
            numbers=2 * len(numbers) + 2 * sum(HARMONICS[c] for c in self.calendar) + indicators,
            known=2 * sum(c.role == "known" for c in numbers) + indicators,
            codes=tuple(len(c.words or ()) for c in codes),
            known_codes=sum(c.role == "known" for c in codes),
        )

    @cached_property
    def _ordered(self) -> list[Covariate]:
        return sorted(self.columns, key=lambda c: c.role == "known")

    @cached_property
    def _index(self) -> dict[str, int]:
        return {c.name: i for i, c in enumerate(self.columns)}

    @property
    def categories(self) -> set[str]:
        """The names of the columns of categories."""
        return {c.name for c in self.columns if c.words is not None}

    @cached_property
    def known(self) -> tuple[Covariate, ...]:
        """The columns that are known ahead."""
        return tuple(c for c in self.columns if c.role == "known")

    @property
    def has_known(self) -> bool:
        """Whether any input is known ahead: a column or the holidays."""
        return bool(self.known or self.holidays)

    @cached_property
    def held(self) -> tuple[int, ...]:
        """The indices of the columns whose values also apply to later rows."""
        return tuple(i for i, c in enumerate(self.columns) if c.is_held)

    @cached_property
    def uses_times(self) -> bool:
        """Whether `encode` or `hold` needs the times of the rows."""
        return bool(self.calendar or self.holidays) or any(c.daily for c in self.columns)

    def encode(self, values: Float, times: Int | None = None) -> tuple[Float32, Float32]:
        """Numbers [..., E] and codes [..., M] of rows.

        A number becomes its signed logarithmic distance from the mean, and whether it is present.

        Args:
            values: [..., columns], categories as codes.
            times: [...], local times; only used for the calendar and the holidays.
        """
        rows = values.shape[:-1]
        if not self:
            return (np.empty((*rows, 0), np.float32),) * 2
        parts = [_encode_number(values[..., self._index[c.name]], c) for c in self._ordered if c.words is None]
        split = len(parts) - sum(c.words is None for c in self.known)
        if self.calendar or self.holidays:
            assert times is not None
            by_time = [encode_cycle(times, name) for name in self.calendar]
            by_time += [self.holidays.encode(times)] if self.holidays else []
            parts[split:split] = by_time
        codes = [values[..., self._index[c.name], None] for c in self._ordered if c.words is not None]
        empty = np.empty((*rows, 0))
        numbers = np.concatenate([empty, *parts], axis=-1).astype(np.float32)
        return numbers, np.nan_to_num(np.concatenate([empty, *codes], axis=-1)).astype(np.float32)

    def known_part(self, numbers: Float32, codes: Float32) -> Float32:
        """Of encoded rows, the numbers and codes that are known ahead, [..., known]."""
        layout = self.layout
        first_number, first_code = layout.numbers - layout.known, len(layout.codes) - layout.known_codes
        return np.concatenate([numbers[..., first_number:], codes[..., first_code:]], axis=-1)

    def start_held(self, series: int) -> Float:
        """The memory of `hold` before the first row, [B, held, 2]: value and day."""
        return np.full((series, len(self.held), 2), np.nan)

    def hold(self, memory: Float, values: Float, times: Int | None, ends: Int) -> tuple[Float, Float]:
        """Carry static and daily values forward to the later rows that they apply to.

        Args:
            memory: [B, held, 2], from `start_held` or an earlier call.
            values: [B, T, columns].
            times: [B, T], local times; only used if there is a daily column.
            ends: [B], rows of each series in this block.
        Returns:
            The values, and the memory after the last row of each series.
        """
        if not self.held:
            return values, memory
        values, after = values.copy(), memory.copy()
        for k, i in enumerate(self.held):
            if self.columns[i].daily:
                assert times is not None
                values[..., i], after[:, k] = _hold_for_days(memory[:, k], values[..., i], times, ends)
            else:
                values[..., i], after[:, k, 0] = _hold_for_series(memory[:, k, 0], values[..., i])
        return values, after

    def as_data(self) -> list[dict[str, Any]]:
        """The columns as a manifest stores them."""
        return [{**asdict(c), "words": None if c.words is None else list(c.words)} for c in self.columns]

    @staticmethod
    def from_data(
        columns: Sequence[dict[str, Any]], calendar: Sequence[str], holidays: Mapping[str, Any] | None = None
    ) -> Covariates:
        """The columns that `as_data` stored, with the table of `Holidays.as_data`.

        Raises:
            KeyError, TypeError, ValueError: they are invalid.
        """
        table = None if holidays is None else Holidays.from_data(holidays)
        return Covariates(tuple(_parse(c) for c in columns), tuple(calendar), table)


def _hold_for_series(memory: Float, values: Float) -> tuple[Float, Float]:
    """The first value of each series from its row on, [B, T]; what it is after the last row, [B]."""
    present = np.isfinite(values)
    first = present.argmax(axis=1)
    value = np.where(np.isfinite(memory), memory, values[np.arange(len(values)), first])
    reached = np.isfinite(memory)[:, None] | (np.arange(values.shape[1]) >= first[:, None])
    return np.where(reached, value[:, None], np.nan), value


def _hold_for_days(memory: Float, values: Float, times: Int, ends: Int) -> tuple[Float, Float]:
    """The value at the first row of a day for all rows of that day, [B, T]; the last such value and its day, [B, 2]."""
    days = times // DAY
    last = last_marked(np.isfinite(values) & (times % DAY == 0))
    held, day = (
        np.where(last < 0, earlier[:, None], np.take_along_axis(found, last.clip(0), 1))
        for earlier, found in ((memory[:, 0], values), (memory[:, 1], days))
    )
    end = np.arange(len(values)), ends - 1
    return np.where(day == days, held, values), np.stack([held[end], day[end]], axis=1)


def last_marked(marks: Bool) -> Int:
    """The index of the last marked row up to each row, [..., T]; -1 if there is none.

    >>> last_marked(np.array([False, True, False, True])).tolist()
    [-1, 1, 1, 3]
    """
    return np.maximum.accumulate(np.where(marks, np.arange(marks.shape[-1]), -1), axis=-1)


def _parse(stored: dict[str, Any]) -> Covariate:
    """A column from a manifest, which may have been altered."""
    words = None if stored["words"] is None else tuple(stored["words"])
    column = Covariate(**{**stored, "words": words, "mean": float(stored["mean"]), "spread": float(stored["spread"])})
    has_texts = all(isinstance(text, str) for text in (column.name, *(words or ())))
    has_numbers = math.isfinite(column.mean) and 0 < column.spread < math.inf
    if not (has_texts and has_numbers and column.role in ("known", "past", "static")):
        raise ValueError(repr(column.name)[:100])
    if not isinstance(column.daily, bool):
        raise ValueError(repr(column.name)[:100])
    return column


def _encode_number(values: Float, column: Covariate) -> Float:
    """[..., 2], the signed logarithmic distance from the mean, 0 if missing, and whether it is present."""
    z = (values - column.mean) / column.spread
    present = np.isfinite(z)
    z = np.where(present, z, 0.0)
    return np.stack([np.copysign(np.log1p(np.abs(z)), z), present], axis=-1)
