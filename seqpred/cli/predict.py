"""`seqpred predict`."""

from __future__ import annotations

import signal
import sys
from codecs import iterdecode
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from seqpred.cli.completion import offer_models
from seqpred.cli.forecast_options import (
    FORMS,
    DigitsOption,
    Form,
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

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from seqpred.cli.table import Block, TableFormat
    from seqpred.cli.terminal import Output
    from seqpred.commands.predict import ForecastJob
    from seqpred.forecasting.model import Model
    from seqpred.forecasting.shard import Shard

_Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="Model folder, or `pretrained`.", show_default=False, autocompletion=offer_models
    ),
]
_Data = Annotated[
    str | None,
    typer.Argument(metavar="DATA", help="History; - reads standard input [default: the training file]."),
]
_Steps = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="Rows to forecast [default: the horizon].")]
_Future = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Future values of the known covariates (columns: id, timestamp, covariates)."),
]
_WriteFuture = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a template for --future and exit.")]
_Quantiles = Annotated[
    str | None, typer.Option(metavar="LEVELS", help="Levels to print, as 0.1,0.9 [default: those of the config].")
]
_Window = Annotated[
    bool, typer.Option("--window", help="With --stream: let a bidirectional network reread its window at every row.")
]
_Runtime = Annotated[
    Literal["auto", "onnx", "torch", "light"],
    typer.Option(metavar="auto|onnx|torch", help="Inference backend; auto: onnx if it supports the model."),
]
_Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(help="Where forecasts are computed: in this process, or in the workers of Ray (`seqpred[ray]`)."),
]
_Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="With --engine ray: a running cluster, or `auto` [default: one on this machine]."
    ),
]


def predict(
    ctx: typer.Context,
    model: _Model,
    data: _Data = None,
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
    runtime: _Runtime = "auto",
    engine: _Engine = "local",
    address: _Address = None,
    quiet: QuietOption = False,
) -> None:
    """Forecast the rows that follow the data.

    Prints one row per series, target and step: as CSV, or on a terminal as a rounded table with a chart.

    Example: cat sales.csv | seqpred predict runs/sales - > forecast.csv
    """
    from seqpred.cli.terminal import Output
    from seqpred.commands.pretrained import load_for

    screen = Output.of(ctx, quiet=quiet)
    asked = Asked(
        data=data,
        steps=steps,
        future=future,
        write_future=write_future,
        levels=levels_of(quantiles) if quantiles else None,
        stream=stream,
        state=state,
        strict=strict,
        window=window,
        on_screen=form is None and output is None and not (no_header or origin) and sys.stdout.isatty(),
        form=form or FORMS.get(output.suffix if output else "", "csv"),
        output=output,
        header=not no_header,
        origin=origin,
        digits=digits,
        part=shard_of(shard, each=stream or state is not None),
        engine=engine,
        address=address,
    )
    asked.check()
    keys = {"forecast.quantiles": asked.levels} if asked.levels else {}
    source = asked.history(None) if str(model) == "pretrained" else data
    run(screen, *load_for(model, source, keys, screen.notify, runtime), asked)


class Asked(NamedTuple):
    """What `predict` and `forecast` are asked for; see their options.

    Attributes:
        on_screen: whether a table and a chart are shown on a terminal.
    """

    data: str | None
    steps: int | None
    levels: list[float] | None
    form: Form
    output: Path | None = None
    future: str | None = None
    write_future: Path | None = None
    stream: bool = False
    state: Path | None = None
    strict: bool = False
    window: bool = False
    header: bool = True
    on_screen: bool = False
    origin: bool = False
    digits: int | None = None
    part: Shard | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None

    def check(self) -> None:
        """Refuse options that exclude each other, and files that cannot be written."""
        from seqpred.storage.atomic import check_writable

        _check(self.data, self.future, self.form, self.output, each=self.stream, stateful=self.state is not None)
        if self.engine == "ray" and (self.stream or self.state):
            raise typer.BadParameter("--engine ray forecasts files: a stream is read by one process")
        if self.address is not None and self.engine != "ray":
            raise typer.BadParameter("--address is for --engine ray")
        for path in (self.output, self.write_future, self.state):
            if path:
                check_writable(path)

    def history(self, like: str | None) -> str | None:
        """The file from which the pretrained network's config is chosen."""
        if like is None and self.data == "-" and (self.stream or self.state):
            raise typer.BadParameter("a stream has no rows yet to choose the season from: name a file with --like")
        return self.data if like is None else like


