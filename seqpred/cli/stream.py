"""`seqpred predict --stream` and `--state`: rows in, forecasts out, the state kept."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqpred.cli.table import RowWriter
from seqpred.errors import ConfigError, DataError
from seqpred.forecasting.rows import Line, lines_of
from seqpred.forecasting.session_file import read_state, write_state
from seqpred.forecasting.stream import Answer, Stream
from seqpred.notes import Note, Notify
from seqpred.sources.opening import open_source

SAVE_EVERY = 10.0  # seconds between savings of the state
SAVE_SHARE = 20  # and so many times what one takes


@dataclass
class Job:
    """A stream on its way from a descriptor to standard output.

    Attributes:
        form: of the output: csv, tsv or jsonl.
        each: whether every row is answered, or only the last one of each series.
        state: the file that the state is kept in.
        strict: whether a line that is no row ends the job.
        digits: decimals to round to; None for all.
        header: whether the output begins with the names of the columns.
    """

    stream: Stream
    form: str
    each: bool
    state: Path | None
    strict: bool
    notify: Notify
    digits: int | None = None
    header: bool = True
    _next: float = field(default_factory=lambda: time.monotonic() + SAVE_EVERY)

    def __post_init__(self) -> None:
        columns = self.stream.rows.wanted.columns
        numbers = ["forecast", *(f"q{level:g}" for level in self.stream.wanted)]
        targets = columns.targets if len(columns.targets) > 1 else ()
        self.writer = RowWriter(
            self.form, columns.id, columns.time, targets, numbers, digits=self.digits, header=self.header
        )

    def run(self, descriptor: int, out: Callable[[str], None]) -> bool:
        """Read to the end; whether a signal ended it before.

        Raises:
            DataError: nothing came, not even a header; or a faulty row, where those are refused.
        """
        rows, last = self.stream.rows, dict[int, Answer]()
        if self.state is not None and self.state.exists():
            rows.clock = read_state(self.state, self.stream.follower, self.stream.fingerprint)
        with _signals() as (stop, stopped), self._saved():
            for lines in self._parts(lines_of(descriptor, stop)):
                begun = rows.begun
                answers = self.stream.take(lines)
                out(self.writer.header() if rows.begun and not begun else "")
                if self.each:
                    out("".join(self._written(answers)))
                last.update({a.place: a for a in answers if not self.each})
                self._save_now_and_then()
            if not rows.begun and not stopped():
                raise DataError("is empty", hint="Give a header row, then one row per time.", where=rows.name)
            out("".join(self._written(list(last.values()))))
        self._tell()
        return stopped()

    def _parts(self, waiting: Iterator[list[Line]]) -> Iterator[Sequence[Line]]:
        """The lines that are taken together: all that wait; one where a fault ends the job, for those before it."""
        where = self.stream.rows.name
        for lines in waiting:
            if lines and not lines[-1].ended:
                number = lines[-1].number
                if self.state is not None:
                    text = "the last line has no line break and may be incomplete; it is left for the next run"
                    self.notify(Note(text, f"{where}:{number}"))
                    continue
                self.notify(Note("the last line has no line break; it is treated as complete", f"{where}:{number}"))
            yield from ([line] for line in lines) if self.strict else [lines]

    def _written(self, answers: Sequence[Answer]) -> Iterator[str]:
        """The lines of some answers."""
        if not answers:
            return
        stream = self.stream
        follower = stream.follower
        self.writer.clock = stream.rows.clock or self.writer.clock
        shown = stream.shown(np.stack([a.quantiles for a in answers])).tolist()
        for answer, own in zip(answers, shown, strict=True):
            times = follower.times_ahead(answer.place, answer.rows, answer.time)
            yield self.writer.write(follower.names[answer.place], times, own)

    @contextmanager
    def _saved(self) -> Iterator[None]:
        """Whatever ends what is inside, the state of the rows that were answered is saved."""
        try:
            yield
        finally:
            if self.state is not None and self.stream.rows.begun:
                self._save()

    def _save_now_and_then(self) -> None:
        if self.state is not None and time.monotonic() > self._next:
            began = time.monotonic()
            self._save()
            ended = time.monotonic()
            self._next = ended + max(SAVE_EVERY, SAVE_SHARE * (ended - began))

    def _save(self) -> None:
        assert self.state is not None
        write_state(self.state, self.stream.follower, self.stream.rows.clock, self.stream.fingerprint)

    def _tell(self) -> None:
        stream = self.stream
        if stream.late:
            rows = "1 row" if stream.late == 1 else f"{stream.late} rows"
            self.notify(Note(f"skipped {rows} at or before the last timestamp of their series"))
        if stream.rows.bad:
            total = stream.taken + stream.late + stream.rows.bad
            self.notify(Note(f"skipped {stream.rows.bad} of {total} rows because they are malformed"))


@contextmanager
def _signals() -> Iterator[tuple[int, Callable[[], bool]]]:
    """While inside, SIGTERM and SIGINT are told by a descriptor that becomes readable, between two rows."""
    wake, ring = os.pipe()
    os.set_blocking(ring, False)
    caught: list[int] = []

    def note(number: int, _: object) -> None:
        if caught:  # the second time, at once
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
    """A descriptor of the rows: of standard input for `-`, else of a file.

    Raises:
        ConfigError: a terminal is standard input.
        DataError: no such file, or one that has no lines.
    """
    source = open_source(data, lambda: b"")
    if data == "-":
        if sys.stdin is None or sys.stdin.isatty():
            hint = "As in: tail -f FILE | seqpred predict MODEL - --stream"
            raise ConfigError("'-' reads standard input, and nothing is piped into it", hint=hint)
        yield sys.stdin.fileno()
        return
    if source.is_parquet:
        raise DataError("is Parquet, which has no lines to follow", hint="Leave --stream and --state out.", where=data)
    with source.open_bytes() as file:
        yield file.fileno()


def write_out(text: str) -> None:
    """Rows on standard output, at once."""
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()


def tell_fault(message: str) -> None:
    """A line that is no row, on stderr."""
    from seqpred.report.text import printable

    sys.stderr.write(f"seqpred: {printable(message)}; row skipped\n")


def refuse_fault(message: str) -> None:
    """A line that is no row ends the work."""
    where, _, found = message.partition(": ")
    raise DataError(found, hint="Fix the row, or omit --strict to skip it.", where=where)
