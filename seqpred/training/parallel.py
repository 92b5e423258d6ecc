"""How many networks are trained at a time."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import torch

from seqpred.network.machine import free_memory
from seqpred.runtime.cores import cores
from seqpred.runtime.shape import Shape
from seqpred.training.loop import FitOptions, fit
from seqpred.training.memory import required_memory
from seqpred.training.progress import Hooks
from seqpred.training.run import State
from seqpred.training.schedule import Schedule
from seqpred.training.windows import Windows

PAYS_OFF = 0.5  # seconds of training in all from which processes are started: ten times what that takes
PROBE = 4  # steps that are timed to find out


def count_processes(shape: Shape, windows: Sequence[Windows], options: FitOptions) -> int:
    """How many networks with these windows are trained at a time: as many as there are cores, at most all.

    One, in this process, where a fork is not safe, where the networks use several threads or another device, or where
    training takes less than `PAYS_OFF`. The rows of all tracks are prepared before, so that processes share them.
    """
    count = min(cores(), len(windows))
    if count == 1 or options.threads > 1 or options.device.type != "cpu" or not fork_is_safe():
        return 1
    needed, free = sum(required_memory(shape, windows[0].spec.window, options.batch_size).values()), free_memory()
    if free is not None:
        count = min(count, max(1, free // max(needed, 1)))
    steps = options.schedule.last_step
    if count == 1 or steps < 10 * PROBE:
        return 1
    seconds = len(windows) * steps * _step_seconds(shape, windows[0], options)
    if seconds < PAYS_OFF:
        return 1
    windows[0].prepare_shared()
    return count


def fork_is_safe() -> bool:
    """Whether this process can be forked: on Linux, without other threads that might hold a lock, and without a GPU.

    Trials of `tune` are trained at the same time already; their processes may not start others.
    """
    single = threading.active_count() == 1 and not multiprocessing.current_process().daemon
    return sys.platform == "linux" and single and not torch.cuda.is_available()


def _step_seconds(shape: Shape, windows: Windows, options: FitOptions) -> float:
    """The time that a training step takes here; 0 if it fails, since the training itself then reports why."""
    ends: list[float] = []

    def on_step(_: Callable[[], State]) -> None:
        ends.append(time.perf_counter())

    try:
        fit(shape, windows, replace(options, schedule=Schedule(PROBE, stop_step=PROBE)), Hooks(on_step=on_step))
    except (RuntimeError, MemoryError):
        return 0.0
    return min((after - before for before, after in pairwise(ends)), default=0.0)
