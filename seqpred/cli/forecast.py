"""`seqpred forecast`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seqpred.cli.completion import offer_columns, offer_settings
from seqpred.cli.predict import FORMS, Asked, Form, levels_of, run, shard_of

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
_Stream = Annotated[bool, typer.Option("--stream", help="Emit a forecast after every input row.")]
_State = Annotated[Path | None, typer.Option(metavar="FILE", help="Load and update the state of all series in FILE.")]
_Strict = Annotated[bool, typer.Option("--strict", help="With --stream: stop at the first malformed row.")]
_Form = Annotated[
    Form | None, typer.Option("--format", help="Output format [default: by the suffix of --output, else csv].")
]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, completely or not at all.")
]
_NoHeader = Annotated[bool, typer.Option("--no-header", help="Omit the header row of csv and tsv.")]
_Origin = Annotated[
    bool, typer.Option("--origin", help="Add a column with the timestamp of the last row before each forecast.")
]
_Digits = Annotated[int | None, typer.Option(min=0, max=17, help="Round numbers to so many decimals.")]
_Shard = Annotated[str | None, typer.Option(metavar="I/N", help="Forecast only part I of N parts of the series.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes or progress bar.")]


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
    stream: _Stream = False,
    state: _State = None,
    strict: _Strict = False,
    form: _Form = None,
    output: _Output = None,
    no_header: _NoHeader = False,
    origin: _Origin = False,
    digits: _Digits = None,
    shard: _Shard = None,
    quiet: _Quiet = False,
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
