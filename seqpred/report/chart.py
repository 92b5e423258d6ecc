"""A forecast and what followed, as an SVG chart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from seqpred.arrays import Float
from seqpred.evaluation.scores import Example
from seqpred.report.text import printable

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 720, 240, 56, 8, 8, 44

OBSERVED = 'stroke="#222" stroke-width="1.5"'
UNKNOWN = f'{OBSERVED} stroke-dasharray="4 3"'
FORECAST = 'stroke="#2a6fdb" stroke-width="2"'
LEGEND = "black: observed (dashed: after the cutoff) - blue: forecast, median and prediction intervals"


def draw(example: Example, levels: Sequence[float]) -> str:
    """The history of a track, what followed, the median forecast and its prediction intervals."""
    chart = _Chart(example)
    before = len(example.history)
    median = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    intervals = [(example.quantiles[:, i], example.quantiles[:, -1 - i]) for i in range(len(levels) // 2)]
    parts = [
        *chart.axes(),
        *(chart.band(low, high, before) for low, high in intervals),
        chart.line(np.append(example.history, example.truth[:1]), 0, OBSERVED),
        chart.line(example.truth, before, UNKNOWN),
        chart.line(example.quantiles[:, median], before, FORECAST),
        f'<text x="{LEFT}" y="{HEIGHT - 6}">{LEGEND}</text>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="#555">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>'
    )


class _Chart:
    """Rows and values of an example as coordinates."""

    def __init__(self, example: Example) -> None:
        self.example = example
        shown = np.concatenate([example.history, example.truth, example.quantiles.ravel()])
        low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
        self.margin = 0.06 * (high - low) or 1.0
        self.low, self.high = low - self.margin, high + self.margin

    def x(self, row: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * row / max(1, len(self.example.timestamps) - 1)

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - FOOT - TOP) * (self.high - value) / (self.high - self.low)

    def line(self, values: Float, first: int, style: str) -> str:
        points = [(self.x(first + i), self.y(v)) for i, v in enumerate(values) if np.isfinite(v)]
        return f'<polyline fill="none" {style} points="{_points(points)}"/>'

    def band(self, low: Float, high: Float, first: int) -> str:
        upper = [(self.x(first + i), self.y(v)) for i, v in enumerate(high)]
        lower = [(self.x(first + i), self.y(v)) for i, v in enumerate(low)]
        return f'<polygon fill="#2a6fdb" fill-opacity="0.12" points="{_points([*upper, *reversed(lower)])}"/>'

    def axes(self) -> list[str]:
        """Grid lines, the cutoff, and the timestamps of the first row, the cutoff and the last row."""
        parts = []
        for value in np.linspace(self.low + self.margin, self.high - self.margin, 4):
            y = self.y(value)
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        times, cutoff = self.example.timestamps, len(self.example.history) - 1
        x = self.x(cutoff + 0.5)
        bottom = HEIGHT - FOOT
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}" stroke="#999" stroke-dasharray="3 3"/>')
        for row, anchor in ((0, "start"), (cutoff, "middle"), (len(times) - 1, "end")):
            label = escape(printable(str(times[row])))
            parts.append(f'<text x="{self.x(row):.1f}" y="{bottom + 16}" text-anchor="{anchor}">{label}</text>')
        return parts


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
