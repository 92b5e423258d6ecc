"""What is in the data, series by series: holes, empty cells, repeats, outliers, values that stand still."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Bool, Float, Int
from seqpred.calendar.clock import Clock
from seqpred.calendar.infer import gaps_within, infer_step
from seqpred.calendar.step import DAILY, Step
from seqpred.errors import DataError
from seqpred.inspection.seasons import find_own_season, find_season
from seqpred.panel.panel import Panel, Rows
from seqpred.reading.table import ColumnProfile, Table
from seqpred.sources.columns import Columns

FAR = 8.0  # spreads beyond which a value is an outlier; even of long-tailed sales few lie there
NEAR = 0.05  # of a season: a track of 51 weeks has one of 52
CELLS = 500_000  # looked at in one go, which bounds the memory
LISTED = 1000  # tracks that are told one by one
WORST = 10  # tracks told beside them, those with most that is missing or odd
KINDS = {
    "number": "numbers",
    "whole": "whole numbers",
    "time": "dates",
    "clock": "times of day",
    "text": "text",
    "empty": "nothing",
}


@dataclass
class Findings:
    """What is in a source, as far as it could be read.

    Attributes:
        columns: name, what it holds, role and the reason, of each.
        rows: what its times say.
        survey: what is in each series; None where the rows stand on no grid.
        training: what training would see, see `recipe.training_view`.
        fault: why it can't be trained on, if it can't.
    """

    source: str
    columns: list[dict[str, str | None]] = field(default_factory=list)
    rows: RowsFound | None = None
    survey: Survey | None = None
    training: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    fault: DataError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The object that `check --json` prints; of more than `LISTED` tracks the first, and the worst."""
        told: dict[str, Any] = {"source": self.source, "columns": self.columns, "notes": self.notes}
        if self.rows:
            told |= self.rows.to_dict()
        if self.survey:
            told["totals"] = self.survey.totals()
            told["tracks_in_all"] = self.survey.empty.size
            told["tracks"] = [self.survey.track(k) for k in range(min(LISTED, self.survey.empty.size))]
            told["worst"] = [self.survey.track(k) for k in self.survey.worst(WORST)]
        if self.training:
            told["training"] = dict(self.training)
        told["fault"] = self.fault and {"message": self.fault.message, "hint": self.fault.hint}
        return told


# ------------------------------------------------------------------ columns and times


def tell_columns(
    profiles: Sequence[ColumnProfile], columns: Columns | None, reasons: Mapping[str, str]
) -> list[dict[str, str | None]]:
    """Name, content, role and reason of every column; no roles yet where `columns` is None."""
    roles = {}
    for part in dataclasses.fields(columns) if columns else ():
        named = getattr(columns, part.name)
        for name in (named,) if isinstance(named, str) else named or ():
            roles[name] = part.name.removesuffix("s")
    rest = "unused" if columns else None
    return [
        {
            "name": s.name,
            "holds": KINDS[s.kind],
            "role": roles.get(s.name, rest),
            "why": reasons.get(roles.get(s.name, "")),
        }
        for s in profiles
    ]


@dataclass(frozen=True)
class RowsFound:
    """What the times of a table say, before its rows are put on a grid, which may fail.

    Attributes:
        step: the one asked for, else the most usual one.
        count, series: how many rows and series.
        repeats: rows whose time stands there already.
        off: the rows that are no whole number of steps after their series' first one, in the file's order.
        first_off: the place and time of the first few of these.
        ends: the first and the last time of all, which `clock` writes.
        distance: the median one of two rows, where there is no step.
    """

    step: Step
    count: int
    series: int
    repeats: int
    off: Int
    first_off: list[dict[str, str | int]]
    clock: Clock
    ends: tuple[int, int]
    distance: str | None = None

    @property
    def span(self) -> tuple[str | int, str | int]:
        """The first and the last time as they are written."""
        first, last = self.clock.write(np.array(self.ends))
        return first, last

    @property
    def obeying(self) -> float:
        """The share of rows on the step."""
        return 1 - len(self.off) / self.count

    def to_dict(self) -> dict[str, Any]:
        """What `check --json` prints of it."""
        return {
            "rows": self.count,
            "series": self.series,
            "repeats": self.repeats,
            "span": {"first": self.span[0], "last": self.span[1]},
            "step": {
                "step": str(self.step),
                "share_obeying": self.obeying,
                "rows_off": len(self.off),
                "first_off": self.first_off,
                **({"median_distance": self.distance} if self.distance else {}),
            },
        }


