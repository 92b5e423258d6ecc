"""Draw forecasts, scores and learning curves with matplotlib (`seqpred[plot]`)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.commands.predict import Forecasts, compute_forecasts
from seqpred.commands.pretrained import load_for
from seqpred.errors import ConfigError
from seqpred.evaluation.scores import Evaluation
from seqpred.forecasting.model import Model
from seqpred.forecasting.table import timestamps

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

OBSERVED, FORECAST, PLAIN = "0.2", "tab:blue", "0.65"  # colors: black, blue and gray
HISTORY, MIN_HISTORY = 3, 40  # horizons of history before a forecast, and rows at least


def plot(
    thing: Model | str | Path | Evaluation | pd.DataFrame,
    data: object = None,
    *,
    steps: int | None = None,
    series: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a forecast, scores or learning curves.

    Args:
        thing: a model, its folder or `pretrained`, to draw the forecast that follows `data` with its prediction
            intervals; an `Evaluation` or `model.scores`, to draw the MASE of each forecaster; or `model.history`.
        data: the history for the forecast, a path or a DataFrame; None for the file that the config names.
        steps: rows to forecast; by default one horizon.
        series: the series to draw; by default the first.
        ax: draw into these axes; by default into a new figure.
    Raises:
        ConfigError: matplotlib is not installed, or there is no such series.
    """
    if isinstance(thing, (str, Path)):
        thing, data = load_for(thing, data)
    axes = ax or _new_axes()
    if isinstance(thing, Model):
        _draw_forecast(axes, compute_forecasts(thing, data, steps=steps), series)
    elif isinstance(thing, Evaluation):
        _draw_scores(axes, {name: own.mase for name, own in thing.scores.items()}, _windows(thing))
    elif "validation_score" in thing.columns:
        _draw_history(axes, thing)
    elif "mase" in thing.columns:
        _draw_scores(axes, thing["mase"].to_dict(), str(thing.attrs.get("part", "")))
    else:
        hint = "Pass a model, an evaluation, model.scores or model.history."
        raise ConfigError("plot cannot draw a table with these columns", hint=hint)
    return axes


def _new_axes() -> Axes:
    if find_spec("matplotlib") is None:
        hint = "Install it with `pip install 'seqpred[plot]'`."
        raise ConfigError("plot needs matplotlib, which is not installed", hint=hint)
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(8, 4), layout="constrained")[1]


def _draw_forecast(axes: Axes, found: Forecasts, series: str | None) -> None:
    """The last rows of the first target of a series, the median forecast and the prediction intervals."""
    panel = found.panel
    if series is not None and series not in panel.names:
        raise ConfigError(f"no series {series!r}", hint=f"Choose one of {', '.join(panel.names[:5])}.")
    s = 0 if series is None else panel.names.index(series)
    values = found.values[s * panel.roles.count("target")]
    history = panel.track(s, 0)[-max(MIN_HISTORY, HISTORY * len(values)) :]
    rows = int(panel.lengths[s]) + np.arange(-len(history), len(values))
    times: Sequence[Any] = timestamps(panel, panel.times(s, rows))
    ahead = times[len(history) :]
    for i in range(len(found.levels) // 2):
        axes.fill_between(ahead, values[:, i], values[:, -1 - i], color=FORECAST, alpha=0.15, linewidth=0)
    axes.plot(times[: len(history)], history, color=OBSERVED, label="observed")
    low, high = found.levels[0], found.levels[-1]
    label = f"forecast, intervals to {100 * (high - low):.0f} %"
    axes.plot(ahead, values[:, list(found.levels).index(0.5)], color=FORECAST, label=label)
    axes.set_title(" ".join(filter(None, [panel.columns.targets[0], panel.names[s]])))
    axes.legend()
    axes.tick_params(axis="x", rotation=20)


def _windows(found: Evaluation) -> str:
    count, seen = len(found.windows), len(found.windows) - found.windows_unseen
    several = "s" if count > 1 else ""
    return f"{count} window{several}, {seen} in-sample" if seen else f"{count} unseen window{several}"


def _draw_scores(axes: Axes, scores: dict[Any, float | None], part: str) -> None:
    """A bar for the MASE of each forecaster, lowest at the top."""
    known = {str(name): value for name, value in scores.items() if value is not None and np.isfinite(value)}
    names = sorted(known, key=lambda name: -known[name])
    colors = [FORECAST if name == "model" else PLAIN for name in names]
    bars = axes.barh([name.replace("_", " ") for name in names], [known[name] for name in names], color=colors)
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.margins(x=0.12)
    axes.set_xlabel("MASE (lower is better)")
    axes.set_title(f"Scores ({part})" if part else "Scores")


def _draw_history(axes: Axes, history: pd.DataFrame) -> None:
    """The training and validation loss of each network."""
    for number, own in history.groupby("network"):
        validated = bool(own["validation_score"].notna().any())
        axes.plot(own["step"], own["loss"], color=PLAIN, linewidth=1, label="training" if number == 1 else None)
        if validated:
            axes.plot(own["step"], own["validation_score"], label=f"validation, network {number}")
    axes.set_xlabel("training step")
    axes.set_ylabel("loss")
    axes.set_title("Learning curves")
    axes.legend()
