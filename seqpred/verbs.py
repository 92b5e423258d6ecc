"""The story of each verb, as the command and a notebook tell it alike; decisions are made elsewhere."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.backtest import Forecaster, backtest
from seqpred.config import Config, load_config, settled
from seqpred.data.panel import Panel, build_panel
from seqpred.data.profile import Guess, choose_columns, guess_columns
from seqpred.data.reading import read_table, sketch, to_frame
from seqpred.data.sources import Source, open_source
from seqpred.errors import ConfigError, DataError, FolderError
from seqpred.features import Float, Look, prepare
from seqpred.folder import Folder, check_target, read_folder, write_folder
from seqpred.recipe import settle, write_config

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.training.loop import Outcome, Progress

Say = Callable[[str], None]
MOST_WINDOWS = 4  # of the validation part that the scores in a manifest are over


def _silent(_: object) -> None:
    """Where notes go when nobody listens."""


@dataclass(frozen=True)
class Model:
    """A trained network, its settled config and where it came from."""

    folder: Folder

    @property
    def config(self) -> Config:
        """The settled config."""
        return self.folder.config

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantile levels that its head gives; the median is one of them."""
        return _levels(self.config)

    @cached_property
    def forecast(self) -> Forecaster:
        """From a panel and N steps to the quantiles [K, N, Q] that follow each track."""
        try:
            return _forecaster(self.config, self.folder.weights())
        except (RuntimeError, ValueError) as e:
            hint = "Train again, or restore the whole folder from a copy."
            raise FolderError(
                f"the weights do not fit its config ({e})", hint=hint, where=str(self.folder.path)
            ) from None


def _forecaster(config: Config, weights: Mapping[str, Any]) -> Forecaster:
    from seqpred.forecasting.batch import forecast_panel
    from seqpred.forecasting.runtime import Reader
    from seqpred.network.network import Network

    network = Network(_shape(config))
    network.set_weights(weights)
    look, levels, window = _look(config), _levels(config), settled(config.model.window)
    return lambda panel, steps: forecast_panel(panel, look, lambda: Reader(network, window), levels.index(0.5), steps)


def _look(config: Config) -> Look:
    model = config.model
    return Look(settled(config.forecast.season), settled(model.anchor), tuple(settled(model.lags)))


def _levels(config: Config) -> tuple[float, ...]:
    return tuple(sorted({*config.forecast.quantiles, 0.5}))


def _shape(config: Config) -> Any:
    from seqpred.network.network import Shape

    model = config.model
    return Shape(
        inputs=_look(config).inputs,
        horizon=settled(config.forecast.horizon),
        levels=_levels(config),
        cell=model.cell,
        depth=model.depth,
        hidden_size=settled(model.hidden_size),
        bidirectional=model.bidirectional,
        dropout=model.dropout,
    )


# ------------------------------------------------------------------ init


def init(source: Source, path: str, overrides: Mapping[str, Any]) -> str:
    """A commented config for the data, as YAML.

    Args:
        path: what the config says of where the data is.
        overrides: dotted keys that a person has decided.
    """
    guess = guess_columns(sketch(source), source.name)
    columns = guess.columns
    names = {
        "data.time": columns.time,
        "data.id": columns.id,
        "data.target": columns.targets[0] if len(columns.targets) == 1 else list(columns.targets),
    }
    config = Config.model_validate({"data": {"target": "?"}}).replace({**names, **overrides})
    panel = read_panel(source, config)
    guess = Guess(panel.columns, {**guess.reasons, **{k.split(".")[1]: "as you said" for k in overrides}})
    return write_config(settle(config, panel), panel, guess, path)


# ------------------------------------------------------------------ train


