"""Store the rows of a file that is too large for memory, once, in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from seqpred.errors import DataError, WriteError
from seqpred.notes import Note, Notify, OnProgress, Progress, no_op
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.pieces import pieces
from seqpred.sources.source import BROKEN, Source
from seqpred.spool.collect import Collector
from seqpred.spool.mapped import cache_folder, mapped
from seqpred.spool.rows import Begin, SpooledRows, record_type
from seqpred.spool.sort import sort_into_parts
from seqpred.timestamps.format import TimestampFormat

LARGEST_CACHE = 20 << 30  # bytes; beyond them, the files used longest ago are removed
ABANDONED = 86_400  # seconds after which an unfinished folder belongs to a process that died
UNFINISHED = "storing-"  # prefix of the name of an unfinished folder
FORMAT = 6  # of the stored files; others are ignored


def store(
    source: Source,
    columns: Columns,
    categories: Collection[str],
    notify: Notify = no_op,
    on_progress: OnProgress = no_op,
) -> SpooledRows:
    """The rows of a large file, from the cache if they are in it.

    Raises:
        DataError: as `read_table`.
        WriteError: the cache cannot be written.
    """
    try:
        content, wanted = _digest(source), f"{columns} {sorted(categories)}"
        folder = cache_folder() / _key(content, wanted, source.dialect)
        if not folder.exists():
            folder.unlink(missing_ok=True)  # a link to rows that were removed
            make_room(source.size, notify)
            text = f"too large for memory: its rows are stored once, in {folder}, about {_gigabytes(source.size)}"
            notify(Note(f"{text} of at most {_gigabytes(LARGEST_CACHE)} there", source.name))
            found = _write(source, columns, categories, folder, on_progress)
            if found is not None:  # the keys of a config that was resolved with these rows
                with suppress(OSError):
                    (cache_folder() / _key(content, wanted, found)).symlink_to(folder.name)
        os.utime(folder)  # used now
        return _read(source, columns, folder)
    except OSError as e:
        hint = "Free some disk space, or set XDG_CACHE_HOME to another folder."
        raise WriteError(f"cannot be stored ({e})", hint=hint, where=source.name) from None


def make_room(size: int, notify: Notify) -> None:
    """Remove the files used longest ago, until this many bytes fit."""
    links = [p for p in cache_folder().iterdir() if p.is_symlink()]
    folders = [p for p in cache_folder().iterdir() if p.is_dir() and p not in links]
    folders.sort(key=lambda p: p.stat().st_mtime)
    unfinished = [p for p in folders if p.name.startswith(UNFINISHED)]
    for folder in unfinished:
        if time.time() - folder.stat().st_mtime > ABANDONED:
            shutil.rmtree(folder, ignore_errors=True)
    kept = {p: sum(f.stat().st_size for f in p.iterdir()) for p in folders if p not in unfinished}
    for oldest in list(kept):
        if sum(kept.values()) + size <= LARGEST_CACHE:
            break
        freed = _gigabytes(kept.pop(oldest))
        limit = _gigabytes(LARGEST_CACHE)
        notify(Note(f"removed ({freed}): it was used longest ago, and the cache is limited to {limit}", str(oldest)))
        shutil.rmtree(oldest, ignore_errors=True)
    for link in links:
        if not link.exists():
            link.unlink(missing_ok=True)


def _gigabytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GB"


def _key(content: str, wanted: str, dialect: Dialect) -> str:
    """What the stored rows depend on, hashed: the bytes of the file and how they are read."""
    return hashlib.sha256(f"{FORMAT} {content} {wanted} {dialect}".encode()).hexdigest()


def _digest(source: Source) -> str:
    """The hash of the bytes of all files, and of the columns that the names of their folders contain."""
    digest = hashlib.sha256()
    for part in source.parts:
        with part.open_bytes() as content:
            while piece := content.read(1 << 20):
                digest.update(piece)
        digest.update(b"\0" * 64 + str(sorted(part.folder_columns.items())).encode())  # between files
    return digest.hexdigest()


def _read(source: Source, columns: Columns, folder: Path) -> SpooledRows:
    stored: dict[str, Any] = json.loads((folder / "rows.json").read_text())
    return SpooledRows(
        source=source.with_dialect(replace(source.dialect, decimal=stored["decimal"], unit=stored["units"])),
        columns=columns,
        clock=TimestampFormat(**stored["clock"]),
        names=stored["names"],
        words=stored["words"],
        records=mapped(folder / "rows", record_type(columns)),
        begins=[Begin(*begin) for begin in stored["begins"]],
        notes=tuple(stored["notes"]),
    )


def _write(
    source: Source, columns: Columns, categories: Collection[str], folder: Path, on_progress: OnProgress
) -> Dialect | None:
    """Make the folder, which appears as a whole or not at all.

    Returns:
        Another dialect with which the rows are the same; None if they may have other notes.
    """
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder.parent) as made:
        new = Path(made, "new")
        new.mkdir()
        collector = Collector()
        with (new / "rows").open("wb") as file:
            for table in _tables(source, columns, categories, on_progress):
                file.write(collector.records(table).tobytes())
        assert collector.clock is not None  # a file of this size has rows
        lengths, in_order = collector.lengths, collector.in_order
        stored: dict[str, Any] = {
            "names": list(collector.series),
            "words": {name: list(numbers) for name, numbers in collector.words.items()},
            "begins": sort_into_parts(new / "rows", record_type(columns), lengths, in_order=in_order),
            "clock": asdict(collector.clock),
            "decimal": collector.dialect.decimal,
            "units": dict(collector.dialect.unit),
            "notes": collector.notes,
        }
        (new / "rows.json").write_text(json.dumps(stored))
        if not folder.exists():
            shutil.move(new, folder)
    return None if collector.notes else collector.clock.complete(collector.dialect)


def _tables(source: Source, columns: Columns, categories: Collection[str], on_progress: OnProgress) -> Iterator[Table]:
    """The rows of each piece of a file, all read with the dialect of the first one."""
    dialect, clock, percent = source.dialect, None, 0
    try:
        for piece, share in pieces(source):
            table = read_table(piece if clock is None else piece.with_dialect(dialect), columns, categories)
            if clock is None:
                clock = table.clock
                dialect = replace(table.source.dialect, date_order=clock.date_order or source.dialect.date_order)
            _check_same_format(clock, table)
            if int(100 * share) > percent:
                percent = int(100 * share)
                on_progress(Progress("storing", share))
            yield table
    except (UnicodeDecodeError, *BROKEN) as e:
        hint = "Check the file and data.encoding."
        raise DataError(f"cannot be read ({e})", hint=hint, where=source.name) from None


def _check_same_format(usual: TimestampFormat, table: Table) -> None:
    """Reject a piece whose timestamps have another form than those of the first one."""
    here = table.clock
    if here.dated != usual.dated or (here.dated and here.compiled.outline != usual.compiled.outline):
        found = f"timestamps have the form {here.shown} from here on, before that {usual.shown}"
        raise DataError(found, hint="Write all timestamps in one form.", where=table.where(0))
    if here.zone != usual.zone:
        found = f"timestamps have the offset {here.zone or 'none'} from here on, before that {usual.zone or 'none'}"
        raise DataError(found, hint="Write all timestamps in one form.", where=table.where(0))
