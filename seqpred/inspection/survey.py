"""Survey every series: gaps, empty cells, duplicates, outliers, constant stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Int
from seqpred.inspection.outliers import describe_values, longest_run
from seqpred.inspection.seasons import find_own_season, find_season
from seqpred.panel.panel import Panel, Rows
from seqpred.reading.table import Table

NEAR = 0.05  # of a season: a track that repeats after 51 weeks has the season of 52
CELLS = 500_000  # examined at once, which bounds the memory
OF_SERIES = ("duplicates", "missing", "gaps", "longest_gap")
COMBINE = {"longest_gap": np.maximum, "longest_constant": np.maximum, "low": np.fmin, "high": np.fmax}


@dataclass(frozen=True)
class Survey:
    """What is in each of S series and their C targets; a track is one target of one series.

    Attributes:
        season: of the panel, in rows; outliers are relative to it.
        duplicates: [S], rows with the timestamp of an earlier row.
        missing, gaps, longest_gap: [S], rows on the grid that the source lacks, the runs of such rows, and the
            longest run.
        empty: [S, C], rows that are present, with an empty cell.
        outliers, farthest: [S, C], their number, and the row of the one farthest from the median (-1: none).
        longest_constant: [S, C], the longest run of rows with one value.
        constant: [S, C], whether there is at most one distinct value.
    """

    panel: Panel
    season: int
    duplicates: Int
    missing: Int
    gaps: Int
    longest_gap: Int
    empty: Int
    outliers: Int
    farthest: Int
    longest_constant: Int
    constant: Bool

    @property
    def constant_series(self) -> Bool:
        """[S], whether no target of a series has more than one distinct value."""
        return np.asarray(self.constant.all(axis=1))

    def totals(self) -> dict[str, int]:
        """Sums over all series and targets, by the keys of `check --json`."""
        counts = {"absent": self.missing, "holes": self.gaps, "repeats": self.duplicates}
        counts |= {"empty": self.empty, "outliers": self.outliers}
        return {key: int(count.sum()) for key, count in counts.items()}

    def worst(self, count: int) -> list[int]:
        """The tracks with the largest share of missing, duplicate, empty or outlying rows; none without any."""
        faults = self.missing[:, None] + self.duplicates[:, None] + self.empty + self.outliers
        share = (faults / self.panel.lengths[:, None]).ravel()
        order = np.argsort(-share, kind="stable")[:count]
        return [int(k) for k in order if share[k] > 0]

    def track(self, k: int) -> dict[str, Any]:
        """All about one track, as in `check --json`."""
        s, c = divmod(k, self.empty.shape[1])
        panel = self.panel
        first, last = panel.clock.write(panel.times(s, np.array([0, panel.lengths[s] - 1])))
        return {
            "series": panel.names[s],
            "target": panel.columns.targets[c],
            "rows": int(panel.lengths[s]),
            "first": first,
            "last": last,
            "absent": int(self.missing[s]),
            "holes": int(self.gaps[s]),
            "longest_hole": int(self.longest_gap[s]),
            "repeats": int(self.duplicates[s]),
            "empty": int(self.empty[s, c]),
            "outliers": int(self.outliers[s, c]),
            "farthest_outlier": self._farthest_outlier(s, c),
            "longest_constant": int(self.longest_constant[s, c]),
            "season": self._own_season(s, c),
        }

    def _farthest_outlier(self, series: int, column: int) -> dict[str, Any] | None:
        row = int(self.farthest[series, column])
        if row < 0:
            return None
        stamp = self.panel.clock.write(self.panel.times(series, np.array([row])))[0]
        return {"time": stamp, "value": float(self.panel.track(series, column)[row])}

    def _own_season(self, series: int, column: int) -> int:
        """Rows in the season of one track; the panel's if it is nearly the same."""
        own = find_own_season(self.panel.track(series, column))
        return self.season if abs(own - self.season) <= NEAR * self.season else own


def survey(panel: Panel, rows: Rows) -> Survey:
    """Survey a panel.

    Args:
        rows: from which the panel was built; they distinguish missing rows from rows with empty cells.
    """
    season, totals = find_season(panel), _Totals(len(panel.names), panel.roles.count("target"))
    first, row = -1, 0  # the current series, and its rows so far
    for table in rows.parts():
        first, row = (first, row) if table.continues else (first + 1, 0)
        last = first + len(table.names) - 1
        part = panel.between(first, last + 1)
        if last == first:
            part = panel.stretch(first, row, _end(panel, first, row, table))
        totals.add(part, table, slice(first, last + 1), row, season)
        first, row = last, row + len(part.values)
        panel.release_pages()
    counts = totals.counts
    constant = counts.pop("high") <= counts.pop("low")
    return Survey(panel, season, farthest=totals.farthest, constant=constant, **counts)


