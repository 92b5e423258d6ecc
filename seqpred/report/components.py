"""The components of forecasts as tables, for the terminal and for the report."""

from __future__ import annotations

import numpy as np

from seqpred.explanation.explanation import Explanation
from seqpred.report.text import Rows, figure

MOST_NAMED = 3  # naive forecasts with a column of their own; the shares of the others are added up


def component_rows(found: Explanation) -> tuple[str, Rows]:
    """A title, and a row for each step of a single track, or the means over the steps of each of several tracks.

    The columns are the forecast, the weighted mean of the naive forecasts and the correction, which add up to it, the
    shares of the naive forecasts in percent, and the effect of each covariate.
    """
    parts = found.components
    tracks, steps = parts.forecast.shape
    single = tracks == 1
    blended = (parts.shares * parts.naives).sum(1)
    mean_share = np.nan_to_num(parts.shares).mean(axis=(0, 2))
    main = [i for i in np.argsort(-mean_share)[:MOST_NAMED].tolist() if mean_share[i] >= 0.005]
    numbers = [parts.forecast, blended, parts.correction, *([parts.raised] if parts.raised.any() else [])]
    shares = [100 * parts.shares[:, i] for i in main]
    shares += [100 - np.sum(shares, axis=0)] if len(main) < len(parts.names) else []
    effects = [effect.effect for effect in found.covariates]
    columns = [_formatted(v, single, 3) for v in numbers]
    columns += [_formatted(v, single, 0) for v in shares]
    columns += [_formatted(v, single, 3) for v in effects]
    header = ["step" if single else "series", "forecast", "naive forecasts", "correction"]
    header += ["raised to minimum"] if parts.raised.any() else []
    header += [f"{parts.names[i]} (%)" for i in main] + ["others (%)"] * (len(shares) - len(main))
    header += [f"effect of {effect.name}" for effect in found.covariates]
    labels = [str(n + 1) for n in range(steps)] if single else track_names(found)
    title = "Components of the forecast" + ("" if single else f", means of {steps} steps")
    return title, (header, [list(row) for row in zip(labels, *columns, strict=True)])


def _formatted(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], single: bool, digits: int) -> list[str]:
    """A column of numbers [K, N]: those of the only track, or the mean of each track."""
    shown = values[0] if single else values.mean(axis=1)
    return [figure(float(v), digits) if np.isfinite(v) else "-" for v in shown]


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
