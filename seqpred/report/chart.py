"""Line and bar charts as SVG, drawn without scripts; the colors come from the style sheet of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from seqpred.arrays import Float
from seqpred.report.text import printable

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 560, 272, 56, 14, 26, 46


@dataclass(frozen=True)
class Line:
    """A line through points; NaN interrupts it.

    Attributes:
        style: a class of the style sheet.
    """

    label: str
    style: str
    x: Float
    y: Float


@dataclass(frozen=True)
class Band:
    """An area between two lines."""

    style: str
    x: Float
    low: Float
    high: Float


@dataclass(frozen=True)
class Axes:
    """The labels of a chart.

    Attributes:
        title: what the chart shows, for readers who do not see it.
        ticks: positions on the x axis and their labels; empty for numbers.
        from_zero: whether the y axis includes 0.
    """

    title: str
    x: str = ""
    y: str = ""
    ticks: Sequence[tuple[float, str]] = ()
    from_zero: bool = False


def draw(axes: Axes, lines: Sequence[Line], bands: Sequence[Band] = ()) -> str:
    """Lines, and bands behind them."""
    xs = np.concatenate([line.x for line in lines])
    ys = np.concatenate([*(line.y for line in lines), *(v for b in bands for v in (b.low, b.high))])
    scale = _Scale(xs, ys, axes.from_zero)
    parts = [*scale.grid(axes)]
    for band in bands:
        points = [*zip(band.x, band.high, strict=True), *reversed([*zip(band.x, band.low, strict=True)])]
        parts.append(f'<polygon class="{band.style}" points="{scale.points(points)}"/>')
    for line in lines:
        for x, y in _runs(line):
            points = [*zip(x, y, strict=True)]
            if len(points) == 1:
                parts.append(f'<circle class="{line.style}" cx="{scale.x(x[0]):.1f}" cy="{scale.y(y[0]):.1f}" r="3"/>')
            else:
                parts.append(f'<polyline class="{line.style}" points="{scale.points(points)}"/>')
    return _svg(axes, parts)


def draw_bars(axes: Axes, edges: Sequence[float], heights: Sequence[float], reference: float) -> str:
    """Bars between edges, and a dashed line at the height that all should have."""
    scale = _Scale(np.array(edges), np.array([*heights, 1.3 * reference]), from_zero=True)
    parts = [*scale.grid(axes)]
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        x, y = scale.x(left), scale.y(height)
        size = f'width="{max(0.0, scale.x(right) - x - 1):.1f}" height="{scale.y(0) - y:.1f}"'
        parts.append(f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" {size}/>')
    y = scale.y(reference)
    parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    return _svg(axes, parts)


def _svg(axes: Axes, parts: Sequence[str]) -> str:
    title = escape(printable(axes.title), quote=True)
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="chart" {box} role="img" aria-label="{title}"><title>{title}</title>{"".join(parts)}</svg>'


def _runs(line: Line) -> list[tuple[Float, Float]]:
    """The parts of a line between missing values."""
    known = np.flatnonzero(np.isfinite(line.y))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if len(known) else []
    return [(line.x[run], line.y[run]) for run in runs]


class _Scale:
    """From values to coordinates."""

    def __init__(self, xs: Float, ys: Float, from_zero: bool) -> None:
        known = ys[np.isfinite(ys)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        low = min(low, 0.0) if from_zero else low
        margin = 0.05 * (high - low) or abs(high) or 1.0
        self.low, self.high = (low if from_zero and low == 0 else low - margin), high + margin
        self.first, self.last = float(xs.min()), float(xs.max())

    def x(self, value: float) -> float:
        share = (value - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - FOOT - TOP) * (self.high - value) / (self.high - self.low)

    def points(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)

    def grid(self, axes: Axes) -> list[str]:
        """Grid lines and labels."""
        bottom, parts = HEIGHT - FOOT, []
        for value in round_ticks(self.low, self.high):
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.6g}</text>')
        ticks = axes.ticks or [(v, f"{v:.6g}") for v in round_ticks(self.first, self.last, 6)]
        for value, label in ticks:
            x = self.x(value)
            anchor = "start" if x < LEFT + 20 else "end" if x > WIDTH - RIGHT - 20 else "middle"
            parts.append(
                f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="{anchor}">{escape(printable(label))}</text>'
            )
        parts.append(
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axes.x)}</text>'
        )
        parts.append(f'<text x="4" y="{TOP - 9}">{escape(printable(axes.y))}</text>')
        return parts


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two bounds, up to a number of them.

    >>> round_ticks(0.0, 1.2), round_ticks(3.0, 3.0)
    ([0.0, 0.5, 1.0], [3.0])
    """
    if not high > low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** np.floor(np.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * (1 - 1e-9))
    first = int(np.ceil(low / step - 1e-9))
    return [float(round(n * step, 12)) for n in range(first, int(np.floor(high / step + 1e-9)) + 1)]
