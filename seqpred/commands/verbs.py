"""The story of each verb, as the command and a notebook tell it alike; decisions are made elsewhere."""

from __future__ import annotations

import platform
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.config.schema import Config, load_config
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.backtest import Evaluation, backtest
from seqpred.features.covariates import Covariates, apply_covariates, learn_covariates
from seqpred.forecasting.batch import OnProgress, unseen
from seqpred.forecasting.future import make_future, read_future
from seqpred.forecasting.model import (
    Model,
    RuntimeName,
    make_forecaster,
    torch_runtime,
)
from seqpred.forecasting.table import Table, check_levels, make_table
from seqpred.inspection.columns import Guess, check_changing, choose_columns, find_categories
from seqpred.inspection.detect import discover
from seqpred.inspection.survey import Findings, look_at_rows, survey, tell_columns
from seqpred.panel.panel import Panel, Rows, build_panel
from seqpred.panel.static_file import join_statics, open_statics, profile_static_columns
from seqpred.reading.table import name_columns, profile_columns, read_table, to_frame
from seqpred.reading.year_columns import unfold_years
from seqpred.recipe.eligibility import (
    learned_from,
    learned_rows,
    rows_needed,
    scored,
    too_few_rows,
    training_view,
    validated,
)
from seqpred.recipe.resolve import one_or_list, resolve, write_config
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.dialect import Dialect
from seqpred.sources.source import Source, open_source
from seqpred.spool.cache import Storing, beginning, is_large, store
from seqpred.storage.model_folder import check_target, holds_model, holds_state, read_folder, write_folder

if TYPE_CHECKING:
    import pandas as pd

    from seqpred.training.fitting import Fit
    from seqpred.training.loop import Progress

Notify = Callable[[str], None]
MOST_SCORED, MOST_ROWS = 1000, 2_000_000  # series, and rows of them, that the scores in a manifest are over
MOST_HISTORY = 200_000  # rows of a long series before the last one
MOST_WINDOWS = 4  # of the validation part that the scores in a manifest are over


def _silent(_: object) -> None:
    """Where notes go when nobody listens."""


def init(source: Source, path: str, overrides: Mapping[str, Any], notify: Notify = _silent) -> str:
    """A commented config for the data, as YAML.

    Args:
        path: what the config says of where the data is.
        overrides: dotted keys that a person has decided.
        say: told how far a large file is stored; all other notes are in the config.
    """
    config = _config_of(overrides)
    found = discover(beginning(source), overrides)
    config = config.replace({**found.keys, **overrides})
    panel = read_panel(source, config, lambda note: notify(note) if isinstance(note, Storing) else None)
    check_changing(panel)
    config = resolve(config, panel)
    if rows_needed(config) > panel.lengths.max():
        raise too_few_rows(config, panel)
    return write_config(config, panel, Guess(panel.columns, found.reasons), path)


def check(thing: object, data: object = None, *, notify: Notify = _silent) -> Findings:
    """What is in the data, as far as it can be read, and what training would see.

    Args:
        thing: data, as a path, `-` or a DataFrame, whose columns are guessed; or a config, as `train` takes it.
        data: a path or a DataFrame to go with a config; None for the config's own path.
    Returns:
        Its `tell()` is the object that `check --json` prints; its `fault` is why the data can't be trained on.
    """
    is_path = isinstance(thing, (str, Path)) and Path(thing).suffix in (".yaml", ".yml")
    config = _config(thing) if is_path or isinstance(thing, (Config, Mapping)) else None  # type: ignore[arg-type]
    source = _source(data, config) if config else open_source(thing)
    found = Findings(source.name)
    try:
        _look(found, source, config, notify)
    except DataError as e:
        found.fault = e
    return found


