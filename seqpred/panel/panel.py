"""Series of unequal length in flat arrays: the form in which everything after reading sees the data.

Rows of one series follow one another at a regular step; a row that is absent, or a cell that is empty, is
NaN. A column has a role, so that covariates take their place beside the targets; the arrays may be
memory-mapped, since nothing here or later writes to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.calendar.infer import BLOCK, is_even
from seqpred.calendar.step import Step
from seqpred.errors import DataError
from seqpred.panel.duplicates import Duplicates, merge_repeats
from seqpred.panel.grid import find_step, in_order, places_on_grid, tell_change
from seqpred.reading.table import Table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import USUAL, Dialect
from seqpred.spool.mapped import SpillBuffer, release_pages
from seqpred.timestamps.format import TimestampFormat

Role = Literal["target", "known", "past", "static"]
Missing = Literal["mask", "interpolate", "error"]
PIECE = 1_000_000  # rows of a large panel that are looked at in one go
SINCE = "(time since the last row)"  # the past covariate that rows without a step get


class Rows(Protocol):
    """A table, or one in parts: `reading.Table`, `store.Stored`."""

    @property
    def columns(self) -> Columns:
        """Which column is what."""
        ...

    @property
    def names(self) -> list[str]:
        """The series, in order."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided or taken as missing, for people."""
        ...

    def parts(self) -> Iterator[Table]:
        """Tables of whole series, in order; one that is very long is in several, in order of time."""
        ...


