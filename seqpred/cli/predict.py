"""`seqpred predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from seqpred.cli.stream import Job

Form = Literal["csv", "tsv", "json", "jsonl", "parquet"]
FORMS: dict[str, Form] = {".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".parquet": "parquet"}

_Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)]
_Data = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help="The history; - reads standard input; by default the file trained on."),
]
_Steps = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Rows ahead; by default one horizon.")]
_Future = Annotated[
    str | None, typer.Option(metavar="FILE", help="The known covariates of the steps: columns for id, time and these.")
]
_WriteFuture = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the rows of --future, to be filled in, and leave.")
]
_Quantiles = Annotated[str | None, typer.Option(help="Levels such as 0.1,0.9; by default those of the config.")]
_Stream = Annotated[
    bool, typer.Option("--stream", help="Answer each row as it comes, with the state of its series carried on.")
]
_State = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Load the state of all series, go on from it, and save it.")
]
_Strict = Annotated[bool, typer.Option("--strict", help="With --stream: end at the first faulty row.")]
_Window = Annotated[
    bool, typer.Option("--window", help="With --stream: a bidirectional network reads its window anew each time.")
]
_Form = Annotated[
    Form | None,
    typer.Option("--format", help="Form of the table; by default what the name of --output says, else csv."),
]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write, whole or not at all; by default standard output.")
]
_Runtime = Annotated[
    Literal["auto", "light", "torch"],
    typer.Option(help="What computes the network: onnxruntime (light) or torch; auto: light where it can."),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no bar.")]


def predict(
    model: _Model,
    data: _Data = None,
    steps: _Steps = None,
    future: _Future = None,
    write_future: _WriteFuture = None,
    quantiles: _Quantiles = None,
    stream: _Stream = False,
    state: _State = None,
    strict: _Strict = False,
    window: _Window = False,
    form: _Form = None,
    output: _Output = None,
    runtime: _Runtime = "auto",
    quiet: _Quiet = False,
) -> None:
    """Forecast what follows the data: a row for each series, target and step.

    Example: cat sales.csv | seqpred predict runs/sales - --steps 24 > forecast.csv
    """
    from seqpred.cli.table import encode_table
    from seqpred.cli.terminal import make_notify, progress_bar
    from seqpred.commands.predict import forecast_table, future_table
    from seqpred.forecasting.model import load
    from seqpred.storage.atomic import check_writable, write_file

    levels = _levels(quantiles) if quantiles else None
    form = form or FORMS.get(output.suffix if output else "", "csv")
    _check(data, future, form, output, each=stream, kept=state is not None)
    for place in (output, write_future):
        if place:
            check_writable(place)
    loaded, notify = load(model, runtime), make_notify(quiet=quiet)
    if stream or state:
        from seqpred.cli.stream import Job, refuse_fault, tell_fault
        from seqpred.forecasting.stream import Asked, Stream

        where, tell = "standard input" if data == "-" else str(data), refuse_fault if strict else tell_fault
        asked = Asked(steps, levels, future, window)
        _follow(Job(Stream(loaded, where, asked, tell), form, stream, state, strict, notify), str(data), output)
    elif write_future:
        write_file(write_future, encode_table(future_table(loaded, data, steps=steps, notify=notify), "csv"))
    else:
        with progress_bar(quiet=quiet) as show:
            table = forecast_table(
                loaded,
                data,
                steps=steps,
                quantiles=levels,
                future=future,
                notify=notify,
                on_progress=show,
            )
        _give(encode_table(table, form), output)


def _give(content: bytes, output: Path | None) -> None:
    """A table to its file, or to standard output."""
    from seqpred.cli.terminal import show_data
    from seqpred.storage.atomic import write_file

    if output:
        write_file(output, content)
    else:
        show_data(content.decode())


def _follow(job: Job, data: str, output: Path | None) -> None:
    """Rows as they come.

    Raises:
        KeyboardInterrupt: a signal ended it; the state is kept.
    """
    from seqpred.cli.stream import opened, write_out
    from seqpred.storage.atomic import write_file

    written: list[str] = []
    with opened(data) as descriptor:
        stopped = job.run(descriptor, written.append if output else write_out)
    if output:
        write_file(output, "".join(written).encode())
    if stopped:
        raise KeyboardInterrupt


def _check(data: str | None, future: str | None, form: Form, output: Path | None, *, each: bool, kept: bool) -> None:
    """Refuse what can't go together.

    Args:
        each: whether each row is answered.
        kept: whether a state is.
    """
    if data == "-" and future == "-":
        raise typer.BadParameter("the history and --future can't both be standard input")
    if form == "parquet" and not output:
        raise typer.BadParameter("--format parquet is no text: name a file by --output")
    if not (each or kept):
        return
    if data is None:
        raise typer.BadParameter("--stream and --state need new rows: name a file, or - for standard input")
    if form in ("json", "parquet"):
        raise typer.BadParameter(f"--format {form} is one whole, and a stream has no end: use jsonl, csv or tsv")
    if each and output:
        raise typer.BadParameter("--stream writes to standard output, row by row: redirect it instead of --output")


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
