"""Find and merge rows of a series with the same timestamp."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from seqpred.arrays import Bool, Float, Int
from seqpred.reading.table import Table

Duplicates = Literal["error", "mean", "last", "first"]


def find_duplicates(table: Table) -> Bool:
    """Whether each row, in the order of series, time and file, has the timestamp of the one before it, [rows]."""
    order = np.lexsort((table.times, table.codes))
    codes, times = table.codes[order], table.times[order]
    return np.concatenate([[False], (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])])


def merge_duplicates(table: Table, how: Duplicates) -> Table:
    """The table with one row per timestamp of a series: the mean, first or last known value of each cell."""
    duplicate = find_duplicates(table)
    if not duplicate.any():
        return table
    order = np.lexsort((table.times, table.codes)).astype(np.int64)
    begins = np.flatnonzero(~duplicate).astype(np.int64)
    first, values = order[begins], table.values[order]
    # Categories have no mean: the last one is used.
    ways: list[Duplicates] = ["last" if how == "mean" and n in table.words else how for n in table.columns.values]
    return replace(
        table,
        codes=table.codes[first],
        times=table.times[first],
        values=np.stack([_merge(values[:, c], begins, way) for c, way in enumerate(ways)], axis=1),
        places=first if table.places is None else table.places[first],
    )


def _merge(values: Float, begins: Int, how: Duplicates) -> Float:
    """One value for each run of rows that begins at `begins`; NaN for a run without values."""
    known, rows = np.isfinite(values), np.arange(len(values))
    if how == "mean":
        sums, counts = np.add.reduceat(np.where(known, values, 0.0), begins), np.add.reduceat(known.astype(int), begins)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    if how == "first":
        chosen = np.minimum.reduceat(np.where(known, rows, len(rows)), begins)
    else:
        chosen = np.maximum.reduceat(np.where(known, rows, -1), begins)
    any_known = (chosen >= 0) & (chosen < len(rows))
    return np.where(any_known, values[np.where(any_known, chosen, 0)], np.nan)