@dataclass(frozen=True)
class Panel:
    """Many series on one regular grid each, or with a time of its own for each row.

    Attributes:
        source: what errors call the place the rows came from.
        names: S of them; the empty name where there is no id column.
        columns, clock: how the source calls its columns and writes its times.
        step: from one row to the next.
        roles: of the C value columns, targets first.
        origins: [S], the time of each series' first row.
        offsets: [S + 1], series s has the rows offsets[s] to offsets[s + 1].
        values: [rows, C], NaN where missing; of a column of categories, places in its `words`.
        words: the categories of each such column.
        notes: what was filled, dropped or guessed, for people.
        dialect: how the source is written, as it was said and found.
        stamps: [rows], the time of each row where there is no step; None on a grid.
        coming: [S, N], the times of the rows to come where there is no step and a future file tells them.
    """

    source: str
    names: list[str]
    columns: Columns
    clock: TimestampFormat
    step: Step
    roles: tuple[Role, ...]
    origins: Int
    offsets: Int
    values: Float
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dialect: Dialect = USUAL
    stamps: Int | None = None
    coming: Int | None = None

    @cached_property
    def lengths(self) -> Int:
        """[S], rows of each series."""
        return np.diff(self.offsets)

    def rows(self, series: int) -> Float:
        """[T, C], a view of one series."""
        return self.values[self.offsets[series] : self.offsets[series + 1]]

    def tracks(self) -> Iterator[tuple[int, int]]:
        """Series and target, in the order in which tracks are counted everywhere: targets within series."""
        targets = self.roles.count("target")
        return ((s, c) for s in range(len(self.names)) for c in range(targets))

    def track(self, series: int, column: int) -> Float:
        """[T], one column of one series."""
        return self.rows(series)[:, column]

    def ahead(self, cuts: Int, steps: int) -> Float:
        """The known covariates of the `steps` rows from row `cuts` ([S]) on, [S, N, known]; NaN beyond the end."""
        known = [c for c, role in enumerate(self.roles) if role == "known"]
        rows = np.full((len(self.names), steps, len(known)), np.nan)
        for s, cut in enumerate(cuts if known else ()):
            own = self.rows(s)[cut : cut + steps, known]
            rows[s, : len(own)] = own
        return rows

    def times(self, series: int, positions: Int) -> Int:
        """The times of rows of a series, beyond its end too.

        Where there is no step, rows to come are the median distance of the series' rows apart.
        """
        if self.stamps is None:
            return self.step.times(int(self.origins[series]), positions)
        own = self.stamps[self.offsets[series] : self.offsets[series + 1]]
        told = own if self.coming is None else np.concatenate([own, self.coming[series]])
        beyond = np.maximum(positions - len(told) + 1, 0)
        times: Int = told[positions - beyond]
        if beyond.any():
            times = times + beyond * (max(1, int(np.median(np.diff(own)))) if len(own) > 1 else self.step.count)
        return times

    @property
    def ends(self) -> Int:
        """[S], the time of each series' last row."""
        if self.stamps is not None:
            return self.stamps[self.offsets[1:] - 1]
        return self.step.times(self.origins, self.lengths - 1)

    def wall(self, series: int, positions: Int) -> Int:
        """What the clock on the wall shows at these times, for the calendar."""
        return self.clock.local(self.times(series, positions))

    def cut(self, rows: Int) -> Panel:
        """The panel as it was when each series had only its first `rows` rows ([S]); values are copied."""
        return self.part(np.arange(len(self.names)), np.zeros_like(rows), np.minimum(rows, self.lengths))

    def choose(self, chosen: npt.NDArray[np.intp]) -> Panel:
        """The panel with just these series; values are copied."""
        return self.part(chosen, np.zeros(len(chosen), np.int64), self.lengths[chosen])

    def part(self, chosen: npt.NDArray[np.intp], low: Int, high: Int) -> Panel:
        """The rows from low to below high, [n] each, of n chosen series; values are copied."""
        begins = self.offsets[chosen]
        places = list(zip((begins + low).tolist(), (begins + high).tolist(), strict=True))
        origins, stamps = self.origins[chosen], self.stamps
        if stamps is not None:
            origins, stamps = stamps[begins + low], np.concatenate([stamps[a:b] for a, b in places])
        elif low.any():
            origins = self.step.times(origins, low)
        values = np.concatenate([self.values[a:b] for a, b in places])
        self.release_pages()
        return replace(
            self,
            names=[self.names[s] for s in chosen],
            origins=origins,
            offsets=np.concatenate([[0], np.cumsum(high - low)]).astype(np.int64),
            values=values,
            notes=(),
            stamps=stamps,
            coming=None,
        )

    def between(self, first: int, last: int) -> Panel:
        """The panel with the series from first to below last alone; values are a view."""
        begin, end = self.offsets[first], self.offsets[last]
        return replace(
            self,
            names=self.names[first:last],
            origins=self.origins[first:last],
            offsets=self.offsets[first : last + 1] - begin,
            values=self.values[begin:end],
            notes=(),
            stamps=None if self.stamps is None else self.stamps[begin:end],
            coming=None,
        )

    def stretch(self, series: int, low: int, high: int) -> Panel:
        """The rows from low to below high of one series alone; values are a view."""
        begin = int(self.offsets[series])
        return replace(
            self,
            names=self.names[series : series + 1],
            origins=self.times(series, np.array([low], np.int64)),
            offsets=np.array([0, high - low]),
            values=self.values[begin + low : begin + high],
            notes=(),
            stamps=None if self.stamps is None else self.stamps[begin + low : begin + high],
            coming=None,
        )

    def groups(self, chosen: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
        """Some series, as many after others as are looked at in one go."""
        return np.split(chosen, np.flatnonzero(np.diff(np.cumsum(self.lengths[chosen]) // PIECE)) + 1)

    def pieces(self) -> Iterator[tuple[int, int, Panel]]:
        """Series after series, as many at once as are looked at in one go; a long one in several pieces.

        Before each piece come its first series, and the row of that at which it begins.
        """
        long = self.lengths > 2 * PIECE
        fresh = (np.diff(self.offsets[:-1] // PIECE, prepend=-1) > 0) | long | np.append(False, long[:-1])
        for first, last in pairwise([*np.flatnonzero(fresh).tolist(), len(self.names)]):
            if long[first]:
                length = int(self.lengths[first])
                for low in range(0, length, PIECE):
                    yield first, low, self.stretch(first, low, min(low + PIECE, length))
                    self.release_pages()
            else:
                yield first, 0, self.between(first, last)
                self.release_pages()

    def release_pages(self) -> None:
        """Give back the memory of rows that stand in a file."""
        release_pages(self.values, *(() if self.stamps is None else (self.stamps,)))

    def fingerprint(self) -> str:
        """SHA-256 of names, times and values, in hexadecimal: the same for the same data in any file and order."""
        digest = hashlib.sha256()
        for part in (str(self.step), *self.columns.values, *self.roles[self.roles.count("target") :]):
            digest.update(part.encode() + b"\0")
        parts = zip(self.names, self.origins.tolist(), self.offsets.tolist(), self.offsets[1:].tolist(), strict=False)
        values = np.ascontiguousarray(self.values)
        told: list[bytes | memoryview] = []
        seen = 0
        for name, origin, begin, end in sorted(parts):
            told.append(f"\0{name}\0{origin} {end - begin}\0".encode())
            for low in range(begin, end, BLOCK):
                high = min(low + BLOCK, end)
                told.append(values[low:high].data)
                seen += high - low
                if seen > BLOCK:
                    digest.update(b"".join(told))
                    self.release_pages()
                    told, seen = [], 0
        digest.update(b"".join(told))
        return digest.hexdigest()


def build_panel(
    rows: Rows, frequency: str = "auto", duplicates: Duplicates = "error", missing: Missing = "mask"
) -> Panel:
    """The rows in order of time, on the step that most of them obey, absent ones as NaN.

    Args:
        rows: a table, or one in parts, of which the first decides the step.
        frequency: the step as `Step.parse` reads it; `auto` infers it; with `irregular` each row keeps its time.
        duplicates: what becomes of rows that repeat a series' time.
        missing: whether absent rows and empty cells are an error, and what the notes say of them.
    Raises:
        DataError: repeated times, rows off the step, or a step so fine that nearly all rows would be absent.
    """
    counts = _Counts(len(rows.columns.values))
    with SpillBuffer() as values, SpillBuffer() as stamps:
        heads: list[Panel] = []  # without rows, but for the time of the last one
        begun: list[npt.NDArray[np.bool_]] = []
        for table in rows.parts():
            panel = _of_part(table, heads, frequency, duplicates, missing, counts)
            values.add(panel.values)
            last = None
            if panel.stamps is not None:
                stamps.add(panel.stamps)
                last = panel.stamps[-1:].copy()
            heads.append(replace(panel, values=np.empty((0, panel.values.shape[1])), stamps=last))
            begun.append(np.arange(len(panel.names)) >= table.continues)
        joined = replace(heads[0], values=values.whole(), stamps=stamps.whole() if last is not None else None)
    first = np.concatenate(begun)
    lengths = np.add.reduceat(np.concatenate([head.lengths for head in heads]), np.flatnonzero(first))
    return replace(
        joined,
        names=rows.names,
        origins=np.concatenate([head.origins for head in heads])[first],
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        notes=(*rows.notes, *counts.notes(rows, duplicates, missing), *[n for head in heads for n in head.notes][:1]),
    )


def _of_part(
    table: Table, heads: Sequence[Panel], frequency: str, duplicates: Duplicates, missing: Missing, counts: _Counts
) -> Panel:
    """The panel of a part of the rows; `heads` are of the parts before."""
    whole = merge_repeats(table, duplicates) if duplicates != "error" else table
    before = heads[-1] if table.continues else None
    panel = _of_table(whole, str(heads[0].step) if heads else frequency, before)
    if missing == "error":
        _check_whole(whole, panel)
    counts.add(len(table.times), whole, panel)
    return _stamped(panel, whole, before) if panel.step.unit == "irregular" else panel


def _of_table(table: Table, frequency: str, before: Panel | None) -> Panel:
    """The panel of a table whose times don't repeat, notes apart.

    Args:
        before: of the rows of its first series that came before, if there are any.
    """
    order, starts, times = in_order(table)
    step = find_step(table, times, starts, frequency)
    clock, times = table.clock.on_grid(times, step)
    first = np.flatnonzero(starts)
    origins, ends = times[first], np.append(first[1:], len(times))
    if before is not None and step.unit != "irregular":
        origins[0] = step.times(before.origins[-1:], before.lengths[-1:])[0]
    exact = step.unit in ("row", "microsecond") and origins[0] == times[0]
    if step.unit == "irregular":
        lengths, places = ends - first, None
    elif exact and is_even(times, starts, step.count):
        lengths, places = ends - first, None  # no row is absent
    else:
        lengths, places = places_on_grid(table, times, origins, order, starts, step)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = table.values[order]
    if places is not None:
        sparse, values = values, np.full((int(offsets[-1]), values.shape[1]), np.nan)
        values[places] = sparse
    return Panel(
        source=table.source.name,
        names=table.names,
        columns=table.columns,
        clock=clock,
        step=step,
        roles=_roles(table.columns),
        origins=origins,
        offsets=offsets,
        values=values,
        words=table.words,
        notes=(change,) if len(values) > 2 * len(times) and (change := tell_change(table, order, starts)) else (),
        dialect=replace(table.source.dialect, timezone=clock.tz or table.source.dialect.timezone),
    )


def _stamped(panel: Panel, table: Table, before: Panel | None) -> Panel:
    """The panel with the time of each row, and how long after the one before it comes as a past covariate."""
    _, starts, times = in_order(table)
    times = table.clock.on_grid(times, panel.step)[1]
    since = np.where(starts, np.nan, np.diff(times, prepend=times[:1]))
    if before is not None and before.stamps is not None:
        since[0] = times[0] - before.stamps[-1]
    columns = replace(panel.columns, past=(*panel.columns.past, SINCE))
    usual = 1 if starts.all() else max(1, int(np.nanmedian(since)))
    return replace(
        panel,
        columns=columns,
        roles=_roles(columns),
        values=np.insert(panel.values, columns.values.index(SINCE), since, axis=1),
        step=Step("irregular", usual),
        stamps=times,
    )


def _roles(columns: Columns) -> tuple[Role, ...]:
    roles: dict[Role, tuple[str, ...]] = {
        "target": columns.targets,
        "known": columns.known,
        "past": columns.past,
        "static": columns.static,
    }
    return tuple(role for role, names in roles.items() for _ in names)


def _check_whole(table: Table, panel: Panel) -> None:
    """Refuse absent rows and empty cells, as `data.missing: error` asks."""
    hint = "Fill them in, or set data.missing to mask or interpolate."
    targets = panel.roles.count("target")
    empty = np.flatnonzero(np.isnan(table.values[:, :targets]).any(axis=1))
    if len(empty):
        rows = empty if table.places is None else np.sort(table.places[empty])
        raise table.source.fault(rows, "a target's cell is empty", hint)
    if len(panel.values) == len(table.times):
        return
    for s, name in enumerate(panel.names):
        gaps = np.flatnonzero(np.isnan(panel.rows(s)[:, :targets]).all(axis=1))
        if len(gaps):
            stamps = ", ".join(str(t) for t in panel.clock.write(panel.times(s, gaps[:3])))
            series = f" of series {name!r}" if table.columns.id else ""
            absent = len(panel.values) - len(table.times)
            found = f"{absent} rows are absent from the grid of times, the first{series} at {stamps}"
            raise DataError(found, hint=hint, where=panel.source)


class _Counts:
    """What has been merged, and is missing, over the parts of a table."""

    def __init__(self, columns: int) -> None:
        self.rows = self.absent = self.repeats = 0
        self.empty = np.zeros(columns, np.int64)
        self.bare = np.zeros(columns, np.int64)  # series without a value

    def add(self, rows: int, table: Table, panel: Panel) -> None:
        """Another part: how many rows it had, the table without repeats, and the panel that it made."""
        values = panel.values
        self.repeats += rows - len(table.times)
        self.rows += len(values)
        self.absent += len(values) - len(table.times)
        self.empty += np.isnan(values).sum(axis=0) - (len(values) - len(table.times))
        static = len(self.empty) - len(table.columns.static)
        there = np.isfinite(values[:, static:])
        bare = np.add.reduceat(there, panel.offsets[:-1], dtype=np.int64) == 0
        self.bare[static:] += bare[int(table.continues) :].sum(axis=0)

    def notes(self, rows: Rows, duplicates: Duplicates, missing: Missing) -> Iterator[str]:
        """All of it for people."""
        if self.repeats:
            taken = "their mean" if duplicates == "mean" else f"the {duplicates} value"
            yield f"{self.repeats} rows repeat a time: {taken} is taken"
        if self.absent:
            yield f"{self.absent} of {self.rows} rows are absent from the grid of times and taken as missing"
        fate = "masked in learning" if missing == "mask" else "a straight line in learning"
        columns = rows.columns
        for name, bare in zip(columns.values, self.bare.tolist(), strict=True):
            if bare:
                yield f"{name!r} says nothing of {bare} of {len(rows.names)} series: taken as missing"
        for name, empty in zip(columns.values, self.empty.tolist(), strict=True):
            if empty and name not in columns.static:
                yield f"{empty} of {self.rows} cells of {name!r} are empty: {fate}, bridged in the inputs"
