"""Open a source: a path, pattern, `-`, pipe or DataFrame."""

from __future__ import annotations

import glob
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqpred.errors import ConfigError, DataError, did_you_mean
from seqpred.sources.folders import MAX_FILES, MAX_FOLDERS, find_files
from seqpred.sources.source import Source

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WAIT = 0.2  # seconds between two checks for a signal while a pipe has no writer


def read_standard_input() -> bytes:
    """All bytes of standard input.

    Raises:
        ConfigError: it is a terminal, so nothing was piped.
    """
    if sys.stdin is None or sys.stdin.isatty():
        hint = "Example: cat FILE | seqpred ..."
        raise ConfigError("'-' reads standard input, and nothing is piped into it", hint=hint)
    return sys.stdin.buffer.read()


def open_source(data: object, standard_input: Callable[[], bytes] = read_standard_input) -> Source:
    """The source that a path, a pattern of paths (logs/*.csv), a folder, `-` or a DataFrame names.

    Raises:
        DataError: no such file, a folder of other files than those of one table, or something else altogether.
    """
    if isinstance(data, str) and data == "-":
        return Source("standard input", standard_input())
    if isinstance(data, (str, Path)):
        return _open_path(str(data))
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        _check_characters(data)
        return Source("DataFrame", data)  # type: ignore[arg-type]  # pandas need not be imported to recognize one
    raise DataError(f"data is a {type(data).__name__}", hint="Pass a path, '-' or a pandas DataFrame.")


def _check_characters(frame: Any) -> None:
    """Refuse lone surrogates in a DataFrame: they cannot be written. Only columns of objects can contain them."""
    objects = [frame.iloc[:, place] for place, kind in enumerate(frame.dtypes) if str(kind) == "object"]
    for text in (text for texts in ([*frame.columns], *objects) for text in texts if isinstance(text, str)):
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            found = f"{text!r} contains a lone surrogate, which is not a character"
            raise DataError(found, hint="Remove it.", where="DataFrame")


def _open_path(name: str) -> Source:
    if _URL.match(name):
        raise DataError("is a URL", hint=f"Download it first: curl -LO '{name}'.", where=name)
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as e:  # ValueError: a NUL character in the name
        if isinstance(e, (FileNotFoundError, NotADirectoryError)):
            if glob.has_magic(name):
                return Source(name, _matching(name))
            hint = f"{_neighbor(path)}The current directory is {Path.cwd()}."
            raise DataError("no such file", hint=hint, where=name) from None
        reason = e.strerror if isinstance(e, OSError) else e
        raise DataError(
            f"cannot be opened ({reason})", hint="Check the path and its permissions.", where=name
        ) from None
    if stat.S_ISDIR(mode):
        return _open_folder(path, name)
    if stat.S_ISREG(mode):
        return Source(name, path)
    if stat.S_ISFIFO(mode):
        return Source(name, _read_pipe(path))
    raise DataError("is a device or a socket", hint="Pass a file or a pipe; - is standard input.", where=name)


def _open_folder(path: Path, name: str) -> Source:
    """The source of all files in a folder.

    Raises:
        DataError: they are not of one kind, or text in subfolders that name columns.
    """
    source = Source(name, find_files(path, name), folder=path)
    named = next((part for part in source.parts if part.folder_columns), None)
    if named is not None and named.is_csv:
        column, value = next(iter(named.folder_columns.items()))
        found = f"its subfolder '{column}={value}' names a column, which is read from Parquet files only"
        raise DataError(found, hint=f"To read the files without it, pass '{path / '**' / '*'}'.", where=name)
    return source


def _read_pipe(path: Path) -> bytes:
    """All bytes of a named pipe, which can be read only once. A signal interrupts the wait for its writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while not waiting.poll(1000 * _WAIT):
            pass
        os.set_blocking(descriptor, True)
        return b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))
    finally:
        os.close(descriptor)


# ------------------------------------------------------------------ patterns


def _matching(pattern: str) -> tuple[Path, ...]:
    """The files that a pattern matches, in the order of their names.

    Raises:
        DataError: none, or too many, or too many folders to search.
    """
    files = set[Path]()
    for path in _candidates(pattern):
        if path.is_file():
            files.add(path)
        if len(files) > MAX_FILES:
            found = f"matches more than {MAX_FILES:,} files"
            raise DataError(found, hint="Name a folder with fewer files.", where=pattern)
    if not files:
        hint = f"* matches any name, ** folders too; the current directory is {Path.cwd()}."
        raise DataError("no file matches", hint=hint, where=pattern)
    return tuple(sorted(files))


def _candidates(pattern: str) -> Iterator[Path]:
    """The paths that a pattern matches.

    `**` walks up to a limit, because `glob` would search a whole disk for `/**/*.csv`.
    """
    found = re.search(r"(?:^|(?<=/))\*\*/?", pattern)
    if not found:
        yield from map(Path, glob.iglob(pattern))
        return
    folders = 0
    for root in glob.iglob(pattern[: found.start()] or "./"):
        for folder, names, _ in os.walk(root):
            folders += 1
            if folders > MAX_FOLDERS:
                hint = "Name a folder further down."
                raise DataError(f"covers more than {MAX_FOLDERS:,} folders", hint=hint, where=pattern)
            names[:] = sorted(name for name in names if not name.startswith("."))
            yield from _candidates(f"{glob.escape(folder)}/{pattern[found.end() :] or '*'}")


def _neighbor(path: Path) -> str:
    """A file next to the missing one with a similar name."""
    try:
        hint = did_you_mean(path.name, [p.name for p in path.parent.iterdir() if p.is_file()])
    except OSError:
        return ""
    return f"{hint} " if hint.startswith("Did") else ""