def train(  # noqa: PLR0913, the command has as many options
    config: Config | Mapping[str, Any] | str | Path,
    data: object = None,
    out: str | Path | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    again: str = "train(..., resume=True)",
    notify: Notify = _silent,
    on_progress: Callable[[Progress], None] = _silent,
) -> Model:
    """Train a network and write its model folder.

    While it trains, its state is kept in the folder `checkpoint` there: every so often, and when SIGINT or SIGTERM
    ends it. A training that goes on ends with the same bytes as one that was never stopped.

    Args:
        config: a settled or unsettled config, the same as a mapping, or the path of a YAML.
        data: a path, a DataFrame, or None for the config's own path.
        out: the model folder; `runs/` and the config's name by default.
        force: replace a model that is there.
        resume: go on with an unfinished training that is there, of the same config and data.
        again: what goes on with this one if it is stopped, as messages call it.
        say: told, in words, what was guessed, filled or left out.
        watch: told at each validation how far training is.
    Raises:
        ConfigError, DataError, WriteError: see `errors`; nothing has been written then.
        StoppedError: its state is kept. KeyboardInterrupt: there was none yet.
    """
    name = Path(config).stem if isinstance(config, (str, Path)) else "model"
    out = Path(out) if out else Path("runs") / name
    config = _config(config)
    from seqpred.runtime.onnx_graph import write_graph
    from seqpred.storage.claim import claim
    from seqpred.training.checkpoint import Checkpoint

    with claim(out, again, force=force, resume=resume) as stop:
        panel, config, covariates = _learning(_source(data, config), config, notify)
        if resume and not force and _is_done(out, config, panel, notify):
            return load(out)
        checkpoint = Checkpoint(out, _made_for(panel, config, covariates), stop, notify)
        if resume:
            checkpoint.read()
        from seqpred.training.fitting import fit_panel  # torch, which a fault in the data need not wait for
        from seqpred.training.loop import Hooks

        fit = fit_panel(panel, config, covariates, Hooks(on_progress, notify), checkpoint)
        graph = write_graph(config.shape(covariates), fit.weights)
        write_folder(out, config, fit.weights, _manifest(panel, config, covariates, fit), graph)
    return load(out)


def _learning(source: Source, config: Config, notify: Notify) -> tuple[Panel, ResolvedConfig, Covariates]:
    """The data as training sees it, the config that it settles, and what is learned of the covariates."""
    panel = read_panel(source, config, notify)
    check_changing(panel)
    config = resolve(_at_home(config, source), panel)
    calendar = config.data.covariates.calendar
    covariates = learn_covariates(panel, learned_rows(config, panel.lengths), calendar)
    return _applied(panel, covariates, source, notify), config, covariates


def _is_done(out: Path, config: ResolvedConfig, panel: Panel, notify: Notify) -> bool:
    """Whether the model that a resumed training would make is there, and no unfinished one.

    Raises:
        WriteError: another model is there.
    """
    if not holds_model(out) or holds_state(out):
        return False
    folder = read_folder(out)
    data = folder.manifest.get("data")
    if folder.config != config or not isinstance(data, dict) or data.get("fingerprint") != panel.fingerprint():
        check_target(out, force=False)
    notify(f"the training of {out} is finished; there is nothing to go on with.")
    return True


def load(path: str | Path, runtime: RuntimeName = "auto") -> Model:
    """The model in a folder.

    Args:
        runtime: what computes its network: `light` (onnxruntime) or `torch`; `auto` takes light where it can.
    Raises:
        FolderError: absent, damaged, altered, or of a newer format.
    """
    return Model(read_folder(Path(path)), runtime)


