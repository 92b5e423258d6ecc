"""A file too large for memory: its rows, as numbers and by series, in a file of the user's cache, made once.

Everything after it goes through parts, each of whole series, as many as are looked at in one go.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.errors import DataError, WriteError
from seqpred.notes import Note, Notify, OnProgress, Progress, no_op
from seqpred.reading.table import Table, read_table, sentinel_notes
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import USUAL
from seqpred.sources.pieces import pieces
from seqpred.sources.source import BROKEN, Source
from seqpred.spool.mapped import cache_folder, mapped, release_pages
from seqpred.timestamps.format import TimestampFormat

LARGE = 512 << 20  # bytes of a file from which its rows are stored
MOST = 20 << 30  # bytes of the cache beyond which what was used longest ago is removed
LEFT = 86_400  # seconds after which a folder that is still not whole was left by a process that died
PART = 1_000_000  # rows of a part, about
SAMPLED = 1000  # rows of a part by whose times a long series is cut into parts
UNFINISHED = "storing-"  # how the name of a folder begins that is not whole yet
FORMAT = 3  # of what is stored; another one is made anew
ALWAYS = -(1 << 63)  # before any time
Records = npt.NDArray[np.void]
Begin = tuple[int, int, int]
"""Where a part begins: its first series, the time from which on its rows are in it, and its first row."""


@dataclass(frozen=True)
class SpooledRows:
    """The rows of a source, by series; a `reading.Table` in parts.

    Attributes:
        source: as later files of its kind are to be read.
        names: the series, in order of appearance.
        words: the categories of each column that holds them, in order of appearance.
        records: [rows] of code, time, place and values.
        begins: of each part, and of what would follow the last one.
    """

    source: Source
    columns: Columns
    clock: TimestampFormat
    names: list[str]
    words: Mapping[str, Sequence[str]]
    records: Records
    begins: list[Begin]
    notes: tuple[str, ...] = ()

    def parts(self) -> Iterator[Table]:
        """The rows of some series after others; of a long series, of some times after others."""
        words = {name: tuple(sorted(found)) for name, found in self.words.items()}
        ranks = {name: np.argsort(np.argsort(np.array(found, object))) for name, found in self.words.items()}
        for (code, since, row), (next_code, _, next_row) in itertools.pairwise(self.begins):
            rows = self.records[row:next_row]
            values = rows["values"].astype(np.float64)
            for i, name in enumerate(self.columns.values):
                if name in words:
                    values[:, i] = ranks[name][values[:, i].astype(np.int64)]
            yield Table(
                source=self.source,
                columns=self.columns,
                clock=self.clock,
                names=self.names[code : max(next_code, code + 1)],
                codes=rows["code"].astype(np.int64) - code,
                times=rows["time"].astype(np.int64),
                values=values,
                words=words,
                remarks=self.notes if row == 0 else (),
                places=rows["place"].astype(np.int64),
                continues=since != ALWAYS,
            )
            release_pages(self.records)


def is_large(source: Source) -> bool:
    """Whether the rows of a file are better not held in memory."""
    return source.is_file and source.is_divisible and source.size >= LARGE


def beginning(source: Source) -> Source:
    """The first piece of a large file, which shows how it is written; a smaller one whole."""
    return replace(next(pieces(source))[0], name=source.name) if is_large(source) else source


def store(
    source: Source,
    columns: Columns,
    categories: Collection[str],
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> SpooledRows:
    """The rows of a large file, from the cache if they are there.

    Raises:
        DataError: as `read_table`.
        WriteError: there is no room in the cache.
    """
    try:
        folder = cache_folder() / _key(source, columns, categories)
        if not folder.exists():
            _make_room(source.size, notify)
            told = f"too large for memory: its rows are stored once, in {folder}, about {_told(source.size)}"
            notify(Note(f"{told} of at most {_told(MOST)} there", source.name))
            _write(source, columns, categories, folder, on_progress)
        os.utime(folder)  # used now
        return _read(source, columns, folder)
    except OSError as e:
        hint = "Make room, or name another folder in XDG_CACHE_HOME."
        raise WriteError(f"can't be stored ({e})", hint=hint, where=source.name) from None


def _make_room(size: int, notify: Notify) -> None:
    """Remove what was used longest ago, until so many bytes more are not too many."""
    folders = sorted((p for p in cache_folder().iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in folders if p.name.startswith(UNFINISHED)]
    for left in unfinished:
        if time.time() - left.stat().st_mtime > LEFT:
            shutil.rmtree(left, ignore_errors=True)
    kept = {p: sum(f.stat().st_size for f in p.iterdir()) for p in folders if p not in unfinished}
    for oldest in list(kept):
        if sum(kept.values()) + size <= MOST:
            break
        freed = kept.pop(oldest)
        text = f"removed ({_told(freed)}), since it was used longest ago and {_told(MOST)} are the most there"
        notify(Note(text, str(oldest)))
        shutil.rmtree(oldest, ignore_errors=True)


def _told(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"


def _key(source: Source, columns: Columns, categories: Collection[str]) -> str:
    """What the stored rows depend on, in hexadecimal: the file's bytes and how they are read."""
    digest = hashlib.sha256(f"{FORMAT} {columns} {sorted(categories)} {source.dialect}".encode())
    for part in source.parts:
        with part.open_bytes() as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
        digest.update(b"\0" * 64)  # between files
    return digest.hexdigest()


