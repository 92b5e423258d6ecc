"""The components of forecasts as tables, for the terminal and for the report."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float
from seqpred.explanation.explanation import Explanation
from seqpred.report.text import Rows, figure

MOST_NAMED = 2  # naive forecasts with a column of their own; the shares of the others are added up


def component_rows(found: Explanation) -> tuple[str, Rows]:
    """A title, and a row for each step of a single track, or the means over the steps of each of several tracks.

    The columns are the forecast, the weighted mean of the naive forecasts, the correction and the raise to the minimum,
    which add up to it, and the shares of the naive forecasts in percent.
    """
    parts = found.components
    tracks, steps = parts.forecast.shape
    single = tracks == 1
    blended = (parts.shares * parts.naives).sum(1)
    mean_share = np.nan_to_num(parts.shares).mean(axis=(0, 2))
    is_raised = bool(np.nan_to_num(parts.raised).any())
    most = MOST_NAMED - is_raised
    main = [i for i in np.argsort(-mean_share)[:most].tolist() if mean_share[i] >= 0.005]
    numbers = [parts.forecast, blended, parts.correction, *([parts.raised] if is_raised else [])]
    shares = [100 * parts.shares[:, i] for i in main]
    shares += [100 - np.sum(shares, axis=0)] if len(main) < len(parts.names) else []
    columns = [[_number(v) for v in _shown(values, single)] for values in numbers]
    columns += [[f"{v:.0f}" if np.isfinite(v) else "-" for v in _shown(values, single)] for values in shares]
    header = ["step" if single else "series", "forecast", "naive", "correction"]
    header += ["raised"] if is_raised else []
    header += [_header(parts.names[i]) for i in main] + ["others\n(%)"] * (len(shares) - len(main))
    labels = [str(n + 1) for n in range(steps)] if single else track_names(found)
    title = "Components of the forecast" + ("" if single else f", means of {steps} steps")
    return title, (header, [list(row) for row in zip(labels, *columns, strict=True)])


def _shown(values: Float, single: bool) -> list[float]:
    """Of numbers [K, N], those of the only track, or the mean of each track."""
    shown: list[float] = (values[0] if single else values.mean(axis=1)).tolist()
    return shown


def _number(value: float) -> str:
    """Five digits, so that a row fits into 80 columns."""
    return "-" if not np.isfinite(value) else f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.5g}"


def _header(name: str) -> str:
    """The name of a naive forecast on short lines.

    >>> _header("seasonal_mean_12").splitlines()
    ['seasonal', 'mean 12', '(%)']
    """
    first, _, rest = name.partition("_")
    return "\n".join(filter(None, (first, rest.replace("_", " "), "(%)")))


def track_names(found: Explanation) -> list[str]:
    """The name of each track."""
    panel = found.panel
    return [panel.track_name(panel.names[s], panel.columns.targets[c]) for s, c in panel.tracks()]


def covariate_rows(found: Explanation) -> tuple[str, Rows]:
    """A title, and the covariates, the most important first."""
    header = ["covariate", "role", "typical value", "mean effect", "importance"]
    rows = []
    for own in found.covariates:
        typical = own.typical if isinstance(own.typical, str) else figure(own.typical)
        effect = float(np.nanmean(np.abs(own.effect))) if np.isfinite(own.effect).any() else None
        rows.append([own.name, own.role, typical, figure(effect), figure(own.importance)])
    measured = f" (increase of MASE {figure(found.mase)} if its values are permuted)" if found.mase is not None else ""
    return f"Covariates, most important first{measured}", (header, rows)
