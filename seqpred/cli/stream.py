"""`seqpred predict --stream` and `--state`: rows in, forecasts out, the state kept between runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from seqpred.cli.delivery import Delivery
from seqpred.cli.row_writer import RowWriter
from seqpred.cli.terminal import write_message
from seqpred.errors import ConfigError, DataError, Fault, WriteError
from seqpred.forecasting.row_session import Forecast
from seqpred.forecasting.stream import StreamingForecaster
from seqpred.forecasting.table import check_origin
from seqpred.notes import Note, Notify
from seqpred.reading.waiting_lines import Line, waiting_lines
from seqpred.storage.atomic import write_file
from seqpred.storage.lock import locked

if TYPE_CHECKING:
    from seqpred.cli.forecast_request import ForecastRequest

SAVE_EVERY = 10.0  # seconds between two saves of the state, at least
SAVE_SHARE = 20  # times the duration of a save between two saves, at least


class Job:
    """Reads rows from a descriptor, writes their forecasts, and keeps the state.

    The saved state covers exactly the rows whose forecasts were delivered, however the job ends.

    Args:
        request: how forecasts are written and where the state is kept.
    """

    def __init__(self, stream: StreamingForecaster, request: ForecastRequest, notify: Notify) -> None:
        self.stream, self.request, self.notify = stream, request, notify
        columns = stream.parser.format.columns
        if request.origin:
            check_origin(columns)
        self._writer = RowWriter(request.table_format, columns, stream.quantiles)
        self._delivery = Delivery(stream)
        self._next_save = time.monotonic() + SAVE_EVERY

    def run(self, descriptor: int) -> bool:
        """Read to the end; return whether a signal ended it before.

        Raises:
            DataError: no header arrived; or a line is malformed, with `strict`.
            WriteError: another process uses the state, or something cannot be written.
        """
        with self._locked_state(), _signals() as (stop, stopped):
            batches = self._batches(waiting_lines(descriptor, stop, self.stream.parser.source))
            if self.request.stream:
                self._forecast_each(batches)
            else:
                self._forecast_last(batches)
            if not self.stream.parser.has_started and not stopped():
                hint = "Provide a header row, then one row per timestamp."
                raise DataError("is empty", hint=hint, where=self.stream.parser.source)
        self._report_skipped()
        return stopped()

    def _forecast_each(self, batches: Iterator[Sequence[Line]]) -> None:
        """Write a forecast after every row; save the state periodically and at the end, also after an error."""
        parser, delivery = self.stream.parser, self._delivery
        try:
            for lines in batches:
                had_header, batch = parser.has_started, delivery.begin(lines)
                forecasts = self.stream.take(lines)
                if parser.has_started and not had_header:
                    delivery.write(self._writer.header())
                delivery.write_batch(batch, forecasts, list(self._texts(forecasts)))
                self._save_now_and_then()
        finally:
            if self.request.state is not None and parser.has_started:
                delivery.forget_undelivered()
                self._save()

    def _forecast_last(self, batches: Iterator[Sequence[Line]]) -> None:
        """Write a forecast after the last row of each series, then save the state."""
        last: dict[int, Forecast] = {}
        for lines in batches:
            last.update({f.series: f for f in self.stream.take(lines, every_row=False)})
        if not self.stream.parser.has_started:
            return
        text = self._writer.header() + "".join(self._texts(list(last.values())))
        if self.request.output:
            write_file(self.request.output, text.encode())
        else:
            self._delivery.write(text)
        self._save()

    def _batches(self, waiting: Iterator[list[Line]]) -> Iterator[Sequence[Line]]:
        """The lines to take together: all that wait, or one at a time if a malformed one ends the job."""
        where = self.stream.parser.source
        for lines in waiting:
            if lines and not lines[-1].ended:
                number = lines[-1].number
                if self.request.state is not None:
                    text = "the last line has no line break and may be incomplete; it is left for the next run"
                    self.notify(Note(text, f"{where}:{number}"))
                    continue
                self.notify(Note("the last line has no line break; it is treated as complete", f"{where}:{number}"))
            yield from ([line] for line in lines) if self.request.strict else [lines]

    def _texts(self, forecasts: Sequence[Forecast]) -> Iterator[str]:
        """The output of each forecast."""
        if not forecasts:
            return
        session = self.stream.session
        self._writer.clock = session.clock or self._writer.clock
        shown = self.stream.shown(np.stack([f.quantiles for f in forecasts])).tolist()
        for forecast, numbers in zip(forecasts, shown, strict=True):
            name, times = session.names[forecast.series], session.times_ahead(forecast)
            origin = forecast.time if self._writer.has_times else forecast.row
            yield self._writer.write(name, times, numbers, origin)

    @contextmanager
    def _locked_state(self) -> Iterator[None]:
        """Load the state, which no other process uses meanwhile."""
        path = self.request.state
        if path is None:
            yield
            return
        hint = "Wait for it to finish, or use another --state file."
        taken = WriteError("another process uses this state", hint=hint, where=str(path))
        with locked(path.with_name(f".{path.name}.lock"), taken):
            if os.path.lexists(path):
                self.stream.load(path)
            yield

    def _save_now_and_then(self) -> None:
        if self.request.state is not None and time.monotonic() > self._next_save:
            started = time.monotonic()
            self._save()
            ended = time.monotonic()
            self._next_save = ended + max(SAVE_EVERY, SAVE_SHARE * (ended - started))

    def _save(self) -> None:
        """Save the state; if it cannot be saved, no forecast after the saved one stays in an output file."""
        if self.request.state is None:
            return
        try:
            self.stream.save(self.request.state)
        except WriteError:
            self._delivery.cut_to_saved()
            raise
        self._delivery.note_saved()

    def _report_skipped(self) -> None:
        session, late = self.stream.session, self.stream.session.late
        if late:
            rows = "1 row" if late == 1 else f"{late} rows"
            self.notify(Note(f"skipped {rows} at or before the last timestamp of their series"))
        skipped = self.stream.parser.malformed + session.misplaced
        if skipped:
            total = session.used + late + skipped
            self.notify(Note(f"skipped {skipped} of {total} rows because they are malformed"))


@contextmanager
def _signals() -> Iterator[tuple[int, Callable[[], bool]]]:
    """Report SIGTERM and SIGINT by a descriptor that becomes readable; a second signal raises KeyboardInterrupt."""
    wake, ring = os.pipe()
    os.set_blocking(ring, False)
    caught: list[int] = []

    def note(number: int, _: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        os.write(ring, b".")

    before = {s: signal.signal(s, note) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield wake, lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def opened(data: str) -> Iterator[int]:
    """Open the rows: standard input for `-`, otherwise a file.

    Raises:
        ConfigError: standard input is a terminal.
        DataError: there is no such file, or it has no lines.
    """
    if data == "-":
        if sys.stdin is None or sys.stdin.isatty():
            hint = "Example: tail -n +1 -f FILE | seqpred predict MODEL - --stream"
            raise ConfigError("'-' reads standard input, and nothing is piped into it", hint=hint)
        yield sys.stdin.fileno()
        return
    from seqpred.sources.opening import open_source  # which standard input does not need

    source = open_source(data)
    if len(source.parts) > 1:
        hint = "Omit --stream and --state, or pipe rows of text into -."
        raise DataError("consists of several files, which cannot be read as one stream", hint=hint, where=data)
    (source,) = source.parts
    if source.is_parquet:
        message = "is a Parquet file, which cannot be read row by row"
        raise DataError(message, hint="Omit --stream and --state.", where=data)
    with source.open_bytes() as file:
        yield file.fileno()


def report_fault(fault: Fault) -> None:
    """Report a malformed line on stderr."""
    write_message(f"seqpred: {fault}; row skipped")


def raise_fault(fault: Fault) -> None:
    """End the job at a malformed line."""
    raise DataError(fault.message, hint="Fix the row, or omit --strict to skip it.", where=fault.where)
