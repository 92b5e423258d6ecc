"""What else is known of each row: covariates by role and the calendar, as numbers and categories for a network.

What is learned of a column (mean and spread of numbers, the words of categories) comes from the learning part
alone, and is stored with the model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from seqpred.arrays import Float, Float32, Int
from seqpred.calendar.step import DAY, Step
from seqpred.errors import DataError
from seqpred.panel.panel import SINCE, Panel, Role
from seqpred.spool.mapped import SpillBuffer

HARMONICS = {"hour": 3, "weekday": 3, "day-of-month": 2, "day-of-year": 3}
SPANNED = 0.95  # of a cycle: 52 weeks are a year, 12 months of 30 days too
SHOWN = 3
SAMPLED = 1_000_000  # rows in which the usual distance of two is looked for


@dataclass(frozen=True)
class Covariate:
    """A column, and what was learned of it.

    Attributes:
        words: the categories seen in learning, or None for a column of numbers.
        mean, spread: of the numbers seen in learning.
        daily: whether a word at the first row of a day holds for all of that day.
    """

    name: str
    role: Role
    words: tuple[str, ...] | None = None
    mean: float = 0.0
    spread: float = 1.0
    daily: bool = False


@dataclass(frozen=True)
class Layout:
    """Columns that covariates add to a network's input: numbers, known ones last, then codes, known ones last.

    Attributes:
        numbers, known: how many numbers, and how many of them are known ahead.
        codes: the number of words of each category; code 0 is for what was never seen.
        known_codes: how many of the categories are known ahead.
    """

    numbers: int = 0
    known: int = 0
    codes: tuple[int, ...] = ()
    known_codes: int = 0


@dataclass(frozen=True)
class Covariates:
    """All covariates of a model, and the cycles of the calendar that it is told."""

    columns: tuple[Covariate, ...] = ()
    calendar: tuple[str, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """What they add to the input."""
        numbers = [c for c in self._ordered if c.words is None]
        codes = [c for c in self._ordered if c.words is not None]
        return Layout(
            numbers=2 * len(numbers) + 2 * sum(HARMONICS[c] for c in self.calendar),
            known=2 * sum(c.role == "known" for c in numbers),
            codes=tuple(len(c.words or ()) for c in codes),
            known_codes=sum(c.role == "known" for c in codes),
        )

    @cached_property
    def _ordered(self) -> list[Covariate]:
        return sorted(self.columns, key=lambda c: c.role == "known")

    @property
    def categories(self) -> set[str]:
        """The names of the columns that hold categories."""
        return {c.name for c in self.columns if c.words is not None}

    @property
    def known(self) -> tuple[Covariate, ...]:
        """Those whose future is known."""
        return tuple(c for c in self.columns if c.role == "known")

    def encode(self, panel: Panel, series: int, ahead: Float) -> tuple[Float32, Float32]:
        """Numbers [T + N, E] and codes [T + N, M] of a series' T rows and the N that follow.

        A number becomes its distance from the mean, tamed by a signed logarithm, and whether it is there.

        Args:
            panel: as `adopt` gave it.
            ahead: [N, known], of the known covariates, in the order of the panel's columns.
        """
        if not self.columns and not self.calendar:
            return self.tell(np.empty((panel.lengths[series] + len(ahead), 0)), np.empty(0, np.int64))
        rows, beyond = panel.rows(series), np.full((len(ahead), len(panel.roles)), np.nan)
        static = [i for i, role in enumerate(panel.roles) if role == "static"]
        beyond[:, [i for i, role in enumerate(panel.roles) if role == "known"]] = ahead
        beyond[:, static] = rows[-1:, static]
        values = np.concatenate([rows, beyond])
        times = (
            panel.local_times(series, np.arange(len(values), dtype=np.int64))
            if self.calendar
            else np.empty(0, np.int64)
        )
        return self.tell(values[:, panel.roles.count("target") :], times)

    def tell(self, values: Float, times: Int) -> tuple[Float32, Float32]:
        """Numbers [R, E] and codes [R, M] of any rows.

        Args:
            values: [R, columns], of the covariates in the order of `columns`.
            times: [R]; none are needed where there is no calendar.
        """
        if not self.columns and not self.calendar:
            return (np.empty((len(values), 0), np.float32),) * 2
        places = {c.name: i for i, c in enumerate(self.columns)}
        told = [_numbers(values[:, places[c.name]], c) for c in self._ordered if c.words is None]
        split = len(told) - sum(c.words is None for c in self.known)
        numbers = [*told[:split], *(_cycle(times, name) for name in self.calendar), *told[split:]]
        codes = [np.nan_to_num(values[:, places[c.name]]) for c in self._ordered if c.words is not None]
        empty = np.empty((len(values), 0))
        return (
            np.concatenate([empty, *numbers], axis=1).astype(np.float32),
            np.stack(codes, axis=1).astype(np.float32) if codes else empty.astype(np.float32),
        )

    def as_data(self) -> list[dict[str, Any]]:
        """What a manifest stores of the columns."""
        return [{**asdict(c), "words": None if c.words is None else list(c.words)} for c in self.columns]

    @staticmethod
    def from_data(columns: Sequence[dict[str, Any]], calendar: Sequence[str]) -> Covariates:
        """Those that `as_data` stored.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        return Covariates(tuple(_read(c) for c in columns), tuple(calendar))


