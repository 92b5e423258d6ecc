"""Explain the next forecast of each series."""

from __future__ import annotations

from pathlib import Path

from seqpred.commands.load_panel import load_panel, open_data
from seqpred.commands.pretrained import load_for
from seqpred.commands.unseen import Unseen
from seqpred.evaluation.backtest import Window
from seqpred.explanation.components import find_components
from seqpred.explanation.covariates import find_effects, with_importance
from seqpred.explanation.explanation import Explanation
from seqpred.forecasting.future import read_future
from seqpred.forecasting.model import Model
from seqpred.notes import Note, Notify, no_op
from seqpred.panel.panel import Panel

MOST_WINDOWS = 4  # on which the importance of covariates is measured


def explain(
    model: Model | str | Path, data: object = None, *, future: object = None, notify: Notify = no_op
) -> Explanation:
    """Explain the forecasts of the next horizon: shares of naive forecasts, the network's correction, covariates.

    Args:
        model: a model, its folder, or `pretrained`, which needs data.
        data: the history, a path or a DataFrame; None for the file that the config names.
        future: future values of the known covariates, as for `predict`.
    Returns:
        `components` add up to the forecast; `table` is a DataFrame; `to_dict()` is the object that `explain --json`
        prints.
    """
    model, data = load_for(model, data, notify=notify)
    panel = load_panel(open_data(data, model.config), model.config, notify, model.covariates)
    ahead, coming = read_future(future, panel, model.covariates, model.horizon, notify)
    windows = _windows(model, panel, notify) if model.covariates.columns or model.covariates.holidays else []
    effects, mase = with_importance(find_effects(model, coming, ahead), model, coming, windows)
    unseen = sum(window.part == "unseen" for window in windows)
    return Explanation(coming, find_components(model, coming, ahead), effects, mase, len(windows), unseen)


def _windows(model: Model, panel: Panel, notify: Notify) -> list[Window]:
    """The last windows, those that training has not seen if there are any."""
    horizon, unseen = model.horizon, Unseen.of(panel, model)
    fitting = int(panel.lengths.max() - 1) // horizon
    wanted = max(1, unseen.common // horizon or model.config.training.validation // horizon)
    count = min(wanted, fitting, MOST_WINDOWS)
    if not count:
        text = f"the importance of covariates is not measured: it needs {horizon + 1} rows of a series"
        notify(Note(text, panel.source))
        return []
    windows = unseen.windows(panel, count)
    seen = sum(window.part == "training" for window in windows)
    if seen:
        text = f"the importance of covariates is in-sample: training has seen {seen} of its {count} windows"
        notify(Note(text, panel.source))
    return windows
