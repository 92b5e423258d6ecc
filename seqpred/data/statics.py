"""Static covariates from a file of their own: one row for each series, found by its id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from seqpred.data.frames import header
from seqpred.data.reading import Columns, Sketch, Table, read_table, sketch
from seqpred.data.sources import Source
from seqpred.errors import DataError, did_you_mean

SHOWN = 3


def sketch_statics(source: Source, names: Sequence[str]) -> list[Sketch]:
    """What each of the named columns of a static file seems to hold.

    Raises:
        DataError: empty, or without one of the columns.
    """
    sketches = {s.name: s for s in sketch(source)}
    for name in names:
        if name not in sketches:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, sketches), where=source.name)
    return [sketches[name] for name in names]


def join_statics(table: Table, source: Source, names: Sequence[str], categories: set[str], *, strict: bool) -> Table:
    """The table with the static columns of a file, in all rows of each series; NaN for a series without a row.

    Args:
        table: without static columns.
        strict: refuse a file that has none of the table's series, which is another file than was meant.
    Raises:
        DataError: no id column in either of them, an id twice, a cell that is not what its column holds.
    """
    own = _read(table.columns.id, source, names, categories)
    place = {name: s for s, name in enumerate(own.names)}
    chosen = np.array([place.get(name, -1) for name in table.names])
    if strict and (chosen < 0).all():
        found = f"holds none of the {len(chosen)} series of {table.source.name}, as {table.names[0]!r}"
        raise DataError(f"{found}; its first is {own.names[0]!r}", hint=_one_row_each(own), where=source.name)
    values = np.where(chosen[:, None] >= 0, own.values[chosen], np.nan)  # row i is that of name i: none comes twice
    return replace(
        table,
        columns=replace(table.columns, static=tuple(names)),
        values=np.concatenate([table.values, values[table.codes]], axis=1),
        words={**table.words, **own.words},
        notes=(*table.notes, *own.notes, *_notes(table, own)),
    )


def _read(series: str | None, source: Source, names: Sequence[str], categories: set[str]) -> Table:
    """The static file's rows, no series twice."""
    if series is None:
        hint = "Name the column of the ids in data.id; it is looked for in both files."
        raise DataError("a static file tells series apart, and the data has no id column", hint=hint, where=source.name)
    there = header(source)
    if series not in there:
        hint = f"{did_you_mean(series, there)} The ids stand under one name, data.id, in both files."
        raise DataError(f"no column {series!r}", hint=hint, where=source.name)
    own = read_table(source, Columns((), series, (), static=tuple(names)), categories & {*names})
    again = np.flatnonzero(own.times > 0)  # without a time column, they count the rows of each series
    if len(again):
        found = f"series {own.names[own.codes[again[0]]]!r} has a row already"
        raise source.fault(again, found, "Keep one row for each series.")
    return own


def _one_row_each(own: Table) -> str:
    return f"Give a row for each series, its id in {own.columns.id!r} as the data writes it."


def _notes(table: Table, own: Table) -> Iterator[str]:
    """What to say of series without a row, and of rows without a series."""
    name = own.source.name
    bare, spare = _without(table.names, own.names), _without(own.names, table.names)
    if bare:
        near = did_you_mean(bare[0], spare)
        meant = f" {near}" if near.startswith("Did") else ""
        yield (
            f"{len(bare)} of {len(table.names)} series have no row in {name} ({_first(bare)}).{meant} "
            f"{_one_row_each(own)[:-1]}"
        )
    if spare:
        where = own.where(own.names.index(spare[0]))
        yield f"{where}: {len(spare)} of {len(own.names)} rows are of series that are not here ({_first(spare)})"


def _without(names: Sequence[str], others: Sequence[str]) -> list[str]:
    there = set(others)
    return [name for name in names if name not in there]


def _first(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
