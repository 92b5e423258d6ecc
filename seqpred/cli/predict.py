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
    stream: Annotated[
        bool, typer.Option("--stream", help="Answer each row as it comes, with the state of its series carried on.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Load the state of all series, go on from it, and save it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="With --stream: end at the first faulty row.")] = False,
    window: Annotated[
        bool, typer.Option("--window", help="With --stream: a bidirectional network reads its window anew each time.")
    ] = False,
    form: Annotated[
        Literal["csv", "tsv", "json", "jsonl"], typer.Option("--format", help="Form of the table.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="File to write, whole or not at all; by default standard output.")
    ] = None,
    runtime: Annotated[
        Literal["auto", "light", "torch"],
        typer.Option(help="What computes the network: onnxruntime (light) or torch; auto: light where it can."),
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
) -> None:
    """Forecast what follows the data: a row for each series, target and step.

    Example: cat sales.csv | seqpred predict runs/sales - --steps 24 > forecast.csv
    """
    from seqpred import verbs
    from seqpred.cli.table import write_table
    from seqpred.cli.terminal import make_say, progress_bar, show_data
    from seqpred.folder import check_writable, write_file

    levels = _levels(quantiles) if quantiles else None
    if data == "-" and future == "-":
        raise typer.BadParameter("the history and --future can't both be standard input")
    if stream or state:
        _check_stream(data, form, stream, output)
    if output:
        check_writable(output)
    loaded, say = verbs.load(model, runtime), make_say(quiet=quiet)
    if stream or state:
        from seqpred.cli.stream import Job, opened, refuse_fault, tell_fault, write_out
        from seqpred.streaming.stream import Asked, Stream

        where = "standard input" if data == "-" else str(data)
        tell = refuse_fault if strict else tell_fault
        job = Job(Stream(loaded, where, Asked(steps, levels, future, window), tell), form, stream, state, strict, say)
        written: list[str] = []
        with opened(str(data)) as descriptor:
            stopped = job.run(descriptor, written.append if output else write_out)
        if output:
            write_file(output, "".join(written).encode())
        if stopped:
            raise KeyboardInterrupt
        return
    if write_future:
        check_writable(write_future)
        write_file(write_future, write_table(verbs.future_table(loaded, data, steps=steps, say=say), "csv").encode())
        return
    with progress_bar("forecasting", quiet=quiet) as show:
        table = verbs.forecast_table(
            loaded,
            data,
            steps=steps,
            quantiles=levels,
            future=future,
            say=say,
            watch=lambda share: show(share, ""),
        )
    text = write_table(table, form)
    if output:
        write_file(output, text.encode())
    else:
        show_data(text)


def _check_stream(data: str | None, form: str, each: bool, output: Path | None) -> None:
    """Refuse what a stream can't be."""
    if data is None:
        raise typer.BadParameter("--stream and --state need new rows: name a file, or - for standard input")
    if form == "json":
        raise typer.BadParameter("--format json is one list, and a stream has no end: use jsonl, csv or tsv")
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
