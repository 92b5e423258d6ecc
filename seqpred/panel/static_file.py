"""Static covariates from a separate file, one row per series, joined by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Int
from seqpred.config.data_section import CovariateSection
from seqpred.errors import ConfigError, DataError, did_you_mean
from seqpred.panel.panel import Rows
from seqpred.reading.column_profile import ColumnProfile
from seqpred.reading.header import header
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source

SHOWN = 3  # ids in a note


def open_statics(section: CovariateSection, dialect: Dialect) -> Source | None:
    """The static file of a config, with the dialect of the data; None if there is none.

    Raises:
        ConfigError: no static columns are named.
        DataError: no such file.
    """
    if section.static_file is None:
        return None
    if not section.static:
        hint = "Name its columns, as in 'static: [region, size]'."
        raise ConfigError("data.covariates.static_file is set, but no static columns are named", hint=hint)
    try:
        return open_source(section.static_file).with_dialect(replace(dialect, layout="rows", timezone="auto"))
    except DataError as e:
        raise DataError(e.message, hint=f"It is named in data.covariates.static_file. {e.hint}") from None


def profile_static_columns(
    source: Source, names: Sequence[str], profile: Callable[[Source], list[ColumnProfile]]
) -> list[ColumnProfile]:
    """The profiles of the named columns of a static file.

    Args:
        profile: `profile_columns` or `name_columns`.
    Raises:
        DataError: empty, or without one of the columns.
    """
    profiles = {p.name: p for p in profile(source)}
    for name in names:
        if name not in profiles:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, profiles), where=source.name)
    return [profiles[name] for name in names]


@dataclass(frozen=True)
class JoinedRows:
    """Rows with the static columns of a file; NaN for a series without a row there.

    Attributes:
        rows: without static columns.
        own: the static file.
    """

    rows: Rows
    own: Table
    notes: tuple[str, ...]

    @property
    def columns(self) -> Columns:
        """The columns of the rows, and the static ones."""
        return replace(self.rows.columns, static=self.own.columns.static)

    @property
    def names(self) -> list[str]:
        """The series."""
        return self.rows.names

    def parts(self) -> Iterator[Table]:
        """The parts of the rows."""
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
        name: what errors call the source of the rows.
        strict: reject a file with none of the series, which is probably the wrong file.
    Raises:
        DataError: no id column in one of the sources, a duplicate id, or a malformed cell.
    """
    own = read_statics(rows.columns.id, source, names, categories)
    if strict and (_places(rows.names, own) < 0).all():
        found = f"has none of the {len(rows.names)} series of {name}, such as {rows.names[0]!r}"
        raise DataError(f"{found}; its first id is {own.names[0]!r}", hint=_one_row_each(own), where=source.name)
    return JoinedRows(rows, own, (*rows.notes, *own.notes, *_notes(rows.names, own)))


def _places(names: Sequence[str], own: Table) -> Int:
    """The row of each series in the static file, whose names are in the order of its rows; -1 if there is none."""
    place = {name: s for s, name in enumerate(own.names)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def read_statics(series: str | None, source: Source, names: Sequence[str], categories: set[str]) -> Table:
    """The rows of the static file, one per series.

    Raises:
        DataError: as `join_statics`.
    """
    if series is None:
        hint = "Name the id column in data.id; both files need it."
        raise DataError("a static file needs ids, but the data has no id column", hint=hint, where=source.name)
    columns = header(source)
    if series not in columns:
        hint = f"{did_you_mean(series, columns)} The id column has the same name, data.id, in both files."
        raise DataError(f"no column {series!r}", hint=hint, where=source.name)
    own = read_table(source, Columns((), series, (), static=tuple(names)), categories & {*names})
    duplicates = np.flatnonzero(own.times > 0)  # without a time column, times count the rows of each series
    if len(duplicates):
        raise source.fault(
            duplicates, f"duplicate row of series {own.names[own.codes[duplicates[0]]]!r}", "Keep one row per series."
        )
    return own


def _one_row_each(own: Table) -> str:
    return f"Add a row for each series, with its id in {own.columns.id!r} as in the data."


def _notes(names: Sequence[str], own: Table) -> Iterator[str]:
    """Series without a row, and rows without a series, for the user."""
    name, without_row, without_series = own.source.name, _without(names, own.names), _without(own.names, names)
    if without_row:
        near = did_you_mean(without_row[0], without_series)
        guess = f" {near}" if near.startswith("Did") else ""
        found = f"{len(without_row)} of {len(names)} series have no row in {name} ({_first(without_row)})"
        yield f"{found}.{guess} {_one_row_each(own)[:-1]}"
    if without_series:
        where = own.where(own.names.index(without_series[0]))
        found = f"{len(without_series)} of {len(own.names)} rows belong to no series of the data"
        yield f"{where}: {found} ({_first(without_series)})"


def _without(names: Sequence[str], others: Sequence[str]) -> list[str]:
    known = set(others)
    return [name for name in names if name not in known]


def _first(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
