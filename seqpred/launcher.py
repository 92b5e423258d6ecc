"""The environment variables that torchrun, or another launcher of several processes, sets for each of them."""

from __future__ import annotations

import os


def rank() -> int:
    """The number of this process in its group, from 0; 0 without a launcher."""
    return _number("RANK", 0) if is_grouped() else 0


def is_grouped() -> bool:
    """Whether this is one of several processes that were started as a group."""
    return "RANK" in os.environ and _number("WORLD_SIZE", 1) > 1


def local_rank() -> int:
    """The number of this process among those of the group on this machine, from 0."""
    return _number("LOCAL_RANK", 0) if is_grouped() else 0


def local_size() -> int:
    """Processes of the group on this machine."""
    return max(1, _number("LOCAL_WORLD_SIZE", 1)) if is_grouped() else 1


def is_restarted() -> bool:
    """Whether torchrun has restarted the group after one of its processes had ended."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0) > 0


def check() -> None:
    """Check the number of this process, as torch would wait for the others in vain.

    Raises:
        ValueError: it is not below the number of processes.
    """
    if not 0 <= rank() < _number("WORLD_SIZE", 1):
        raise ValueError(f"RANK is {rank()}, and the {_number('WORLD_SIZE', 1)} processes are numbered from 0")


def ignore() -> None:
    """Make this process independent of its group: a search, for example, starts processes for its trials."""
    os.environ.pop("RANK", None)


def _number(name: str, default: int) -> int:
    try:
        return int(os.environ.get(name, default))
    except ValueError:
        return default
