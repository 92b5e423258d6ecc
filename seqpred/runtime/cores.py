"""The processor cores that this process may use."""

from __future__ import annotations

import math
import os
from contextvars import ContextVar
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time granted per period


_LIMIT: ContextVar[int | None] = ContextVar("limit", default=None)


def use_cores(count: int) -> None:
    """Use at most this number in this context: a scheduler runs other tasks on the others."""
    _LIMIT.set(count)


def cores() -> int:
    """How many there are; containers and schedulers often grant fewer than the machine has."""
    granted, limit = _granted(), _LIMIT.get()
    return granted if limit is None else min(granted, limit)


def _granted() -> int:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return max(1, min(own, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or one without a quota ("max")
        return own
