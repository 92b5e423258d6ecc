"""The components of forecasts as tables, for the terminal and for the report."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np

from seqpred.arrays import Float
from seqpred.explanation.covariates import CovariateEffect
from seqpred.explanation.explanation import Explanation
from seqpred.report.text import Rows, decimals, figure

MOST_NAMED = 2  # naive forecasts with a separate column; the shares of the others are summed
MOST_EFFECTS = 6  # covariates with a separate column
HISTORY = 40  # rows whose range determines the decimals of a series
HEADER = 10  # characters of a line of a header
WIDEST = 16  # of a long name, so that the table fits 80 characters


def component_rows(found: Explanation, digits: int | None = None) -> tuple[str, Rows]:
    """A title, and a row for each step of a single track, or the means over the steps of each of several tracks.

    The columns are the forecast, the weighted mean of the naive forecasts, the correction and the raise to the minimum,
    which add up to it, and the shares of the naive forecasts in percent.

    Args:
        digits: decimals; by default as many as the values of each track need.
    """
    parts = found.components
    blended = (parts.shares * parts.naives).sum(1)
    mean_share = np.nan_to_num(parts.shares).mean(axis=(0, 2))
    is_raised = bool(np.nan_to_num(parts.raised).any())
    most = MOST_NAMED - is_raised
    main = [i for i in np.argsort(-mean_share)[:most].tolist() if mean_share[i] >= 0.005]
    numbers = [parts.forecast, blended, parts.correction, *([parts.raised] if is_raised else [])]
    shares = [100 * parts.shares[:, i] for i in main]
    shares += [100 - np.sum(shares, axis=0)] if len(main) < len(parts.names) else []
    header = ["forecast", "naive", "correction", *(["raised"] if is_raised else [])]
    header += [f"{_header(parts.names[i], WIDEST)}\n(%)" for i in main] + ["others\n(%)"] * (len(shares) - len(main))
    columns = [*_in_unit(found, numbers, digits), *(_rounded(values, [0] * len(values)) for values in shares)]
    return _table(found, "Components of the forecast", header, columns)


def effect_rows(found: Explanation, digits: int | None = None) -> tuple[str, Rows]:
    """A title, and the effect of each covariate in the target's unit; rows as in `component_rows`."""
    shown = found.covariates[:MOST_EFFECTS]
    title = "Effects of the covariates on the forecast"
    if len(shown) < len(found.covariates):
        title = f"Effects of the {len(shown)} most important covariates on the forecast"
    columns = _in_unit(found, [own.effect for own in shown], digits)
    return _table(found, title, [_header(own.name) for own in shown], columns)


def covariate_rows(found: Sequence[CovariateEffect], mase: float | None, digits: int | None = None) -> tuple[str, Rows]:
    """A title, and the covariates, the most important first."""
    header = ["covariate", "role", "typical value", "mean size\nof effect", "importance"]
    sizes = [float(np.nanmean(np.abs(own.effect))) if np.isfinite(own.effect).any() else np.nan for own in found]
    places = decimals(np.array([0.0, *sizes])) if digits is None else digits
    rows = []
    for own, size in zip(found, sizes, strict=True):
        typical = own.typical if isinstance(own.typical, str) else figure(own.typical)
        rows.append([own.name, own.role, typical, _text(size, places), figure(own.importance)])
    measured = f" (importance: increase of the MASE of {figure(mase)} if permuted)" if mase is not None else ""
    return f"Covariates, most important first{measured}", (header, rows)


def track_names(found: Explanation) -> list[str]:
    """The name of each track."""
    panel = found.panel
    return [panel.track_name(panel.names[s], panel.columns.targets[c]) for s, c in panel.tracks()]


def _table(found: Explanation, title: str, header: list[str], columns: Sequence[list[list[str]]]) -> tuple[str, Rows]:
    """A table whose columns have the texts of each track: of each step if there is one track, otherwise of the mean."""
    tracks, steps = found.components.forecast.shape
    if tracks == 1:
        labels, cells = [str(n + 1) for n in range(steps)], [column[0][:-1] for column in columns]
    else:
        title += f", means of {steps} step{'s' * (steps > 1)}"
        labels, cells = track_names(found), [[own[-1] for own in column] for column in columns]
    first = "step" if tracks == 1 else "series"
    return title, ([first, *header], [list(row) for row in zip(labels, *cells, strict=True)])


def _in_unit(found: Explanation, numbers: Sequence[Float], digits: int | None) -> list[list[list[str]]]:
    """Numbers [K, N] in the target's unit as text: for each of them, of each track the steps, then their mean."""
    panel, forecast = found.panel, found.components.forecast
    places = [
        decimals(np.concatenate([panel.track(s, c)[-HISTORY:], forecast[k]])) if digits is None else digits
        for k, (s, c) in enumerate(panel.tracks())
    ]
    return [_rounded(values, places) for values in numbers]


def _rounded(values: Float, places: Sequence[int]) -> list[list[str]]:
    """Numbers [K, N] with the decimals of each track, then their mean over N."""
    with_mean = np.concatenate([values, values.mean(axis=1, keepdims=True)], axis=1).tolist()
    return [[_text(value, own) for value in row] for row, own in zip(with_mean, places, strict=True)]


def _text(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:.{places}f}" if np.isfinite(value) else "-"


def _header(name: str, widest: int = HEADER) -> str:
    """A name on short lines: on at most three, as far as `widest` allows.

    >>> _header("seasonal_mean_12", 16).splitlines()
    ['seasonal', 'mean 12']
    >>> _header("autoregression of values, 10 lags, penalty 3", 16).splitlines()
    ['autoregression', 'of values, 10', 'lags, penalty 3']
    """
    width = min(widest, max(HEADER, math.ceil(len(name) / 3) + 1))
    return textwrap.fill(name.replace("_", " "), width, break_long_words=False)
