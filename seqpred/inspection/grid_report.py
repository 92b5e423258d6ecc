"""A report on the timestamps of a table before its rows are put on a grid, which may fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seqpred.arrays import Bool, Int
from seqpred.calendar.infer import gaps_within, infer_step
from seqpred.calendar.step import DAILY, Step
from seqpred.panel.grid import with_tolerance
from seqpred.panel.panel import Rows
from seqpred.reading.table import Table
from seqpred.timestamps.format import TimestampFormat

SHOWN = 3  # misaligned rows


@dataclass(frozen=True)
class GridReport:
    """Rows, series, span and step of a table.

    Attributes:
        step: the requested one, else the most frequent one.
        duplicates: rows with the timestamp of an earlier row of their series.
        misaligned: rows that are not a whole number of steps after the first row of their series, in file order.
        first_misaligned: place and timestamp of the first of these.
        ends: the first and the last time of all.
        median_gap: between two rows, if there is no fixed step.
    """

    step: Step
    count: int
    series: int
    duplicates: int
    misaligned: Int
    first_misaligned: list[dict[str, str | int]]
    clock: TimestampFormat
    ends: tuple[int, int]
    median_gap: str | None = None

    @property
    def span(self) -> tuple[str | int, str | int]:
        """The first and the last timestamp, as the data writes them."""
        first, last = self.clock.write(np.array(self.ends))
        return first, last

    @property
    def share_on_grid(self) -> float:
        """The share of rows on the grid of the step."""
        return 1 - len(self.misaligned) / self.count

    def to_dict(self) -> dict[str, Any]:
        """The part of `check --json` about the timestamps."""
        return {
            "rows": self.count,
            "series": self.series,
            "repeats": self.duplicates,
            "span": {"first": self.span[0], "last": self.span[1]},
            "step": {
                "step": str(self.step),
                "share_obeying": self.share_on_grid,
                "rows_off": len(self.misaligned),
                "first_off": self.first_misaligned,
                **({"median_distance": self.median_gap} if self.median_gap else {}),
            },
        }


def report_grid(rows: Rows, frequency: str = "auto") -> GridReport:
    """Report the timestamps of a table, or of one in parts.

    Args:
        frequency: as for `build_panel`; one that does not fit the timestamps is treated as `auto`.
    """
    reports: list[GridReport] = []
    origin: Int = np.empty(0, np.int64)
    series = 0
    for table in rows.parts():
        report, origin = _report_table(table, str(reports[0].step) if reports else frequency, origin)
        reports.append(report)
        series += report.series - table.continues
    return replace(
        reports[0],
        count=sum(r.count for r in reports),
        series=series,
        duplicates=sum(r.duplicates for r in reports),
        misaligned=np.concatenate([r.misaligned for r in reports]),
        first_misaligned=[place for r in reports for place in r.first_misaligned][:SHOWN],
        ends=(min(r.ends[0] for r in reports), max(r.ends[1] for r in reports)),
    )


def _report_table(table: Table, frequency: str, origin: Int) -> tuple[GridReport, Int]:
    """The report of one table, and the time of the first row of its last series, [1].

    Args:
        origin: [1], that time in the table before, which the first series may continue.
    """
    order = np.lexsort((table.times, table.codes))
    codes, times = table.codes[order], table.times[order]
    fresh = np.append(True, (codes[1:] != codes[:-1]) | (times[1:] != times[:-1]))
    codes, times, order = codes[fresh], times[fresh], order[fresh]
    starts = np.append(True, codes[1:] != codes[:-1])
    step = _find_step(table, times, starts, frequency)
    times = table.clock.on_grid(times, step)[1]
    origins = times[starts]
    if table.continues:
        origins[:1] = origin
    regular = step.unit != "irregular"
    on_grid = step.positions(times, origins[np.cumsum(starts) - 1])[1] if regular else np.ones(len(times), bool)
    misaligned = np.sort(order[~on_grid])
    stamps: Sequence[str | int] = table.clock.write(table.times[misaligned[:SHOWN]])
    places = [table.where(int(row)) for row in misaligned[:SHOWN]]
    report = GridReport(
        step=step,
        count=len(table.times),
        series=len(table.names),
        duplicates=int((~fresh).sum()),
        misaligned=misaligned,
        first_misaligned=[{"where": w, "time": t} for w, t in zip(places, stamps, strict=True)],
        clock=table.clock,
        ends=(int(table.times.min()), int(table.times.max())),
        median_gap=None if regular or starts.all() else _median_gap(times, starts, table.clock.dated),
    )
    return report, origins[-1:]


def _find_step(table: Table, times: Int, starts: Bool, frequency: str) -> Step:
    dated = table.clock.dated
    requested = requested_step(frequency, dated)
    step = requested or infer_step(table.clock.on_grid(times, DAILY)[1], starts, dated) or Step("row", 1)
    return with_tolerance(step, table)


def _median_gap(times: Int, starts: Bool, dated: bool) -> str:
    """The median gap between two rows, written as a step."""
    return str(Step("microsecond" if dated else "row", max(1, int(np.median(gaps_within(times, starts))))))


def requested_step(frequency: str, dated: bool) -> Step | None:
    """The step in a config, if it is valid and fits the timestamps."""
    try:
        step = Step.parse(frequency)
    except ValueError:
        return None
    return step if step.unit == "irregular" or (step.unit != "row") == dated else None
