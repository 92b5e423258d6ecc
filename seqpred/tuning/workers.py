"""The trials of a search in parallel processes: jobs in, progress and scores out."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seqpred import workers
from seqpred.errors import SeqpredError, StoppedError
from seqpred.workers import Channel


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        number: of the trial.
        config: all keys, as `Config.model_dump` gives them.
        data: the path of the data, or None for the config's own.
        out: the model folder.
        holdout: the rows not to train on; see `TuneSpec`.
    """

    number: int
    config: Mapping[str, Any]
    data: str | None
    out: str
    holdout: str | None = None


@dataclass(frozen=True)
class Event:
    """What happened to a job.

    Attributes:
        kind: `progress` (step, score), `done` (score), `pruned`, `failed` (message) or `interrupted`.
        score: the validation MASE so far, or of the finished model.
    """

    number: int
    kind: str
    step: int = 0
    score: float = float("nan")
    message: str = ""


Train = Callable[[Job, Callable[[Any], None]], float]
"""Trains the model of a job, calling back with its progress, and returns the validation score; must be picklable."""


class _PrunedError(Exception):
    """The parent requests to stop this trial."""


@dataclass
class Pool:
    """Worker processes, one training each at a time.

    A worker that dies is replaced; its job is reported as failed. Leaving the context interrupts running trainings,
    which save their checkpoints.
    """

    count: int
    train: Train
    method: workers.Method
    pool: workers.Pool = field(init=False)

    def __post_init__(self) -> None:
        self.pool = workers.Pool(self.count, partial(_work, self.train), self.method)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        with self.pool:
            for number in self.pool.running:
                os.kill(self.pool.pid(number), signal.SIGINT)
            while self.pool.running and any(self.pool.events(workers.GRACE)):
                pass  # until they have ended, or one takes too long

    @property
    def free(self) -> bool:
        """Whether another job can start now."""
        return self.pool.free

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return bool(self.pool.running)

    def start(self, job: Job) -> None:
        """Run a job in a free worker."""
        self.pool.start(job.number, job)

    def events(self, timeout: float) -> Iterator[Event]:
        """The events so far, after waiting up to a number of seconds for one."""
        for event in self.pool.events(timeout):
            if event.kind == "killed":
                yield Event(event.number, "failed", message="its process was killed")
            elif event.kind == "raised":
                yield Event(event.number, "failed", message=f"{type(event.value).__name__}: {event.value}")
            else:
                yield event.value

    def prune(self, number: int) -> None:
        """Ask a running job to stop at its next validation."""
        self.pool.ask_to_stop(number)


def _work(train: Train, job: Job, channel: Channel) -> Event:
    """Run one job, which SIGINT interrupts; the event that ends it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return Event(job.number, "done", score=train(job, _report(job.number, channel)))
    except _PrunedError:
        return Event(job.number, "pruned")
    except (StoppedError, KeyboardInterrupt):
        return Event(job.number, "interrupted")
    except SeqpredError as e:
        return Event(job.number, "failed", message=e.message)
    finally:
        signal.signal(signal.SIGINT, before)


def _report(number: int, channel: Channel) -> Callable[[Any], None]:
    """A callback that sends the progress of the first network, and stops the training if it is to be pruned."""

    def on_progress(progress: Any) -> None:
        if channel.asked_to_stop():
            raise _PrunedError
        if progress.network == 1:
            channel.report(Event(number, "progress", progress.step, progress.best.mase))

    return on_progress
