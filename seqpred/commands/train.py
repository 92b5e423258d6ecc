"""Train a model and write its folder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqpred.address_space import check_address_space
from seqpred.commands.follow import Prepared, follow, group, load_once
from seqpred.commands.holdout import without_holdout
from seqpred.commands.load_panel import as_config, load_panel, open_data, with_covariates
from seqpred.config.schema import Config
from seqpred.evaluation.holdout import Holdout
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import fit_covariates, holidays_of
from seqpred.forecasting.model import Model, load
from seqpred.forecasting.summary import describe_fallback
from seqpred.launcher import is_restarted
from seqpred.notes import Note, Notify, OnProgress, no_op
from seqpred.panel.panel import Panel
from seqpred.recipe.eligibility import check_varying, training_rows
from seqpred.recipe.minimum import describe_conflict
from seqpred.recipe.resolve import resolve
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.source import Source
from seqpred.storage.history import write_history
from seqpred.storage.layout import check_target, holds_model, holds_state
from seqpred.storage.model_folder import read_folder, write_folder

if TYPE_CHECKING:
    from seqpred.storage.claim import Stop
    from seqpred.training.members import Fit
    from seqpred.training.ranks import Ranks
    from seqpred.training.validate import Validation


@dataclass(frozen=True)
class TrainOptions:
    """The options of `train`, and those that only the commands set.

    Attributes:
        score_holdout: False to leave the holdout unscored, as `tune` does for its trials.
        resume_command: how to resume an interrupted training, for messages.
    """

    force: bool = False
    resume: bool = False
    holdout: str | int | None = None
    refit: bool = False
    score_holdout: bool = True
    resume_command: str = "train(..., resume=True)"


def train(  # noqa: PLR0913, as many options as the command
    config: Config | Mapping[str, Any] | str | Path,
    data: object = None,
    out: str | Path | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    holdout: str | int | None = None,
    refit: bool = False,
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> Model:
    """Train a network and write its model folder.

    During training, the state is kept in the folder `checkpoint` inside the model folder: written regularly, and when
    SIGINT or SIGTERM ends the training. A resumed training ends with the same bytes as an uninterrupted one.

    In processes that torchrun started, the networks are distributed over them. Rank 0 returns the model; the others
    train what it requests, and then end with SystemExit.

    Args:
        config: a config, a mapping with its keys, or the path of a YAML file.
        data: a path, a DataFrame, or None for the config's own path.
        out: the model folder; by default `runs/` and the config's name.
        force: replace an existing model.
        resume: continue an unfinished training of the same config and data, if any.
        holdout: rows at the end of each series, or a timestamp, to exclude from training and from every choice. They
            are scored once, at the end; the manifest stores the scores.
        refit: after that, train on all rows for the same number of steps. The scores belong to the first model.
        notify: receives what was inferred, filled or dropped.
        on_progress: receives a `TrainingProgress` at each validation, before that how much of a large file is stored.
    Raises:
        ConfigError, DataError, WriteError: see `errors`; nothing has been written.
        StoppedError: interrupted; the state is kept. KeyboardInterrupt: interrupted before any state existed.
    """
    return run_training(config, data, out, TrainOptions(force, resume, holdout, refit), notify, on_progress)


def run_training(
    config: Config | Mapping[str, Any] | str | Path,
    data: object,
    out: str | Path | None,
    options: TrainOptions,
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> Model:
    """What `train` does, with all options."""
    check_address_space()
    name = Path(config).stem if isinstance(config, (str, Path)) else "model"
    out = Path(out) if out else Path("runs") / name
    options = replace(options, resume=options.resume or is_restarted())
    state: dict[str, Any] = {"force": options.force, "resume": options.resume}
    with group() as ranks:
        config = as_config(config)
        if ranks is not None and ranks.rank:
            follow(ranks, open_data(data, config), config, options.holdout, refit=options.refit)
            raise SystemExit
        from seqpred.storage.claim import check_claim, claim

        check_claim(out, **state)  # before reading data that may be large
        source = open_data(data, config)  # before signals are caught, so that they end the wait for a pipe's writer
        with claim(out, options.resume_command, **state) as stop:
            panel = load_once(ranks, source, lambda: load_panel(source, config, notify, on_progress=on_progress))
            split = None if options.holdout is None else Holdout.of(panel, options.holdout)
            job = _Training(out, source, panel, split, options, notify, on_progress, ranks)
            resolved, covariates = job.prepare(config)
            done = options.resume and not options.force and _is_done(out, resolved, job.visible, notify)
            if ranks is not None:
                ranks.share(None if done else Prepared(resolved, covariates, job.visible.fingerprint()))
            if not done:
                job.run(resolved, covariates, stop)
    return load(out)


@dataclass
class _Training:
    """One training, from a panel to a model folder.

    Attributes:
        panel: all rows.
        ranks: the group of processes that train together; None for one process.
        visible: the rows before the holdout, with encoded categories after `prepare`.
    """

    out: Path
    source: Source
    panel: Panel
    holdout: Holdout | None
    options: TrainOptions
    notify: Notify
    on_progress: OnProgress
    ranks: Ranks | None
    visible: Panel = field(init=False)

    def prepare(self, config: Config) -> tuple[ResolvedConfig, Covariates]:
        """Resolve the config from the rows before the holdout."""
        visible = without_holdout(self.panel, self.holdout, self.notify)
        with self._mentioning_holdout():
            self.visible, resolved, covariates = resolve_training(visible, self.source, config, self.notify)
        return resolved, covariates

    def _mentioning_holdout(self) -> AbstractContextManager[None]:
        return nullcontext() if self.holdout is None else self.holdout.mentioned_in_errors()

    def run(self, config: ResolvedConfig, covariates: Covariates, stop: Stop) -> None:
        """Validate, train the members, score the holdout and write the folder."""
        # These import torch, which a fault in the data need not wait for.
        from seqpred.runtime.onnx_graph import write_graph
        from seqpred.training.checkpoint import Checkpoint
        from seqpred.training.manifest import made_for, make_manifest, validation_scores
        from seqpred.training.members import train_members
        from seqpred.training.progress import Hooks
        from seqpred.training.validate import validate

        checkpoint = Checkpoint(self.out, made_for(self.visible, config, covariates), stop, self.notify)
        if self.options.resume:
            checkpoint.read()
        else:
            checkpoint.discard()
        hooks = Hooks(self.on_progress, self.notify, ranks=self.ranks)
        with self._mentioning_holdout():
            validation = validate(self.visible, config, covariates, hooks, checkpoint, ahead=True)
        fit = train_members(config, validation)
        if fit.choice.shrinkage == 0:
            self.notify(Note(describe_fallback(fit.choice.pretrained_share, fine_tuned=not fit.steps)))
        scores, held_out = validation_scores(self.visible, config, covariates, fit), None
        if self.holdout is not None and self.options.score_holdout:
            fit, held_out = self._score_holdout(config, covariates, validation, fit)
        graph = write_graph(config.shape(covariates), fit.weights)
        manifest = make_manifest(self.visible, config, covariates, fit, scores, held_out)
        manifest |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "duration": validation.networks.seconds}
        write_folder(self.out, config, fit.arrays(), manifest, graph, write_history(fit.history))

    def _score_holdout(
        self, config: ResolvedConfig, covariates: Covariates, validation: Validation, fit: Fit
    ) -> tuple[Fit, dict[str, Any]]:
        """The scores on the holdout, and the fit to keep: with `refit`, one on all rows."""
        from seqpred.training.manifest import ensemble_forecasters, holdout_scores
        from seqpred.training.members import train_members
        from seqpred.training.validate import with_all_rows

        assert self.holdout is not None
        everything = with_covariates(self.panel, covariates, self.source, no_op)
        forecasters = ensemble_forecasters(config, covariates, fit.weights, fit.part)
        scores = holdout_scores(everything, self.holdout, config, forecasters)
        if self.options.refit:
            self.visible = everything
            fit = train_members(config, with_all_rows(validation, everything, config, covariates))
        return fit, {**scores, "refit": self.options.refit}


def resolve_training(
    panel: Panel, source: Source, config: Config, notify: Notify = no_op
) -> tuple[Panel, ResolvedConfig, Covariates]:
    """The panel that training uses, the resolved config, and the covariates with their scales and categories.

    Args:
        panel: the rows to train on, read from `source`.
    Raises:
        ConfigError, DataError: the data cannot be trained on.
    """
    check_varying(panel)
    path = source.name if source.is_file else None  # null if the rows are not from a file
    resolved = resolve(config.replace({"data.path": path}), panel)
    conflict = describe_conflict(config, resolved.minimums, panel)
    if conflict:
        notify(Note(conflict, source.name))
    calendar = resolved.data.covariates.calendar
    holidays = holidays_of(panel, resolved.data.covariates.holidays)
    covariates = fit_covariates(panel, training_rows(resolved, panel.lengths), calendar, holidays)
    return with_covariates(panel, covariates, source, notify), resolved, covariates


def _is_done(out: Path, config: ResolvedConfig, panel: Panel, notify: Notify) -> bool:
    """Whether the folder contains the finished model of this config and data, and no unfinished training.

    Raises:
        WriteError: it contains another model.
    """
    if not holds_model(out) or holds_state(out):
        return False
    folder = read_folder(out)
    data = folder.manifest.get("data")
    if folder.config != config or not isinstance(data, dict) or data.get("fingerprint") != panel.fingerprint():
        check_target(out, force=False)
    notify(Note(f"the training of {out} is already finished; nothing to resume"))
    return True
