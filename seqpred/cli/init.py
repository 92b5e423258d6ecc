"""`seqpred init`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seqpred.cli.completion import offer_columns, offer_keys


def init(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="CSV (.gz too) or Parquet file, or several as 'logs/*.csv'; - reads standard input.",
            show_default=False,
        ),
    ],
    horizon: Annotated[int | None, typer.Option(min=1, help="Rows to forecast; by default one season.")] = None,
    time: Annotated[
        list[str] | None,
        typer.Option(
            help="Column with the time, guessed by default; repeat for a date and a clock, or year, month, ...",
            autocompletion=offer_columns,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Column to forecast; repeat for several.", autocompletion=offer_columns),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option("--id", help="Column that names the series; guessed by default.", autocompletion=offer_columns),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Decide any other key, as in data.date_order=day-first.",
            autocompletion=offer_keys,
        ),
    ] = None,
) -> None:
    """Look at the data and print a commented config that trains well as it is.

    Example: seqpred init sales.csv --horizon 28 > sales.yaml
    """
    from seqpred.cli.terminal import make_notify, show_progress
    from seqpred.commands.init import init as write
    from seqpred.config.loading import read_override
    from seqpred.sources.opening import open_source

    said: dict[str, Any] = {"forecast.horizon": horizon, "data.id": series}
    if time:
        said["data.time"] = time[0] if len(time) == 1 else time
    if target:
        said["data.target"] = target[0] if len(target) == 1 else target
    overrides = {key: value for key, value in said.items() if value is not None}
    overrides.update(read_override(item) for item in settings or [])
    typer.echo(write(open_source(data), data, overrides, make_notify(quiet=False), show_progress), nl=False)