def _read(told: dict[str, Any]) -> Covariate:
    """A column from what is stored of it, which a stranger may have written."""
    words = None if told["words"] is None else tuple(told["words"])
    column = Covariate(**{**told, "words": words, "mean": float(told["mean"]), "spread": float(told["spread"])})
    texts = all(isinstance(text, str) for text in (column.name, *(words or ())))
    numbers = math.isfinite(column.mean) and 0 < column.spread < math.inf
    if not (texts and numbers and column.role in ("known", "past", "static") and isinstance(column.daily, bool)):
        raise ValueError(repr(column.name)[:100])
    return column


def _numbers(values: Float, column: Covariate) -> Float:
    """[T, 2], the tamed distance from the mean, 0 where missing, and whether it is there."""
    z = (values - column.mean) / column.spread
    there = np.isfinite(z)
    z = np.where(there, z, 0.0)
    return np.stack([np.copysign(np.log1p(np.abs(z)), z), there], axis=1)


def _cycle(times: Int, name: str) -> Float:
    """[T, 2 harmonics], sine and cosine of the place in a cycle of the calendar."""
    place = _place(times, name)
    waves = 2 * np.pi * place[:, None] * np.arange(1, HARMONICS[name] + 1)
    return np.concatenate([np.sin(waves), np.cos(waves)], axis=1)


def _place(times: Int, name: str) -> Float:
    """Where in a cycle each time stands, from 0 to 1."""
    if name == "hour":
        return np.asarray((times % DAY) / DAY)
    if name == "weekday":
        return np.asarray(((times + 3 * DAY) % (7 * DAY)) / (7 * DAY))
    unit: Literal["M", "Y"] = "M" if name == "day-of-month" else "Y"
    days = times.astype("datetime64[us]").astype("datetime64[D]")
    first = days.astype(f"datetime64[{unit}]")
    length = (first + np.timedelta64(1, unit)).astype("datetime64[D]") - first.astype("datetime64[D]")
    return np.asarray((days - first.astype("datetime64[D]")) / length)


def find_calendar(panel: Panel, longest_lag: int) -> tuple[str, ...]:
    """The cycles worth telling: those that no lag spans, and of which the longest series holds at least three.

    A cycle that a lag spans is in the inputs already; telling it again makes short series worse. Where rows have no
    step, no lag spans a cycle.
    """
    if not panel.clock.dated:
        return ()
    step, rows = _length(panel.step), int(panel.lengths.max())
    spanned = 0 if panel.step.unit == "irregular" else longest_lag * step
    cycles = {"hour": DAY, "weekday": 7 * DAY, "day-of-year": 365 * DAY}
    return tuple(
        name
        for name, cycle in cycles.items()
        if 2 * step <= cycle and SPANNED * cycle > spanned and 3 * cycle <= rows * step
    )


