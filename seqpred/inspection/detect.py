"""What `init` finds in a file beyond its columns: how it is written, each decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from seqpred.arrays import Float
from seqpred.calendar.infer import infer_step, is_explained
from seqpred.calendar.step import DAILY
from seqpred.calendar.zones import are_repeated, skips_between, to_instants, to_wall
from seqpred.errors import DataError
from seqpred.inspection.columns import Guess, choose_columns, guess_columns
from seqpred.panel.duplicates import repeats
from seqpred.panel.panel import build_panel
from seqpred.reading.table import ColumnProfile, MarkError, Table, profile_columns, read_table
from seqpred.reading.year_columns import is_year, unfold_years
from seqpred.sources.dialect import Layout
from seqpred.sources.source import BROKEN, Source

CUSTOMARY = (-1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, -99999.0, -32768.0, 999.0, 9999.0, 99999.0)
OFTEN = 5  # times that a sentinel stands in its column at least, and rows of a series on average
TURNED = ("Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver")
PACIFIC = ("America/Los_Angeles", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland", "America/Santiago")
MOST_REPEATS = 0.4  # share of rows; two series that nobody has named apart would repeat half of the times


@dataclass
class Found:
    """Values of config keys, by dotted key, and a reason for each, by its last part."""

    source: Source
    keys: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def decide(self, key: str, value: Any, reason: str) -> None:
        """Take a decision; what concerns the dialect holds for what is read next."""
        self.keys[f"data.{key}"], self.reasons[key] = value, reason
        if hasattr(self.source.dialect, key):
            changes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value}
            self.source = self.source.with_dialect(replace(self.source.dialect, **changes))


def discover(source: Source, said: Mapping[str, Any]) -> Found:
    """Everything that a config must say for this file to be read.

    Args:
        said: dotted keys that a person has decided.
    Raises:
        DataError: no column of numbers, or a cell that is not what its column holds.
    """
    found = Found(source)
    for key, value in said.items():
        if key.startswith("data.") and key not in ("data.time", "data.target", "data.id"):
            found.decide(key.removeprefix("data."), value, "as you said")
    if "data.encoding" not in said and not is_text(source, "auto") and is_text(source, "cp1252"):
        found.decide("encoding", "cp1252", "it is not UTF-8, and every byte of it is a letter here")
    profiles = profile_columns(found.source)
    guess = guess_columns(profiles, source.name)
    _find_columns(found, guess, said)
    years = _years(profiles, guess) if not {"data.target", "data.layout"} & set(said) else ()
    if years and guess.columns.time:
        found.decide("target", list(years), "one column for each year")
        found.decide("id", None, "one series")
    table = _read_marked(found, profiles, said)
    series = _find_id(table, profiles) if "data.id" not in said and guess.columns.id is None else None
    if series:
        _find_columns(found, guess_columns(profiles, source.name, series), said)
        table = _read(found, profiles)
    if years and table.clock.dated:
        _find_layout(found, table)
        table = unfold_years(replace(table, source=found.source))
    elif found.source.dialect.layout != "rows":
        table = unfold_years(table)
    elif "data.sentinels" not in said:
        table = _find_sentinels(found, table)
    if "data.duplicates" not in said:
        _find_duplicates(found, table)
    if "data.frequency" not in said:
        _find_frequency(found, table)
    return found


def is_text(source: Source, encoding: str) -> bool:
    """Whether all bytes of a CSV are text in this encoding; True for what is no CSV."""
    source = source.with_dialect(replace(source.dialect, encoding=encoding))
    if isinstance(source.content, tuple):
        return all(is_text(part, encoding) for part in source.parts)
    if not source.is_csv:
        return True
    try:
        with source.open_text() as text:
            return not any("\0" in line for line in text) or encoding == "auto"
    except UnicodeDecodeError:
        return False
    except BROKEN:
        return True  # the reader meets the same fault and words it


def _find_columns(found: Found, guess: Guess, said: Mapping[str, Any]) -> None:
    columns = guess.columns
    time = list(columns.time) if len(columns.time) > 1 else columns.time[0] if columns.time else None
    target = list(columns.targets) if len(columns.targets) > 1 else columns.targets[0]
    for key, value in (("time", time), ("target", target), ("id", columns.id)):
        mine = f"data.{key}" in said
        found.decide(key, said[f"data.{key}"] if mine else value, "as you said" if mine else guess.reasons[key])


def _read(found: Found, profiles: Sequence[ColumnProfile]) -> Table:
    target = found.keys["data.target"]
    targets = [target] if isinstance(target, str) else target
    columns = choose_columns(profiles, found.source.name, found.keys["data.time"], found.keys["data.id"], targets)
    return read_table(found.source, columns)


def _read_marked(found: Found, profiles: Sequence[ColumnProfile], said: Mapping[str, Any]) -> Table:
    """The table, a mark that stands for a missing number among others being decided."""
    try:
        return _read(found, profiles)
    except MarkError as e:
        if "data.sentinels" in said:
            raise
        found.decide("sentinels", [e.mark], "stands for an empty cell among numbers")
        return _read(found, profiles)


def _find_id(table: Table, profiles: Sequence[ColumnProfile]) -> str | None:
    """The column that tells apart the rows of one time, where most times come again; None where there is none.

    Of texts, else of whole numbers, the first in which no time stands twice for one value, and values come often.
    """
    rows = len(table.times)
    if int(repeats(table).sum()) <= MOST_REPEATS * rows:
        return None
    kinds = {name: [s.name for s in profiles if s.kind == name] for name in ("text", "whole")}
    for name in [*kinds["text"], *kinds["whole"]]:
        targets = tuple(t for t in table.columns.targets if t != name)
        if name in table.columns.time or not targets:
            continue
        try:
            split = read_table(table.source, replace(table.columns, id=name, targets=targets))
        except DataError:
            continue  # an empty cell in it
        if len(split.names) * OFTEN <= rows and not repeats(split).any():
            return name
    return None


def _years(profiles: Sequence[ColumnProfile], guess: Guess) -> tuple[str, ...]:
    """The columns of numbers named by years that follow one another, where they are all there is."""
    numbers = [s.name for s in profiles if s.kind in ("number", "whole", "empty") and s.name not in guess.columns.time]
    if len(numbers) < 2 or not all(map(is_year, numbers)):
        return ()
    years = sorted(map(int, numbers))
    return tuple(numbers) if all(b - a == 1 for a, b in pairwise(years)) else ()


def _find_layout(found: Found, table: Table) -> None:
    """Same date or same weekday in the other years: what leaves no hole in the days, then the stronger week."""
    layouts: tuple[Layout, ...] = ("years", "weekday-years")
    tried = {layout: _grid(table, layout) for layout in layouts}
    best = min(layouts, key=lambda layout: (tried[layout][0], -tried[layout][1]))
    words = {"years": "the same date", "weekday-years": "the same weekday"}
    (holes, week), other = tried[best], next(t for name, t in tried.items() if name != best)
    why = "leaves no day out" if not holes else f"leaves {holes:g} days out"
    told = f"against {other[0]:g} by {words[next(n for n in layouts if n != best)]}" if np.isfinite(other[0]) else ""
    shown = f"; changes of one week repeat in the next ({week:.2f} against {other[1]:.2f})" if told else ""
    found.decide("layout", best, f"a column per year: {words[best]} in each year {why} {told}".rstrip() + shown)


def _grid(table: Table, layout: Layout) -> tuple[float, float]:
    """Missing rows between the first and the last one, and the correlation of daily changes a week apart."""
    dialect = replace(table.source.dialect, layout=layout)
    try:
        panel = build_panel(unfold_years(replace(table, source=table.source.with_dialect(dialect))))
    except DataError:
        return float("inf"), 0.0
    values = panel.values[:, 0]
    change = np.diff(np.log(values) if (values[np.isfinite(values)] > 0).all() else values)
    now, then = change[7:], change[:-7]
    both = np.isfinite(now) & np.isfinite(then)
    week = float(np.corrcoef(now[both], then[both])[0, 1]) if both.sum() > 14 else 0.0
    return float(np.isnan(values).sum()), week


# ------------------------------------------------------------------ values that stand for none


def _find_sentinels(found: Found, table: Table) -> Table:
    """The table without its sentinels, which are decided; the same one where there are none."""
    columns = list(table.values.T)
    signs = [v for v in CUSTOMARY if any(_stands_out(c, v) for c in columns) and all(_is_apart(c, v) for c in columns)]
    if not signs:
        return table
    marked = np.isin(table.values, signs)
    numbers = [int(s) for s in signs]
    held = int(marked.any(axis=0).sum())
    reason = f"{int(marked.sum())} cells of {held} columns, far outside all others"
    found.decide("sentinels", [*found.keys.get("data.sentinels", []), *numbers], reason)
    return replace(table, values=np.where(marked, np.nan, table.values), source=found.source)


def _stands_out(values: Float, sign: float) -> bool:
    """Whether a value comes often and lies farther from all others than these from one another.

    One below 0 among values that never are need only lie farther below them than their median above the least.
    """
    if int((values == sign).sum()) < OFTEN:
        return False
    rest = values[np.isfinite(values) & ~np.isin(values, CUSTOMARY)]
    if len(np.unique(rest)) < 10:
        return False
    low, high = float(rest.min()), float(rest.max())
    away = max(low - sign, sign - high)
    return away > high - low or (sign <= -99 and low >= 0 and away > float(np.median(rest)) - low)


def _is_apart(values: Float, sign: float) -> bool:
    """Whether a value is absent from a column, or lies outside all others there."""
    rest = values[np.isfinite(values) & (values != sign)]
    return not (values == sign).any() or not len(rest) or sign < rest.min() or sign > rest.max()


# ------------------------------------------------------------------ times


def _find_duplicates(found: Found, table: Table) -> None:
    """`first` where repeats agree in the targets, else `mean`; nothing where they may be series of their own."""
    count = int(repeats(table).sum())
    if not count:
        return
    order, begins = np.lexsort((table.times, table.codes)), np.flatnonzero(~repeats(table))
    low, high = (how.reduceat(table.values[order], begins, axis=0) for how in (np.fmin, np.fmax))
    agree = bool(((low == high) | np.isnan(low)).all())
    if not agree and count > MOST_REPEATS * len(table.times):
        return  # the reader says what may be done
    words = "and agree in the target" if agree else "with other values of the target"
    reason = f"{count} rows repeat a time {words}{_turned(table)}"
    found.decide("duplicates", "first" if agree else "mean", reason)


def _turned(table: Table) -> str:
    """What to say of repeats that are those of clocks turned back, in a year in which others skip an hour."""
    clock = table.clock
    if not clock.dated or clock.zone or clock.place:
        return ""
    order, again = np.lexsort((table.times, table.codes)), repeats(table)
    twice, times = np.unique(table.times[order][again]), np.unique(table.times)
    for zone in TURNED + PACIFIC:  # each turns its clocks at other hours than the others
        instants = to_instants(zone, times)
        told = (to_wall(zone, instants) == times).all() and are_repeated(zone, twice).all()
        if told and skips_between(zone, instants[0], instants[-1]):
            return f", as the clocks of {zone} do; `timezone: {zone}`, if they are it, keeps both hours"
    return ""


def _find_frequency(found: Found, table: Table) -> None:
    """`irregular` where no step says how rows follow one another; nothing where one does, if some rows break it too."""
    order, fresh = np.lexsort((table.times, table.codes)), ~repeats(table)
    codes, times = table.codes[order][fresh], table.times[order][fresh]
    starts = np.append(True, codes[1:] != codes[:-1])
    step = infer_step(table.clock.on_grid(times, DAILY)[1], starts, table.clock.dated)
    if step is None or is_explained(step, table.clock.on_grid(times, step)[1], starts):
        return
    found.decide("frequency", "irregular", f"no step says when rows come; {step} is their most usual distance")
