"""Worker processes: jobs in, reports and results out. Networks and the trials of a search are trained in them."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

GRACE = 10.0  # seconds that a worker with a job may take to end
_PR_SET_PDEATHSIG = 1  # prctl.h of Linux


@dataclass(frozen=True)
class Event:
    """What happened to a job.

    Attributes:
        kind: `report` (value: what the job sent), `done` (its result), `raised` (the exception) or `killed` (the exit
            code of its process).
    """

    number: int
    kind: Literal["report", "done", "raised", "killed"]
    value: Any = None


class Channel:
    """The worker's end of the connection between a job and the process that started it."""

    def __init__(self, pipe: Connection, number: int) -> None:
        self._pipe, self._number = pipe, number

    def report(self, value: object) -> None:
        """Send a report."""
        self._pipe.send(Event(self._number, "report", value))

    def asked_to_stop(self) -> bool:
        """Whether `Pool.ask_to_stop` was called for this job."""
        return self._pipe.poll() and self._pipe.recv() is None


Work = Callable[[Any, Channel], Any]
"""Does a job and returns its result. Except with the method `fork`, it must be picklable."""

Method = Literal["fork", "forkserver", "spawn"]


@dataclass
class _Worker:
    process: Any  # ForkProcess, ForkServerProcess or SpawnProcess
    pipe: Connection
    number: int | None = None


@dataclass
class Pool:
    """Worker processes, one job each at a time; a worker whose process is killed is replaced.

    Workers ignore SIGINT and SIGTERM, which a terminal or a service manager may send to a whole group of processes:
    the process that started them controls when they end. They end when it does.

    Attributes:
        count: how many workers there may be.
        method: `fork` shares memory with this process and takes milliseconds, but is safe only without other threads;
            `forkserver` forks a process that has imported what `start_server` names; `spawn` imports everything again.
    """

    count: int
    work: Work
    method: Method
    _workers: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()  # a worker without a job ends
        for worker in self._workers:
            if worker.number is not None:
                worker.process.kill()
            worker.process.join(GRACE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    @property
    def free(self) -> bool:
        """Whether another job can start now."""
        return len(self.running) < self.count

    @property
    def running(self) -> list[int]:
        """The numbers of the jobs that have not ended."""
        return [worker.number for worker in self._workers if worker.number is not None]

    def pid(self, number: int) -> int:
        """The process that does a job."""
        return int(self._of(number).process.pid)

    def start(self, number: int, job: object) -> None:
        """Start a job in a free worker."""
        worker = next((worker for worker in self._workers if worker.number is None), None) or self._new()
        worker.number = number
        with suppress(OSError):  # killed while it was free: `events` reports it
            worker.pipe.send((number, job))

    def ask_to_stop(self, number: int) -> None:
        """Make `Channel.asked_to_stop` of a running job true."""
        with suppress(OSError):
            self._of(number).pipe.send(None)

    def events(self, timeout: float) -> Iterator[Event]:
        """The events so far, after waiting up to a number of seconds for one."""
        pipes: dict[Any, _Worker] = {worker.pipe: worker for worker in self._workers if worker.number is not None}
        for pipe in wait(list(pipes), timeout):
            worker = pipes[pipe]
            assert worker.number is not None
            try:
                event: Event = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(GRACE)
                event = Event(worker.number, "killed", worker.process.exitcode)
                self._workers.remove(worker)
            if event.kind != "report":
                worker.number = None
            yield event

    def _of(self, number: int) -> _Worker:
        return next(worker for worker in self._workers if worker.number == number)

    def _new(self) -> _Worker:
        context: Any = multiprocessing.get_context(self.method)
        ours, theirs = context.Pipe()
        # A forked process inherits the pipes to the others; while it kept them open, these would not see this one end.
        inherited = [ours, *(worker.pipe for worker in self._workers)] if self.method == "fork" else []
        process = context.Process(target=_main, args=(theirs, self.work, inherited), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker


def start_server(modules: Sequence[str]) -> Method:
    """Start importing modules in a process that workers are forked from, without waiting for it; the method for `Pool`.

    Where the system has no such processes, the method is `spawn`.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload([*modules])
    forkserver.ensure_running()
    return "forkserver"


def _main(pipe: Connection, work: Work, inherited: list[Connection]) -> None:
    """The main function of a worker: do jobs until the pipe closes."""
    for other in inherited:
        other.close()
    _end_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            message = pipe.recv()
            if message is not None:  # a request to stop that came too late
                number, job = message
                pipe.send(_outcome(work, job, Channel(pipe, number), number))
        except (EOFError, OSError):
            return


def _outcome(work: Work, job: object, channel: Channel, number: int) -> Event:
    """Do one job; the event that ends it."""
    try:
        return Event(number, "done", work(job, channel))
    except Exception as e:  # noqa: BLE001, raised again by the process that started this one
        return Event(number, "raised", e)


def _end_with_parent() -> None:
    """Make Linux kill this process when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
