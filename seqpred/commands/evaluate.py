"""Score a model at rolling origins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seqpred.commands.load_panel import load_panel, open_data
from seqpred.commands.pretrained import load_for
from seqpred.commands.unseen import Unseen
from seqpred.evaluation.backtest import BacktestSpec, Observer, Window, add_up, backtest, too_short
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.scores import Evaluation
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
    unseen = Unseen.of(panel, model)
    by_default = unseen.common // horizon or config.training.validation // horizon
    count = windows or max(1, min(MOST_WINDOWS, fitting_windows(panel, model), by_default))
    to_score = unseen.windows(panel, count)
    if to_score[0].cuts.max() < 1:
        raise too_short(panel, count, horizon)
    seen = sum(window.part != "unseen" for window in to_score)
    overlap = f"{seen} of {count} windows overlap the training data; their scores are in-sample and optimistic"
    for text in (unseen.describe_ended(panel), overlap if seen else ""):
        if text:
            notify(Note(text, panel.source))
    baselines = Baselines.of(panel, config.forecast.season, config.input_spec.cycles)
    return panel, BacktestSpec(config.levels, horizon, baselines), to_score


def fitting_windows(panel: Panel, model: Model) -> int:
    """How many windows fit after two seasons of the longest series, with which every baseline can be computed."""
    return (int(panel.lengths.max()) - 2 * model.config.forecast.season) // model.horizon
