"""A folder of files of one kind, which are one table."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from seqpred.errors import DataError

MAX_FILES, MAX_FOLDERS = 10_000, 20_000  # that a folder or a pattern may contain, and that are searched
MAX_KINDS = 5  # that a message names
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # in the name of a subfolder whose column is empty
_EXPORT = "Export its current rows as Parquet files."
_TABLES = {  # whose folders also contain files with rows that are no longer valid
    "_delta_log": "a Delta table",
    ".hoodie": "a Hudi table",
    "metadata/version-hint.text": "an Iceberg table",
}


def find_files(folder: Path, name: str) -> tuple[Path, ...]:
    """The files in a folder and its subfolders, in the order of their names.

    As in Spark and pyarrow, names that start with `.` or `_`, such as `_SUCCESS`, do not count.

    Raises:
        DataError: there are none, or too many, or files of several kinds.
    """
    for mark, kind in _TABLES.items():
        if (folder / mark).exists():
            raise DataError(f"is {kind}", hint=_EXPORT, where=name)
    files = list[Path]()
    for path in _files(folder, name):
        files.append(path)
        if len(files) > MAX_FILES:
            raise DataError(f"contains more than {MAX_FILES:,} files", hint="Name a subfolder.", where=name)
    kinds = Counter(path.suffix.lower() for path in files)
    if len(kinds) != 1:
        common = [suffix for suffix, _ in kinds.most_common() if suffix]
        names = ", ".join(sorted(common[:MAX_KINDS])) + (", ..." if len(common) > MAX_KINDS else "")
        names += ", and files without a suffix" if "" in kinds else ""
        found = f"files of several kinds ({names})" if kinds else "no files"
        suffix = next(iter(common), ".csv")
        hint = f"Pass a file in it, or several as '{folder / f'*{suffix}'}'."
        raise DataError(f"is a folder with {found}", hint=hint, where=name)
    return tuple(sorted(files))


def _files(folder: Path, name: str) -> Iterator[Path]:
    """The files in a folder and its subfolders."""
    for number, (place, folders, names) in enumerate(os.walk(folder)):
        if number >= MAX_FOLDERS:
            raise DataError(f"contains more than {MAX_FOLDERS:,} folders", hint="Name a subfolder.", where=name)
        folders[:] = [inner for inner in folders if inner[0] not in "._"]
        yield from (Path(place, file) for file in names if file[0] not in "._" and os.path.isfile(Path(place, file)))


def columns_of(path: Path, folder: Path) -> dict[str, str | None]:
    """The columns that the names of subfolders contain, each with its value for one file.

    >>> columns_of(Path("sales/region=eu/year=2024/part-0.parquet"), Path("sales"))
    {'region': 'eu', 'year': '2024'}
    """
    pairs = (part.partition("=") for part in path.relative_to(folder).parts[:-1])
    values = {unquote(key): unquote(value) for key, equals, value in pairs if key and equals}
    return {key: None if value == NO_VALUE else value for key, value in values.items()}
