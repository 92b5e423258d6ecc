"""Search for a better config."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqpred import launcher
from seqpred.commands.holdout import score_holdout, without_holdout
from seqpred.commands.load_panel import as_config, load_panel, open_data
from seqpred.commands.train import TrainOptions, resolve_training, run_training
from seqpred.config.schema import Config
from seqpred.config.values import Auto
from seqpred.errors import ConfigError
from seqpred.evaluation.holdout import Holdout
from seqpred.notes import Notify, Progress, no_op
from seqpred.recipe.resolve import usual_steps
from seqpred.runtime.cores import cores
from seqpred.sources.source import Source
from seqpred.tuning.results import TuneOptions, TuneResult, TuneSpec
from seqpred.tuning.space import Space, read_space
from seqpred.tuning.study import run_study
from seqpred.tuning.workers import Job
from seqpred.workers import start_server

TRAINING = ("seqpred.commands.train", "seqpred.training.validate", "seqpred.training.manifest")  # what a trial imports


def tune(  # noqa: PLR0913, as many options as the command
    config: Config | Mapping[str, Any] | str | Path,
    data: str | Path | None = None,
    out: str | Path | None = None,
    *,
    trials: int = 20,
    time_budget: float | None = None,
    grid: Sequence[str] = (),
    storage: str | None = None,
    jobs: int | None = None,
    holdout: str | int | None = None,
    resume: bool = False,
    notify: Notify = no_op,
    on_progress: Callable[[Progress], None] = no_op,
) -> TuneResult:
    """Train models with different configs and compare their validation scores.

    Each trial is a training with its own model folder in `out`. Trials whose validation score falls behind are
    pruned. A holdout plays no part in the search; it is scored once, with the model of the best trial.

    Args:
        config: a config, a mapping with its keys, or the path of a YAML file; its `tune` section is the search space.
        data: a path, or None for the config's own path.
        out: the folder of the trials; by default `runs/`, the config's name and `-tune`.
        trials: how many trials to finish; all combinations with `grid`.
        time_budget: seconds after which no trial starts.
        grid: items such as `model.cell=rnn,lstm,gru`, instead of the search space.
        storage: an SQLAlchemy URL, so that several machines share a study; by default a journal file in `out`.
        jobs: trainings at the same time; by default one per core.
        holdout: rows at the end of each series, or a timestamp, that no trial is trained on. The model of the best
            trial is scored on them, and its manifest stores the scores.
        resume: continue the study in the storage.
    Raises:
        ConfigError, DataError, WriteError, StoppedError: see `errors`.
    """
    held_out = None if holdout is None else str(holdout)
    options = TuneOptions(trials, time_budget, tuple(grid), storage, jobs or cores(), held_out, resume)
    return run_search(config, data, out, options, notify, on_progress)


def run_search(
    config: Config | Mapping[str, Any] | str | Path,
    data: str | Path | None,
    out: str | Path | None,
    options: TuneOptions,
    notify: Notify,
    on_progress: Callable[[Progress], None],
) -> TuneResult:
    """What `tune` does, with its options as one object."""
    if find_spec("optuna") is None:
        raise ConfigError(
            "tune needs Optuna, which is not installed", hint="Install it with `pip install 'seqpred[tune]'`."
        )
    launcher.ignore()  # several searches share a storage; they need no connection
    name = Path(config).stem if isinstance(config, (str, Path)) else "model"
    out = Path(out) if out else Path("runs") / f"{name}-tune"
    config = as_config(config)
    space = read_space(config, options.grid)
    method = start_server(TRAINING)  # it imports torch while this process reads the data
    config = _for_trials(config, space, options.jobs)
    fingerprint, steps = _check_data(open_data(data, config), config, options.holdout, notify)
    config = config.replace({"training.max_steps": steps})
    path = None if data is None else str(data)
    result = run_study(TuneSpec(options, config, space, path, out, fingerprint, method), run_trial, notify, on_progress)
    if options.holdout is None:
        return result
    assert result.best.folder is not None
    return replace(result, holdout=score_holdout(result.best.folder, data, options.holdout))


def _for_trials(config: Config, space: Space, jobs: int) -> Config:
    """The config of the trials: without the search space, and with one thread each if several run at once."""
    changes: dict[str, Any] = {"tune": {}}
    if jobs > 1 and config.training.threads == "auto" and "training.threads" not in space:
        changes["training.threads"] = 1
    return config.replace(changes)


def _check_data(source: Source, config: Config, holdout: str | None, notify: Notify) -> tuple[str, int | Auto]:
    """The fingerprint of the data and `training.max_steps` of the trials, which train networks even on few rows.

    What is wrong with the data is reported before the first trial starts.
    """
    panel = load_panel(source, config, notify)
    split = None if holdout is None else Holdout.of(panel, holdout)
    _, resolved, _ = resolve_training(without_holdout(panel, split, notify), source, config, notify)
    steps = config.training.max_steps
    if steps == "auto" and resolved.training.max_steps == 0:
        steps = usual_steps(len(panel.values), resolved.training.batch_size)
    return panel.fingerprint(), steps


def run_trial(job: Job, on_progress: Callable[[Any], None]) -> float:
    """Train the model of a trial, or finish its training; its validation MASE (WQL where there is no scale)."""
    config = Config.model_validate(dict(job.config))
    options = TrainOptions(holdout=job.holdout, score_holdout=False, resume=True)
    model = run_training(config, job.data, job.out, options, on_progress=on_progress)
    metrics = model.folder.manifest["scores"]["metrics"]["model"]
    score = metrics["wql"] if metrics["mase"] is None else metrics["mase"]
    return float("nan") if score is None else float(score)
