"""`seqpred compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqpred.cli.completion import offer_models
from seqpred.cli.forecast_options import JsonOption, NoNotesOption

if TYPE_CHECKING:
    from seqpred.evaluation.comparison import Comparison

_Models = Annotated[
    list[Path],
    typer.Argument(
        metavar="MODEL", help="Model folders, or `pretrained`.", show_default=False, autocompletion=offer_models
    ),
]
_Data = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Data file with history and rows to score [default: the first model's training file]."
    ),
]
_Windows = Annotated[
    int | None,
    typer.Option(min=1, max=10_000, metavar="K", help="Compare on the last K windows [default: all unseen ones]."),
]


def compare(
    ctx: typer.Context,
    models: _Models,
    data: _Data = None,
    windows: _Windows = None,
    as_json: JsonOption = False,
    quiet: NoNotesOption = False,
) -> None:
    """Compare models on the windows that none was trained on.

    Prints the models, best first, with the paired difference between their MASE and that of the best one, and its
    standard error, clustered by series.

    Example: seqpred compare runs/lstm runs/gru --data longer.csv
    """
    from seqpred.cli.terminal import Output, write_data
    from seqpred.commands import compare as command

    output = Output.of(ctx, quiet=quiet)
    found = command.compare(models, data, windows=windows, notify=output.notify)
    if as_json:
        import json

        write_data(json.dumps(found.to_dict()) + "\n")
    else:
        _show(found)


def _show(found: Comparison) -> None:
    from seqpred.cli.terminal import table
    from seqpred.report.text import comparison_rows, counted, score_rows

    title = f"{counted(found.windows, 'unseen window')} of {counted(found.horizon, 'row')}, season {found.season}"
    table(title, *comparison_rows(found))
    table("Baselines", *score_rows(found.baselines))
