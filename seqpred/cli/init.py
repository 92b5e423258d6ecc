"""`seqpred init`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seqpred.cli.completion import offer_columns, offer_settings

_Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="CSV (compressed or not) or Parquet file, several as 'logs/*.csv', or - for standard input.",
        show_default=False,
    ),
]
_Horizon = Annotated[int | None, typer.Option(min=1, help="Rows to forecast [default: one season].")]
_Time = Annotated[
    list[str] | None,
    typer.Option(
        help="Timestamp column [default: inferred]. Repeat it if date and time, or year and month, are separate.",
        autocompletion=offer_columns,
    ),
]
_Target = Annotated[
    list[str] | None,
    typer.Option(help="Column to forecast [default: inferred]. Repeat it for several.", autocompletion=offer_columns),
]
_Series = Annotated[
    str | None,
    typer.Option("--id", help="Column that identifies the series [default: inferred].", autocompletion=offer_columns),
]
_Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any other config key, as in model.cell=gru. Repeatable.",
        autocompletion=offer_settings,
    ),
]


def init(
    ctx: typer.Context,
    data: _Data,
    horizon: _Horizon = None,
    time: _Time = None,
    target: _Target = None,
    series: _Series = None,
    settings: _Settings = None,
) -> None:
    """Inspect a data file and print a commented config.

    The config can be trained without changes.

    Example: seqpred init sales.csv --horizon 28 > sales.yaml
    """
    from seqpred.cli.terminal import Output, write_data
    from seqpred.commands.init import init as write
    from seqpred.config.loading import read_override
    from seqpred.sources.opening import open_source

    output = Output.of(ctx)
    options: dict[str, Any] = {"forecast.horizon": horizon, "data.id": series}
    if time:
        options["data.time"] = time[0] if len(time) == 1 else time
    if target:
        options["data.target"] = target[0] if len(target) == 1 else target
    overrides = {key: value for key, value in options.items() if value is not None}
    overrides.update(read_override(item) for item in settings or [])
    write_data(write(open_source(data), data, overrides, output.notify, output.on_progress))
