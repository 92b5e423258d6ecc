"""Scores and names as text, for the terminal and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqpred.arrays import Float
    from seqpred.evaluation.comparison import Comparison
    from seqpred.evaluation.scores import Evaluation, Scores

Rows = tuple[list[str], list[list[str]]]
"""The header and the rows of a table."""


def printable(text: str) -> str:
    """Text with control characters escaped, so that a name in a file cannot control the terminal.

    Line breaks are kept: escape them in names with `one_line`.
    """
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def figure(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash if there is none.

    >>> figure(0.12345), figure(-0.0001), figure(12345.6), figure(None)
    ('0.123', '0.000', '12,346', '-')
    """
    if value is None:
        return "-"
    return f"{round(value, digits) + 0.0:.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def decimals(values: Float) -> int:
    """The decimals that show four significant digits of the range of values.

    >>> import numpy as np
    >>> decimals(np.array([420.0, 450.0])), decimals(np.array([0.0012, 0.0034]))
    (2, 6)
    """
    import numpy as np  # which messages need not wait for

    known = values[np.isfinite(values)]
    if not known.size:
        return 0
    spread = float(np.ptp(known)) or abs(float(known[0])) or 1.0
    return int(np.clip(3 - np.floor(np.log10(spread)), 0, 12))


def score_rows(scores: Mapping[str, Scores]) -> Rows:
    """The metrics of each forecaster, with the coverage of the model's widest prediction interval."""
    level = next(iter(scores["model"].coverage), None) if "model" in scores else None
    header = ["", "MAE", "RMSE", "sMAPE", "MASE", "WQL"] + ([f"coverage {level} %"] if level else [])
    rows = []
    for name, own in scores.items():
        shown = [figure(own.mae), figure(own.rmse), figure(own.smape), figure(own.mase), figure(own.wql, 4)]
        coverage = [f"{own.coverage[level]:.0f} %" if name in ("model", "blend") else "-"] if level else []
        rows.append([name.replace("_", " "), *shown, *coverage])
    return header, rows


def window_rows(found: Evaluation) -> Rows:
    """The MASE of the model, of the blend and of the best baseline in each window."""
    best = best_baseline(found.scores)
    shown = [name for name in ("model", "blend", best) if name in found.scores]
    header = ["cutoff", "rows", *(name.replace("_", " ") for name in shown), "part"]
    rows = [
        [
            str(window.cutoff),
            str(window.rows),
            *(figure(window.scores[name].mase) for name in shown),
            "in-sample" if window.part == "training" else window.part,
        ]
        for window in found.windows
    ]
    return header, rows


def breakdown_rows(by: str, scores: Mapping[str, Mapping[str, Scores]]) -> Rows:
    """The scores of the model by series or step, with the MASE of the blend and of the naive forecasts."""
    header = [by, "MAE", "sMAPE", "MASE", "WQL", "blend MASE", "seasonal naive MASE"]
    rows = []
    for key, own in scores.items():
        model = own["model"]
        cells = [figure(model.mae), figure(model.smape), figure(model.mase), figure(model.wql, 4)]
        rows.append([key, *cells, *(figure(own[name].mase) for name in ("blend", "seasonal_naive"))])
    return header, rows


def comparison_rows(found: Comparison) -> Rows:
    """The models of a comparison, best first."""
    header = ["model", "MASE", "difference", "std. error", "WQL", "network skill", "parameters"]
    timed = any(model.seconds is not None for model in found.models)
    rows = []
    for model in found.models:
        cells = [model.name, figure(model.scores.mase), figure(model.difference), figure(model.standard_error)]
        cells += [figure(model.scores.wql, 4), figure(model.network_skill), f"{model.parameters:,}"]
        rows.append([*cells, *([_duration(model.seconds)] if timed else [])])
    return [*header, *(["training"] if timed else [])], rows


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"


def counted(count: int, word: str) -> str:
    """A number and its noun.

    >>> counted(1, "row"), counted(12, "row")
    ('1 row', '12 rows')
    """
    return f"{count} {word}{'s' if count != 1 else ''}"


def best_baseline(scores: Mapping[str, Scores]) -> str:
    """The baseline with the lowest MASE; the seasonal naive if there is no MASE."""
    known = {n: s.mase for n, s in scores.items() if n not in ("model", "blend") and s.mase is not None}
    return min(known, key=lambda name: known[name]) if known else "seasonal_naive"


def evaluation_title(found: Evaluation) -> str:
    """The windows of an evaluation, and how many of them are in-sample."""
    count = len(found.windows)
    title = f"{counted(count, 'window')} of {counted(found.horizon, 'row')}, season {found.season}"
    seen = sum(window.part == "training" for window in found.windows)
    if not seen:
        return title
    return f"{title}; {'all' if seen == count else seen} in-sample (the model was trained on these rows)"
