"""`seqpred eval`."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqpred.cli.forecast_options import ModelArgument, RuntimeOption
from seqpred.errors import SkillError

if TYPE_CHECKING:
    from seqpred.evaluation.details import Details
    from seqpred.evaluation.scores import Evaluation

_Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA", help="History and the rows to score; - reads standard input [default: the training file]."
    ),
]
_Windows = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Windows of one horizon each, at the end of the data [default: all that training has not seen].",
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; errors too.")]
_RequireSkill = Annotated[
    float | None, typer.Option(help="Exit with 5 unless the skill on unseen windows is at least this.")
]
_By = Annotated[
    Literal["series", "step"] | None,
    typer.Option(help="Also print the scores by series (worst first) or by step ahead."),
]
_Forecasts = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the forecasts of every window (CSV, or by the file's suffix)."),
]
_Report = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write an HTML report (one file).")]
_Shard = Annotated[
    str | None,
    typer.Option(
        metavar="I/N", help="Score only part I of N parts of the series, and print their sums as JSON for --merge."
    ),
]
_Merge = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="Merge the sums of all shards; FILE may be a quoted pattern, as 'part-*.json'."),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")]


def evaluate(
    ctx: typer.Context,
    model: ModelArgument,
    data: _Data = None,
    windows: _Windows = None,
    by: _By = None,
    forecasts: _Forecasts = None,
    as_json: _AsJson = False,
    require_skill: _RequireSkill = None,
    report: _Report = None,
    shard: _Shard = None,
    merge: _Merge = None,
    runtime: RuntimeOption = "auto",
    quiet: _Quiet = False,
) -> None:
    """Score a model on past windows, next to naive baselines.

    Skill is 1 - MASE(model) / MASE(best baseline). Scores on rows that the model was trained on are in-sample: they are
    labelled, and --require-skill ignores them.

    Example: seqpred eval runs/sales sales.csv --windows 4 --require-skill 0.1
    """
    import json

    from seqpred.cli.forecast_request import parse_shard
    from seqpred.cli.terminal import Output, write_data
    from seqpred.commands import evaluate as command
    from seqpred.commands.pretrained import load_for
    from seqpred.evaluation.details import Details, Observed, all_of
    from seqpred.evaluation.shard_sums import merge_shards
    from seqpred.storage.atomic import check_writable

    output = Output.of(ctx, quiet=quiet)
    if require_skill is not None and not math.isfinite(require_skill):
        raise typer.BadParameter(f"--require-skill {require_skill}: a finite number is needed")
    _check_shards(shard, merge, [by, forecasts, report], [data, windows], require_skill)
    for path in filter(None, (report, forecasts)):
        check_writable(path)
    loaded, source = load_for(model, data, {}, output.notify, runtime)
    if shard:
        part = parse_shard(shard)
        sums = command.evaluate_shard(loaded, source, shard=part, windows=windows, notify=output.notify)
        write_data(json.dumps(sums.to_dict()) + "\n")
        return
    details = Details(loaded.config.levels, by, keep_forecasts=forecasts is not None)
    observers: list[Observed] = [details]
    if report:
        from seqpred.report.collect import Collector

        observers.append(collected := Collector(loaded.config.levels, loaded.horizon))
    if merge:
        found = merge_shards(_paths(merge), loaded.folder.manifest["fingerprint"])
    else:
        found = command.evaluate(loaded, source, windows=windows, notify=output.notify, observe=all_of(observers))
    if forecasts:
        _write_forecasts(forecasts, details)
    if report:
        from seqpred.report.page import write_report

        write_report(report, str(model), loaded, found, collected)
    with suppress(BrokenPipeError):  # the verdict below does not depend on who reads the table
        if as_json:
            write_data(json.dumps({**found.to_dict(), **details.to_dict()}) + "\n")
        else:
            _show(found)
            _show_breakdown(details)
    if require_skill is not None:
        _require(require_skill, found)


def _check_shards(
    shard: str | None, merge: list[str] | None, details: list[object], scored: list[object], require_skill: float | None
) -> None:
    """Refuse options that --shard or --merge exclude.

    Args:
        details: options that need the forecasts of all series.
        scored: options that determine what is scored.
    """
    extra = any(option is not None for option in details)
    if shard and (merge or extra or require_skill is not None):
        raise typer.BadParameter("--shard writes sums alone: give the other options when all shards are merged")
    if merge and (extra or any(option is not None for option in scored)):
        raise typer.BadParameter("--merge takes only --json and --require-skill: the sums contain no forecasts")


def _paths(patterns: list[str]) -> list[Path]:
    """The files of `--merge`; a name that matches nothing stays, to be reported."""
    from glob import glob

    return [Path(name) for pattern in patterns for name in (sorted(glob(pattern)) or [pattern])]


def _write_forecasts(path: Path, details: Details) -> None:
    from seqpred.cli.forecast_options import FORMS
    from seqpred.cli.table import encode_table
    from seqpred.storage.atomic import write_file

    write_file(path, encode_table(details.forecasts, FORMS.get(path.suffix, "csv")))


def _show_breakdown(details: Details) -> None:
    """The scores by series or step, if they were asked for."""
    from seqpred.cli.terminal import table
    from seqpred.report.text import breakdown_rows

    if details.by is not None:
        title = "Scores by series, worst first" if details.by == "series" else "Scores by step ahead"
        table(title, *breakdown_rows(details.by, details.scores()))


def _require(required: float, found: Evaluation) -> None:
    """Check the skill on unseen windows.

    Raises:
        SkillError: it is lower, or there is no unseen window.
    """
    from seqpred.evaluation.scores import skill
    from seqpred.report.text import figure

    if not found.unseen:
        hint = "Give data with rows after the training data."
        raise SkillError("no window is unseen: the model was trained on all of these rows", hint=hint)
    reached = skill(found.unseen)
    if reached is None or reached < required:
        message = f"skill {figure(reached)} on unseen windows is below the required {required:g}"
        raise SkillError(message, hint="See the scores.")


def _show(found: Evaluation) -> None:
    import sys

    from seqpred.cli.terminal import table
    from seqpred.report.text import evaluation_title, figure, score_rows, window_rows

    table(evaluation_title(found), *score_rows(found.scores))
    table("MASE per window (forecasts use data up to the cutoff)", *window_rows(found))
    sys.stdout.write(f"skill {figure(found.skill)} (1 - MASE(model) / MASE(best baseline))\n")
    sys.stdout.flush()
