"""Recognize a table with one column for each year, and how its years are aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from seqpred.errors import DataError
from seqpred.panel.build import build_panel
from seqpred.reading.column_profile import ColumnProfile
from seqpred.reading.table import Table
from seqpred.reading.year_columns import is_year, unfold_years
from seqpred.sources.dialect import Layout

SHORTEST = 14  # pairs of days for a correlation


def year_columns(profiles: Sequence[ColumnProfile], time: str | list[str] | None) -> tuple[str, ...]:
    """The numeric columns, if they are named by consecutive years and are the only ones except the time."""
    times = [time] if isinstance(time, str) else time or []
    numbers = [p.name for p in profiles if p.kind in ("number", "whole", "empty") and p.name not in times]
    if not times or len(numbers) < 2 or not all(map(is_year, numbers)):
        return ()
    years = sorted(map(int, numbers))
    return tuple(numbers) if all(b - a == 1 for a, b in pairwise(years)) else ()


def find_year_layout(table: Table) -> tuple[Layout, str]:
    """The layout with the fewest missing days, then the stronger weekly pattern; and the reason.

    The rows of a table with a column per year are either the same date or the same weekday in each year.
    """
    words: dict[Layout, str] = {"years": "the same date", "weekday-years": "the same weekday"}
    tried = {layout: _missing_and_weekly(table, layout) for layout in words}
    best, other = sorted(words, key=lambda layout: (tried[layout][0], -tried[layout][1]))
    (missing, week), (other_missing, other_week) = tried[best], tried[other]
    reason = f"a column per year: {words[best]} in each year leaves {missing:g} days missing"
    if np.isfinite(other_missing):
        reason += f", {words[other]} {other_missing:g}; correlation of weeks {week:.2f} and {other_week:.2f}"
    return best, reason


def _missing_and_weekly(table: Table, layout: Layout) -> tuple[float, float]:
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
    week = float(np.corrcoef(now[both], then[both])[0, 1]) if both.sum() > SHORTEST else 0.0
    return float(np.isnan(values).sum()), week
