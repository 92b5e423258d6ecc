"""`seqpred forecast`."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer

from seqpred.cli.completion import offer_columns, offer_settings
from seqpred.cli.forecast_options import (
    FORMS,
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
from seqpred.cli.predict import Asked, levels_of, run, shard_of

_Data = Annotated[str, typer.Argument(metavar="DATA", help="History; - reads standard input.", show_default=False)]
_Horizon = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Rows to forecast [default: one season].")]
_Time = Annotated[
    list[str] | None,
    typer.Option(help="Timestamp column [default: inferred]. Repeatable.", autocompletion=offer_columns),
]
_Target = Annotated[
    list[str] | None,
    typer.Option(help="Column to forecast [default: inferred]. Repeatable.", autocompletion=offer_columns),
]
_Series = Annotated[
    str | None,
    typer.Option("--id", help="Column that identifies the series [default: inferred].", autocompletion=offer_columns),
]
_Season = Annotated[int | None, typer.Option(min=1, help="Rows per season, 1 for none [default: inferred].")]
_Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a key of how the data is read, as in data.decimal=,. Repeatable.",
        autocompletion=offer_settings,
    ),
]
_Cell = Annotated[Literal["lstm", "gru", "rnn"], typer.Option(metavar="lstm|gru|rnn", help="Which pretrained network.")]
_Like = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Choose columns, season and horizon by this file instead of DATA."),
]
_Quantiles = Annotated[
    str | None, typer.Option(metavar="LEVELS", help="Levels to print, as 0.1,0.9 [default: 0.1 to 0.9].")
]


def forecast(
    ctx: typer.Context,
    data: _Data,
    horizon: _Horizon = None,
    time: _Time = None,
    target: _Target = None,
    series: _Series = None,
    season: _Season = None,
    settings: _Settings = None,
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
    """Forecast without a config or training, with the pretrained network.

    Prints one row per series, target and step. Columns, season and horizon are chosen by the data and reported on
    standard error.

    Example: seqpred forecast sales.csv > forecast.csv
    """
    from seqpred.cli.terminal import Output
    from seqpred.commands.pretrained import load_for
    from seqpred.config.loading import read_override

    screen = Output.of(ctx, quiet=quiet)
    levels = levels_of(quantiles) if quantiles else None
    asked = Asked(
        data=data,
        steps=None,
        levels=levels,
        on_screen=form is None and output is None and not (no_header or origin) and sys.stdout.isatty(),
        form=form or FORMS.get(output.suffix if output else "", "csv"),
        output=output,
        stream=stream,
        state=state,
        strict=strict,
        header=not no_header,
        origin=origin,
        digits=digits,
        part=shard_of(shard, each=stream or state is not None),
    )
    asked.check()
    options: dict[str, Any] = {
        "forecast.horizon": horizon,
        "forecast.season": season,
        "forecast.quantiles": levels,
        "data.id": series,
        "data.time": time and (time[0] if len(time) == 1 else time),
        "data.target": target and (target[0] if len(target) == 1 else target),
        "model.cell": cell,
    }
    keys = {key: value for key, value in options.items() if value}
    keys.update(read_override(item) for item in settings or [])
    model, source = load_for("pretrained", asked.history(like), keys, screen.notify)
    run(screen, model, source if like is None else data, asked)
