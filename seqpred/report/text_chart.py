"""A series and its forecast as a chart of characters, for a terminal.

Each character of the Braille alphabet is a grid of two by four dots, in which the lines are drawn. The prediction
interval is shaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a character, in Unicode's order
FIRST = 0x2800  # the Braille character without dots
SHADE = "░"


@dataclass(frozen=True)
class ForecastCurve:
    """The contents of a chart.

    Attributes:
        history: [T], observed values; NaN where missing.
        forecast, low, high: [N], the median and the bounds of the prediction interval.
    """

    history: Float
    forecast: Float
    low: Float
    high: Float


def text_chart(curve: ForecastCurve, width: int, height: int) -> list[str]:
    """The chart in lines of exactly `width` characters.

    >>> for line in text_chart(ForecastCurve(np.arange(4.0), np.arange(4.0, 8.0), np.zeros(4), np.zeros(4)), 8, 2):
    ...     print(f"|{line}|")
    |    ⣀⡤⠖⠋|
    |⣀⡤⠖⠋⠁░░░|
    """
    values = np.concatenate([curve.history, curve.forecast])
    shown = np.concatenate([values, curve.low, curve.high])
    bottom, top = float(np.nanmin(shown)), float(np.nanmax(shown))
    scale = (4 * height - 1) / ((top - bottom) or 1.0)
    rows = len(values)
    at = np.linspace(0, max(rows - 1, 1), 2 * width)  # the row of each column of dots
    bounds = [_ahead(bound, rows) for bound in (curve.low, curve.high)]
    levels = [_levels(series, at, bottom, scale) for series in (values, *bounds)]
    cells = _line(levels[0], width, height)
    lines = [[chr(FIRST + code) if code else " " for code in line] for line in cells]
    _shade(lines, cells, levels[1], levels[2])
    return ["".join(line) for line in lines]


def chart_labels(texts: Sequence[str], observed: int, width: int) -> str:
    """The timestamps of the first, the last observed and the last row, under their places in a chart.

    Args:
        texts: of all rows.
        observed: how many of them are observed.
    """
    line = [" "] * width
    places = [(0, texts[0]), (len(texts) - 1, texts[-1]), (observed - 1, texts[observed - 1])]
    for row, text in places:
        middle = round(row * (width - 1) / max(len(texts) - 1, 1))
        start = min(max(0, middle - len(text) // 2), width - len(text))
        if start >= 0 and not "".join(line[max(0, start - 1) : start + len(text) + 1]).strip():
            line[start : start + len(text)] = text
    return "".join(line)


def _ahead(values: Float, rows: int) -> Float:
    """The bounds of the steps at the end of `rows` rows; NaN before."""
    return np.concatenate([np.full(rows - len(values), np.nan), values])


def _levels(values: Float, at: Float, bottom: float, scale: float) -> Float:
    """The height in dots of a line through values at each column of dots; NaN in gaps."""
    left = np.minimum(at.astype(int), len(values) - 1)
    right = np.minimum(left + 1, len(values) - 1)
    share = at - left
    between = np.where(share == 0, values[left], values[left] * (1 - share) + values[right] * share)
    return (np.where(np.isfinite(between), between, values[np.rint(at).astype(int)]) - bottom) * scale


def _line(levels: Float, width: int, height: int) -> npt.NDArray[np.int64]:
    """The dots of a line as offsets of Braille characters, [height, width]."""
    cells = np.zeros((height, width), np.int64)
    before = np.nan
    for column, level in enumerate(levels):
        if np.isfinite(level):
            start = level if np.isnan(before) else before
            low, high = sorted((round(float(start)), round(float(level))))
            for dot in range(low, high + 1):
                row = 4 * height - 1 - dot
                cells[row // 4, column // 2] |= DOTS[row % 4, column % 2]
        before = level
    return cells


def _shade(lines: list[list[str]], cells: npt.NDArray[np.int64], low: Float, high: Float) -> None:
    """Shade the characters between two levels that have no dots."""
    height = len(lines)
    for column in range(len(lines[0])):
        bounds = [level[2 * column + 1] for level in (low, high)]
        if np.isnan(bounds).any():
            continue
        for row in range(height):
            lowest = 4 * (height - 1 - row)
            if not cells[row, column] and bounds[0] <= lowest + 3 and lowest <= bounds[1]:
                lines[row][column] = SHADE
