"""Files that options write: checked before a long computation, and never one that is read."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from seqpred.config.data_section import DataSection


def check_output(path: Path, *inputs: str | None) -> None:
    """Check before a long computation that a file can be written, and that it is not an input.

    Args:
        inputs: the data and other files that are read: paths, patterns or folders; None for none.
    """
    from seqpred.storage.atomic import check_writable

    check_writable(path)
    if not path.is_file():
        return
    for name in filter(None, inputs):
        if any(path.samefile(file) for file in _files(name, path)):
            text = f"{path} is the data file" if name == inputs[0] else f"{path} is an input"
            raise typer.BadParameter(f"{text}, which would be replaced: write to another file")


def check_config_is_kept(paths: Iterable[Path | None], section: DataSection) -> None:
    """Check that none of the files to write is one that a config names."""
    for path in filter(None, paths):
        check_output(path, section.path, section.covariates.static_file)


def _files(name: str, path: Path) -> Iterator[Path]:
    """The files of an input among which `path` may be."""
    given = Path(name)
    if given.is_file():
        yield given
    elif given.is_dir():
        yield from (path for parent in path.resolve().parents if parent == given.resolve())
    else:
        yield from (Path(match) for match in glob.glob(name) if Path(match).is_file())