def _read(source: Source, columns: Columns, folder: Path) -> SpooledRows:
    told: dict[str, Any] = json.loads((folder / "rows.json").read_text())
    spoken = source.with_dialect(replace(source.dialect, decimal=told["decimal"], unit=told["units"]))
    begins = [(code, since, row) for code, since, row in told["begins"]]
    records, notes = mapped(folder / "rows", _layout(columns)), tuple(told["notes"])
    return SpooledRows(
        spoken, columns, TimestampFormat(**told["clock"]), told["names"], told["words"], records, begins, notes
    )


def _write(
    source: Source, columns: Columns, categories: Collection[str], folder: Path, on_progress: OnProgress
) -> None:
    """Make the folder, which appears whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder.parent) as made:
        new = Path(made, "new")
        new.mkdir()
        series = _Series()
        with (new / "rows").open("wb") as file:
            for table in _tables(source, columns, categories, on_progress):
                file.write(series.records(table).tobytes())
        begins = _group(new / "rows", _layout(columns), series)
        assert series.clock is not None  # a file of this size has rows
        told: dict[str, Any] = {"names": list(series.places)}
        told |= {"words": {name: list(found) for name, found in series.words.items()}}
        told |= {"begins": begins, "clock": asdict(series.clock), "notes": series.notes}
        told |= {"decimal": series.dialect.decimal, "units": dict(series.dialect.unit)}
        (new / "rows.json").write_text(json.dumps(told))
        if not folder.exists():
            shutil.move(new, folder)


def _tables(source: Source, columns: Columns, categories: Collection[str], on_progress: OnProgress) -> Iterator[Table]:
    """The rows of each piece of a file, all read as the first one is."""
    dialect, usual, told = source.dialect, None, 0
    try:
        for piece, share in pieces(source):
            table = read_table(piece if usual is None else piece.with_dialect(dialect), columns, categories)
            if usual is None:
                usual = table.clock
                dialect = replace(table.source.dialect, timestamp_pattern=(usual.pattern or "") if usual.dated else "")
            _check_alike(usual, table)
            if int(100 * share) > told:
                told = int(100 * share)
                on_progress(Progress("storing", share))
            yield table
    except (UnicodeDecodeError, *BROKEN) as e:
        raise DataError(f"can't be read ({e})", hint="Check the file and data.encoding.", where=source.name) from None


def _check_alike(usual: TimestampFormat, table: Table) -> None:
    """Refuse a piece whose times are written in another way than those of the first one."""
    here = table.clock
    if here.dated != usual.dated or (here.dated and here.compiled.outline != usual.compiled.outline):
        found = f"timestamps have the form {here.shown} from here on, before that {usual.shown}"
        raise DataError(found, hint="Write all timestamps in one form.", where=table.where(0))
    if here.zone != usual.zone:
        found = f"timestamps have the offset {here.zone or 'none'} from here on, before that {usual.zone or 'none'}"
        raise DataError(found, hint="Write all timestamps in one form.", where=table.where(0))


def _layout(columns: Columns) -> np.dtype[np.void]:
    """One row as it is stored."""
    return np.dtype([("code", "<i4"), ("time", "<i8"), ("place", "<i8"), ("values", "<f8", (len(columns.values),))])


class _Series:
    """The series of all pieces so far, and what the pieces say together."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.words: dict[str, dict[str, int]] = {}  # places of the categories in order of appearance
        self.counts = np.zeros(0, np.int64)  # [S], rows
        self.clock: TimestampFormat | None = None
        self.dialect = USUAL
        self.grouped, self.last, self.rows, self.marked = True, 0, 0, 0
        self.counted: dict[str, int] = {}  # what notes say, and the number that they begin with

    def records(self, table: Table) -> Records:
        """The rows of the next piece as they are stored."""
        of_all = np.array([self.places.setdefault(name, len(self.places)) for name in table.names])
        codes = of_all[table.codes]
        before = np.zeros(len(self.places), np.int64)
        before[: len(self.counts)] = self.counts
        rows = np.empty(len(codes), _layout(table.columns))
        rows["code"], rows["values"] = codes, self._values(table)
        rows["time"] = table.times if table.clock.pattern else table.times + before[codes]
        rows["place"] = np.arange(self.rows, self.rows + len(codes))
        self.counts = before + np.bincount(codes, minlength=len(before))
        self.grouped &= codes[0] >= self.last and bool((codes[1:] >= codes[:-1]).all())
        self.last, self.rows = codes[-1], self.rows + len(codes)
        self.clock, self.dialect = self.clock or table.clock, table.source.dialect
        self.marked += table.marked
        for note in table.remarks:
            rest = note.lstrip("0123456789")
            self.counted[rest] = self.counted.get(rest, 0) + int(note.removesuffix(rest) or 0)
        return rows

    def _values(self, table: Table) -> npt.NDArray[np.float64]:
        """[rows, columns], in which a category has one place in all pieces."""
        values = table.values
        for i, name in enumerate(table.columns.values):
            if name in table.words:
                known = self.words.setdefault(name, {})
                places = np.array([known.setdefault(word, len(known)) for word in table.words[name]], np.float64)
                values[:, i] = places[values[:, i].astype(np.int64)]
        return values

    @property
    def notes(self) -> list[str]:
        """The pieces' notes, numbers at their beginning added up."""
        counted = [f"{count or ''}{rest}" for rest, count in self.counted.items()]
        return [*counted, *sentinel_notes(self.dialect, self.marked)]


