"""Sort the rows of a large file into parts, without reading all of them into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqpred.arrays import Int
from seqpred.spool.mapped import mapped, release_pages
from seqpred.spool.rows import ALWAYS, Begin, Records

PART = 1_000_000  # rows of a part, about
SAMPLED = 1000  # rows per part from which the times are taken that divide a long series


def sort_into_parts(path: Path, record: np.dtype[np.void], lengths: Int, *, in_order: bool) -> list[Begin]:
    """Bring the rows of each part together, in the order of the file.

    Args:
        path: the file, which is replaced.
        lengths: [S], rows of each series.
        in_order: whether the rows are sorted by series already.
    Returns:
        Where the parts begin, and the end of the last one.
    """
    rows = mapped(path, record)
    parts = _divide(rows, lengths)
    whole_series = len(set(parts.series.tolist())) == len(parts.series)
    if in_order and whole_series:
        sizes, sorted_already = np.add.reduceat(lengths, parts.series), True
    else:
        sizes, sorted_already = _count(rows, parts)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    if not sorted_already:
        _distribute(path, rows, parts, begins[:-1].copy())
    series, since = [*parts.series.tolist(), len(lengths)], [*parts.since.tolist(), ALWAYS]
    return [Begin(*begin) for begin in zip(series, since, begins.tolist(), strict=True)]


@dataclass(frozen=True)
class _Parts:
    """The parts of all rows.

    Attributes:
        series: [parts], the first series of each.
        since: [parts], the time from which its rows are in it.
    """

    series: Int
    since: Int

    def of(self, rows: Records) -> Int:
        """The part of each row, [rows]."""
        part = np.searchsorted(self.series, rows["code"], side="right") - 1
        for s in np.unique(self.series[self.since != ALWAYS]):
            low, high = np.searchsorted(self.series, [s, s + 1])
            own = rows["code"] == s
            part[own] = low - 1 + np.searchsorted(self.since[low:high], rows["time"][own], side="right")
        return part


def _divide(rows: Records, lengths: Int) -> _Parts:
    """Parts of about `PART` rows: short series together, long ones cut at times that leave as many rows in each."""
    begins = np.concatenate([[0], np.cumsum(lengths)])
    is_long = lengths > 2 * PART
    is_first = (np.diff(begins[:-1] // PART, prepend=-1) > 0) | is_long | np.append(False, is_long[:-1])
    firsts = np.flatnonzero(is_first)
    every = max(1, PART // SAMPLED)
    times: dict[int, list[Int]] = {int(s): [] for s in np.flatnonzero(is_long)}
    for piece in _pieces(rows) if times else ():
        for s, sampled in times.items():
            sampled.append(piece["time"][piece["code"] == s][::every].astype(np.int64))
    cuts = {s: np.unique(np.sort(np.concatenate(sampled))[:: PART // every])[1:] for s, sampled in times.items()}
    since = [np.append(ALWAYS, cuts.get(int(s), np.empty(0, np.int64))) for s in firsts]
    return _Parts(np.repeat(firsts, [len(own) for own in since]), np.concatenate(since).astype(np.int64))


def _count(rows: Records, parts: _Parts) -> tuple[Int, bool]:
    """Rows of each part, and whether the file has the parts in order."""
    sizes, in_order, last = np.zeros(len(parts.series), np.int64), True, 0
    for piece in _pieces(rows):
        part = parts.of(piece)
        sizes += np.bincount(part, minlength=len(sizes))
        in_order &= part[0] >= last and bool((part[1:] >= part[:-1]).all())
        last = part[-1]
    return sizes, in_order


def _pieces(rows: Records) -> Iterator[Records]:
    """Rows that are processed at once."""
    for low in range(0, len(rows), PART):
        yield rows[low : low + PART].copy()
        release_pages(rows)


def _distribute(path: Path, rows: Records, parts: _Parts, free: Int) -> None:
    """Replace the file by one with the rows of each part together.

    Args:
        free: [parts], the first row of each part; changed.
    """
    sorted_path = path.with_name("sorted")
    with sorted_path.open("wb") as file:
        file.truncate(path.stat().st_size)
    result = np.memmap(sorted_path, rows.dtype, "r+")
    for piece in _pieces(rows):
        part = parts.of(piece)
        sizes = np.bincount(part, minlength=len(free))
        ordered, ends = piece[np.argsort(part, kind="stable")], np.cumsum(sizes)
        for p in np.flatnonzero(sizes):
            result[free[p] : free[p] + sizes[p]] = ordered[ends[p] - sizes[p] : ends[p]]
        free += sizes
        release_pages(result)
    result.flush()
    sorted_path.replace(path)
