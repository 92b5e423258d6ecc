"""A file too large for memory: its rows, as numbers and by series, in a file of the user's cache, made once.

Everything after it goes through parts, each of whole series, as many as are looked at in one go.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.data.mapped import cache_folder, let_go, mapped
from seqpred.data.reading import Columns, Table, read_table
from seqpred.data.sources import BROKEN, Source
from seqpred.data.timing import Clock, Int
from seqpred.errors import DataError, WriteError

LARGE = 512 << 20  # bytes of a file from which its rows are stored
PART = 1_000_000  # rows of a part, if its first series is no longer
FORMAT = 1  # of what is stored; another one is made anew
Records = npt.NDArray[np.void]


@dataclass(frozen=True)
class Stored:
    """The rows of a source, by series; a `reading.Table` in parts.

    Attributes:
        source: as later files of its kind are to be read.
        names: the series, in order of appearance.
        records: [rows] of code, time, place and values.
        parts_of: first series and first row of each part, and one past the last.
    """

    source: Source
    columns: Columns
    clock: Clock
    names: list[str]
    records: Records
    parts_of: list[tuple[int, int]]
    notes: tuple[str, ...] = ()

    def parts(self) -> Iterator[Table]:
        """The rows of some series after others."""
        for (code, row), (next_code, next_row) in zip(self.parts_of[:-1], self.parts_of[1:], strict=True):
            rows = self.records[row:next_row]
            yield Table(
                source=self.source,
                columns=self.columns,
                clock=self.clock,
                names=self.names[code:next_code],
                codes=rows["code"].astype(np.int64) - code,
                times=rows["time"].astype(np.int64),
                values=rows["values"].astype(np.float64),
                notes=self.notes if row == 0 else (),
                places=rows["place"].astype(np.int64),
            )
            let_go(self.records)


def is_large(source: Source) -> bool:
    """Whether the rows of a file are better not held in memory."""
    return source.is_file and source.size >= LARGE


def beginning(source: Source) -> Source:
    """The first piece of a large file, which shows how it is written; a smaller one whole."""
    return replace(next(iter(source.pieces()))[0], name=source.name) if is_large(source) else source


def store(source: Source, columns: Columns, say: Callable[[str], None]) -> Stored:
    """The rows of a large file, from the cache if they are there.

    Raises:
        DataError: as `read_table`, and for covariates, which are not read in parts.
        WriteError: there is no room in the cache.
    """
    covariates = (*columns.known, *columns.past, *columns.static)
    if covariates:
        found = f"is too large for memory, and covariates ({', '.join(covariates)}) are not read in parts"
        raise DataError(found, hint="Leave them out of data.covariates, or split the file.", where=source.name)
    try:
        folder = cache_folder() / _key(source, columns)
        if not folder.exists():
            say(f"{source.name}: too large for memory: its rows are stored once, in {folder}.")
            _write(source, columns, folder, say)
        return _read(source, columns, folder)
    except OSError as e:
        hint = "Make room, or name another folder in XDG_CACHE_HOME."
        raise WriteError(f"can't be stored ({e})", hint=hint, where=source.name) from None


def _key(source: Source, columns: Columns) -> str:
    """What the stored rows depend on, in hexadecimal: the file's bytes and how they are read."""
    digest = hashlib.sha256(f"{FORMAT} {columns} {source.dialect}".encode())
    for part in source.parts:
        with part.open_bytes() as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
        digest.update(b"\0" * 64)  # between files
    return digest.hexdigest()


def _read(source: Source, columns: Columns, folder: Path) -> Stored:
    told: dict[str, Any] = json.loads((folder / "rows.json").read_text())
    spoken = source.spoken(replace(source.dialect, decimal=told["decimal"]))
    parts = [(code, row) for code, row in told["parts"]]
    records = mapped(folder / "rows", _layout(columns))
    return Stored(spoken, columns, Clock(**told["clock"]), told["names"], records, parts, tuple(told["notes"]))


