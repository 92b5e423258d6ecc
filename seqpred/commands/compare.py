"""Compare models on the same windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqpred.commands.evaluate import fitting_windows
from seqpred.commands.load_panel import load_panel, open_data
from seqpred.commands.pretrained import load_for
from seqpred.commands.unseen import Unseen
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.backtest import BacktestSpec, Window, backtest
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.comparison import Comparison, Contestant, TrackErrors, compare_models
from seqpred.forecasting.model import Model
from seqpred.forecasting.pretrained_model import pretrained_model
from seqpred.notes import Note, Notify, no_op
from seqpred.panel.panel import Panel
from seqpred.pretrained import PRETRAINED
from seqpred.recipe.pretrained import for_pretrained


def compare(
    models: Sequence[Model | str | Path],
    data: object = None,
    *,
    windows: int | None = None,
    notify: Notify = no_op,
) -> Comparison:
    """Score several models on the windows that none of them was trained on.

    Args:
        models: at least one, with the same targets, horizon and season.
        data: a path or a DataFrame; None for the file that the first model's config names.
        windows: the largest number of windows, the last ones.
    Returns:
        The models, best first, with the paired difference to the best one; `to_dict()` is the object that
        `compare --json` prints.
    Raises:
        ConfigError: the models cannot be compared. DataError: no window is unseen by all models.
    """
    if not models:
        raise ConfigError("no model is passed", hint="Pass the model folders to compare.")
    loaded, data = _load(models, data, notify)
    _check_comparable(loaded)
    first, source = loaded[0], open_data(data, loaded[0].config)
    panels = [
        load_panel(source, model.config, notify if model is first else no_op, model.covariates) for model in loaded
    ]
    unseen = Unseen.by_all([Unseen.of(panel, model) for panel, model in zip(panels, loaded, strict=True)])
    common = unseen.common // first.horizon
    if not common:
        hint = "Provide data with at least one horizon of rows after the training data of every model."
        raise DataError("no window is unseen by all models", hint=hint, where=source.name)
    count = min(windows or max(1, fitting_windows(panels[0], first)), common)
    _report_windows(unseen, panels[0], windows or 0, notify)
    scored = unseen.windows(panels[0], count)
    return compare_models([_score(model, panel, scored) for model, panel in zip(loaded, panels, strict=True)])


def _report_windows(unseen: Unseen, panel: Panel, requested: int, notify: Notify) -> None:
    """Notes on fewer windows than requested, and on series that no window contains."""
    common = unseen.common // unseen.horizon
    if requested > common:
        are = "window is" if common == 1 else "windows are"
        text = f"{common} {are} unseen by all models; --windows {requested} is reduced to that"
        notify(Note(text, panel.source))
    ended = unseen.describe_ended(panel)
    if ended:
        notify(Note(ended, panel.source))


def _load(models: Sequence[Model | str | Path], data: object, notify: Notify) -> tuple[list[Model], object]:
    """The models and the data; the pretrained network forecasts what the first of the others does."""
    others = [model for model in models if isinstance(model, Model) or str(model) != PRETRAINED]
    if not others:
        model, data = load_for(models[0], data, notify=notify)
        return [model], data
    first = load_for(others[0], data)[0]
    pretrained = None if len(others) == len(models) else pretrained_model(for_pretrained(first.config))
    loaded = [first if m is others[0] else load_for(m, data)[0] if m in others else pretrained for m in models]
    return [model for model in loaded if model is not None], data


def _check_comparable(models: Sequence[Model]) -> None:
    """Refuse models whose scores do not measure the same.

    Raises:
        ConfigError: names what differs, and what is common.
    """
    first = models[0]
    for other in models[1:]:
        pairs = [(what, one, _measured(other)[what]) for what, one in _measured(first).items()]
        differing = [f"{what} ({one} and {two})" for what, one, two in pairs if one != two]
        common = [f"{what} {one}" for what, one, two in pairs if one == two]
        if differing:
            found = f"{first.folder.path} and {other.folder.path} differ in {', '.join(differing)}"
            found += f"; they have {', '.join(common)} in common" if common else ""
            raise ConfigError(found, hint="Compare models with the same targets, horizon and season.")


def _measured(model: Model) -> dict[str, str]:
    """What scores depend on besides the forecasts."""
    targets, season = ", ".join(model.config.data.targets), model.config.forecast.season
    return {"targets": targets, "horizon": str(model.horizon), "season": str(season)}


def _score(model: Model, panel: Panel, windows: Sequence[Window]) -> Contestant:
    config = model.config
    errors = TrackErrors(config.median)
    spec = BacktestSpec(
        config.levels, model.horizon, Baselines.of(panel, config.forecast.season, config.input_spec.cycles)
    )
    found = backtest(panel, model.forecasters(), spec, windows, errors.observe)
    seconds = model.folder.manifest.get("duration")
    return Contestant(str(model.folder.path), found, errors.errors, model.parameters, seconds)
