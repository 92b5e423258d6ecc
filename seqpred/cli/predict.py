"""`seqpred predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from seqpred.cli.forecast_options import (
    DigitsOption,
    FormOption,
    HistoryArgument,
    ModelArgument,
    NoHeaderOption,
    OriginOption,
    OutputOption,
    QuietOption,
    RuntimeOption,
    ShardOption,
    StateOption,
    StreamOption,
    StrictOption,
)

_Steps = Annotated[
    int | None, typer.Option(min=1, max=1_000_000, metavar="N", help="Rows to forecast [default: the horizon].")
]
_Future = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Future values of the known covariates (columns: id, timestamp, covariates)."),
]
_WriteFuture = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a template for --future and exit.")]
_Quantiles = Annotated[
    str | None, typer.Option(metavar="LEVELS", help="Levels to print, such as 0.1,0.9 [default: those of the config].")
]
_Window = Annotated[
    bool,
    typer.Option(
        "--window", help="With --stream: process the whole window again at every row (bidirectional networks)."
    ),
]
_Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(metavar="local|ray", help="Compute in this process or in workers of Ray (`seqpred[ray]`)."),
]
_Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="With --engine ray: address of a running cluster, or `auto` [default: start one on this machine].",
    ),
]


def predict(
    ctx: typer.Context,
    model: ModelArgument,
    data: HistoryArgument = None,
    steps: _Steps = None,
    future: _Future = None,
    write_future: _WriteFuture = None,
    quantiles: _Quantiles = None,
    stream: StreamOption = False,
    state: StateOption = None,
    strict: StrictOption = False,
    window: _Window = False,
    form: FormOption = None,
    output: OutputOption = None,
    no_header: NoHeaderOption = False,
    origin: OriginOption = False,
    digits: DigitsOption = None,
    shard: ShardOption = None,
    runtime: RuntimeOption = "auto",
    engine: _Engine = "local",
    address: _Address = None,
    quiet: QuietOption = False,
) -> None:
    """Forecast the rows that follow the data.

    Prints one row per series, target and step: as CSV, or on a terminal as a rounded table with a chart.

    Example: cat sales.csv | seqpred predict runs/sales - > forecast.csv
    """
    from seqpred.cli.forecast_output import run
    from seqpred.cli.forecast_request import ForecastRequest, levels_of
    from seqpred.cli.terminal import Output
    from seqpred.commands.pretrained import load_for

    request = ForecastRequest(data, levels_of(quantiles), steps, future, write_future, engine, address)
    request = request.streamed(state, shard, each=stream, strict=strict, window=window)
    request = request.written(form, output, digits, no_header=no_header, origin=origin)
    screen, keys = Output.of(ctx, quiet=quiet), {"forecast.quantiles": request.levels} if request.levels else {}
    source = request.history(None) if str(model) == "pretrained" else data
    run(screen, *load_for(model, source, keys, screen.notify, runtime), request)