def _write(source: Source, columns: Columns, folder: Path, say: Callable[[str], None]) -> None:
    """Make the folder, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        new = Path(made, "new")
        new.mkdir()
        series = _Series()
        with (new / "rows").open("wb") as file:
            for table in _tables(source, columns, say):
                file.write(series.records(table).tobytes())
        parts = _parts(series.counts)
        if not series.grouped:
            _group(new / "rows", _layout(columns), parts)
        assert series.clock is not None  # a file of this size has rows
        told = {"names": list(series.places), "parts": parts, "clock": asdict(series.clock), "decimal": series.decimal}
        (new / "rows.json").write_text(json.dumps({**told, "notes": series.notes}))
        if not folder.exists():
            shutil.move(new, folder)


def _tables(source: Source, columns: Columns, say: Callable[[str], None]) -> Iterator[Table]:
    """The rows of each piece of a file, all read as the first one is."""
    dialect, usual, tenth = source.dialect, None, 0
    try:
        for piece, share in source.pieces():
            table = read_table(piece if usual is None else piece.spoken(dialect), columns)
            if usual is None:
                usual = table.clock
                dialect = replace(table.source.dialect, date_order=usual.date_order or source.dialect.date_order)
            _check_alike(usual, table)
            if int(10 * share) > tenth:
                tenth = int(10 * share)
                say(f"{source.name}: {10 * tenth} % stored.")
            yield table
    except (UnicodeDecodeError, *BROKEN) as e:
        raise DataError(f"can't be read ({e})", hint="Check the file and data.encoding.", where=source.name) from None


def _check_alike(usual: Clock, table: Table) -> None:
    """Refuse a piece whose times are written in another way than those of the first one."""
    here = table.clock
    if (_plain(here.form), here.zone, here.second) != (_plain(usual.form), usual.zone, usual.second):
        found = f"times are written as {here.form}{here.zone} from here on, before that as {usual.form}{usual.zone}"
        raise DataError(found, hint="Write all dates in one form.", where=table.where(0))


def _plain(form: str | None) -> str | None:
    """A form whether or not days and months have leading zeros, which a piece of a file may not decide."""
    return form and form.replace("%-", "%")


def _layout(columns: Columns) -> np.dtype[np.void]:
    """One row as it is stored."""
    return np.dtype([("code", "<i4"), ("time", "<i8"), ("place", "<i8"), ("values", "<f8", (len(columns.targets),))])


class _Series:
    """The series of all pieces so far, and what the pieces say together."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.counts = np.zeros(0, np.int64)  # [S], rows
        self.clock: Clock | None = None
        self.decimal = "auto"
        self.grouped, self.last, self.rows = True, 0, 0
        self.counted: dict[str, int] = {}  # what notes say, and the number that they begin with

    def records(self, table: Table) -> Records:
        """The rows of the next piece as they are stored."""
        of_all = np.array([self.places.setdefault(name, len(self.places)) for name in table.names])
        codes = of_all[table.codes]
        before = np.zeros(len(self.places), np.int64)
        before[: len(self.counts)] = self.counts
        rows = np.empty(len(codes), _layout(table.columns))
        rows["code"], rows["values"] = codes, table.values
        rows["time"] = table.times if table.clock.form else table.times + before[codes]
        rows["place"] = np.arange(self.rows, self.rows + len(codes))
        self.counts = before + np.bincount(codes, minlength=len(before))
        self.grouped &= codes[0] >= self.last and bool((codes[1:] >= codes[:-1]).all())
        self.last, self.rows = codes[-1], self.rows + len(codes)
        self.clock, self.decimal = self.clock or table.clock, table.source.dialect.decimal
        for note in table.notes:
            rest = note.lstrip("0123456789")
            self.counted[rest] = self.counted.get(rest, 0) + int(note.removesuffix(rest) or 0)
        return rows

    @property
    def notes(self) -> list[str]:
        """The pieces' notes, numbers at their beginning added up."""
        return [f"{count or ''}{rest}" for rest, count in self.counted.items()]


def _parts(counts: Int) -> list[tuple[int, int]]:
    """First series and first row of each part, and one past the last."""
    rows = np.concatenate([[0], np.cumsum(counts)])
    first = np.flatnonzero(np.diff(rows[:-1] // PART, prepend=-1))
    return [(int(s), int(rows[s])) for s in (*first, len(counts))]


def _group(path: Path, layout: np.dtype[np.void], parts: list[tuple[int, int]]) -> None:
    """Bring the rows of each part together, in the order of the file."""
    given = mapped(path, layout)
    sorted_path = path.with_name("grouped")
    with sorted_path.open("wb") as file:
        file.truncate(path.stat().st_size)
    grouped = np.memmap(sorted_path, layout, "r+")
    begins = np.array([code for code, _ in parts[:-1]])
    free = np.array([row for _, row in parts[:-1]])
    for low in range(0, len(given), PART):
        rows = given[low : low + PART].copy()
        part = np.searchsorted(begins, rows["code"], side="right") - 1
        counts = np.bincount(part, minlength=len(begins))
        rows = rows[np.argsort(part, kind="stable")]
        ends = np.cumsum(counts)
        for p in np.flatnonzero(counts):
            grouped[free[p] : free[p] + counts[p]] = rows[ends[p] - counts[p] : ends[p]]
        free += counts
        let_go(given, grouped)
    grouped.flush()
    sorted_path.replace(path)
