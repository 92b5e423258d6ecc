"""What the machine gives: threads, memory that stays, a device."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from seqpred.errors import ConfigError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many processor threads for torch inside, the caller's number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Tell glibc to keep freed memory: each step needs the same again, and returning it costs half the step.

    Does nothing elsewhere.
    """
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):  # another C library
        return


def free_memory(device: torch.device) -> int | None:
    """Bytes that a device can still give, by the system and by the group that this process is in; None if unknown."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:  # not Linux
        return None
    known = dict(line.split(":") for line in told.splitlines())
    free = 1024 * int(known["MemAvailable"].split()[0])
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # no group, or one without a limit
        free = min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return free


def choose_device(wanted: str) -> torch.device:
    """The device to train on; `auto` is cuda where there is one, else the processor.

    Raises:
        ConfigError: torch finds no such device here.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here[wanted]:
        raise ConfigError(f"training.device is {wanted!r}, and torch finds none here", hint="Set it to auto or cpu.")
    return torch.device(wanted)