def look_at_rows(rows: Rows, frequency: str = "auto") -> RowsFound:
    """What the times of a table, or of one in parts, say.

    Args:
        frequency: as `build_panel` takes it; one that it would refuse is taken for `auto`.
    """
    found: list[RowsFound] = []
    origin: Int = np.empty(0, np.int64)
    fresh = 0
    for table in rows.parts():
        here, origin = _look_at_table(table, str(found[0].step) if found else frequency, origin)
        found.append(here)
        fresh += here.series - table.continues
    return replace(
        found[0],
        count=sum(f.count for f in found),
        series=fresh,
        repeats=sum(f.repeats for f in found),
        off=np.concatenate([f.off for f in found]),
        first_off=[place for f in found for place in f.first_off][:3],
        ends=(min(f.ends[0] for f in found), max(f.ends[1] for f in found)),
    )


def _look_at_table(table: Table, frequency: str, origin: Int) -> tuple[RowsFound, Int]:
    """What the times of a table say, and the time of the first row of its last series, [1].

    Args:
        origin: [1], that time in the table before.
    """
    order = np.lexsort((table.times, table.codes))
    codes, times = table.codes[order], table.times[order]
    fresh = np.append(True, (codes[1:] != codes[:-1]) | (times[1:] != times[:-1]))
    codes, times, order = codes[fresh], times[fresh], order[fresh]
    starts = np.append(True, codes[1:] != codes[:-1])
    dated = table.clock.dated
    by_days = table.clock.on_grid(times, DAILY)[1]
    step = _said(frequency, dated) or infer_step(by_days, starts, dated) or Step("row", 1)
    times = table.clock.on_grid(times, step)[1]
    origins = times[starts]
    if table.continues:
        origins[:1] = origin
    regular = step.unit != "irregular"
    on_step = step.positions(times, origins[np.cumsum(starts) - 1])[1] if regular else np.ones(len(times), bool)
    off = np.sort(order[~on_step])
    stamps: Sequence[str | int] = table.clock.write(table.times[off[:3]])
    found = RowsFound(
        step=step,
        count=len(table.times),
        series=len(table.names),
        repeats=int((~fresh).sum()),
        off=off,
        first_off=[{"where": table.where(int(r)), "time": t} for r, t in zip(off[:3], stamps, strict=True)],
        clock=table.clock,
        ends=(int(table.times.min()), int(table.times.max())),
        distance=None if regular or starts.all() else _distance(times, starts, dated),
    )
    return found, origins[-1:]


def _distance(times: Int, starts: Bool, dated: bool) -> str:
    """The median distance of two rows, as a step is written."""
    return str(Step("microsecond" if dated else "row", max(1, int(np.median(gaps_within(times, starts))))))


def _said(frequency: str, dated: bool) -> Step | None:
    """The step that a person has asked for, if it is one and fits the times."""
    try:
        step = Step.parse(frequency)
    except ValueError:
        return None
    return step if step.unit == "irregular" or (step.unit != "row") == dated else None


# ------------------------------------------------------------------ series


@dataclass(frozen=True)
class Survey:
    """What is in each of S series and their C targets.

    Attributes:
        season: rows in a season of the panel as a whole; outliers are judged by it.
        repeats, absent, holes, longest_hole: [S], rows whose time was there already; rows of the grid that the
            source does not have, the stretches that they make, and the longest of these.
        empty: [S, C], rows that are there, with an empty cell.
        outliers, farthest: [S, C], how many, and the row of the one farthest from the median (-1: none).
        constant: [S, C], the longest stretch of rows with one value.
        still: [S, C], whether there is no more than one value at all.
    """

    panel: Panel
    season: int
    repeats: Int
    absent: Int
    holes: Int
    longest_hole: Int
    empty: Int
    outliers: Int
    farthest: Int
    constant: Int
    still: Bool

    def totals(self) -> dict[str, int]:
        """Over all series and targets."""
        names = ("absent", "holes", "repeats", "empty", "outliers")
        return {name: int(getattr(self, name).sum()) for name in names}

    def worst(self, count: int) -> list[int]:
        """The tracks of whose rows the largest share is missing, repeated or an outlier; none without any of it."""
        odd = self.absent[:, None] + self.repeats[:, None] + self.empty + self.outliers
        share = (odd / self.panel.lengths[:, None]).ravel()
        order = np.argsort(-share, kind="stable")[:count]
        return [int(k) for k in order if share[k] > 0]

    def track(self, k: int) -> dict[str, Any]:
        """All that is known of a track, in words and numbers that JSON knows."""
        s, c = divmod(k, self.empty.shape[1])
        panel, far = self.panel, int(self.farthest[s, c])
        ends = panel.clock.write(panel.times(s, np.array([0, panel.lengths[s] - 1])))
        outlier = None
        if far >= 0:
            stamp = panel.clock.write(panel.times(s, np.array([far])))[0]
            outlier = {"time": stamp, "value": float(panel.track(s, c)[far])}
        return {
            "series": panel.names[s],
            "target": panel.columns.targets[c],
            "rows": int(panel.lengths[s]),
            "first": ends[0],
            "last": ends[1],
            **{name: int(getattr(self, name)[s]) for name in ("absent", "holes", "longest_hole", "repeats")},
            **{name: int(getattr(self, name)[s, c]) for name in ("empty", "outliers")},
            "farthest_outlier": outlier,
            "longest_constant": int(self.constant[s, c]),
            "season": self._own_season(s, c),
        }

    def _own_season(self, series: int, column: int) -> int:
        """Rows in the season that one track shows; the panel's where it is as good as that."""
        own = find_own_season(self.panel.track(series, column))
        return self.season if abs(own - self.season) <= NEAR * self.season else own


