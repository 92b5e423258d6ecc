"""`seqpred init`."""

from __future__ import annotations

from typing import Annotated

import typer

from seqpred.cli.config_options import (
    HorizonOption,
    IdOption,
    SetOption,
    TargetOption,
    TimeOption,
    config_keys,
)

_Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="CSV (compressed or not) or Parquet file, a quoted pattern such as 'logs/*.csv', or - for standard input.",
        show_default=False,
    ),
]


def init(
    ctx: typer.Context,
    data: _Data,
    horizon: HorizonOption = None,
    time: TimeOption = None,
    target: TargetOption = None,
    series: IdOption = None,
    settings: SetOption = None,
) -> None:
    """Inspect a data file and print a commented config.

    Train the config as it is, or edit it first.

    Example: seqpred init sales.csv --horizon 28 > sales.yaml
    """
    from seqpred.cli.terminal import Output, write_data
    from seqpred.commands.init import init as write
    from seqpred.sources.opening import open_source

    output = Output.of(ctx)
    overrides = config_keys(time, target, series, settings, horizon=horizon)
    write_data(write(open_source(data), data, overrides, output.notify, output.on_progress))
