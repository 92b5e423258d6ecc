"""How networks are trained: in this process, one after the other, or in several processes at a time."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from seqpred.notes import Note
from seqpred.runtime.shape import Shape
from seqpred.training.checkpoint import Checkpoint
from seqpred.training.loop import FitOptions, fit
from seqpred.training.progress import Hooks, TrainingProgress
from seqpred.training.run import Outcome, State
from seqpred.training.windows import Windows
from seqpred.workers import GRACE, Channel, Event, Pool

LOOK = 0.1  # seconds between checks of the other process


@dataclass(frozen=True)
class Job:
    """A network to train, or to start training before it is its turn (`Schedule.ahead`).

    Attributes:
        number: in training order, from 0.
        place: of its windows in those of the stage.
        started: the time spent on the whole training when this network starts.
        state: to resume.
    """

    number: int
    place: int
    options: FitOptions
    started: float
    state: State | None


Report = Callable[[Job, TrainingProgress], None]


class Trainer(Protocol):
    """Trains networks.

    Attributes:
        count: how many at a time.
    """

    count: int

    @property
    def free(self) -> bool:
        """Whether another network can start now."""
        ...

    def start(self, job: Job) -> None:
        """Start to train a network."""
        ...

    def results(self) -> Iterator[tuple[int, Outcome | None]]:
        """The numbers and outcomes of networks that have ended since; no outcome: to be resumed."""
        ...

    def stop(self) -> None:
        """Stop all networks in training and keep their states."""
        ...


@dataclass
class InProcess:
    """Trains networks one after the other in this process.

    Attributes:
        states: of networks that have started and are not finished.
    """

    shape: Shape
    windows: Sequence[Windows]
    hooks: Hooks
    checkpoint: Checkpoint | None
    report: Report
    states: dict[int, State]
    count: int = 1
    ended: list[tuple[int, Outcome | None]] = field(default_factory=list)

    @property
    def free(self) -> bool:
        """See `Trainer.free`."""
        return not self.ended

    def start(self, job: Job) -> None:
        """See `Trainer.start`; returns when the network is trained."""
        hooks = replace(self.hooks, on_progress=partial(self.report, job))
        if self.checkpoint is not None:
            hooks = replace(hooks, on_step=partial(self.checkpoint.on_step, job.number))
        self.end(job, fit(self.shape, self.windows[job.place], job.options, hooks, job.state))

    def end(self, job: Job, outcome: Outcome | None) -> None:
        """Store an outcome; of a network trained ahead, only the state counts. None: it must be resumed."""
        if self.checkpoint is not None and outcome is not None and not job.options.schedule.ahead:
            self.checkpoint.finish(job.number, outcome)
        self.ended.append((job.number, outcome))

    def keep(self, number: int, state: State) -> None:
        """Store a state."""
        self.states[number] = state
        if self.checkpoint is not None and self.checkpoint.is_due:
            self.checkpoint.write()

    def results(self) -> Iterator[tuple[int, Outcome | None]]:
        """See `Trainer.results`."""
        while self.ended:
            yield self.ended.pop()

    def stop(self) -> None:
        """See `Trainer.stop`; none is in training between two calls."""


class Processes:
    """Trains networks in processes forked from this one, which share its memory.

    They send their progress, and from time to time their state, from which a network is resumed if its process is
    killed. After each such end, one process less is used, since memory may have been short; after the last, networks
    are trained in this process.
    """

    def __init__(self, here: InProcess, count: int) -> None:
        self.here, self.count = here, count
        every = math.inf if here.checkpoint is None else here.checkpoint.every
        self.pool = Pool(count, partial(_work, here.shape, here.windows, every), "fork")
        self.jobs: dict[int, Job] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.__exit__()

    @property
    def free(self) -> bool:
        """See `Trainer.free`."""
        return len(self.jobs) < self.count and self.here.free

    def start(self, job: Job) -> None:
        """See `Trainer.start`."""
        if not self.pool.count:
            self.here.start(job)
            return
        self.jobs[job.number] = job
        self.pool.start(job.number, job)

    def results(self) -> Iterator[tuple[int, Outcome | None]]:
        """See `Trainer.results`."""
        if self.jobs:
            for event in self.pool.events(LOOK):
                self._handle(event)
            if self.here.checkpoint is not None and self.here.checkpoint.stop.asked:
                self._interrupt(self.here.checkpoint)
        yield from self.here.results()

    def stop(self) -> None:
        """See `Trainer.stop`."""
        for number in self.jobs:
            self.pool.ask_to_stop(number)
        deadline = time.monotonic() + GRACE
        while self.jobs and time.monotonic() < deadline:
            for event in self.pool.events(LOOK):
                self._handle(event)

    def _handle(self, event: Event) -> None:
        """Forward a report, or end a job."""
        if event.kind == "report":
            self._forward(self.jobs[event.number], event.value)
            return
        job = self.jobs.pop(event.number)
        if event.kind == "raised":
            raise event.value
        if event.kind == "killed":
            self._replace(job, event.value)
        else:
            self.here.end(job, event.value)

    def _forward(self, job: Job, value: TrainingProgress | Note | State) -> None:
        if isinstance(value, TrainingProgress):
            self.here.report(job, value)
        elif isinstance(value, Note):
            self.here.hooks.notify(value)
        else:
            self.here.keep(job.number, value)

    def _replace(self, job: Job, code: int | None) -> None:
        """Have the network of a killed process trained again; it precedes those that are trained ahead."""
        self.pool.count -= 1
        self.count = max(1, self.pool.count)
        for other in self.jobs.values():
            if other.options.schedule.ahead:
                self.pool.ask_to_stop(other.number)
        by = f" by {signal.Signals(-code).name}" if code and code < 0 else ""
        network = f"the process that trained network {job.number + 1} was killed{by}"
        state = self.here.states.get(job.number, job.state)
        action = f"it is resumed after step {state['step']}" if state else "it is trained from the beginning"
        self.here.hooks.notify(Note(f"{network}; {action}"))
        self.here.end(job, None)

    def _interrupt(self, checkpoint: Checkpoint) -> None:
        """Collect the states of all networks, write them and end.

        Raises:
            KeyboardInterrupt: always.
        """
        self.stop()
        if checkpoint.runs or checkpoint.finished:
            checkpoint.write()
        raise KeyboardInterrupt


class _StoppedError(Exception):
    """The other process requests to stop."""


def _work(shape: Shape, windows: Sequence[Windows], every: float, job: Job, channel: Channel) -> Outcome | None:
    """Train a network in a worker process; None if it was stopped on request, after it has sent its state.

    Args:
        every: seconds from one report of the state to the next.
    """
    saved = looked = time.monotonic()
    last: Callable[[], State] | None = None

    def on_step(state_dict: Callable[[], State]) -> None:
        nonlocal saved, looked, last
        now, last = time.monotonic(), state_dict
        if now < looked + min(LOOK, every):
            return
        looked, stop = now, channel.asked_to_stop()
        if stop or now >= saved + every:
            channel.report(state_dict())
            saved = time.monotonic()
        if stop:
            raise _StoppedError

    try:
        outcome = fit(shape, windows[job.place], job.options, Hooks(channel.report, channel.report, on_step), job.state)
    except _StoppedError:
        return None
    if job.options.schedule.ahead and last is not None:
        channel.report(last())
    return outcome
