"""The charts of a report that need no script: errors by step, calibration, learning curves, forecasts."""

from __future__ import annotations

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Float
from seqpred.evaluation.scores import Scores
from seqpred.panel.panel import Panel
from seqpred.report.chart import Axes, Band, Line, draw, draw_bars
from seqpred.report.collect import Collector, Curves
from seqpred.report.text import Rows, figure

STATIC = 6  # forecasts drawn without a script
MOST_DRAWN = 400  # points of a static chart


class Figure(NamedTuple):
    """A chart and the table with its numbers.

    Attributes:
        svg: the chart; empty if there is nothing to draw.
    """

    svg: str
    rows: Rows


def step_figure(collected: Collector, names: Sequence[str]) -> Figure:
    """MASE by step ahead of some forecasters."""
    steps = np.arange(1.0, collected.horizon + 1)
    curves = [(name, collected.by_step[name].value) for name in names if name in collected.by_step]
    lines = [Line(n, style_of(n), steps, y) for n, y in reversed(curves) if np.isfinite(y).any()]
    header = ["step", *(name.replace("_", " ") for name, _ in curves)]
    rows = [[str(n + 1), *(number(y[n]) for _, y in curves)] for n in range(collected.horizon)]
    axes = Axes("Mean scaled error by step ahead", "step ahead", "MASE", from_zero=True)
    return Figure(draw(axes, lines) if lines else "", (header, rows))


def number(value: Float | float) -> str:
    """A score for a table; a dash if it is NaN."""
    return figure(float(value)) if np.isfinite(value) else "-"


def style_of(name: str) -> str:
    """The class of a forecaster's line."""
    return name if name in ("model", "blend") else "baseline"


def coverage_rows(scores: Mapping[str, Scores]) -> Rows:
    """The share of observations inside each prediction interval, of the model and of the blend."""
    shown = [name for name in ("model", "blend") if name in scores]
    rows = [
        [f"{level} %", *(f"{scores[n].coverage[level]:.1f} %" for n in shown)] for level in scores["model"].coverage
    ]
    return ["interval", *shown], rows


def pit_figure(collected: Collector) -> Figure:
    """The probability integral transform: the share of observations between quantiles, relative to its expectation."""
    edges, total = [0.0, *collected.levels, 1.0], collected.ranks.sum()
    expected = np.diff(edges)
    share = collected.ranks / total if total else expected * np.nan
    labels = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
    rows = [
        [label, f"{100 * own:.1f} %", f"{100 * wanted:.1f} %"]
        for label, own, wanted in zip(labels, share, expected, strict=True)
    ]
    axes = Axes("Histogram of the quantile levels at which the observations lie", "quantile level", "density")
    svg = draw_bars(axes, edges, (share / expected).tolist(), 1.0) if total else ""
    return Figure(svg, (["between the levels", "observations", "expected"], rows))


def learning_curves(history: str) -> list[tuple[str, Figure]]:
    """The validation score and the training loss by step of each network, from `history.csv`."""
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {"validation_score": {}, "loss": {}}
    for row in csv.DictReader(io.StringIO(history)):
        for key, networks in curves.items():
            if row.get(key):
                networks.setdefault(row["network"], []).append((float(row["step"]), float(row[key])))
    titles = {"validation_score": "Validation score of the validated networks", "loss": "Training loss of all networks"}
    return [(titles[key], _learning_curve(titles[key], own)) for key, own in curves.items() if own]


def _learning_curve(title: str, networks: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
    lines = [Line(n, f"network n{i % 6}", *np.array(points).T) for i, (n, points) in enumerate(networks.items())]
    by_step: dict[float, dict[str, float]] = defaultdict(dict)
    for name, points in networks.items():
        for step, value in points:
            by_step[step][name] = value
    rows = [[f"{step:g}", *(figure(by_step[step].get(name), 4) for name in networks)] for step in sorted(by_step)]
    return Figure(
        draw(Axes(title, "training step", "loss"), lines), (["step", *(f"network {n}" for n in networks)], rows)
    )


def ranked(collected: Collector) -> list[str]:
    """The tracks that are shown, the highest MASE of the model first; without a MASE last."""

    def key(name: str) -> tuple[bool, float]:
        mase = collected.mase(name)
        return bool(np.isnan(mase)), -mase

    return sorted(collected.tracks, key=key)


def static_forecasts(collected: Collector, panel: Panel) -> list[tuple[str, str]]:
    """Charts of the worst, some middle and the best tracks, for readers without scripts, by name."""
    order = ranked(collected)
    places = np.unique(np.linspace(0, len(order) - 1, min(STATIC, len(order))).astype(int)).tolist()
    return [(order[i], _forecast(order[i], collected.tracks[order[i]], collected.levels_drawn, panel)) for i in places]


def _forecast(name: str, curves: Curves, levels: Sequence[float], panel: Panel) -> str:
    """The actual values and the forecasts of all windows of a track."""
    quantiles, actual = np.concatenate(curves.quantiles), np.concatenate(curves.actual)
    x = np.arange(float(len(actual)))
    first = max(0, len(actual) - max(MOST_DRAWN, len(quantiles)))
    ahead, median = x[-len(quantiles) :], levels.index(0.5)
    bands = [Band("band", ahead, quantiles[:, i], quantiles[:, -1 - i]) for i in range(len(levels) // 2) if i != median]
    lines = [
        Line("actual", "actual", x[first:], actual[first:]),
        Line("forecast", "model", ahead, quantiles[:, median]),
    ]
    rows = np.unique(np.linspace(first, len(actual) - 1, 3).astype(int))
    labels = panel.clock.write(curves.times[rows])
    ticks = [(float(row), str(label)) for row, label in zip(rows, labels, strict=True)]
    return draw(Axes(f"{name}: actual values, forecasts and prediction intervals", ticks=ticks), lines, bands)
