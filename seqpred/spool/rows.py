"""The rows of a large file, mapped from the cache and read in parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from seqpred.reading.table import Table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from seqpred.spool.mapped import release_pages
from seqpred.timestamps.format import TimestampFormat

ALWAYS = -(1 << 63)  # before any time
Records: TypeAlias = npt.NDArray[np.void]
"""[rows] of series, time, place in the file, and values."""


class Begin(NamedTuple):
    """Where a part begins: its first series, the time from which its rows are in it, and its first row."""

    series: int
    since: int
    row: int


def record_type(columns: Columns) -> np.dtype[np.void]:
    """The layout of one row in the cache."""
    return np.dtype([("code", "<i4"), ("time", "<i8"), ("place", "<i8"), ("values", "<f8", (len(columns.values),))])


@dataclass(frozen=True)
class SpooledRows:
    """The rows of a source, by series: a `Table` in parts.

    Attributes:
        source: with the dialect that was found.
        names: the series, in order of appearance.
        words: the categories of each column that has them, in order of appearance.
        begins: of each part, and the end of the last one.
    """

    source: Source
    columns: Columns
    clock: TimestampFormat
    names: list[str]
    words: Mapping[str, Sequence[str]]
    records: Records
    begins: list[Begin]
    notes: tuple[str, ...] = ()

    def parts(self) -> Iterator[Table]:
        """Tables of whole series, in order; a long series is in several, in order of time."""
        words = {name: tuple(sorted(found)) for name, found in self.words.items()}
        ranks = {name: np.argsort(np.argsort(np.array(found, object))) for name, found in self.words.items()}
        for begin, end in itertools.pairwise(self.begins):
            rows = self.records[begin.row : end.row]
            values = rows["values"].astype(np.float64)
            for i, name in enumerate(self.columns.values):
                if name in words:
                    values[:, i] = ranks[name][values[:, i].astype(np.int64)]
            yield Table(
                source=self.source,
                columns=self.columns,
                clock=self.clock,
                names=self.names[begin.series : max(end.series, begin.series + 1)],
                codes=rows["code"].astype(np.int64) - begin.series,
                times=rows["time"].astype(np.int64),
                values=values,
                words=words,
                remarks=self.notes if begin.row == 0 else (),
                places=rows["place"].astype(np.int64),
                continues=begin.since != ALWAYS,
            )
            release_pages(self.records)