def _length(step: Step) -> int:
    """Microseconds from one row to the next, about."""
    days = {"business-day": 1, "month": 30, "month-end": 30}
    return step.count * days[step.unit] * DAY if step.unit in days else step.count


# ------------------------------------------------------------------ learned once, then applied


def learn_covariates(panel: Panel, cuts: Int, calendar: Sequence[str]) -> Covariates:
    """What the first `cuts` rows [S] of each series say of its covariates.

    Args:
        panel: as `build_panel` gave it, with words of its own.
    """
    named = list(zip(panel.columns.values, panel.roles, strict=True))
    columns = [_learn(panel, i, name, role, cuts) for i, (name, role) in enumerate(named) if role != "target"]
    return Covariates(tuple(columns), tuple(calendar))


def _learn(panel: Panel, place: int, name: str, role: Role, cuts: Int) -> Covariate:
    if name in panel.words:
        seen = sorted({int(word) for values in _learned(panel, place, cuts) for word in np.unique(values)})
        words = tuple(panel.words[name][i] for i in seen)
        return Covariate(name, role, words, daily=role == "known" and _holds_for_days(panel, place))
    if name == SINCE:  # in units of the usual distance, which long pauses do not move
        every = max(1, len(panel.values) // SAMPLED)
        some = np.concatenate([values[::every] for values in _learned(panel, place, cuts)])
        return Covariate(name, role, None, 0.0, float(np.median(some)) if len(some) else 1.0)
    count, mean = 0, 0.0
    for values in _learned(panel, place, cuts):
        count, mean = count + len(values), mean + float(values.sum())
    if not count:
        return Covariate(name, role)
    mean /= count
    variance = sum(float(((values - mean) ** 2).sum()) for values in _learned(panel, place, cuts)) / count
    return Covariate(name, role, None, mean, float(np.sqrt(variance)) or 1.0)


def _learned(panel: Panel, place: int, cuts: Int) -> Iterator[Float]:
    """The values of a column that are there and learned from, some after others."""
    for first, row, piece in panel.pieces():
        rows = np.arange(len(piece.values)) - np.repeat(piece.offsets[:-1], piece.lengths)
        rows[: piece.lengths[0]] += row
        values = piece.values[:, place]
        own = cuts[first : first + len(piece.names)]
        yield values[(rows < np.repeat(own, piece.lengths)) & np.isfinite(values)]


def _holds_for_days(panel: Panel, place: int) -> bool:
    """Whether words other than the usual one stand at the first row of days alone, though days have many rows."""
    if not panel.clock.dated or _length(panel.step) >= DAY:
        return False
    counts: Counter[float] = Counter()
    for _, _, piece in panel.pieces():
        values = piece.values[:, place]
        found, times = np.unique(values[np.isfinite(values)], return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    if len(counts) < 2:
        return False
    usual = min(counts, key=lambda word: (-counts[word], word))
    for _, _, piece in panel.pieces():
        values = piece.values[:, place]
        rare = np.isfinite(values) & (values != usual)
        for s, (low, high) in enumerate(zip(piece.offsets[:-1], piece.offsets[1:], strict=True)):
            if (piece.local_times(s, np.flatnonzero(rare[low:high])) % DAY).any():
                return False
    return True


def apply_covariates(panel: Panel, covariates: Covariates) -> Panel:
    """The panel with each category as the model's code, and each static column filled in all rows.

    Raises:
        DataError: a static column that changes within a series.
    """
    if not covariates.columns:
        return panel
    notes, step = list(panel.notes), panel.step
    for column in covariates.columns:
        if column.name == SINCE:
            step = replace(step, count=max(1, int(column.spread)))  # a lone row has no distance of its own
        if column.words is not None:
            notes += _unseen_note(column.name, recode(np.empty(0), panel.words[column.name], column)[1])
        if column.daily:
            notes.append(f"{column.name!r} stands at the first row of days alone: it is taken to hold for the day")
    last = np.full(len(covariates.columns), np.nan)  # of each static column, in the piece before
    with SpillBuffer() as values:
        for _, row, piece in panel.pieces():
            last = last if row else np.full(len(last), np.nan)
            values.add(_applied(piece, covariates, last))
        return replace(panel, values=values.result(), step=step, notes=tuple(notes))


def _applied(piece: Panel, covariates: Covariates, before: Float) -> Float:
    """The values of a piece of a panel as a model's.

    Args:
        before: [columns], of static ones the value in the rows of the first series that came before the piece; they
            become those of its last series.
    """
    values: Float = piece.values.copy()
    for i, column in enumerate(covariates.columns):
        own = values[:, piece.roles.count("target") + i]
        if column.words is not None:
            own[:], _ = recode(own, piece.words[column.name], column)
        if column.role == "static":
            before[i] = _fill_static(piece, own, column, before[i])
        if column.daily:
            for s, (low, high) in enumerate(zip(piece.offsets[:-1], piece.offsets[1:], strict=True)):
                times = piece.local_times(s, np.arange(high - low, dtype=np.int64))
                own[low:high] = hold_for_days(own[low:high], times)
    return values


def recode(values: Float, words: Sequence[str], column: Covariate) -> tuple[Float, list[str]]:
    """Places in `words` as a model's codes, 0 for what it has never seen, and the words that it hasn't."""
    code = {word: i for i, word in enumerate(column.words or (), start=1)}
    table = np.array([code.get(word, 0) for word in words] or [0], np.float64)
    known = np.isfinite(values)
    codes = np.where(known, table[np.where(known, values, 0).astype(np.int64)], np.nan)
    return codes, [word for word in words if word not in code]


def _unseen_note(name: str, unseen: Sequence[str]) -> Iterator[str]:
    if unseen:
        more = f" and {len(unseen) - SHOWN} more" if len(unseen) > SHOWN else ""
        shown = ", ".join(map(repr, unseen[:SHOWN]))
        yield f"column {name!r} holds {shown}{more}, never seen in learning: taken as an unknown category"


def _fill_static(panel: Panel, values: Float, column: Covariate, before: float) -> float:
    """One value in all rows of a series, which are changed in `values` [rows]; that of the last series.

    Args:
        before: the value in earlier rows of the first series; NaN where there is none.
    """
    for s, (low, high) in enumerate(zip(panel.offsets[:-1], panel.offsets[1:], strict=True)):
        own = values[low:high]
        there = own[np.isfinite(own)]
        value = before if s == 0 and np.isfinite(before) else there[0] if len(there) else np.nan
        if (there != value).any():
            series = f" of series {panel.names[s]!r}" if panel.names[s] else ""
            stamp = panel.clock.write(panel.times(s, np.flatnonzero(np.isfinite(own) & (own != value))[:1]))[0]
            raise DataError(
                f"static column {column.name!r} changes within its series{series} at {stamp}",
                hint="Name it in data.covariates.past or known instead.",
                where=panel.source,
            )
        own[:] = value
    return float(value)


def hold_for_days(codes: Float, times: Int) -> Float:
    """Each row's code, or that of its day's first row where there is one, [T]."""
    first = times % DAY == 0
    if not first.any():
        return codes
    days, of_first = times // DAY, times[first] // DAY
    place = np.searchsorted(of_first, days).clip(max=len(of_first) - 1)
    told = codes[first][place]
    held: Float = np.where((of_first[place] == days) & np.isfinite(told), told, codes)
    return held