def train(
    config: Config | Mapping[str, Any] | str | Path,
    data: object = None,
    out: str | Path | None = None,
    *,
    force: bool = False,
    say: Say = _silent,
    watch: Callable[[Progress], None] = _silent,
) -> Model:
    """Train a network and write its model folder.

    Args:
        config: a settled or unsettled config, the same as a mapping, or the path of a YAML.
        data: a path, a DataFrame, or None for the config's own path.
        out: the model folder; `runs/` and the config's name by default.
        force: replace a model that is there.
        say: told, in words, what was guessed, filled or left out.
        watch: told at each validation how far training is.
    Raises:
        ConfigError, DataError, WriteError: see `errors`; nothing has been written then.
    """
    named = Path(config) if isinstance(config, (str, Path)) else None
    config = _config(config)
    out = Path(out) if out else Path("runs") / (named.stem if named else "model")
    check_target(out, force=force)
    source = data if isinstance(data, Source) else open_source(config.data.path if data is None else data)
    panel = read_panel(source, config)
    for note in panel.notes:
        say(f"{source.name}: {note}.")
    _check_changing(panel, source)
    config = settle(config, panel)
    outcome = _fit(panel, config, source, watch)
    if outcome.reason.startswith("diverged"):
        say(f"training {outcome.reason}.")
    scores = _validation_scores(panel, config, outcome)
    write_folder(out, config, outcome.weights, _manifest(panel, config, outcome, scores))
    return load(out)


def _config(config: Config | Mapping[str, Any] | str | Path) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, (str, Path)):
        return load_config(Path(config))
    return Config.model_validate({"data": {"target": "?"}}).replace(_dotted(config))


def _dotted(tree: Mapping[str, Any]) -> dict[str, Any]:
    if "target" not in (tree.get("data") or {}):
        raise ConfigError(
            "data.target is missing", hint="Name the column to forecast, as in {'data': {'target': 'y'}}."
        )
    return {f"{section}.{key}": value for section, keys in tree.items() for key, value in keys.items()}


def read_panel(source: Source, config: Config) -> Panel:
    """The panel in a source, its columns as the config names them."""
    data = config.data
    columns = choose_columns(sketch(source), source.name, data.time, data.id, data.targets)
    return build_panel(read_table(source, columns), data.frequency)


def _check_changing(panel: Panel, source: Source) -> None:
    """Refuse data in which nothing ever changes."""
    for c, name in enumerate(panel.columns.targets):
        values = panel.values[:, c]
        known = values[np.isfinite(values)]
        if not len(known):
            raise DataError(f"column {name!r} has no value", hint="Name another target.", where=source.name)
        if len(panel.columns.targets) == 1 and all(_constant(panel.track(s, c)) for s in range(len(panel.names))):
            raise DataError(
                f"column {name!r} is {known[0]:g} in every row{' of each series' if len(panel.names) > 1 else ''}: "
                "a constant series, there is nothing to learn",
                hint="Name another target.",
                where=source.name,
            )


def _constant(track: Float) -> bool:
    known = track[np.isfinite(track)]
    return len(known) == 0 or bool((known == known[0]).all())


