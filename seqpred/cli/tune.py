"""`seqpred tune`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqpred.cli.completion import offer_settings
from seqpred.cli.config_options import DataOption
from seqpred.cli.forecast_options import JsonOption

if TYPE_CHECKING:
    from seqpred.tuning.results import TuneResult

SHOWN = 20  # trials in the table, the best ones


_Config = Annotated[
    Path,
    typer.Argument(metavar="CONFIG", help="YAML config; its 'tune' section is the search space.", show_default=False),
]
_Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the trials [default: runs/NAME-tune, from the config's name]."),
]
_Trials = Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Trials to finish.")]
_TimeBudget = Annotated[
    float | None, typer.Option(min=1.0, metavar="SECONDS", help="Start no trial after this many seconds.")
]
_Grid = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=A,B,C",
        help="Try all combinations of these values. Repeatable.",
        autocompletion=offer_settings,
    ),
]
_Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Database shared by several machines [default: a journal file in --out]."),
]
_Jobs = Annotated[
    int | None, typer.Option(min=1, max=1024, metavar="N", help="Trainings at the same time [default: one per core].")
]
_Holdout = Annotated[
    str | None,
    typer.Option(
        metavar="N|TIME",
        help="Hold out the last N rows of each series, or all rows from TIME on, and score them with the best model.",
    ),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Continue an existing study.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no notes, progress bar or table.")]


def tune(
    ctx: typer.Context,
    config: _Config,
    data: DataOption = None,
    out: _Out = None,
    trials: _Trials = 20,
    time_budget: _TimeBudget = None,
    grid: _Grid = None,
    storage: _Storage = None,
    jobs: _Jobs = None,
    holdout: _Holdout = None,
    resume: _Resume = False,
    as_json: JsonOption = False,
    quiet: _Quiet = False,
) -> None:
    """Search for a better config.

    Trains one model per trial and compares their validation scores. Prints the best config as YAML; the trials and the
    importance of each key go to stderr. The models stay in --out. --holdout plays no part in the search.

    Example: seqpred tune sales.yaml --grid model.cell=rnn,lstm,gru > best.yaml
    """
    from seqpred.cli.terminal import Output
    from seqpred.commands.tune import run_search
    from seqpred.runtime.cores import cores
    from seqpred.tuning.results import TuneOptions

    output = Output.of(ctx, quiet=quiet, each_minute=True)
    with output.progress_cleared():
        options = TuneOptions(trials, time_budget, tuple(grid or ()), storage, jobs or cores(), holdout, resume)
        result = run_search(config, data, out, options, output.notify, output.on_progress)
    _print(result, as_json=as_json, quiet=quiet)


def _print(result: TuneResult, *, as_json: bool, quiet: bool) -> None:
    """The result as JSON, or the best config as YAML after the tables on stderr."""
    from seqpred.cli.terminal import write_data

    if as_json:
        import json

        write_data(json.dumps(result.to_dict()) + "\n")
        return
    if not quiet:
        _show(result)
    write_data(_yaml(result))


def _yaml(result: TuneResult) -> str:
    """The best config, commented."""
    from seqpred.config.yaml_subset import dump_yaml
    from seqpred.evaluation.holdout import describe_rows
    from seqpred.report.text import figure

    best = result.best
    tree = result.config.model_dump(exclude_defaults=True, exclude={"tune"})
    head = f"# Best of {len(result.trials)} trials: validation MASE {best.score:.4f}, trained model {best.folder}\n"
    if result.holdout is not None:
        own = result.holdout["metrics"]["model"]
        head += f"# Holdout, {describe_rows(result.holdout['from'])}: MASE {figure(own['mase'], 4)}\n"
    chosen = "".join(f"# {key}: {value}\n" for key, value in best.params.items())
    return head + "# Searched keys:\n" + chosen.replace("# ", "#   ") + dump_yaml(tree)


def _show(result: TuneResult) -> None:
    """The best trials, how much each key matters, and the scores on the holdout, on stderr."""
    from seqpred.cli.terminal import table
    from seqpred.cli.train_summary import show_holdout
    from seqpred.report.text import figure

    keys = list(result.best.params)
    ranked = sorted(result.trials, key=lambda t: (t.score is None, t.score, t.number))
    rows = [
        [
            str(t.number),
            *(str(_short(t.params.get(key))) for key in keys),
            t.state,
            "-" if t.seconds is None else f"{t.seconds:.0f} s",
            figure(t.score, 4),
        ]
        for t in ranked[:SHOWN]
    ]
    several = f"{len(ranked)} trials" if len(ranked) <= SHOWN else f"The best {SHOWN} of {len(ranked)} trials"
    header = ["trial", *(key.split(".")[-1] for key in keys), "state", "time", "val. MASE"]
    table(several, header, rows, stream=sys.stderr)
    if result.importances:
        shares = [[key, f"{100 * share:.0f} %"] for key, share in result.importances.items()]
        table("Importance (share of the variance of the scores)", ["key", "share"], shares, stream=sys.stderr)
    if result.holdout is not None:
        show_holdout(f"Holdout scores of trial {result.best.number}", result.holdout)


def _short(value: object) -> object:
    return f"{value:.3g}" if isinstance(value, float) else value
