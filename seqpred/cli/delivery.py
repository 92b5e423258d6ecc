"""How much of a stream's output has reached its reader, so that a saved state covers exactly those rows."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from seqpred.cli.standard_streams import CompleteWriter
from seqpred.forecasting.row_session import Forecast
from seqpred.forecasting.stream import Snapshot, StreamingForecaster
from seqpred.reading.waiting_lines import Line
from seqpred.report.text import printable


@dataclass
class Batch:
    """Lines that are taken together, and where their forecasts are in the output.

    Attributes:
        snapshot: of the stream, before the lines.
        start: bytes of the output before the forecasts.
        rows: line number of each row, and bytes of the output after its forecasts.
        end: bytes of the output after all forecasts; infinite while they are not written.
    """

    snapshot: Snapshot
    lines: Sequence[Line]
    start: int
    rows: list[tuple[int, int]] = field(default_factory=list)
    end: float = math.inf


class Delivery:
    """Writes forecasts to standard output, and makes a stream forget the rows whose forecasts did not arrive.

    A batch is remembered until its forecasts can no longer be waiting in a pipe.
    """

    def __init__(self, stream: StreamingForecaster) -> None:
        sys.stdout.flush()
        out = getattr(sys.stdout, "buffer", None)
        self._out = out if isinstance(out, CompleteWriter) else CompleteWriter(sys.stdout.fileno())
        self._terminal, self._capacity = sys.stdout.isatty(), self._out.capacity()
        self._stream = stream
        self._batches: deque[Batch] = deque()
        self._saved = self._out.written

    def write(self, text: str) -> None:
        """Write text at once, completely or, in a regular file, not at all."""
        start = self._out.written
        try:
            self._out.write(self._encoded(text))
        except BaseException:
            self._out.cut(start)
            raise

    def begin(self, lines: Sequence[Line]) -> Batch:
        """Remember the stream before these lines; `write_batch` must follow before the next ones."""
        while self._batches and self._batches[0].end <= self._out.written - self._capacity:
            self._batches.popleft()
        batch = Batch(self._stream.snapshot(), lines, self._out.written)
        self._batches.append(batch)
        return batch

    def write_batch(self, batch: Batch, forecasts: Sequence[Forecast], texts: Sequence[str]) -> None:
        """Write the forecasts after the lines of a batch, a text for each."""
        parts = [self._encoded(text) for text in texts]
        end = batch.start = self._out.written
        for forecast, part in zip(forecasts, parts, strict=True):
            end += len(part)
            batch.rows.append((forecast.line, end))
        batch.end = end
        self._out.write(b"".join(parts))

    def forget_undelivered(self) -> None:
        """Make the stream forget the rows whose forecasts have not arrived completely."""
        delivered = self._out.delivered()
        lost = next((batch for batch in self._batches if batch.end > delivered), None)
        if lost is None:
            return
        while (batch := self._batches.pop()) is not lost:
            self._stream.restore(batch.snapshot)
        self._stream.restore(lost.snapshot)
        arrived = [(line, end) for line, end in lost.rows if end <= delivered]
        if arrived:
            self._stream.mute()  # malformed rows have been reported
            self._stream.take([line for line in lost.lines if line.number <= arrived[-1][0]])
        self._out.cut(arrived[-1][1] if arrived else lost.start)

    def note_saved(self) -> None:
        """Note that a state has been saved that covers all forecasts so far."""
        self._saved = self._out.written

    def cut_to_saved(self) -> None:
        """Remove the forecasts that the saved state does not cover, if the output is a regular file."""
        self._out.cut(self._saved)

    def _encoded(self, text: str) -> bytes:
        text = printable(text) if self._terminal else text
        return text.encode(sys.stdout.encoding, sys.stdout.errors or "strict")
