"""Trainings in parallel processes: jobs in, progress and results out."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from seqpred.errors import SeqpredError, StoppedError

GRACE = 10.0  # seconds that an interrupted training has to save its state


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        number: of the trial.
        config: all keys, as `Config.model_dump` gives them.
        data: the path of the data, or None for the config's own.
        out: the model folder.
    """

    number: int
    config: Mapping[str, Any]
    data: str | None
    out: str


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
    """The parent has asked to stop this trial."""


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: Job | None = None


@dataclass
class Pool:
    """Worker processes, one training each at a time.

    A worker that dies is replaced; its job is reported as failed. Leaving the context interrupts running trainings,
    which save their checkpoints.
    """

    count: int
    train: Train
    workers: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.job is not None and worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT)
            else:
                worker.pipe.close()
        for worker in self.workers:
            worker.process.join(GRACE)
            if worker.process.is_alive():
                worker.process.kill()

    @property
    def free(self) -> bool:
        """Whether another job can start now."""
        return len(self.workers) < self.count or any(worker.job is None for worker in self.workers)

    @property
    def busy(self) -> bool:
        """Whether a job is running."""
        return any(worker.job is not None for worker in self.workers)

    def start(self, job: Job) -> None:
        """Run a job in a free worker."""
        worker = next((worker for worker in self.workers if worker.job is None), None) or self._new()
        worker.job = job
        worker.pipe.send(job)

    def _new(self) -> _Worker:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.train), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def events(self, timeout: float) -> Iterator[Event]:
        """What has happened, after waiting at most so many seconds for something."""
        pipes: dict[Any, _Worker] = {worker.pipe: worker for worker in self.workers if worker.job is not None}
        for pipe in wait(list(pipes), timeout):
            worker = pipes[pipe]
            assert worker.job is not None
            try:
                event: Event = worker.pipe.recv()
            except (EOFError, OSError):
                event = Event(worker.job.number, "failed", message="its process was killed")
                self.workers.remove(worker)
            if event.kind != "progress":
                worker.job = None
            yield event

    def prune(self, number: int) -> None:
        """Ask a running job to stop at its next validation."""
        for worker in self.workers:
            if worker.job is not None and worker.job.number == number:
                worker.pipe.send(None)


def _work(pipe: Connection, train: Train) -> None:
    """The main function of a worker: train until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # between jobs the parent decides
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        if job is not None:  # a request to prune that came too late
            with _interruptible():
                pipe.send(_run(job, train, pipe))


@contextmanager
def _interruptible() -> Iterator[None]:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(job: Job, train: Train, pipe: Connection) -> Event:
    """Run one job; the event that ends it."""
    try:
        score = train(job, _report(job.number, pipe))
    except _PrunedError:
        return Event(job.number, "pruned")
    except (StoppedError, KeyboardInterrupt):
        return Event(job.number, "interrupted")
    except SeqpredError as e:
        return Event(job.number, "failed", message=e.message)
    return Event(job.number, "done", score=score)


def _report(number: int, pipe: Connection) -> Callable[[Any], None]:
    """A callback that sends the progress of the first network, and stops the training if it is to be pruned."""

    def on_progress(progress: Any) -> None:
        if pipe.poll() and pipe.recv() is None:
            raise _PrunedError
        if progress.network == 1:
            pipe.send(Event(number, "progress", progress.step, progress.best.mase))

    return on_progress
