"""The page that `eval --report` writes: tables and charts, one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from seqpred.arrays import Float
from seqpred.evaluation.backtest import Evaluation, Example
from seqpred.report.text import figure, printable, score_rows
from seqpred.storage.atomic import write_file

WIDTH, HEIGHT, LEFT, FOOT = 720, 220, 56, 24

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
h2 { font-size: 1.1em; margin-top: 2em }
"""
OBSERVED = 'stroke="#222" stroke-width="1.5"'
UNKNOWN = f'{OBSERVED} stroke-dasharray="4 3"'
FORECAST = 'stroke="#2a6fdb" stroke-width="2"'


def write_report(path: Path, model: str, found: Evaluation, levels: Sequence[float]) -> None:
    """Write the page of an evaluation.

    Args:
        model: what the page calls the model.
        levels: of the Q quantiles in the examples.
    """
    scores = found.scores
    windows = [
        [str(w["cutoff"]), str(w["rows"]), *(figure(w["mase"][n]) for n in scores["metrics"]), w["part"]]
        for w in scores["windows"]
    ]
    names = [n.replace("_", " ") for n in scores["metrics"]]
    body = [
        f"<h1>{escape(printable(model))}</h1>",
        f"<p>{len(windows)} windows of {scores['horizon']} rows, season {scores['season']}. "
        f"Skill <b>{figure(scores['skill'])}</b>: 1 - the model's MASE by the best baseline's.</p>",
        _table(*score_rows(scores["metrics"])),
        "<h2>MASE by window</h2><p>Forecasts know the rows up to the cutoff.</p>",
        _table(["cutoff", "rows", *names, "part"], windows),
        "<h2>The last window</h2>",
        *(f"<h3>{escape(printable(e.name))}</h3>{draw(e, levels)}" for e in found.examples),
    ]
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(printable(model))}</title>'
        f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n"
    )
    write_file(path, page.encode())


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in header)]
    lines += ["".join(f"<td>{escape(printable(cell))}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def draw(example: Example, levels: Sequence[float]) -> str:
    """An SVG of one track: its history, what came, the median and the intervals around it."""
    before, after = len(example.history), len(example.truth)
    shown = np.concatenate([example.history, example.truth, example.quantiles.ravel()])
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    room = 0.06 * (high - low) or 1.0
    low, high = low - room, high + room

    def x(place: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * place / max(1, before + after - 1)

    def y(value: float) -> float:
        return 8 + (HEIGHT - FOOT - 8) * (high - value) / (high - low)

    def line(values: Float, first: int, style: str) -> str:
        points = [(x(first + i), y(v)) for i, v in enumerate(values) if np.isfinite(v)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        return f'<polyline fill="none" {style} points="{path}"/>'

    bands = []
    for i in range(len(levels) // 2):
        upper = [(x(before + t), y(v)) for t, v in enumerate(example.quantiles[:, -1 - i])]
        lower = [(x(before + t), y(v)) for t, v in enumerate(example.quantiles[:, i])]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*upper, *reversed(lower)])
        bands.append(f'<polygon fill="#2a6fdb" fill-opacity="0.12" points="{path}"/>')
    middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    ticks = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#e4e4e4"/>'
        f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.4g}</text>'
        for v in np.linspace(low + room, high - room, 4)
    )
    cut = x(before - 0.5)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="#555">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{ticks}'
        f'<line x1="{cut:.1f}" x2="{cut:.1f}" y1="8" y2="{HEIGHT - FOOT}" stroke="#999" stroke-dasharray="3 3"/>'
        f"{''.join(bands)}"
        f"{line(np.append(example.history, example.truth[:1]), 0, OBSERVED)}{line(example.truth, before, UNKNOWN)}"
        f"{line(example.quantiles[:, middle], before, FORECAST)}"
        f'<text x="{LEFT}" y="{HEIGHT - 6}">black: observed (dashed: after the cutoff, unknown to the forecast)   '
        f"blue: forecast, median and intervals</text></svg>"
    )
