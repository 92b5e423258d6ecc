"""`seqpred predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="The history; - reads standard input; by default the file trained on."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Rows ahead; by default one horizon.")] = None,
    future: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The known covariates of the steps: columns for id, time and these."),
    ] = None,
    write_future: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows of --future, to be filled in, and leave.")
    ] = None,
    quantiles: Annotated[
        str | None, typer.Option(help="Levels such as 0.1,0.9; by default those of the config.")
    ] = None,
    form: Annotated[Literal["csv", "json", "jsonl"], typer.Option("--format", help="Form of the table.")] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="File to write, whole or not at all; by default standard output.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
) -> None:
    """Forecast what follows the data: a row for each series, target and step.

    Example: cat sales.csv | seqpred predict runs/sales - --steps 24 > forecast.csv
    """
    from seqpred import verbs
    from seqpred.cli.table import write_table
    from seqpred.cli.terminal import make_say, show_data
    from seqpred.folder import check_writable, write_file

    levels = _levels(quantiles) if quantiles else None
    if data == "-" and future == "-":
        raise typer.BadParameter("the history and --future can't both be standard input")
    if output:
        check_writable(output)
    loaded, say = verbs.load(model), make_say(quiet=quiet)
    if write_future:
        check_writable(write_future)
        write_file(write_future, write_table(verbs.future_table(loaded, data, steps=steps, say=say), "csv").encode())
        return
    table = verbs.forecast_table(loaded, data, steps=steps, quantiles=levels, future=future, say=say)
    text = write_table(table, form)
    if output:
        write_file(output, text.encode())
    else:
        show_data(text)


def _levels(text: str) -> list[float]:
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"--quantiles {text}: not numbers between 0 and 1 with commas, as in 0.1,0.9"
        ) from None
    if not all(0 < level < 1 for level in levels) or sorted(set(levels)) != levels:
        raise typer.BadParameter(f"--quantiles {text}: levels lie between 0 and 1 and rise, as in 0.1,0.9")
    return levels