def survey(panel: Panel, rows: Rows) -> Survey:
    """What is in each series.

    Args:
        rows: that the panel was built from; they alone tell a row that is absent from one with empty cells.
    """
    season, (series, targets) = find_season(panel), (len(panel.names), panel.roles.count("target"))
    seen = _Seen(series, targets)
    first, row = -1, 0  # the last series so far, and how many of its rows have been looked at
    for table in rows.parts():
        first, row = (first, row) if table.continues else (first + 1, 0)
        last = first + len(table.names) - 1
        here = panel.between(first, last + 1)
        if last == first:
            here = panel.stretch(first, row, _end(panel, first, row, table))
        seen.add(here, table, slice(first, last + 1), row, season)
        first, row = last, row + len(here.values)
        panel.release_pages()
    return Survey(panel, season, still=seen.most <= seen.least, **seen.counts)


def _end(panel: Panel, series: int, row: int, table: Table) -> int:
    """One past the last row of a series that a part of its rows reaches, from `row` on."""
    if panel.stamps is not None:
        return row + len(np.unique(table.times))
    last = table.clock.on_grid(table.times, panel.step)[1].max()
    return int(panel.step.positions(last[None], panel.origins[series])[0][0]) + 1


class _Seen:
    """What has been seen of S series and their C targets so far; a long series is looked at in several stretches."""

    def __init__(self, series: int, targets: int) -> None:
        of_series = ("repeats", "absent", "holes", "longest_hole")
        self.counts = {name: np.zeros(series, np.int64) for name in of_series}
        self.counts |= {name: np.zeros((series, targets), np.int64) for name in ("empty", "outliers", "constant")}
        self.counts["farthest"] = np.full((series, targets), -1)
        self.distance = np.full((series, targets), -0.5)  # of the farthest outlier; that of none is -1
        self.least, self.most = np.full((series, targets), np.inf), np.full((series, targets), -np.inf)

    def add(self, panel: Panel, table: Table, series: slice, row: int, season: int) -> None:
        """A panel of some series, or of a stretch of one from `row` on, and the table that it was made from."""
        counts = {name: found[series] for name, found in self.counts.items()}
        distance, least, most = self.distance[series], self.least[series], self.most[series]
        present, repeats = _present(panel, table)
        counts["repeats"] += repeats
        for chosen, rows in _blocks(panel):
            here = present[rows]
            counts["absent"][chosen] += (~here).sum(axis=1)
            counts["holes"][chosen] += (here[:, :-1] & ~here[:, 1:]).sum(axis=1) + ~here[:, 0]
            counts["longest_hole"][chosen] = np.maximum(counts["longest_hole"][chosen], _longest_run(~here))
            for c in range(distance.shape[1]):
                found = _look_at_values(panel.values[rows, c], here, season)
                counts["empty"][chosen, c] += found["empty"]
                counts["outliers"][chosen, c] += found["outliers"]
                counts["constant"][chosen, c] = np.maximum(counts["constant"][chosen, c], found["constant"])
                farther = found["distance"] > distance[chosen, c]
                counts["farthest"][chosen[farther], c] = found["farthest"][farther] + row
                distance[chosen[farther], c] = found["distance"][farther]
                least[chosen, c] = np.fmin(least[chosen, c], found["least"])
                most[chosen, c] = np.fmax(most[chosen, c], found["most"])


def _present(panel: Panel, table: Table) -> tuple[Bool, Int]:
    """Which rows of the panel stand in the table, [rows], and how many rows of each series share a time, [S]."""
    place = {name: s for s, name in enumerate(panel.names)}
    series = np.array([place.get(name, -1) for name in table.names])[table.codes]
    if panel.stamps is not None:
        return np.ones(len(panel.values), bool), np.bincount(series, minlength=len(panel.names)) - panel.lengths
    position, on_step = panel.step.positions(table.clock.on_grid(table.times, panel.step)[1], panel.origins[series])
    kept = on_step & (series >= 0) & (position >= 0) & (position < panel.lengths[series])
    series, position = series[kept], position[kept]
    present = np.zeros(len(panel.values), bool)
    present[panel.offsets[series] + position] = True
    distinct = np.add.reduceat(present.astype(np.int64), panel.offsets[:-1])
    return present, np.bincount(series, minlength=len(panel.names)) - distinct


