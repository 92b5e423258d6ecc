"""Compute and write the forecasts of `predict` and `forecast`."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from seqpred.cli.forecast_request import ForecastRequest
    from seqpred.cli.table import Block
    from seqpred.cli.terminal import Output
    from seqpred.commands.predict import ForecastJob
    from seqpred.commands.ray_cluster import RayCluster
    from seqpred.forecasting.model import Model


def run(screen: Output, model: Model, source: object, request: ForecastRequest) -> None:
    """Forecast and write the result.

    Args:
        source: the data, which may have been opened.
    """
    if request.written_files:
        from seqpred.cli.output_files import check_config_is_kept

        check_config_is_kept(request.written_files, model.config.data)
    if request.stream or request.state:
        _run_stream(screen, model, request)
        return
    if request.write_future:
        _write_template(screen, model, source, request.write_future, request.steps)
        return
    from seqpred.cli.table import write_blocks
    from seqpred.commands.predict import read_job  # reading tables, which a stream does not need

    with screen.progress_cleared(), _workers(request) as workers:
        job = read_job(
            model,
            source,
            steps=request.steps,
            quantiles=request.levels,
            future=request.future,
            shard=request.part,
            notify=screen.notify,
            on_progress=screen.on_progress,
        )
        if not request.on_screen or workers:
            with _ended_by_sigterm():
                write_blocks(_blocks(job, screen, request, workers), request.form, request.output)
            return
        found = job.run()
    from seqpred.cli.forecast_screen import show_forecasts

    show_forecasts(found, request.digits, screen.notify, all_levels=request.levels is not None)


def _write_template(screen: Output, model: Model, source: object, path: Path, steps: int | None) -> None:
    """Write a future file with empty cells, in the format that its name stands for."""
    from seqpred.cli.output_files import form_of
    from seqpred.cli.table import encode_table
    from seqpred.commands.predict import future_table
    from seqpred.storage.atomic import write_file

    form = form_of(path)
    write_file(path, encode_table(future_table(model, source, steps=steps, notify=screen.notify), form))


@contextmanager
def _workers(request: ForecastRequest) -> Iterator[RayCluster | None]:
    """The cluster that computes the forecasts, which starts while the rows are read; None for this process."""
    if request.engine == "local":
        yield None
        return
    from seqpred.commands.ray_cluster import RayCluster

    with _ended_by_sigterm():
        cluster = RayCluster(request.address)
        try:
            yield cluster
        finally:
            cluster.stop()


def _run_stream(screen: Output, model: Model, request: ForecastRequest) -> None:
    """Forecast row by row, or continue from a state."""
    from seqpred.cli.stream import Job, opened, raise_fault, report_fault
    from seqpred.forecasting.stream import StreamingForecaster, StreamOptions

    where = "standard input" if request.data == "-" else str(request.data)
    options = StreamOptions(request.steps, request.levels, request.future, request.window)
    on_skipped = raise_fault if request.strict else report_fault
    forecaster = StreamingForecaster(model, where, options, on_skipped, screen.notify)
    job = Job(forecaster, request, screen.notify)
    with opened(str(request.data)) as descriptor:
        if job.run(descriptor):
            raise KeyboardInterrupt


def _blocks(
    job: ForecastJob, screen: Output, request: ForecastRequest, workers: RayCluster | None
) -> Generator[Block, None, None]:
    """The forecasts as blocks of a table, computed by this process or by workers."""
    encode = request.table_format.encode
    if workers is None:
        return job.run_blocks(encode, screen.on_progress)
    from seqpred.commands.ray_engine import run_on_ray

    return run_on_ray(job, encode, workers, screen.on_progress)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that no temporary file and no worker is left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