def _end(panel: Panel, series: int, row: int, table: Table) -> int:
    """One past the last row of a series that a part of its rows reaches, from `row` on."""
    if panel.stamps is not None:
        return row + len(np.unique(table.times))
    last = table.clock.on_grid(table.times, panel.step)[1].max()
    return int(panel.step.positions(last[None], panel.origins[series])[0][0]) + 1


class _Totals:
    """The counts of all series so far; a long series is examined in several parts.

    Attributes:
        counts: by name, of each series [S] or track [S, C].
        farthest: [S, C], the row of the farthest outlier.
    """

    def __init__(self, series: int, targets: int) -> None:
        self.counts: dict[str, npt.NDArray[Any]] = {name: np.zeros(series, np.int64) for name in OF_SERIES}
        for name in ("empty", "outliers", "longest_constant"):
            self.counts[name] = np.zeros((series, targets), np.int64)
        self.counts["low"] = np.full((series, targets), np.inf)
        self.counts["high"] = np.full((series, targets), -np.inf)
        self.farthest = np.full((series, targets), -1)
        self._distance = np.full((series, targets), -0.5)  # of the farthest outlier; -1 in a block without outliers

    def add(self, panel: Panel, table: Table, series: slice, row: int, season: int) -> None:
        """Add some series, or the rows of one from `row` on, and the table that they were made from."""
        present, duplicates = _presence(panel, table)
        self.counts["duplicates"][series] += duplicates
        for chosen, rows in _blocks(panel):
            here, at = present[rows], chosen + series.start
            starts = (here[:, :-1] & ~here[:, 1:]).sum(axis=1) + ~here[:, 0]
            self._combine(at, {"missing": (~here).sum(axis=1), "gaps": starts, "longest_gap": longest_run(~here)})
            targets = [describe_values(panel.values[rows, c], here, season) for c in range(self.farthest.shape[1])]
            found = {name: np.stack([of_target[name] for of_target in targets], axis=1) for name in targets[0]}
            distance = found.pop("distance")
            farther = distance > self._distance[at]
            self._distance[at] = np.where(farther, distance, self._distance[at])
            self.farthest[at] = np.where(farther, found.pop("farthest") + row, self.farthest[at])
            self._combine(at, found)

    def _combine(self, at: Int, found: dict[str, npt.NDArray[Any]]) -> None:
        for name, values in found.items():
            self.counts[name][at] = COMBINE.get(name, np.add)(self.counts[name][at], values)


def _presence(panel: Panel, table: Table) -> tuple[Bool, Int]:
    """Which rows of the panel are in the table, [rows], and how many rows of each series are duplicates, [S]."""
    place = {name: s for s, name in enumerate(panel.names)}
    series = np.array([place.get(name, -1) for name in table.names])[table.codes]
    if panel.stamps is not None:
        return np.ones(len(panel.values), bool), np.bincount(series, minlength=len(panel.names)) - panel.lengths
    position, on_grid = panel.step.positions(table.clock.on_grid(table.times, panel.step)[1], panel.origins[series])
    kept = on_grid & (series >= 0) & (position >= 0) & (position < panel.lengths[series])
    series, position = series[kept], position[kept]
    present = np.zeros(len(panel.values), bool)
    present[panel.offsets[series] + position] = True
    distinct = np.add.reduceat(present.astype(np.int64), panel.offsets[:-1])
    return present, np.bincount(series, minlength=len(panel.names)) - distinct


def _blocks(panel: Panel) -> Iterator[tuple[Int, Int]]:
    """Blocks of series of equal length: which [n], and their rows in the panel [n, T]."""
    order = np.argsort(panel.lengths, kind="stable")
    lengths = panel.lengths[order]
    for same in np.split(order, np.flatnonzero(np.diff(lengths)) + 1):
        length = int(panel.lengths[same[0]])
        each = max(1, CELLS // length)
        for i in range(0, len(same), each):
            chosen = same[i : i + each]
            yield chosen, panel.offsets[chosen][:, None] + np.arange(length)
