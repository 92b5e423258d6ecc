"""The forecast table as CSV, TSV, JSON or JSON lines: complete, or a few rows at a time."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from seqpred.timestamps.format import TimestampFormat

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import SupportsWrite

    from seqpred.commands.predict import Forecasts
    from seqpred.sources.columns import Columns

DELIMITERS = {"csv": ",", "tsv": "\t"}


def write_table(table: Mapping[str, Sequence[Any]], form: str, *, header: bool = True) -> str:
    r"""The table's text; numbers in the shortest form that reads back as the same, a missing one empty or null.

    Args:
        header: whether CSV and TSV begin with the names of the columns.

    >>> write_table({"step": [1, 2], "forecast": [0.5, float("nan")]}, "jsonl")
    '{"step": 1, "forecast": 0.5}\n{"step": 2, "forecast": null}\n'
    """
    if form in DELIMITERS:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=DELIMITERS[form], lineterminator="\n")
        if header:
            writer.writerow(table)
        writer.writerows(zip(*_known(table, "").values(), strict=True))
        return text.getvalue()
    records = [dict(zip(table, row, strict=True)) for row in zip(*_known(table, None).values(), strict=True)]
    if form == "jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    return json.dumps(records, ensure_ascii=False) + "\n"


def rounded(table: Mapping[str, Sequence[Any]], digits: int) -> dict[str, list[Any]]:
    """The table with all numbers that are not integers rounded to a number of decimals."""
    return {n: [round(c, digits) if isinstance(c, float) else c for c in cells] for n, cells in table.items()}


def encode_table(table: Mapping[str, Sequence[Any]], form: str) -> bytes:
    """The table in any form, Parquet too; a missing number is empty in all."""
    content = io.BytesIO()
    with TableFile(content, form) as file:
        file.add(encode_block(table, form, header=True))
    return content.getvalue()


Block: TypeAlias = "bytes | pa.Table"
"""Encoded rows of a table."""


def encode_block(table: Mapping[str, Sequence[Any]], form: str, *, header: bool) -> Block:
    """Some rows of a table, for `TableFile`; the first ones include the header."""
    if form == "parquet":
        import pyarrow as pa

        rows = pa.table(_known(table, None))
        fields = [field.with_type(pa.float64()) if pa.types.is_null(field.type) else field for field in rows.schema]
        return rows.cast(pa.schema(fields))  # a column of missing numbers has the type of the other blocks
    text = write_table(table, form, header=header)
    return (text[1:-2] if form == "json" else text).encode()  # without the brackets around all rows


@dataclass(frozen=True)
class TableFormat:
    """How a forecast table is written; see the options of `predict`."""

    form: str
    header: bool = True
    digits: int | None = None
    origin: bool = False

    def encode(self, forecasts: Forecasts, is_first: bool) -> Block:
        """The rows of some forecasts, for `TableFile`; the first ones include the header."""
        table = forecasts.table(as_text=self.form != "parquet", origin=self.origin)
        table = table if self.digits is None else rounded(table, self.digits)
        return encode_block(table, self.form, header=self.header and is_first)


class TableFile:
    """Writes a table block after block, with the bytes that all rows at once have; in Parquet, a block is a row group.

    Args:
        file: receives the bytes; it must be open for writing.
        form: csv, tsv, json, jsonl or parquet.
    """

    def __init__(self, file: SupportsWrite[bytes], form: str) -> None:
        self._file, self._form = file, form
        self._is_empty = True
        self._parquet: Any = None

    def __enter__(self) -> TableFile:
        return self

    def add(self, block: Block) -> None:
        """Write the next rows."""
        if not isinstance(block, bytes):
            self._add_row_group(block)
            return
        if self._form == "json":
            self._file.write(b"[" if self._is_empty else b", ")
        self._is_empty = False
        self._file.write(block)

    def _add_row_group(self, block: pa.Table) -> None:
        if self._parquet is None:
            from pyarrow import parquet

            self._parquet = parquet.ParquetWriter(self._file, block.schema)
        self._parquet.write_table(block)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the text after the last row; nothing after an error."""
        if kind is not None:
            return
        if self._form == "json":
            self._file.write(b"[]\n" if self._is_empty else b"]\n")
        if self._parquet is not None:
            self._parquet.close()


