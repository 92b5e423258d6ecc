"""Whether a limit on the address space leaves enough for a training, checked before anything large is imported.

Beyond such a limit (`ulimit -v`), pyarrow and torch end the process without a message.
"""

from __future__ import annotations

import os
from pathlib import Path

from seqpred.errors import DataError

NEEDED = 1_450_000_000  # bytes that a small training adds: what pyarrow reserves, torch and its libraries


def check_address_space() -> None:
    """Check that the limit of this process, if it has one, leaves enough address space.

    Raises:
        DataError: it does not.
    """
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):  # not Linux
        return
    if limit != resource.RLIM_INFINITY and limit - used < NEEDED:
        needed = (used + NEEDED) / 1e9
        message = (
            f"out of memory: training needs {needed:.1f} GB of address space, and the limit is {limit / 1e9:.1f} GB"
        )
        raise DataError(message, hint=f"Raise the limit: ulimit -v {(used + NEEDED) // 1024}.")
