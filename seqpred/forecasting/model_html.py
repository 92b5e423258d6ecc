"""A model as HTML, for notebooks: its summary, its scores and its learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from seqpred.forecasting.summary import scores_label, stored_scores
from seqpred.storage.history import read_history, validation_curve

if TYPE_CHECKING:
    from seqpred.storage.history import HistoryRow
    from seqpred.storage.model_folder import Folder

WIDTH, HEIGHT, MARGIN = 360, 120, 22  # of the learning curve, in pixels
METRICS = {"mae": "MAE", "smape": "sMAPE", "mase": "MASE", "wql": "WQL"}


def model_html(folder: Folder, summary: Mapping[str, str]) -> str:
    """The page element; it loads nothing from elsewhere and follows the colors of the notebook."""
    lines = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in summary.items())
    curve = _curve(validation_curve(read_history(folder.history)))
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:2em;align-items:flex-start">'
        f'<table style="text-align:left">{lines}</table><div>{_scores(folder.manifest)}{curve}</div></div>'
    )


def _scores(manifest: Mapping[str, Any]) -> str:
    """The stored scores of the model, the blend and the baselines as a table."""
    header = "".join(f"<th>{name}</th>" for name in ("", *METRICS.values()))
    rows = []
    for name, own in stored_scores(manifest)["metrics"].items():
        cells = "".join(f'<td style="text-align:right">{_figure(own[key])}</td>' for key in METRICS)
        rows.append(f'<tr><th style="text-align:left">{escape(name.replace("_", " "))}</th>{cells}</tr>')
    caption = f"<caption>Scores ({scores_label(manifest)})</caption>"
    return f"<table>{caption}<tr>{header}</tr>{''.join(rows)}</table>"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def _curve(rows: Sequence[HistoryRow]) -> str:
    """The validation loss by training step as SVG; nothing if there are no steps."""
    if len(rows) < 2:
        return ""
    losses = [row.validation_score or 0.0 for row in rows]
    low, high = min(losses), max(losses)
    best = losses.index(low)
    points = [
        (_x(row.step / rows[-1].step), _y((loss - low) / ((high - low) or 1.0)))
        for row, loss in zip(rows, losses, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[best]
    label = f"validation loss {losses[0]:.3f}, lowest {low:.3f} at step {rows[best].step} of {rows[-1].step}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{label}" font-size="11" fill="currentColor">'
        f'<polyline fill="none" stroke="currentColor" stroke-width="1.5" points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2a6fdb"/>'
        f'<text x="{MARGIN}" y="{HEIGHT - 4}">{label}</text></svg>'
    )


def _x(share: float) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * share


def _y(share: float) -> float:
    return MARGIN / 2 + (HEIGHT - 2 * MARGIN) * (1 - share)
