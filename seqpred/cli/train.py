"""`seqpred train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqpred.cli.config_options import ConfigArgument, DataOption, SetOption
from seqpred.launcher import is_grouped, is_restarted, rank

if TYPE_CHECKING:
    from seqpred.cli.terminal import Output
    from seqpred.cli.training_log import TrainingLog
    from seqpred.commands.train import TrainOptions
    from seqpred.config.schema import Config
    from seqpred.forecasting.model import Model

_Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Model folder [default: runs/NAME, from the config's name].")
]
_Force = Annotated[bool, typer.Option("--force", help="Replace an existing model.")]
_Resume = Annotated[bool, typer.Option("--resume", help="Continue an unfinished training, if any.")]
_Holdout = Annotated[
    str | None,
    typer.Option(
        metavar="N|TIME", help="Hold out the last N rows of each series, or all rows from TIME on, and score them."
    ),
]
_Refit = Annotated[bool, typer.Option("--refit", help="With --holdout: after scoring, train again on all rows.")]
_Log = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the progress at each validation to FILE as JSON lines; --resume appends."),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the manifest and errors as JSON.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes, progress bar or summary.")]


def train(
    ctx: typer.Context,
    config: ConfigArgument,
    data: DataOption = None,
    out: _Out = None,
    set_: SetOption = None,
    force: _Force = False,
    resume: _Resume = False,
    holdout: _Holdout = None,
    refit: _Refit = False,
    log: _Log = None,
    as_json: _AsJson = False,
    quiet: _Quiet = False,
) -> None:
    """Train a model and print the path of its folder.

    Progress goes to stderr: a bar on a terminal, otherwise one line per minute.

    Example: seqpred train sales.yaml --set model.depth=3 --out runs/deep
    """
    from seqpred.cli.terminal import Output
    from seqpred.commands.follow import group

    output = Output.of(ctx, quiet=quiet or rank() > 0, each_minute=True)
    if refit and holdout is None:
        raise typer.BadParameter("--refit needs --holdout")
    with group():  # before anything that may fail on one machine alone
        from seqpred.cli.training_log import TrainingLog
        from seqpred.commands.train import TrainOptions
        from seqpred.config.loading import load_config

        settings, out = load_config(config, set_ or []), out or Path("runs") / config.stem
        inputs = [data or settings.data.path, settings.data.covariates.static_file, str(config)]
        training_log = TrainingLog.of(None if rank() else log, out, inputs=inputs, resume=resume or is_restarted())
        resume_command = _resume_command(output.words)
        options = TrainOptions(force, resume, holdout, refit, resume_command=resume_command)
        model = _train(settings, data, out, options, output, training_log)
    training_log.check()
    _print(model, out, as_json=as_json, quiet=quiet)


def _train(
    config: Config, data: str | None, out: Path, options: TrainOptions, output: Output, log: TrainingLog
) -> Model:
    """Train while a progress bar is shown."""
    from seqpred.commands.train import run_training
    from seqpred.notes import Progress

    with output.progress_cleared():
        output.on_progress(Progress("reading the data", 0.0))
        return run_training(config, data, out, options, output.notify, log.then(output.on_progress))


def _print(model: Model, out: Path, *, as_json: bool, quiet: bool) -> None:
    """The manifest as JSON, or the path of the folder after a summary on stderr."""
    from seqpred.cli.terminal import write_data

    if as_json:
        write_data(json.dumps({"folder": str(out), **model.folder.manifest}) + "\n")
        return
    if not quiet:
        from seqpred.cli.train_summary import show_summary

        show_summary(model)
    write_data(f"{out}\n")


def _resume_command(words: list[str]) -> str:
    """The command that resumes this training, ready to be pasted into a shell; torchrun's own words are unknown."""
    import shlex

    if is_grouped():
        return "the same command and `--resume`"
    kept = [word for word in words if word not in ("--force", "--resume")]
    return f"`{shlex.join(['seqpred', *kept, '--resume'])}`"