def _known(table: Mapping[str, Sequence[Any]], empty: str | None) -> dict[str, Sequence[Any]]:
    """The columns with `empty` instead of missing numbers."""
    return {name: _filled(cells, empty) for name, cells in table.items()}


def _filled(cells: Sequence[Any], empty: str | None) -> Sequence[Any]:
    if float not in set(map(type, cells)) or not any(map(_unknown, cells)):  # as nearly always
        return cells
    return [empty if _unknown(cell) else cell for cell in cells]


def _unknown(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


class RowWriter:
    """Writes the rows of successive forecasts in the same form as `write_table`.

    Args:
        made: csv, tsv or jsonl.
        columns: of the rows.
        levels: of the quantiles.
    """

    def __init__(self, made: TableFormat, columns: Columns, levels: Sequence[float]) -> None:
        self._form, self._digits, self._has_origin = made.form, made.digits, made.origin
        self._has_header = made.header and made.form != "jsonl"
        self._id, self._times = columns.id, columns.time
        self._numbers = ["forecast", *(f"q{level:g}" for level in levels)]
        self._named = len(columns.targets) > 1
        self._targets = [self._field("target", name) for name in columns.targets] if self._named else [""]
        self._keys = [f"{json.dumps(name)}: " for name in self._numbers]
        self._field_of = lru_cache(1 << 17)(self._field)
        self._moment_of = lru_cache(1 << 12)(self._moment)
        self.clock = TimestampFormat(None)

    def header(self) -> str:
        """The first line; empty in JSON."""
        if not self._has_header:
            return ""
        names = [self._id] if self._id else []
        names += [
            *self._times,
            *(["origin"] if self._has_origin else []),
            "step",
            *(["target"] if self._named else []),
            *self._numbers,
        ]
        return "".join(self._field(n, n) for n in names)[:-1] + "\n"

    @property
    def has_times(self) -> bool:
        """Whether there are columns of time."""
        return bool(self._times)

    def write(
        self, series: str, times: Sequence[int], forecasts: Sequence[Sequence[Sequence[float]]], origin: int
    ) -> str:
        """The lines of one row's forecasts, [C, N, numbers].

        Args:
            times: of the steps.
            origin: the time of the row; without columns of time, its number.
        """
        last = self._origin_of(origin) if self._has_origin else ""
        start = self._field_of(self._id, series) if self._id else ""
        moments = [self._moment_of(time) for time in times] if self._times else [""] * len(times)
        lines = []
        for target, own in zip(self._targets, forecasts, strict=True):
            for step, (moment, numbers) in enumerate(zip(moments, own, strict=True), start=1):
                lines.append(self._line(start + moment + last, step, target, numbers))
        return "".join(lines)

    def _line(self, start: str, step: int, target: str, numbers: Sequence[float]) -> str:
        if self._digits is not None:
            numbers = [round(number, self._digits) for number in numbers]
        if self._form == "jsonl":
            cells = ", ".join(
                [k + ("null" if math.isnan(n) else repr(n)) for k, n in zip(self._keys, numbers, strict=True)]
            )
            return f'{{{start}"step": {step}, {target}{cells}}}\n'
        sign = DELIMITERS[self._form]
        cells = sign.join(["" if math.isnan(n) else repr(n) for n in numbers])
        return f"{start}{step}{sign}{target}{cells}\n"

    def _moment(self, time: int) -> str:
        cells = [column[0] for column in self.clock.write_columns(np.array([time]))]
        return "".join(self._field(name, cell) for name, cell in zip(self._times, cells, strict=True))

    def _origin_of(self, origin: int) -> str:
        return self._field("origin", self.clock.write(np.array([origin]))[0] if self._times else origin)

    def _field(self, name: str, value: str | int) -> str:
        """A cell, and what separates it from the next."""
        if self._form == "jsonl":
            return f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}, "
        text = io.StringIO()
        csv.writer(text, delimiter=DELIMITERS[self._form], lineterminator="").writerow([value, ""])
        return text.getvalue()
