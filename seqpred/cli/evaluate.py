"""`seqpred eval`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from seqpred.errors import SkillError

_Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)]
_Data = Annotated[
    str | None, typer.Argument(metavar="DATA", help="History and what came after it; - reads standard input.")
]
_Windows = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Windows of one horizon, up to the data's end; by default all that training has not seen.",
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and errors too.")]
_RequireSkill = Annotated[float | None, typer.Option(help="Exit with 5 unless the skill is at least this.")]
_Report = Annotated[Path | None, typer.Option(help="Also write a page with tables and charts (HTML, one file).")]
_Runtime = Annotated[
    Literal["auto", "light", "torch"],
    typer.Option(help="What computes the network: onnxruntime (light) or torch; auto: light where it can."),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")]


def evaluate(
    model: _Model,
    data: _Data = None,
    windows: _Windows = None,
    as_json: _AsJson = False,
    require_skill: _RequireSkill = None,
    report: _Report = None,
    runtime: _Runtime = "auto",
    quiet: _Quiet = False,
) -> None:
    """Score a model at rolling origins, beside naive, seasonal naive and drift.

    Example: seqpred eval runs/sales sales.csv --windows 4 --require-skill 0.1
    """
    from seqpred.cli.terminal import make_notify
    from seqpred.commands import evaluate as command
    from seqpred.forecasting.model import load
    from seqpred.report.text import figure
    from seqpred.storage.atomic import check_writable

    if require_skill is not None and not math.isfinite(require_skill):
        raise typer.BadParameter(f"--require-skill {require_skill}: a number is needed")
    if report:
        check_writable(report)
    loaded = load(model, runtime)
    found = command.evaluate(loaded, data, windows=windows, notify=make_notify(quiet=quiet, as_json=as_json))
    result = found.scores
    if report:
        from seqpred.report.page import write_report

        write_report(report, str(model), found, loaded.config.levels)
    if as_json:
        import json

        typer.echo(json.dumps(result))
    else:
        _show(result)
    skill = result["skill"]
    if require_skill is not None and (skill is None or skill < require_skill):
        raise SkillError(f"skill {figure(skill)} is below the {require_skill:g} required", hint="See the scores.")


def _show(result: dict[str, object]) -> None:
    from seqpred.cli.terminal import table
    from seqpred.report.text import figure, score_rows

    metrics, windows = result["metrics"], result["windows"]
    assert isinstance(metrics, dict)
    assert isinstance(windows, list)
    several = "s" if len(windows) > 1 else ""
    title = f"{len(windows)} window{several} of {result['horizon']} rows, season {result['season']}"
    table(title, *score_rows(metrics))
    header = ["cutoff", "rows", *(name.replace("_", " ") for name in metrics), "part"]
    rows = [[str(w["cutoff"]), str(w["rows"]), *(figure(w["mase"][n]) for n in metrics), w["part"]] for w in windows]
    table("MASE by window; its forecasts know the rows up to the cutoff", header, rows)
    skill = result["skill"]
    assert skill is None or isinstance(skill, float)
    typer.echo(f"skill {figure(skill)} (1 - the model's MASE by the best baseline's)")
