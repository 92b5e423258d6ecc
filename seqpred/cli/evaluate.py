"""`seqpred eval`."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seqpred.cli.forecast_options import JsonOption, ModelArgument, NoNotesOption, RuntimeOption
from seqpred.cli.output_files import check_config_is_kept, check_output
from seqpred.errors import SkillError

if TYPE_CHECKING:
    from seqpred.evaluation.details import Details, Observed
    from seqpred.evaluation.scores import Evaluation
    from seqpred.forecasting.model import Model
    from seqpred.notes import Notify
    from seqpred.report.collect import Collector

_Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="Data file with history and rows to score; - reads standard input [default: the training file].",
    ),
]
_Windows = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        metavar="K",
        help="Score the last K windows of one horizon each [default: all unseen windows].",
    ),
]
_RequireSkill = Annotated[
    float | None, typer.Option(metavar="X", help="Exit with 5 unless the skill on unseen windows is at least X.")
]
_By = Annotated[
    Literal["series", "step"] | None,
    typer.Option(metavar="series|step", help="Also print the scores by series (worst first) or by step ahead."),
]
_Forecasts = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Also write the forecasts of every window (format from the suffix, otherwise CSV)."
    ),
]
_Report = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write an HTML report, a single file.")]
_Shard = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Score only part I of N of the series, and print the sums as JSON for --merge."),
]
_Merge = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE", help="Merge the sums of all shards; FILE may be a quoted pattern such as 'part-*.json'."
    ),
]


def evaluate(
    ctx: typer.Context,
    model: ModelArgument,
    data: _Data = None,
    windows: _Windows = None,
    by: _By = None,
    forecasts: _Forecasts = None,
    as_json: JsonOption = False,
    require_skill: _RequireSkill = None,
    report: _Report = None,
    shard: _Shard = None,
    merge: _Merge = None,
    runtime: RuntimeOption = "auto",
    quiet: NoNotesOption = False,
) -> None:
    """Score a model on past windows, next to naive baselines.

    Skill is 1 - MASE(model) / MASE(best baseline). Scores on rows that the model was trained on are in-sample: they are
    labeled, and --require-skill ignores them.

    Example: seqpred eval runs/sales sales.csv --windows 4 --require-skill 0.1
    """
    from seqpred.cli.terminal import Output
    from seqpred.evaluation.details import Details
    from seqpred.report.collect import Collector

    output = Output.of(ctx, quiet=quiet)
    _check(shard, merge, by, [forecasts, report], (data, windows), require_skill)
    if merge:
        return _finish(_merged(merge, model), None, require_skill, as_json=as_json)
    loaded, source = _loaded(model, data, [forecasts, report], output.notify, runtime)
    if shard:
        return _print_sums(loaded, source, shard, windows, output.notify)
    details = Details(loaded.config.levels, by, keep_forecasts=forecasts is not None)
    collected = Collector(loaded.config.levels, loaded.horizon) if report else None
    found = _score(loaded, source, windows, [details, collected], output.notify)
    _write_forecasts(forecasts, details)
    _write_report(report, str(model), loaded, found, collected)
    return _finish(found, details, require_skill, as_json=as_json)


def _check(
    shard: str | None,
    merge: list[str] | None,
    by: str | None,
    written: list[Path | None],
    scored: tuple[str | None, int | None],
    require_skill: float | None,
) -> None:
    """Refuse options that --shard or --merge exclude, a skill that is not a number, and files that cannot be written.

    Args:
        written: the files that need the forecasts of all series, as `by` does.
        scored: the data and the number of windows.
    """
    extra = any(option is not None for option in (by, *written))
    if shard and (merge or extra or require_skill is not None):
        raise typer.BadParameter("--shard prints sums only: pass the other options with --merge")
    data, windows = scored
    if merge and data is not None:
        quoted = "Quote a pattern so that the shell does not expand it: --merge 'part-*.json'"
        raise typer.BadParameter(f"--merge takes no data file ({data} was passed). {quoted}")
    if merge and (extra or windows is not None):
        raise typer.BadParameter("--merge takes only --json and --require-skill: the sums contain no forecasts")
    if require_skill is not None and not math.isfinite(require_skill):
        raise typer.BadParameter(f"--require-skill {require_skill}: a finite number is needed")
    for path in filter(None, written):
        check_output(path, data)


def _loaded(
    model: Path, data: str | None, written: list[Path | None], notify: Notify, runtime: RuntimeOption
) -> tuple[Model, object]:
    """The model and the data, which none of the files to write is."""
    from seqpred.commands.pretrained import load_for

    loaded, source = load_for(model, data, {}, notify, runtime)
    check_config_is_kept(written, loaded.config.data)
    return loaded, source


def _print_sums(model: Model, source: object, shard: str, windows: int | None, notify: Notify) -> None:
    """The sums of one shard as JSON."""
    from seqpred.cli.forecast_request import parse_shard
    from seqpred.cli.terminal import write_data
    from seqpred.commands.evaluate import evaluate_shard

    sums = evaluate_shard(model, source, shard=parse_shard(shard), windows=windows, notify=notify)
    write_data(json.dumps(sums.to_dict()) + "\n")


def _score(
    model: Model,
    source: object,
    windows: int | None,
    observers: list[Observed | None],
    notify: Notify,
) -> Evaluation:
    """The scores on past windows."""
    from seqpred.commands import evaluate as command
    from seqpred.evaluation.details import all_of

    observe = all_of([observer for observer in observers if observer is not None])
    return command.evaluate(model, source, windows=windows, notify=notify, observe=observe)


def _merged(merge: list[str], model: Path) -> Evaluation:
    """The scores from the sums of all shards.

    Args:
        merge: names or patterns of the files with the sums; a name that matches nothing stays, to be reported.
    """
    from glob import glob

    from seqpred.commands.pretrained import fingerprint_of
    from seqpred.evaluation.shard_sums import merge_shards

    paths = [Path(name) for pattern in merge for name in (sorted(glob(pattern)) or [pattern])]
    return merge_shards(paths, fingerprint_of(model))


def _finish(found: Evaluation, details: Details | None, require_skill: float | None, *, as_json: bool) -> None:
    """Print the scores and check the skill. Whether somebody reads them does not change the exit code."""
    from seqpred.cli.terminal import write_data

    with suppress(BrokenPipeError):
        if as_json:
            write_data(json.dumps({**found.to_dict(), **(details.to_dict() if details else {})}) + "\n")
        else:
            _show(found)
            if details:
                _show_breakdown(details)
    _require(require_skill, found)


def _write_report(path: Path | None, name: str, model: Model, found: Evaluation, collected: Collector | None) -> None:
    if path and collected:
        from seqpred.report.page import write_report

        write_report(path, name, model, found, collected)


def _write_forecasts(path: Path | None, details: Details) -> None:
    from seqpred.cli.forecast_options import FORMS
    from seqpred.cli.table import encode_table
    from seqpred.storage.atomic import write_file

    if path:
        write_file(path, encode_table(details.forecasts, FORMS.get(path.suffix, "csv")))


def _show_breakdown(details: Details) -> None:
    """The scores by series or step, if requested."""
    import sys

    from seqpred.cli.terminal import table
    from seqpred.report.text import breakdown_rows

    if details.by is not None:
        title = "Scores by series, worst first" if details.by == "series" else "Scores by step ahead"
        sys.stdout.write("\n")
        table(title, *breakdown_rows(details.by, details.scores()))


def _require(required: float | None, found: Evaluation) -> None:
    """Check the skill on unseen windows, if one is required.

    Raises:
        SkillError: it is lower, or there is no unseen window.
    """
    if required is None:
        return
    from seqpred.evaluation.scores import skill
    from seqpred.report.text import figure

    if not found.unseen:
        hint = "Provide data with rows after the training data."
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
