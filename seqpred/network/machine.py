"""The machine: threads, memory and devices."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from seqpred.errors import ConfigError
from seqpred.launcher import local_size

CPU = torch.device("cpu")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Set torch's number of threads inside the context, and restore it afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Inside the context, cuDNN multiplies float32 numbers exactly, as a CPU does, and not in TF32, torch's default."""
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def keep_memory() -> None:
    """Make glibc keep freed memory: every step needs the same again, and returning it takes half of a step.

    Does nothing on other systems.
    """
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):  # another C library
        return


def free_memory(device: torch.device = CPU) -> int | None:
    """Free bytes of a device, limited by the control group of this process; None if unknown."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:  # not Linux
        return None
    fields = dict(line.split(":") for line in text.splitlines())
    free = 1024 * int(fields["MemAvailable"].split()[0])
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # no group, or one without a limit
        free = min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return free


def choose_device(name: str, setting: str = "training.device", others: str = "auto or cpu") -> torch.device:
    """The device of a name; `auto` is cuda if available, otherwise cpu.

    Args:
        setting: where the name was given.
        others: names that can be given instead.
    Raises:
        ConfigError: torch cannot find the device.
    """
    has_gpu = torch.cuda.is_available() and torch.cuda.device_count() >= local_size()
    if name == "auto":
        return torch.device("cuda" if has_gpu else "cpu")
    available = {"cpu": True, "cuda": has_gpu, "mps": torch.backends.mps.is_available()}
    if not available[name]:
        each = f" for each of {local_size()} processes" if local_size() > 1 else ""
        message = f"{setting} is {name!r}, which torch cannot find on this machine{each}"
        raise ConfigError(message, hint=f"Set it to {others}.")
    return torch.device(name)
