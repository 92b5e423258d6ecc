"""Trainings that take no time, for the tests of the search; they run in processes of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seqpred.errors import DataError
from seqpred.tuning.workers import Job


def depth_three_is_best(job: Job, on_progress: Callable[[Any], None]) -> float:
    """The score is the distance of the depth from 3; the folder records each start."""
    folder = Path(job.out)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "starts").open("a") as file:
        file.write(f"{job.number}\n")
    score = abs(job.config["model"]["depth"] - 3.0)
    for step in (1, 2, 3):
        on_progress(SimpleNamespace(network=1, step=step, best=SimpleNamespace(mase=score)))
    return score


def depth_two_is_killed(job: Job, on_progress: Callable[[Any], None]) -> float:
    """As above, but the process of depth 2 dies."""
    if job.config["model"]["depth"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return depth_three_is_best(job, on_progress)


def depth_two_has_bad_data(job: Job, on_progress: Callable[[Any], None]) -> float:
    """As above, but depth 2 cannot be trained."""
    if job.config["model"]["depth"] == 2:
        raise DataError("too few rows", hint="Give more.")
    return depth_three_is_best(job, on_progress)
