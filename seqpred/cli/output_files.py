"""Files that options write: checked before a long computation, and never one that is read."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from seqpred.cli.forecast_options import FORMS, UNWRITTEN, Form

if TYPE_CHECKING:
    from seqpred.config.data_section import DataSection


def check_output(path: Path, *inputs: str | None) -> None:
    """Check before a long computation that a file can be written, and that it is not an input.

    Args:
        inputs: the data and other files that are read: paths, patterns or folders; None for none.
    """
    from seqpred.storage.atomic import check_writable

    if str(path) == "-":
        text = "- is not a file: omit the option to write to standard output, or pass /dev/stdout"
        raise typer.BadParameter(text)
    check_writable(path)
    if not path.is_file():
        return
    for name in filter(None, inputs):
        if any(path.samefile(file) for file in _files(name, path)):
            text = f"{path} is the data file" if name == inputs[0] else f"{path} is an input"
            raise typer.BadParameter(f"{text}, which would be replaced: write to another file")


def check_distinct(paths: Iterable[Path]) -> None:
    """Check that no two options write the same file, which need not exist yet."""
    for one, other in itertools.combinations(paths, 2):
        if os.path.realpath(one) == os.path.realpath(other) and (one.is_file() or not one.exists()):
            raise typer.BadParameter(f"two options write {other}: pass two names")


def form_of(path: Path) -> Form:
    """The format that the name of an output file stands for."""
    suffix = path.suffix.lower()
    if suffix in UNWRITTEN:
        text = f"{path}: seqpred writes no {suffix} files. Use .csv, .tsv, .json, .jsonl or .parquet, or pass --format"
        raise typer.BadParameter(text)
    return FORMS.get(suffix, "csv")


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
