"""`seqpred train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqpred.cli.completion import offer_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqpred.forecasting.model import Model

CURVE = 32  # characters of the learning curve


def train(
    ctx: typer.Context,
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="YAML config; `seqpred init` writes one.", show_default=False)
    ],
    data: Annotated[
        str | None, typer.Option(help="Data file, instead of the config's data.path; - reads standard input.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder [default: runs/NAME, from the config's name].")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a config key, as in model.cell=gru. Repeatable.",
            autocompletion=offer_keys,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing model.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished training, if there is one.")] = False,
    holdout: Annotated[
        str | None,
        typer.Option(
            metavar="N|TIME", help="Hold out the last N rows of each series, or all from TIME on, and score them."
        ),
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="With --holdout: then train on all rows.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON; errors too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes, progress bar or summary.")] = False,
) -> None:
    """Train a model and print the path of its folder.

    Example: seqpred train sales.yaml --set model.depth=3 --out runs/deep
    """
    from seqpred.cli.terminal import Output, write_data
    from seqpred.config.loading import load_config

    output = Output.of(ctx, quiet=quiet)
    if refit and holdout is None:
        raise typer.BadParameter("--refit needs --holdout")
    settings = load_config(config, set_ or [])
    out = out or Path("runs") / config.stem
    from seqpred.commands import train as command
    from seqpred.notes import Progress

    with output.progress_cleared():
        output.on_progress(Progress("reading the data", 0.0))
        model = command.train(
            settings,
            data,
            out,
            force=force,
            resume=resume,
            holdout=holdout,
            refit=refit,
            resume_command=_resume_command(output.words),
            notify=output.notify,
            on_progress=output.on_progress,
        )
    if not quiet and not as_json:
        _show_summary(model)
    if as_json:
        import json

        write_data(json.dumps({"folder": str(out), **model.folder.manifest}) + "\n")
    else:
        write_data(f"{out}\n")


def _resume_command(words: list[str]) -> str:
    """The command that resumes this training, ready to be pasted into a shell."""
    import shlex

    kept = [word for word in words if word not in ("--force", "--resume")]
    return f"`{shlex.join(['seqpred', *kept, '--resume'])}`"


def _show_summary(model: Model) -> None:
    """Print the scores of the model and the baselines to stderr: on the holdout if there is one, else on validation."""
    from seqpred.cli.terminal import table
    from seqpred.evaluation.scores import Scores
    from seqpred.forecasting.summary import describe_contribution, stored_scores
    from seqpred.report.text import printable, score_rows

    manifest = model.folder.manifest
    scores, chosen = stored_scores(manifest), manifest["training"]["chosen"]
    title = _holdout_title(manifest) if manifest.get("holdout") else _validation_title(model)
    metrics = {name: Scores(**own) for name, own in scores["metrics"].items()}
    table(title, *score_rows(metrics), stream=sys.stderr)
    lines = [
        f"contribution of the networks: {describe_contribution(manifest)}",
        *_curve(model),
        f"{chosen['step']} training steps in {manifest['duration']:.0f} s, "
        f"interval scale {chosen['interval_scale']:.2f}, fingerprint {manifest['fingerprint'][:12]}",
    ]
    if scores.get("refit"):
        lines.append("the saved model was then trained on all rows")
    sys.stderr.write("".join(f"  {printable(line)}\n" for line in lines))


def _curve(model: Model) -> list[str]:
    """The learning curve in one line; none if there were no training steps."""
    import numpy as np

    from seqpred.cli.terminal import shows
    from seqpred.report.sparkline import BLOCKS, PLAIN, sparkline
    from seqpred.storage.history import read_history, validation_curve

    rows = validation_curve(read_history(model.folder.history))
    losses = np.array([row.validation_score for row in rows], np.float64)
    if len(losses) < 2:
        return []
    line = sparkline(losses, CURVE, BLOCKS if shows(BLOCKS, sys.stderr) else PLAIN)
    best = int(np.nanargmin(losses))
    return [f"validation loss: {losses[0]:.3f} {line} {losses[best]:.3f} at step {rows[best].step} of {rows[-1].step}"]


def _holdout_title(manifest: Mapping[str, Any]) -> str:
    start = manifest["holdout"]["from"]
    rows = f"last {start} rows of each series" if start.isdigit() else f"rows from {start} on"
    return f"Holdout scores, {rows} (out-of-sample)"


def _validation_title(model: Model) -> str:
    scores = model.folder.manifest["scores"]
    sample, total = scores["series"], scores["series_in_all"]
    which = "each series" if sample == total else f"a sample of {sample} of {total} series"
    return f"Validation scores, last {model.config.training.validation} rows of {which}"
