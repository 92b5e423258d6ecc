"""The recurrent cells that are installed, by name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "seqpred.cells"  # entry points in which packages register cells


@cache
def installed_cells() -> dict[str, EntryPoint]:
    """The entry points of the installed cells by name, without importing any of them.

    Cached, since scanning all installed distributions takes 10 ms or more.
    """
    from importlib.metadata import entry_points

    return {e.name: e for e in sorted(entry_points(group=GROUP), key=lambda e: e.name)}
