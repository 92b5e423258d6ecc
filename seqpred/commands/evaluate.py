"""Score a model at rolling origins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqpred.commands.load_panel import load_panel, open_data
from seqpred.commands.pretrained import load_for
from seqpred.evaluation.backtest import BacktestSpec, Observer, Window, add_up, backtest, last_windows, too_short
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.scores import Evaluation, label_windows
from seqpred.evaluation.shard_sums import MadeFor, ShardSums
from seqpred.forecasting.model import Model
from seqpred.forecasting.shard import Shard
from seqpred.notes import Note, Notify, no_op
from seqpred.panel.panel import Panel

MOST_WINDOWS = 100  # scored unless more are requested


def evaluate(
    model: Model | str | Path,
    data: object = None,
    *,
    windows: int | None = None,
    notify: Notify = no_op,
    observe: Callable[[Panel], Observer] | None = None,
) -> Evaluation:
    """Score a model at rolling origins, next to naive baselines and the same forecast without the networks.

    Args:
        data: a path or a DataFrame with the history and the rows to score; None for the file that the config names.
        windows: how many, each of one horizon, up to the end of the data; by default as many as training has not
            seen and as leave two seasons of history, or, if it has seen all, those of the validation split.
        observe: takes the panel and returns what receives the forecasts of each track in each window.
    Returns:
        Scores over all windows and for each of them. Windows whose rows the model was trained on have the part
        `training`: their scores are in-sample. `to_dict()` is the object that `eval --json` prints.
    """
    model, data = load_for(model, data, notify=notify)
    panel, spec, to_score = _prepare(model, data, windows, notify)
    return backtest(panel, model.forecasters(), spec, to_score, observe and observe(panel))


def evaluate_shard(
    model: Model | str | Path,
    data: object = None,
    *,
    shard: Shard,
    windows: int | None = None,
    notify: Notify = no_op,
) -> ShardSums:
    """The sums of one part of the series, for `merge_shards`; see `evaluate`.

    All series are read: windows and baselines are those of the whole data.

    Raises:
        DataError: the shard contains no series.
    """
    model, data = load_for(model, data, notify=notify)
    panel, spec, to_score = _prepare(model, data, windows, notify)
    chosen = shard.choose(panel.names)
    own = panel.choose(chosen)
    parts = [Window(window.cuts[chosen], window.part) for window in to_score]
    sums = [*add_up(own, model.forecasters(), spec, parts, is_part=True)]
    made_for = MadeFor(model.folder.manifest["fingerprint"], panel.fingerprint())
    return ShardSums(shard.index, shard.count, made_for, spec.horizon, spec.baselines.season, spec.levels, sums)


def _prepare(
    model: Model, data: object, windows: int | None, notify: Notify
) -> tuple[Panel, BacktestSpec, list[Window]]:
    """The data, what all windows have in common, and the windows.

    Raises:
        DataError: no series is long enough for so many windows.
    """
    config, horizon = model.config, model.horizon
    panel = load_panel(open_data(data, config), config, notify, model.covariates)
    validation, unseen = config.training.validation, rows_unseen(panel, model)
    count = windows or min(MOST_WINDOWS, fitting_windows(panel, model), unseen // horizon or validation // horizon)
    count = max(1, count)
    parts = label_windows(count, horizon, unseen)
    to_score = last_windows(panel.lengths, horizon, parts)
    if to_score[0].cuts.max() < 1:
        raise too_short(panel, count, horizon)
    seen = sum(part != "unseen" for part in parts)
    if seen:
        text = f"{seen} of {count} windows overlap the training data; their scores are in-sample and optimistic"
        notify(Note(text, panel.source))
    baselines = Baselines.of(panel, config.forecast.season, config.input_spec.cycles)
    return panel, BacktestSpec(config.levels, horizon, baselines), to_score


def fitting_windows(panel: Panel, model: Model) -> int:
    """How many windows fit after two seasons of the longest series, with which every baseline can be computed."""
    return (int(panel.lengths.max()) - 2 * model.config.forecast.season) // model.horizon


def rows_unseen(panel: Panel, model: Model) -> int:
    """The number of rows at the end that training has not seen, the smallest over the series that training had.

    If it had none of them, the length of the longest.
    """
    ends = model.folder.ends
    continued: list[int] = []
    new: list[int] = []
    for s, (name, last) in enumerate(zip(panel.names, panel.ends.tolist(), strict=True)):
        rows, end = range(int(panel.lengths[s])), ends.get(name) if isinstance(ends, dict) else ends
        if end is not None and last <= end:
            return 0
        trained = 0 if end is None else bisect_right(rows, end, key=lambda row: _time(panel, s, row))
        (continued if trained else new).append(len(rows) - trained)
    return min(continued) if continued else max(new)


def _time(panel: Panel, series: int, row: int) -> int:
    return int(panel.times(series, np.array([row]))[0])
