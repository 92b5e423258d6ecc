"""Compute and write the forecasts of `predict` and `forecast`."""

from __future__ import annotations

import signal
from codecs import iterdecode
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from seqpred.cli.forecast_request import ForecastRequest
    from seqpred.cli.table import Block
    from seqpred.cli.terminal import Output
    from seqpred.commands.predict import ForecastJob
    from seqpred.forecasting.model import Model


def run(screen: Output, model: Model, source: object, asked: ForecastRequest) -> None:
    """Forecast and write the result.

    Args:
        source: the data, which may have been opened.
    """
    if asked.stream or asked.state:
        _run_stream(screen, model, asked)
        return
    from seqpred.cli.table import encode_table
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
            _write_blocks(job, screen, asked)
            return
        found = job.run()
    from seqpred.cli.forecast_screen import show_forecasts

    show_forecasts(found, asked.digits, screen.notify, all_levels=asked.levels is not None)


def _write_blocks(job: ForecastJob, screen: Output, asked: ForecastRequest) -> None:
    """Forecast and write one block of series after the other."""
    from seqpred.cli.table import TableFile

    with (
        _ended_by_sigterm(),
        _opened(asked.output) as file,
        TableFile(file, asked.form) as rows,
        closing(_blocks(job, screen, asked)) as blocks,  # whatever ends the loop, workers end too
    ):
        for block in blocks:
            rows.add(block)


def _run_stream(screen: Output, model: Model, asked: ForecastRequest) -> None:
    """Forecast row by row, or continue from a state."""
    from seqpred.cli.stream import Job, opened, raise_fault, report_fault
    from seqpred.forecasting.stream import StreamingForecaster, StreamOptions

    where = "standard input" if asked.data == "-" else str(asked.data)
    options = StreamOptions(asked.steps, asked.levels, asked.future, asked.window)
    on_skipped = raise_fault if asked.strict else report_fault
    forecaster = StreamingForecaster(model, where, options, on_skipped, screen.notify)
    job = Job(forecaster, asked, screen.notify)
    with opened(str(asked.data)) as descriptor:
        if job.run(descriptor):
            raise KeyboardInterrupt


def _blocks(job: ForecastJob, screen: Output, asked: ForecastRequest) -> Generator[Block, None, None]:
    """The forecasts as blocks of a table, computed by the requested engine."""
    encode = asked.table_format.encode
    if asked.engine == "local":
        return job.run_blocks(encode, screen.on_progress)
    from seqpred.commands.ray_engine import run_on_ray

    return run_on_ray(job, encode, asked.address, screen.on_progress)


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
