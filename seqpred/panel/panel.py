"""Series of unequal length in flat arrays: the form of the data in everything after reading.

The rows of a series follow each other at a regular step; a missing row or an empty cell is NaN. Columns have roles:
targets first, then covariates. The arrays may be memory-mapped, since nothing writes to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float, Int
from seqpred.calendar.infer import BLOCK
from seqpred.calendar.step import Step
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import USUAL, Dialect
from seqpred.spool.mapped import release_pages
from seqpred.timestamps.format import TimestampFormat

if TYPE_CHECKING:
    from seqpred.reading.table import Table

Role = Literal["target", "known", "past", "static"]
PIECE = 1_000_000  # rows of a large panel that are processed at once
SINCE = "(time since the last row)"  # the past covariate of irregular rows


class Rows(Protocol):
    """A table, or one in parts: `reading.table.Table`, `spool.rows.SpooledRows`."""

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
        """What was inferred or treated as missing, for the user."""
        ...

    def parts(self) -> Iterator[Table]:
        """Tables of whole series, in order; a very long series is in several tables, in order of time."""
        ...


@dataclass(frozen=True)
class Panel:
    """Many series, each on a regular grid, or with a time for each row.

    Attributes:
        source: what errors call the source of the rows.
        names: S of them; the empty name without an id column.
        columns, clock: the columns of the source, and how it writes timestamps.
        step: from one row to the next.
        roles: of the C value columns, targets first.
        origins: [S], the time of the first row of each series.
        offsets: [S + 1], series s has the rows offsets[s] to offsets[s + 1].
        values: [rows, C], NaN where missing; in a column of categories, indices into its `words`.
        words: the categories of each such column.
        notes: what was inferred, filled or dropped, for the user.
        dialect: how the source is written.
        stamps: [rows], the time of each irregular row; None on a grid.
        coming: [S, N], the times of the next rows, if rows are irregular and a future file contains them.
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
        """Rows of each series, [S]."""
        return np.diff(self.offsets)

    def rows(self, series: int) -> Float:
        """The rows of one series, [T, C], as a view."""
        return self.values[self.offsets[series] : self.offsets[series + 1]]

    def padded(self, values: npt.NDArray[Any], series: Int, padding: float) -> npt.NDArray[Any]:
        """Values of all rows, [rows, ...], as a block of some series, [B, T, ...], with padding after shorter ones.

        Args:
            values: `values` or `stamps`.
        """
        starts, lengths = self.offsets[series], self.lengths[series]
        longest = int(lengths.max())
        if (lengths == longest).all() and (np.diff(starts) == longest).all():
            return values[starts[0] : starts[0] + longest * len(series)].reshape(-1, longest, *values.shape[1:])
        rows = np.arange(longest)
        block = values[starts[:, None] + np.minimum(rows, lengths[:, None] - 1)]
        block[rows >= lengths[:, None]] = padding
        return block

    def tracks(self) -> Iterator[tuple[int, int]]:
        """Series and target of each track, in the order of all tracks: targets within series."""
        targets = self.roles.count("target")
        return ((s, c) for s in range(len(self.names)) for c in range(targets))

    def track_name(self, series: str, target: str) -> str:
        """A track in words: its series, and its target if there are several or if the series has no name."""
        several = self.roles.count("target") > 1
        return " ".join(filter(None, (series, target if several or not series else "")))

    def track(self, series: int, column: int) -> Float:
        """One column of one series, [T]."""
        return self.rows(series)[:, column]

    def ahead(self, cuts: Int, steps: int) -> Float:
        """The known covariates of `steps` rows from row `cuts` ([S]) on, [S, N, known]; NaN beyond the end."""
        known = [c for c, role in enumerate(self.roles) if role == "known"]
        rows = np.full((len(self.names), steps, len(known)), np.nan)
        for s, cut in enumerate(cuts if known else ()):
            own = self.rows(s)[cut : cut + steps, known]
            rows[s, : len(own)] = own
        return rows

    def times(self, series: int, positions: Int) -> Int:
        """The times of rows of a series, also beyond its end.

        Irregular rows beyond the end are assumed at the median gap of the series.
        """
        if self.stamps is None:
            return self.step.times(int(self.origins[series]), positions)
        own = self.stamps[self.offsets[series] : self.offsets[series + 1]]
        known = own if self.coming is None else np.concatenate([own, self.coming[series]])
        beyond = np.maximum(positions - len(known) + 1, 0)
        times = known[positions - beyond]
        if beyond.any():
            times = times + beyond * (max(1, int(np.median(np.diff(own)))) if len(own) > 1 else self.step.count)
        return times

    @property
    def ends(self) -> Int:
        """The time of the last row of each series, [S]."""
        if self.stamps is not None:
            return self.stamps[self.offsets[1:] - 1]
        return self.step.times(self.origins, self.lengths - 1)

    def local_times(self, series: int, positions: Int) -> Int:
        """The local times of rows of a series, for the calendar."""
        return self.clock.local(self.times(series, positions))

    def cut(self, rows: Int) -> Panel:
        """The panel with only the first `rows` rows ([S]) of each series; values are copied."""
        return self.part(np.arange(len(self.names)), np.zeros_like(rows), np.minimum(rows, self.lengths))

    def choose(self, chosen: npt.NDArray[np.intp]) -> Panel:
        """The panel with only these series; values are copied."""
        panel = self.part(chosen, np.zeros(len(chosen), np.int64), self.lengths[chosen])
        return panel if self.coming is None else replace(panel, coming=self.coming[chosen])

    def part(self, chosen: npt.NDArray[np.intp], low: Int, high: Int) -> Panel:
        """Rows low to high (exclusive), [n] each, of n chosen series; values are copied."""
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
        """Series first to last (exclusive); values are a view."""
        begin, end = self.offsets[first], self.offsets[last]
        return replace(
            self,
            names=self.names[first:last],
            origins=self.origins[first:last],
            offsets=self.offsets[first : last + 1] - begin,
            values=self.values[begin:end],
            notes=(),
            stamps=None if self.stamps is None else self.stamps[begin:end],
            coming=None if self.coming is None else self.coming[first:last],
        )

    def stretch(self, series: int, low: int, high: int) -> Panel:
        """Rows low to high (exclusive) of one series; values are a view."""
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
        """Some series in groups that are processed at once."""
        return np.split(chosen, np.flatnonzero(np.diff(np.cumsum(self.lengths[chosen]) // PIECE)) + 1)

    def pieces(self) -> Iterator[tuple[int, int, Panel]]:
        """The panel in pieces that are processed at once, each with its first series and the row where it begins.

        A long series is in several pieces.
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
        """Free the memory of rows that are mapped from a file."""
        release_pages(self.values, *(() if self.stamps is None else (self.stamps,)))

    def fingerprint(self) -> str:
        """SHA-256 of names, times and values, in hexadecimal; the same data has the same in any file and order."""
        digest = hashlib.sha256()
        for part in (str(self.step), *self.columns.values, *self.roles[self.roles.count("target") :]):
            digest.update(part.encode() + b"\0")
        series = zip(self.names, self.origins.tolist(), self.offsets.tolist(), self.offsets[1:].tolist(), strict=False)
        values = np.ascontiguousarray(self.values)
        parts: list[bytes | memoryview] = []
        collected = 0
        for name, origin, begin, end in sorted(series):
            parts.append(f"\0{name}\0{origin} {end - begin}\0".encode())
            for low in range(begin, end, BLOCK):
                high = min(low + BLOCK, end)
                parts.append(values[low:high].data)
                collected += high - low
                if collected > BLOCK:
                    digest.update(b"".join(parts))
                    self.release_pages()
                    parts, collected = [], 0
        digest.update(b"".join(parts))
        return digest.hexdigest()
