"""Scores and names as text, for the terminal and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqpred.evaluation.scores import Evaluation, Scores

Rows = tuple[list[str], list[list[str]]]
"""The header and the rows of a table."""


def printable(text: str) -> str:
    """Text with control characters escaped, so that a name in a file cannot control the terminal.

    Line breaks are kept: escape them in names with `one_line`.
    """
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def figure(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash if there is none."""
    return "-" if value is None else f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def score_rows(scores: Mapping[str, Scores]) -> Rows:
    """The metrics of each forecaster, with the coverage of the model's widest prediction interval."""
    level = next(iter(scores["model"].coverage), None)
    header = ["", "MAE", "RMSE", "sMAPE", "MASE", "WQL"] + ([f"coverage {level} %"] if level else [])
    rows = []
    for name, own in scores.items():
        shown = [figure(own.mae), figure(own.rmse), figure(own.smape), figure(own.mase), figure(own.wql, 4)]
        coverage = [f"{own.coverage[level]:.0f} %" if name == "model" else "-"] if level else []
        rows.append([name.replace("_", " "), *shown, *coverage])
    return header, rows


def window_rows(found: Evaluation) -> Rows:
    """The MASE of each forecaster in each window."""
    header = ["cutoff", "rows", *(name.replace("_", " ") for name in found.scores), "part"]
    rows = [
        [
            str(window.cutoff),
            str(window.rows),
            *(figure(window.scores[name].mase) for name in found.scores),
            "in-sample" if window.part == "training" else window.part,
        ]
        for window in found.windows
    ]
    return header, rows


def evaluation_title(found: Evaluation) -> str:
    """The windows of an evaluation, and how many of them are in-sample."""
    count = len(found.windows)
    title = f"{count} window{'s' if count > 1 else ''} of {found.horizon} rows, season {found.season}"
    seen = sum(window.part == "training" for window in found.windows)
    if not seen:
        return title
    return f"{title}; {'all' if seen == count else seen} in-sample (the model was trained on these rows)"
