"""`seqpred forecast`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from seqpred.cli.config_options import HorizonOption, IdOption, SetReadingOption, TargetOption, TimeOption, config_keys
from seqpred.cli.forecast_options import (
    DigitsOption,
    FormOption,
    NoHeaderOption,
    OriginOption,
    OutputOption,
    QuietOption,
    ShardOption,
    StateOption,
    StreamOption,
    StrictOption,
)

_Data = Annotated[
    str, typer.Argument(metavar="DATA", help="Data file with the history; - reads standard input.", show_default=False)
]
_Season = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Rows per season, 1 for none [default: inferred].")
]
_Cell = Annotated[
    Literal["lstm", "gru", "rnn"], typer.Option(metavar="lstm|gru|rnn", help="Cell of the pretrained network.")
]
_Like = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Infer columns, season and horizon from FILE instead of DATA."),
]
_Quantiles = Annotated[
    str | None, typer.Option(metavar="LEVELS", help="Levels to print, such as 0.1,0.9 [default: 0.1 to 0.9].")
]


def forecast(
    ctx: typer.Context,
    data: _Data,
    horizon: HorizonOption = None,
    time: TimeOption = None,
    target: TargetOption = None,
    series: IdOption = None,
    season: _Season = None,
    settings: SetReadingOption = None,
    cell: _Cell = "lstm",
    like: _Like = None,
    quantiles: _Quantiles = None,
    stream: StreamOption = False,
    state: StateOption = None,
    strict: StrictOption = False,
    form: FormOption = None,
    output: OutputOption = None,
    no_header: NoHeaderOption = False,
    origin: OriginOption = False,
    digits: DigitsOption = None,
    shard: ShardOption = None,
    quiet: QuietOption = False,
) -> None:
    """Forecast without training, with the pretrained network.

    Prints one row per series, target and step, and on stderr the columns, season and horizon inferred from the data.

    Example: seqpred forecast sales.csv > forecast.csv
    """
    from seqpred.cli.forecast_output import run
    from seqpred.cli.forecast_request import ForecastRequest, levels_of
    from seqpred.cli.terminal import Output
    from seqpred.commands.pretrained import load_for

    request = ForecastRequest(data, levels_of(quantiles)).streamed(state, shard, each=stream, strict=strict)
    request = request.written(form, output, digits, no_header=no_header, origin=origin)
    keys = config_keys(time, target, series, settings, horizon=horizon, season=season, quantiles=request.levels)
    screen = Output.of(ctx, quiet=quiet)
    model, source = load_for("pretrained", request.history(like), {"model.cell": cell, **keys}, screen.notify)
    run(screen, model, source if like is None else data, request)
