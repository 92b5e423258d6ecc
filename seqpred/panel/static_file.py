"""Static covariates from a file of their own: one row for each series, found by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Int
from seqpred.config.schema import CovariateSection
from seqpred.errors import ConfigError, DataError, did_you_mean
from seqpred.panel.panel import Rows
from seqpred.reading.frame import header
from seqpred.reading.table import ColumnProfile, Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source

SHOWN = 3


def open_statics(told: CovariateSection, dialect: Dialect) -> Source | None:
    """The static file that a config names, if it does, written as its data is.

    Raises:
        ConfigError: it names no static column. DataError: no such file.
    """
    if told.static_file is None:
        return None
    if not told.static:
        hint = "Name its columns, as in 'static: [region, size]'."
        raise ConfigError("data.covariates.static_file is given, and no static column", hint=hint)
    try:
        return open_source(told.static_file).with_dialect(replace(dialect, layout="rows", timezone="auto"))
    except DataError as e:
        raise DataError(e.message, hint=f"data.covariates.static_file names it. {e.hint}") from None


def profile_static_columns(
    source: Source, names: Sequence[str], look: Callable[[Source], list[ColumnProfile]]
) -> list[ColumnProfile]:
    """What each of the named columns of a static file seems to hold, as `sketch` or `name_columns` says.

    Raises:
        DataError: empty, or without one of the columns.
    """
    profiles = {s.name: s for s in look(source)}
    for name in names:
        if name not in profiles:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, profiles), where=source.name)
    return [profiles[name] for name in names]


@dataclass(frozen=True)
class JoinedRows:
    """Rows with the static columns of a file, in all rows of each series; NaN for a series without a row there.

    Attributes:
        rows: without static columns.
        own: the static file's.
    """

    rows: Rows
    own: Table
    notes: tuple[str, ...]

    @property
    def columns(self) -> Columns:
        """Those of the rows, and the static ones."""
        return replace(self.rows.columns, static=self.own.columns.static)

    @property
    def names(self) -> list[str]:
        """The series."""
        return self.rows.names

    def parts(self) -> Iterator[Table]:
        """As the rows have them."""
        for table in self.rows.parts():
            chosen = _places(table.names, self.own)
            values = np.where(chosen[:, None] >= 0, self.own.values[chosen], np.nan)[table.codes]
            yield replace(
                table,
                columns=self.columns,
                values=np.concatenate([table.values, values], axis=1),
                words={**table.words, **self.own.words},
            )


def join_statics(
    rows: Rows, name: str, source: Source, names: Sequence[str], categories: set[str], *, strict: bool
) -> JoinedRows:
    """The rows with the static columns of a file.

    Args:
        rows: without static columns.
        name: what errors call their source.
        strict: refuse a file that has none of their series, which is another file than was meant.
    Raises:
        DataError: no id column in either of them, an id twice, a cell that is not what its column holds.
    """
    own = read_statics(rows.columns.id, source, names, categories)
    if strict and (_places(rows.names, own) < 0).all():
        found = f"holds none of the {len(rows.names)} series of {name}, as {rows.names[0]!r}"
        raise DataError(f"{found}; its first is {own.names[0]!r}", hint=_one_row_each(own), where=source.name)
    return JoinedRows(rows, own, (*rows.notes, *own.notes, *_notes(rows.names, own)))


def _places(names: Sequence[str], own: Table) -> Int:
    """The static row of each of these series, -1 where there is none: row i is that of name i, none comes twice."""
    place = {name: s for s, name in enumerate(own.names)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def read_statics(series: str | None, source: Source, names: Sequence[str], categories: set[str]) -> Table:
    """The static file's rows, no series twice.

    Raises:
        DataError: as `join_statics`.
    """
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


def _notes(names: Sequence[str], own: Table) -> Iterator[str]:
    """What to say of series without a row, and of rows without a series."""
    name = own.source.name
    bare, spare = _without(names, own.names), _without(own.names, names)
    if bare:
        near = did_you_mean(bare[0], spare)
        meant = f" {near}" if near.startswith("Did") else ""
        yield (
            f"{len(bare)} of {len(names)} series have no row in {name} ({_first(bare)}).{meant} "
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