def _blocks(panel: Panel) -> Iterator[tuple[Int, Int]]:
    """Series of one length together: which [n], and their rows in the panel [n, T]."""
    order = np.argsort(panel.lengths, kind="stable")
    lengths = panel.lengths[order]
    for same in np.split(order, np.flatnonzero(np.diff(lengths)) + 1):
        length = int(panel.lengths[same[0]])
        each = max(1, CELLS // length)
        for i in range(0, len(same), each):
            chosen = same[i : i + each]
            yield chosen, panel.offsets[chosen][:, None] + np.arange(length)


def _look_at_values(x: Float, here: Bool, season: int) -> dict[str, npt.NDArray[Any]]:
    """What is in n columns of equal length, each [n].

    Args:
        x: [n, T], NaN where missing.
        here: [n, T], whether the row is there.
    """
    known = np.isfinite(x)
    ordered = np.sort(x, axis=1)  # NaN last
    median, spread = _centre(x, ordered)
    odd = (np.abs(x - median) > FAR * spread) | _alone(x, season)
    distance = np.where(odd, np.abs(x - median), -1.0)
    least, most = ordered[:, 0], _quantile(ordered, 1.0)[:, 0]
    return {
        "empty": (here & ~known).sum(axis=1),
        "outliers": odd.sum(axis=1),
        "farthest": distance.argmax(axis=1),
        "distance": distance.max(axis=1),  # of the farthest outlier
        "constant": np.where(known.any(axis=1), _longest_run(x[:, 1:] == x[:, :-1]) + 1, 0),
        "least": least,
        "most": most,
    }


def _alone(x: Float, season: int) -> Bool:
    """Values far from the same place in the season before and in the one after, on the same side of both.

    A value that comes again each season is none of these, a new level is none, and a lone spike is one even where
    a trend takes the values farther than the spike. In the first and last season the two nearest seasons are
    asked; a row with nothing known on either side is left in peace.

    Args:
        x: [n, T].
    Returns:
        [n, T].
    """
    rows = x.shape[1]
    lag = season if rows >= 3 * season else 1
    if rows < 3 * lag:
        return np.zeros(x.shape, bool)
    change = x[:, lag:] - x[:, :-lag]
    spread = _centre(change, np.sort(change, axis=1))[1]
    before = x - np.concatenate([x[:, 2 * lag : 3 * lag], x[:, :-lag]], axis=1)
    after = x - np.concatenate([x[:, lag:], x[:, rows - 3 * lag : rows - 2 * lag]], axis=1)
    aside: Bool = (np.sign(before) == np.sign(after)) & (np.minimum(np.abs(before), np.abs(after)) > FAR * spread)
    return aside


def _centre(x: Float, ordered: Float) -> tuple[Float, Float]:
    """Median and spread of each row of x, [n, 1]; the spread is the distance between the quartiles.

    Where that is 0, since half of the values or more are the same, it is the median distance of the others from the
    median: sales on one day in ten are no outliers. Where there are no others, it is NaN, beyond which nothing lies.
    """
    median = _quantile(ordered, 0.5)
    spread = _quantile(ordered, 0.75) - _quantile(ordered, 0.25)
    tight = np.flatnonzero(spread[:, 0] == 0)
    if len(tight):
        away = np.abs(x[tight] - median[tight])
        spread[tight] = _quantile(np.sort(np.where(away > 0, away, np.nan), axis=1), 0.5)
    return median, spread


def _quantile(ordered: Float, level: float) -> Float:
    """A quantile of each row, [n, 1]; NaN where the row has no value.

    Args:
        ordered: [n, T], rising, NaN last.
    """
    last = np.maximum(np.isfinite(ordered).sum(axis=1, keepdims=True) - 1, 0)
    place = level * last
    low = np.floor(place).astype(np.int64)
    below, above = (np.take_along_axis(ordered, i, axis=1) for i in (low, np.minimum(low + 1, last)))
    between: Float = below + (place - low) * (above - below)
    return between


def _longest_run(flags: Bool) -> Int:
    """Length of the longest run of true ones in each row of [n, T], [n]."""
    here = np.arange(1, flags.shape[1] + 1)
    last_false = np.maximum.accumulate(np.where(flags, 0, here), axis=1)
    longest: Int = (here - last_false).max(axis=1, initial=0)
    return longest
