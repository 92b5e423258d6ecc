"""Forecasts on a terminal: for each series a chart and a rounded table with the last observed rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqpred.cli.terminal import screen_width, shows, table, write_data
from seqpred.errors import one_line
from seqpred.notes import Note, Notify
from seqpred.report.text import decimals
from seqpred.report.text_chart import ForecastCurve, chart_labels, text_chart

if TYPE_CHECKING:
    from seqpred.arrays import Float
    from seqpred.commands.predict import Forecasts

MAX_TRACKS = 3  # shown; the others are for a file or a pipe
LAST_ROWS = 4  # observed rows above the forecasts
HEIGHT, MAX_WIDTH = 8, 100  # characters of a chart
HISTORY = 3  # horizons of history in a chart, at least MIN_HISTORY rows
MIN_HISTORY = 40


def show_forecasts(found: Forecasts, digits: int | None, notify: Notify, *, all_levels: bool) -> None:
    """Print the forecasts of the first tracks.

    Args:
        digits: decimals; by default as many as the values need.
        all_levels: whether to show all printed levels that fit, not only the outermost.
    """
    tracks = list(found.panel.tracks())
    shown: Sequence[float] = ()
    for track in range(min(MAX_TRACKS, len(tracks))):
        shown = _Screen(found, track, digits).show(all_levels=all_levels)
    sys.stdout.flush()
    wanted = [level for level in found.wanted if level != 0.5]
    if all_levels and len(shown) < len(wanted):
        notify(Note(f"{len(shown)} of {len(wanted)} quantiles fit the terminal; write all of them with --format csv"))
    if len(tracks) > MAX_TRACKS:
        notify(Note(f"{MAX_TRACKS} of {len(tracks):,} series are shown; write all of them with --output FILE"))


class _Screen:
    """One track of a forecast."""

    def __init__(self, found: Forecasts, track: int, digits: int | None) -> None:
        self.found = found
        self.series, self.target = list(found.panel.tracks())[track]
        self.values = found.values[track]
        self.history = found.panel.track(self.series, self.target)
        shown = np.concatenate([self.history[-MIN_HISTORY:], self.values.ravel()])
        self.digits = decimals(shown) if digits is None else digits

    def show(self, *, all_levels: bool) -> list[float]:
        """Print the track; returns the levels that are shown."""
        columns = self.found.panel.columns
        name, target = self.found.panel.names[self.series], columns.targets[self.target]
        title = f"{target} of {one_line(name)}" if name else target
        write_data(f"\n{title}\n\n")
        if shows("░⠁") and np.isfinite(self.values).all():
            self._chart()
        levels = self._levels(all_levels)
        times = list(columns.time) or ["row"]
        header = [*times, target, "forecast", *(f"q{level:g}" for level in levels)]
        rows = [*self._observed(len(levels)), *self._ahead(levels)]
        table("", header, rows, texts=len(times))
        return levels

    def _chart(self) -> None:
        """The last rows and the forecasts between the outermost quantiles."""
        steps = len(self.values)
        history = self.history[-max(MIN_HISTORY, HISTORY * steps) :]
        low, high = self.values[:, 0], self.values[:, -1]
        curve = ForecastCurve(history, self._median(), low, high)
        shown = np.concatenate([history, low, high])
        labels = [self._text(float(np.nanmax(shown))), self._text(float(np.nanmin(shown)))]
        margin = max(map(len, labels))
        width = min(screen_width(), MAX_WIDTH) - margin - 4
        lines = text_chart(curve, width, HEIGHT)
        left = [labels[0], *[""] * (HEIGHT - 2), labels[1]]
        write_data("".join(f"{label:>{margin + 2}} {line.rstrip()}\n" for label, line in zip(left, lines, strict=True)))
        texts = self._times(np.arange(-len(history), steps))
        below = chart_labels([" ".join(text) for text in texts], len(history), width)
        write_data(f"{'':>{margin + 2}} {below.rstrip()}\n")

    def _levels(self, all_levels: bool) -> list[float]:
        """The printed levels, from the outermost inwards as many as fit the terminal; one pair by default."""
        wanted = [level for level in self.found.wanted if level != 0.5]
        pairs = (len(wanted) + 1) // 2 if all_levels else 1
        cell = 2 + max(len("forecast"), *(len(self._text(value)) for value in self.values.ravel().tolist()))
        target = 2 + max(cell - 2, len(self.found.panel.columns.targets[self.target]))
        times = sum(2 + len(text) for text in self._times(np.array([0]))[0])
        pairs = max(1, min(pairs, (screen_width() - 2 - times - target - cell) // (2 * cell)))
        return wanted if 2 * pairs >= len(wanted) else [*wanted[:pairs], *wanted[-pairs:]]

    def _observed(self, levels: int) -> list[list[str]]:
        last = self.history[-LAST_ROWS:]
        times = self._times(np.arange(-len(last), 0))
        return [
            [*time, self._text(value), "", *[""] * levels] for time, value in zip(times, last.tolist(), strict=True)
        ]

    def _ahead(self, levels: Sequence[float]) -> list[list[str]]:
        from seqpred.forecasting.table import quantile_at

        columns = [self._median(), *(quantile_at(self.values, self.found.levels, level) for level in levels)]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        times = self._times(np.arange(len(self.values)))
        return [[*time, "", *map(self._text, row)] for time, row in zip(times, rows, strict=True)]

    def _median(self) -> Float:
        median: Float = self.values[:, list(self.found.levels).index(0.5)]
        return median

    def _times(self, steps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[tuple[str, ...]]:
        """The cells of the time columns (the row's number without any) at steps relative to the end of the data."""
        panel = self.found.panel
        rows = int(panel.lengths[self.series]) + steps
        if not panel.columns.time:
            return [(str(row + 1),) for row in rows.tolist()]
        cells = panel.clock.write_columns(panel.times(self.series, rows))
        return [tuple(map(str, row)) for row in zip(*cells, strict=True)]

    def _text(self, value: float) -> str:
        return "" if np.isnan(value) else f"{value:.{self.digits}f}"