def evaluate(
    model: Model | str | Path, data: object = None, *, windows: int | None = None, notify: Notify = _silent
) -> Evaluation:
    """Rolling-origin scores of a model beside naive, seasonal naive and drift.

    Args:
        data: a path or a DataFrame, its history included; None for the file that the config names.
        windows: how many, each of one horizon, up to the data's end; None for as many as training hasn't seen, or,
            where it has seen all, those of the validation part.
    Returns:
        Its `scores` are the object that `eval --json` prints.
    """
    model = model if isinstance(model, Model) else load(model)
    config, horizon = model.config, model.horizon
    panel = read_panel(_source(data, config), config, notify, model.covariates)
    validation, unseen = config.training.validation, _rows_unseen(panel, model)
    count = windows or max(1, min(100, unseen // horizon or validation // horizon))
    found = backtest(panel, model.forecast, config.levels, horizon, config.forecast.season, count)
    seen = sum(w["part"] == "training" for w in found.tell_parts(unseen))
    if seen:
        notify(f"{seen} of {count} windows hold rows that were learned from: their scores flatter.")
    return found


def predict(
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    future: object = None,
    notify: Notify = _silent,
) -> pd.DataFrame:
    """Forecasts of the rows that follow the data, one row per series, target and step.

    Args:
        data: the history, as a path or a DataFrame; None for the file that the config names.
        steps: how many; one horizon by default.
        quantiles: levels to give; those of the config by default.
        future: the known covariates of the steps, as a path or a DataFrame with columns for id, time and these.
    """
    return to_frame(forecast_table(model, data, steps=steps, quantiles=quantiles, future=future, notify=notify))


def forecast_table(  # noqa: PLR0913, the command has as many options
    model: Model | str | Path,
    data: object = None,
    *,
    steps: int | None = None,
    quantiles: Sequence[float] | None = None,
    future: object = None,
    notify: Notify = _silent,
    on_progress: OnProgress = unseen,
) -> Table:
    """As `predict`, as columns in the order in which they are printed.

    Args:
        watch: told now and then what share of many series is done.
    """
    model = model if isinstance(model, Model) else load(model)
    levels = model.config.levels
    wanted = model.config.forecast.quantiles if quantiles is None else quantiles
    check_levels(wanted, levels)
    panel = read_panel(_source(data, model.config), model.config, notify, model.covariates)
    steps = steps or model.horizon
    ahead, panel = read_future(future, panel, model.covariates, steps, notify)
    return make_table(panel, model.forecast(panel, steps, ahead, on_progress), levels, wanted)


def future_table(
    model: Model | str | Path, data: object = None, *, steps: int | None = None, notify: Notify = _silent
) -> Table:
    """The rows that `future` takes, to be filled in: id, time, and an empty column for each known covariate."""
    model = model if isinstance(model, Model) else load(model)
    if not model.covariates.known:
        hint = "It forecasts without a future file; data.covariates.known names such columns before training."
        raise ConfigError("this model has no covariates that are known ahead", hint=hint)
    panel = read_panel(_source(data, model.config), model.config, notify, model.covariates)
    return make_future(panel, model.covariates, steps or model.horizon)


# ------------------------------------------------------------------ what the verbs share


def read_panel(source: Source, config: Config, notify: Notify, covariates: Covariates | None = None) -> Panel:
    """The panel in a source, its columns as the config names them; what was filled or dropped is said.

    Args:
        covariates: what a model learned of them, whose codes the categories then get.
    """
    data = config.data
    rows, guessed = _read(source, config, covariates, notify)
    if guessed:
        notify(guessed)
    for note in rows.notes:  # before what may be wrong with the rows, since it may be why
        notify(f"{source.name}: {note}.")
    panel = build_panel(rows, data.frequency, data.duplicates, data.missing)
    for note in panel.notes[len(rows.notes) :]:
        notify(f"{source.name}: {note}.")
    return panel if covariates is None else _applied(panel, covariates, source, notify)


def _read(source: Source, config: Config, covariates: Covariates | None, notify: Notify) -> tuple[Rows, str]:
    """The rows of a source as the config says they are written, and which columns were guessed, in words."""
    data, source = config.data, source.with_dialect(Dialect.of(config.data))
    statics = open_statics(data.covariates, source.dialect)
    look = profile_columns if covariates is None else name_columns
    apart = profile_static_columns(statics, data.covariates.static, look) if statics else []
    profiles = list({s.name: s for s in (*look(source), *apart)}.values())
    columns = choose_columns(profiles, source.name, data.time, data.id, data.targets, data.covariates)
    categories = find_categories(profiles, columns) if covariates is None else covariates.categories
    guessed = {"time": one_or_list(columns.time), "id": columns.id}
    named = [f"data.{k} is {v!r}" for k, v in guessed.items() if getattr(data, k) == "auto" and v is not None]
    told = f"{source.name}: {' and '.join(named)}, guessed from names and values." if named else ""
    apart_from = replace(columns, static=()) if statics else columns
    if data.layout == "rows" and is_large(source):
        rows: Rows = store(source, apart_from, categories & {*apart_from.values}, notify)
    else:
        table = read_table(source, apart_from, categories)
        rows = table if data.layout == "rows" else unfold_years(table)
    if statics:
        rows = join_statics(rows, source.name, statics, columns.static, categories, strict=covariates is None)
    return rows, told


def _applied(panel: Panel, covariates: Covariates, source: Source, notify: Notify) -> Panel:
    """The panel with a model's codes; what that found is said."""
    adopted = apply_covariates(panel, covariates)
    for note in adopted.notes[len(panel.notes) :]:
        notify(f"{source.name}: {note}.")
    return adopted


def _look(found: Findings, source: Source, config: Config | None, notify: Notify) -> None:
    """Fill the findings stage by stage, as `train` goes through the data, up to the fault that stops it.

    Raises:
        DataError: that fault; what has been found before it stays.
    """
    found.columns = tell_columns(profile_columns(source), None, {})
    reasons = {} if config is None else _whence(config)
    if config is None:
        discovered = discover(beginning(source), {})
        config, reasons = _config_of(discovered.keys), discovered.reasons
    said = config.data
    table, _ = _read(source, config, None, notify)
    found.columns = tell_columns(profile_columns(source.with_dialect(Dialect.of(config.data))), table.columns, reasons)
    found.rows = look_at_rows(table, said.frequency)
    panel = build_panel(table, said.frequency, said.duplicates, said.missing)
    for note in panel.notes:
        found.notes.append(note)
        notify(f"{source.name}: {note}.")
    found.survey = survey(panel, table)
    check_changing(panel)
    config = resolve(config, panel)
    found.training = training_view(config, panel, np.asarray(found.survey.still.all(axis=1)))
    if not learned_from(config, panel.lengths).any() or not scored(config, panel.lengths).any():
        raise too_few_rows(config, panel)


def _config_of(keys: Mapping[str, Any]) -> Config:
    """The config in which these keys are said, and nothing else."""
    return Config.model_validate({"data": {"target": "?"}}).replace(keys)


def _whence(config: Config) -> dict[str, str]:
    """Why each role is where it is, where a config names the columns."""
    guessed = {name: getattr(config.data, name) == "auto" for name in ("time", "id")}
    return {"target": "the config", **{name: "guessed" if g else "the config" for name, g in guessed.items()}}


def _source(data: object, config: Config) -> Source:
    if isinstance(data, Source):
        return data
    if data is None and config.data.path is None:
        hint = "Give the file (train takes it by --data), or - for standard input."
        raise ConfigError("no data is given, and the config names no data.path", hint=hint)
    return open_source(config.data.path if data is None else data)


def _at_home(config: Config, source: Source) -> Config:
    """The config with the path of the file that it is trained on; null for rows that came without one."""
    return config.replace({"data.path": source.name if source.is_file else None})


def _config(config: Config | Mapping[str, Any] | str | Path) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, (str, Path)):
        return load_config(Path(config))
    return Config.from_tree(config)


def _manifest(panel: Panel, config: ResolvedConfig, covariates: Covariates, fit: Fit) -> dict[str, Any]:
    """What is worth knowing of how a model came about; no row of the data, and no clock, so that runs compare."""
    ends = panel.ends.tolist()
    return {
        "made_by": _made_by(),
        "data": {
            "fingerprint": panel.fingerprint(),
            "series": len(panel.names),
            "rows": len(panel.values),
            "ends": ends[0] if len(set(ends)) == 1 else dict(zip(panel.names, ends, strict=True)),
            "notes": list(panel.notes),
        },
        "covariates": covariates.as_data(),
        "training": {"steps": fit.steps, "reason": fit.reason, "chosen": asdict(fit.choice)},
        "scores": _validation_scores(panel, config, covariates, fit),
    }


def _made_by() -> dict[str, str]:
    import torch

    from seqpred import __version__

    return {"seqpred": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _made_for(panel: Panel, config: ResolvedConfig, covariates: Covariates) -> dict[str, Any]:
    """All that an unfinished training depends on, and goes on with the same of."""
    from seqpred.network.machine import choose_device

    return {
        "data": {"fingerprint": panel.fingerprint(), "covariates": covariates.as_data()},
        "config": config.model_dump(),
        "device": str(choose_device(config.training.device)),
        "made_by": _made_by(),
    }


def _validation_scores(panel: Panel, config: ResolvedConfig, covariates: Covariates, fit: Fit) -> dict[str, Any]:
    """Scores of weights that have not seen the validation part, and of the baselines, over the series that have one.

    Of very many series, those of some drawn by a fixed seed: it is the score of a sample, and says so. Of a very long
    one, the last rows are taken for all of it.
    """
    horizon = config.forecast.horizon
    windows = max(1, min(MOST_WINDOWS, config.training.validation // horizon))
    forecaster = make_forecaster(config, covariates, torch_runtime(config, covariates, fit.held))
    held = np.flatnonzero(validated(config, panel.lengths))
    in_all = len(held)
    if in_all > MOST_SCORED or panel.lengths[held].sum() > MOST_ROWS:
        held = np.random.default_rng(0).permutation(held)[:MOST_SCORED]
        held = np.sort(held[: max(1, np.searchsorted(np.cumsum(panel.lengths[held]), MOST_ROWS))])
    season, levels = config.forecast.season, config.levels
    lengths = panel.lengths[held]
    panel = panel.part(held, np.maximum(lengths - MOST_HISTORY, 0), lengths)
    found = backtest(panel, forecaster, levels, horizon, season, windows)
    kept = {k: found.scores[k] for k in ("skill", "metrics")}
    return {"part": "validation", "windows": windows, "series": len(held), "series_in_all": in_all, **kept}


def _rows_unseen(panel: Panel, model: Model) -> int:
    """Rows at the end of each series that training has not seen, the fewest over all series."""
    ends = model.folder.ends
    unseen = []
    for s, (name, last) in enumerate(zip(panel.names, panel.ends.tolist(), strict=True)):
        rows, end = range(int(panel.lengths[s])), ends.get(name) if isinstance(ends, dict) else ends
        if end is not None and last <= end:
            return 0
        learned = 0 if end is None else bisect_right(rows, end, key=lambda row: _time(panel, s, row))
        unseen.append(len(rows) - learned)  # None: training did not have it
    return min(unseen)


def _time(panel: Panel, series: int, row: int) -> int:
    return int(panel.times(series, np.array([row]))[0])