def run(screen: Output, model: Model, source: object, asked: Asked) -> None:
    """Forecast and write the result.

    Args:
        source: the data, which may have been opened.
    """
    if asked.stream or asked.state:
        _run_stream(screen, model, asked)
        return
    from seqpred.cli.table import TableFile, TableFormat, encode_table
    from seqpred.commands.predict import future_table, read_job  # reading tables, which a stream does not need
    from seqpred.storage.atomic import write_file

    if asked.write_future:
        table = future_table(model, source, steps=asked.steps, notify=screen.notify)
        write_file(asked.write_future, encode_table(table, "csv"))
        return
    with screen.progress_cleared():
        job = read_job(
            model,
            source,
            steps=asked.steps,
            quantiles=asked.levels,
            future=asked.future,
            shard=asked.part,
            notify=screen.notify,
            on_progress=screen.on_progress,
        )
        if not asked.on_screen or asked.engine == "ray":
            made = TableFormat(asked.form, asked.header, asked.digits, asked.origin)
            with (
                _ended_by_sigterm(),
                _opened(asked.output) as file,
                TableFile(file, asked.form) as rows,
                closing(_blocks(job, made, screen, asked)) as blocks,  # whatever ends the loop, workers end too
            ):
                for block in blocks:
                    rows.add(block)
            return
        found = job.run()
    from seqpred.cli.forecast_screen import show_forecasts

    show_forecasts(found, asked.digits, screen.notify, all_levels=asked.levels is not None)


def _run_stream(screen: Output, model: Model, asked: Asked) -> None:
    """Forecast row by row, or continue from a state."""
    from seqpred.cli.stream import Job, OutputOptions, opened, raise_fault, report_fault
    from seqpred.forecasting.stream import StreamingForecaster, StreamOptions

    where = "standard input" if asked.data == "-" else str(asked.data)
    options = StreamOptions(asked.steps, asked.levels, asked.future, asked.window)
    on_skipped = raise_fault if asked.strict else report_fault
    forecaster = StreamingForecaster(model, where, options, on_skipped, screen.notify)
    written = OutputOptions(
        asked.form, asked.stream, asked.state, asked.output, asked.strict, asked.digits, asked.header, asked.origin
    )
    job = Job(forecaster, written, screen.notify)
    with opened(str(asked.data)) as descriptor:
        if job.run(descriptor):
            raise KeyboardInterrupt


def _blocks(job: ForecastJob, made: TableFormat, screen: Output, asked: Asked) -> Generator[Block, None, None]:
    """The forecasts as blocks of a table, computed by the engine that is asked for."""
    if asked.engine == "local":
        return job.run_blocks(made.encode, screen.on_progress)
    from seqpred.commands.ray_engine import run_on_ray

    return run_on_ray(job, made.encode, asked.address, screen.on_progress)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that no temporary file and no worker is left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _opened(output: Path | None) -> Iterator[SupportsWrite[bytes]]:
    """The file of a table, or what is written to standard output at the end of the block."""
    from seqpred.cli.terminal import write_data
    from seqpred.spool.held_output import HeldOutput
    from seqpred.storage.atomic import open_output

    if output:
        with open_output(output) as file:
            yield file
    else:
        with HeldOutput() as held:
            yield held
            for text in iterdecode(held.parts(), "utf-8"):
                write_data(text)


def _check(
    data: str | None, future: str | None, form: Form, output: Path | None, *, each: bool, stateful: bool
) -> None:
    """Refuse combinations of options that exclude each other.

    Args:
        each: whether every row gets a forecast.
        stateful: whether a state is loaded and saved.
    """
    if data == "-" and future == "-":
        raise typer.BadParameter("the history and --future cannot both be standard input")
    if form == "parquet" and not output:
        raise typer.BadParameter("--format parquet is binary: name a file with --output")
    if not (each or stateful):
        return
    if data is None:
        raise typer.BadParameter("--stream and --state need new rows: give a file, or - for standard input")
    if form in ("json", "parquet"):
        raise typer.BadParameter(f"--format {form} cannot be written row by row: use jsonl, csv or tsv")
    if each and output:
        raise typer.BadParameter("--stream writes to standard output: redirect it instead of using --output")


def shard_of(text: str | None, *, each: bool) -> Shard | None:
    """The shard of an option."""
    if text is None:
        return None
    if each:
        raise typer.BadParameter("--shard divides files: split the rows of a stream before it")
    return parse_shard(text)


def parse_shard(text: str) -> Shard:
    """A shard from the value of `--shard`."""
    from seqpred.forecasting.shard import Shard

    try:
        return Shard.parse(text)
    except ValueError:
        raise typer.BadParameter(f"--shard {text}: expected i/n, as 1/4") from None


def levels_of(text: str) -> list[float]:
    """The quantile levels of an option."""
    try:
        levels = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"--quantiles {text}: expected numbers between 0 and 1, as 0.1,0.9") from None
    if not all(0 < level < 1 for level in levels) or sorted(set(levels)) != levels:
        raise typer.BadParameter(f"--quantiles {text}: expected increasing numbers between 0 and 1, as 0.1,0.9")
    return levels
