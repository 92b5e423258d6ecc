"""The recurrent cells that are installed, by name."""

from __future__ import annotations

from contextlib import suppress
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


def has_cell(name: str) -> bool:
    """Whether a cell of this name is installed. Those of this package are found without scanning the others."""
    from importlib.metadata import PackageNotFoundError, distribution

    with suppress(PackageNotFoundError):  # a copy of the sources that is not installed
        if name in distribution("seqpred").entry_points.select(group=GROUP).names:
            return True
    return name in installed_cells()