def _fit(panel: Panel, config: Config, source: Source, watch: Callable[[Progress], None]) -> Outcome:
    from seqpred.training.machine import keep_memory

    keep_memory()  # before the first tensor
    from seqpred.training.loop import Plan, fit
    from seqpred.training.machine import choose_device
    from seqpred.training.windows import make_windows

    look, horizon, window = _look(config), settled(config.forecast.horizon), settled(config.model.window)
    validation = settled(config.training.validation)
    tracks = [panel.track(s, c) for s, c in panel.tracks()]
    cuts = [len(t) - validation if len(t) > validation + look.anchor + 1 else len(t) for t in tracks]
    windows = make_windows(
        [prepare(t, look) for t in tracks], tracks, cuts, look, window, horizon, at_end=config.model.bidirectional
    )
    if not windows.learnable() or not len(windows.checks()[0]):
        longest = int(panel.lengths.max())
        needed = max(look.anchor + 1, window) + validation + 1
        raise DataError(
            f"the longest series has {longest} rows; anchor {look.anchor}, window {window} and a validation part of "
            f"{validation} need {needed}",
            hint=f"Give more rows, or lower forecast.horizon (now {horizon}), model.window or training.validation.",
            where=source.name,
        )
    training = config.training
    steps = settled(training.max_steps)
    plan = Plan(
        loss=training.loss,
        learning_rate=training.learning_rate,
        batch_size=settled(training.batch_size),
        max_steps=steps,
        time_budget=training.time_budget,
        patience=training.patience,
        check_every=max(1, min(steps // 40, 100)),
        seed=training.seed,
        device=choose_device(training.device),
        threads=settled(training.threads),
    )
    return fit(_shape(config), windows, plan, watch)


def _validation_scores(panel: Panel, config: Config, outcome: Outcome) -> dict[str, Any]:
    """Scores of the best weights and the baselines over the validation part."""
    horizon = settled(config.forecast.horizon)
    windows = max(1, min(MOST_WINDOWS, settled(config.training.validation) // horizon))
    forecaster = _forecaster(config, outcome.weights)
    result = backtest(panel, forecaster, _levels(config), horizon, settled(config.forecast.season), windows)
    return {"windows": windows, "skill": result["skill"], "metrics": result["metrics"]}


def _manifest(panel: Panel, config: Config, outcome: Outcome, scores: dict[str, Any]) -> dict[str, Any]:
    """What is worth knowing of how a model came about; no row of the data, and no clock, so that runs compare."""
    import torch

    from seqpred import __version__

    ends = [int(panel.times(s, panel.lengths[s : s + 1] - 1)[0]) for s in range(len(panel.names))]
    same = len(set(ends)) == 1
    return {
        "made_by": {"seqpred": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "data": {
            "fingerprint": panel.fingerprint(),
            "series": len(panel.names),
            "rows": len(panel.values),
            "clock": panel.clock.form,
            "ends": ends[0] if same else dict(zip(panel.names, ends, strict=True)),
            "notes": list(panel.notes),
        },
        "training": {"steps": outcome.steps, "best_step": outcome.best_step, "reason": outcome.reason},
        "scores": scores,
    }


def load(path: str | Path) -> Model:
    """The model in a folder.

    Raises:
        FolderError: absent, damaged, altered, or of a newer format.
    """
    return Model(read_folder(Path(path)))


# ------------------------------------------------------------------ evaluate


def evaluate(
    model: Model | str | Path, data: object = None, *, windows: int | None = None, say: Say = _silent
) -> dict[str, Any]:
    """Rolling-origin scores of a model beside naive, seasonal naive and drift.

    Args:
        data: a path or a DataFrame, its history included; None for the file that the config names.
        windows: how many, each of one horizon, up to the data's end; None for as many as training hasn't seen, or, where
            it has seen all, those of the validation part.
    Returns:
        The object that `eval --json` prints.
    """
    model = model if isinstance(model, Model) else load(model)
    source = data if isinstance(data, Source) else open_source(model.config.data.path if data is None else data)
    panel = read_panel(source, model.config)
    for note in panel.notes:
        say(f"{source.name}: {note}.")
    horizon = settled(model.config.forecast.horizon)
    unseen = _rows_unseen(panel, model)
    count = windows or max(1, min(100, unseen // horizon or settled(model.config.training.validation) // horizon))
    result = backtest(panel, model.forecast, model.levels, horizon, settled(model.config.forecast.season), count)
    _say_parts(result["windows"], unseen, settled(model.config.training.validation), horizon)
    seen = sum(w["part"] != "unseen" for w in result["windows"])
    if seen:
        part = result["windows"][0]["part"]
        say(
            f"{seen} of {count} windows hold rows of the {part} part of the data that trained this model: such scores flatter."
        )
    return result


def _rows_unseen(panel: Panel, model: Model) -> int:
    """Rows at the end of each series that training has not seen, the fewest over all series."""
    ends = model.folder.manifest["data"]["ends"]
    unseen = []
    for s, name in enumerate(panel.names):
        end = ends.get(name) if isinstance(ends, dict) else ends
        if end is None:
            unseen.append(int(panel.lengths[s]))  # a series that training did not have
            continue
        times = panel.times(s, np.arange(panel.lengths[s], dtype=np.int64))
        unseen.append(int((times > end).sum()))
    return min(unseen)


def _say_parts(windows: list[dict[str, Any]], unseen: int, validation: int, horizon: int) -> None:
    """Tell of each window whether training had seen its rows."""
    for back, window in zip(range(len(windows), 0, -1), windows, strict=True):
        rows = back * horizon
        window["part"] = "unseen" if rows <= unseen else "validation" if rows <= unseen + validation else "training"


# ------------------------------------------------------------------ predict


def predict(
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Forecasts of the rows that follow the data, one row per series, target and step.

    Args:
        data: the history, as a path or a DataFrame; None for the file that the config names.
        steps: how many; one horizon by default.
        quantiles: levels to give, those of the config by default.
    """
    return to_frame(forecast_table(model, data, steps=steps, quantiles=quantiles))


def forecast_table(
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    say: Say = _silent,
) -> dict[str, list[Any]]:
    """As `predict`, as columns in the order in which they are printed."""
    model = model if isinstance(model, Model) else load(model)
    source = data if isinstance(data, Source) else open_source(model.config.data.path if data is None else data)
    wanted = _wanted(model, quantiles)
    panel = read_panel(source, model.config)
    for note in panel.notes:
        say(f"{source.name}: {note}.")
    steps = steps or settled(model.config.forecast.horizon)
    return _table(panel, model.forecast(panel, steps), model.levels, wanted, steps)


def _wanted(model: Model, quantiles: Sequence[float] | None) -> list[float]:
    wanted = list(model.config.forecast.quantiles if quantiles is None else quantiles)
    low, high = model.levels[0], model.levels[-1]
    for level in wanted:
        if not low <= level <= high:
            raise ConfigError(
                f"quantile {level:g} is outside {low:g} to {high:g}, which this model learned",
                hint="Ask for one inside, or train with it in forecast.quantiles.",
            )
    return wanted


def _table(
    panel: Panel, forecasts: Float, levels: Sequence[float], wanted: Sequence[float], steps: int
) -> dict[str, list[Any]]:
    """The forecast table: id, time, step, target, forecast, quantiles."""
    columns, targets = panel.columns, panel.columns.targets
    tracks = list(panel.tracks())
    table: dict[str, list[Any]] = {}
    if columns.id is not None:
        table[columns.id] = [panel.names[s] for s, _ in tracks for _ in range(steps)]
    if columns.time is not None:
        ahead = np.arange(steps, dtype=np.int64)
        times = [panel.clock.write(panel.times(s, panel.lengths[s] + ahead)) for s in range(len(panel.names))]
        table[columns.time] = [t for s, _ in tracks for t in times[s]]
    table["step"] = [step for _ in tracks for step in range(1, steps + 1)]
    if len(targets) > 1:
        table["target"] = [targets[c] for _, c in tracks for _ in range(steps)]
    flat = forecasts.reshape(-1, len(levels))
    table["forecast"] = flat[:, levels.index(0.5)].tolist()
    for level in wanted:
        table[f"q{level:g}"] = _quantile(flat, levels, level).tolist()
    return table


def _quantile(forecasts: Float, levels: Sequence[float], level: float) -> Float:
    """[rows] at one level, on the line between the two learned levels around it; `forecasts` are [rows, Q]."""
    above = int(np.searchsorted(levels, level - 1e-12))
    if abs(levels[above] - level) < 1e-9:
        return forecasts[:, above]
    share = (level - levels[above - 1]) / (levels[above] - levels[above - 1])
    return forecasts[:, above - 1] + share * (forecasts[:, above] - forecasts[:, above - 1])
