"""`seqpred train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from seqpred.cli.completion import offer_keys


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="YAML config; `seqpred init` writes one.", show_default=False)
    ],
    data: Annotated[
        str | None, typer.Option(help="File to learn from, in place of data.path; - reads standard input.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder; by default runs/ and the config's name.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key, as in model.cell=gru; repeat at will.", autocompletion=offer_keys),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the model that is there.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished training that is there, if one is.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON, and errors too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no bar, no summary.")] = False,
) -> None:
    """Train a network and write its model folder, whose path is printed.

    Example: seqpred train sales.yaml --set model.depth=3 --out runs/deep
    """
    from seqpred.cli.terminal import make_notify, progress_bar
    from seqpred.config.loading import load_config

    settings = load_config(config, set_ or [])
    out = out or Path("runs") / config.stem
    from seqpred.commands import train as command
    from seqpred.notes import Progress

    with progress_bar(quiet=quiet) as show:
        show(Progress("reading the data", 0.0))
        notify = make_notify(quiet=quiet, as_json=as_json)
        model = command.train(
            settings,
            data,
            out,
            force=force,
            resume=resume,
            resume_command=_again(),
            notify=notify,
            on_progress=show,
        )
    if not quiet and not as_json:
        _summary(model)
    if as_json:
        import json

        typer.echo(json.dumps({"folder": str(out), **model.folder.manifest}))
    else:
        typer.echo(str(out))


def _again() -> str:
    """The command that goes on with this one if it is stopped, to be pasted into a shell."""
    import shlex

    words = [word for word in sys.argv[1:] if word not in ("--force", "--resume")]
    return f"`{shlex.join(['seqpred', *words, '--resume'])}`"


def _summary(model: object) -> None:
    """What came of it, on stderr: the validation part, the baselines beside the model."""
    from seqpred.cli.terminal import table
    from seqpred.forecasting.model import Model
    from seqpred.report.text import score_rows

    assert isinstance(model, Model)
    manifest = model.folder.manifest
    scores, training = manifest["scores"], manifest["training"]
    some, in_all = scores["series"], scores["series_in_all"]
    which = "each series" if some == in_all else f"{some} series drawn from {in_all}"
    chosen = training["chosen"]
    title = (
        f"Validation, last {model.config.training.validation} rows of {which}; {chosen['step']} steps are best, "
        f"shrinkage {chosen['shrinkage']:.2f}, interval scale {chosen['interval_scale']:.2f}; "
        f"fingerprint {manifest['fingerprint'][:12]}"
    )
    table(title, *score_rows(scores["metrics"]), stream=sys.stderr)
