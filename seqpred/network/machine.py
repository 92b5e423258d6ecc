"""What the machine gives: threads, memory that stays, a device."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