def _group(path: Path, layout: np.dtype[np.void], series: _Series) -> list[Begin]:
    """Bring the rows of each part together, in the order of the file; where the parts begin."""
    given = mapped(path, layout)
    codes, since = _cuts(given, series.counts)
    parts = _Parts(codes, since)
    counts, grouped = np.zeros(len(codes), np.int64), True
    whole = series.grouped and len(set(codes.tolist())) == len(codes)  # all is known without a look at the rows
    if whole:
        counts = np.add.reduceat(series.counts, codes)
    last = 0
    for rows in () if whole else _pieces(given):
        place = parts.of(rows)
        counts += np.bincount(place, minlength=len(codes))
        grouped &= place[0] >= last and bool((place[1:] >= place[:-1]).all())
        last = place[-1]
    rows_of = np.concatenate([[0], np.cumsum(counts)])
    if not grouped:
        _sort(path, given, parts, rows_of[:-1].copy(), layout)
    begins = zip([*codes.tolist(), len(series.counts)], [*since.tolist(), ALWAYS], rows_of.tolist(), strict=True)
    return list(begins)


def _cuts(given: Records, counts: Int) -> tuple[Int, Int]:
    """The first series of each part, and the time from which on its rows are in it.

    Short series go into a part together; a long one is cut at times that leave about as many rows in each part.
    """
    rows = np.concatenate([[0], np.cumsum(counts)])
    long = counts > 2 * PART
    fresh = (np.diff(rows[:-1] // PART, prepend=-1) > 0) | long | np.append(False, long[:-1])
    firsts = np.flatnonzero(fresh)
    every = max(1, PART // SAMPLED)
    times: dict[int, list[Int]] = {int(s): [] for s in np.flatnonzero(long)}
    for piece in _pieces(given) if times else ():
        for s, found in times.items():
            found.append(piece["time"][piece["code"] == s][::every].astype(np.int64))
    between = {s: np.unique(np.sort(np.concatenate(t))[:: PART // every])[1:] for s, t in times.items()}
    since = [np.append(ALWAYS, between.get(int(s), np.empty(0, np.int64))) for s in firsts]
    return np.repeat(firsts, [len(own) for own in since]), np.concatenate(since).astype(np.int64)


@dataclass(frozen=True)
class _Parts:
    """Which part a row belongs to.

    Attributes:
        codes, since: [parts], the first series of each, and the time from which on its rows are in it.
    """

    codes: Int
    since: Int

    def of(self, rows: Records) -> Int:
        """The part of each of these rows."""
        place: Int = np.searchsorted(self.codes, rows["code"], side="right") - 1
        for s in np.unique(self.codes[self.since != ALWAYS]):
            low, high = np.searchsorted(self.codes, [s, s + 1])
            own = rows["code"] == s
            place[own] = low - 1 + np.searchsorted(self.since[low:high], rows["time"][own], side="right")
        return place


def _pieces(given: Records) -> Iterator[Records]:
    """As many rows after others as are looked at in one go."""
    for low in range(0, len(given), PART):
        yield given[low : low + PART].copy()
        release_pages(given)


def _sort(path: Path, given: Records, parts: _Parts, free: Int, layout: np.dtype[np.void]) -> None:
    """The file with the rows of each part together; `free` [parts] are the first rows of each, and change."""
    sorted_path = path.with_name("grouped")
    with sorted_path.open("wb") as file:
        file.truncate(path.stat().st_size)
    grouped = np.memmap(sorted_path, layout, "r+")
    for rows in _pieces(given):
        place = parts.of(rows)
        counts = np.bincount(place, minlength=len(free))
        ordered, ends = rows[np.argsort(place, kind="stable")], np.cumsum(counts)
        for p in np.flatnonzero(counts):
            grouped[free[p] : free[p] + counts[p]] = ordered[ends[p] - counts[p] : ends[p]]
        free += counts
        release_pages(grouped)
    grouped.flush()
    sorted_path.replace(path)
