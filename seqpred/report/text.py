"""Scores and names as text, for the terminal and for the report."""

from __future__ import annotations

from typing import Any


def printable(text: str) -> str:
    """Text without control characters, which a file's names could use to drive the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def figure(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def score_rows(metrics: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table that `train` and `eval` show."""
    names = ("mae", "rmse", "smape", "mase", "wql")
    level = next(iter(metrics["model"]["coverage"]), None)
    header = ["", "MAE", "RMSE", "sMAPE", "MASE", "WQL"] + ([f"in {level} %"] if level else [])
    rows = []
    for name, scores in metrics.items():
        shown = [figure(scores[n], 4 if n == "wql" else 3) for n in names]
        inside = [f"{scores['coverage'][level]:.0f} %" if name == "model" else "-"] if level else []
        rows.append([name.replace("_", " "), *shown, *inside])
    return header, rows
