"""Rows that repeat the time of another one of their series, and what may be made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float
from seqpred.reading.table import Table

Duplicates = Literal["error", "mean", "last", "first"]


def repeats(table: Table) -> npt.NDArray[np.bool_]:
    """[rows in the order of series, time and file], whether a row repeats the time of the one before it."""
    order = np.lexsort((table.times, table.codes))
    codes, times = table.codes[order], table.times[order]
    return np.concatenate([[False], (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])])


def merge_repeats(table: Table, how: Duplicates) -> Table:
    """The table with one row for each time of a series: the mean, or the first or last known value, of the cells."""
    repeated = repeats(table)
    count = int(repeated.sum())
    if not count:
        return table
    order = np.lexsort((table.times, table.codes))
    begins = np.flatnonzero(~repeated)
    firsts = order[begins]
    values = table.values[order]
    named = table.columns.values  # the mean of words is none: their last one is taken
    ways: list[Duplicates] = ["last" if how == "mean" and name in table.words else how for name in named]
    merged = np.stack([_merged(values[:, c], begins, way) for c, way in enumerate(ways)], axis=1)
    return replace(
        table,
        codes=table.codes[firsts],
        times=table.times[firsts],
        values=merged,
        places=firsts if table.places is None else table.places[firsts],
    )


def _merged(values: Float, begins: npt.NDArray[np.intp], how: Duplicates) -> Float:
    """One value for each run of rows that begins at `begins`; NaN for a run without any."""
    known, rows = np.isfinite(values), np.arange(len(values))
    if how == "mean":
        sums, counts = np.add.reduceat(np.where(known, values, 0.0), begins), np.add.reduceat(known.astype(int), begins)
        mean: Float = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return mean
    if how == "first":
        chosen = np.minimum.reduceat(np.where(known, rows, len(rows)), begins)
    else:
        chosen = np.maximum.reduceat(np.where(known, rows, -1), begins)
    some = (chosen >= 0) & (chosen < len(rows))
    picked: Float = np.where(some, values[np.where(some, chosen, 0)], np.nan)
    return picked
