"""The page that `eval --report` writes: tables and charts in one HTML file that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from seqpred.evaluation.scores import Evaluation
from seqpred.report.chart import draw
from seqpred.report.text import evaluation_title, figure, printable, score_rows, window_rows
from seqpred.storage.atomic import write_file

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
h2 { font-size: 1.1em; margin-top: 2em }
"""


def write_report(path: Path, model: str, found: Evaluation, levels: Sequence[float]) -> None:
    """Write the page of an evaluation.

    Args:
        model: the title of the page.
        levels: of the Q quantiles in the examples.
    """
    title = escape(printable(model))
    body = [
        f"<h1>{title}</h1>",
        f"<p>{escape(evaluation_title(found))}. "
        f"Skill <b>{figure(found.skill)}</b>: 1 - MASE(model) / MASE(best baseline).</p>",
        _table(*score_rows(found.scores)),
        "<h2>MASE per window</h2><p>Forecasts use data up to the cutoff.</p>",
        _table(*window_rows(found)),
        "<h2>The last window</h2>",
        *(f"<h3>{escape(printable(e.name))}</h3>{draw(e, levels)}" for e in found.examples),
    ]
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><body>{''.join(body)}</body></html>\n"
    )
    write_file(path, page.encode())


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in header)]
    lines += ["".join(f"<td>{escape(printable(cell))}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
