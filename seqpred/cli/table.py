"""Write a forecast table as CSV, TSV, JSON, JSON lines or Parquet, to a file or to standard output."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from codecs import iterdecode
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from seqpred.arrays import Float

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import SupportsWrite

    from seqpred.commands.predict import Forecasts

DELIMITERS = {"csv": ",", "tsv": "\t"}
MANY = 1000  # cells that Arrow writes faster if it has been imported, as it is to read a large file
VERY_MANY = 130_000  # cells that Arrow writes faster, import included

Columns: TypeAlias = Mapping[str, Sequence[Any] | Float]
"""Cells by the name of their column, numbers in a list or an array."""

Block: TypeAlias = "bytes | pa.Table"
"""Encoded rows of a table."""


def encode_table(table: Columns, form: str) -> bytes:
    r"""The table in any form; numbers in the shortest form that reads back as the same, a missing one empty or null.

    >>> encode_table({"step": [1, 2], "forecast": [0.5, float("nan")]}, "jsonl").decode()
    '{"step": 1, "forecast": 0.5}\n{"step": 2, "forecast": null}\n'
    """
    content = io.BytesIO()
    with TableFile(content, form) as file:
        file.add(encode_block(table, form, header=True))
    return content.getvalue()


def encode_block(table: Columns, form: str, *, header: bool) -> Block:
    """Some rows of a table, for `TableFile`.

    Args:
        header: whether CSV and TSV begin with the names of the columns.
    """
    if form == "parquet":
        return _row_group(table)
    if form in DELIMITERS:
        head = _written([table], DELIMITERS[form]) if header else b""
        return head + _delimited(table, DELIMITERS[form])
    records = [dict(zip(table, row, strict=True)) for row in zip(*_known(table, None), strict=True)]
    if form == "jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()
    return json.dumps(records, ensure_ascii=False)[1:-1].encode()  # without the brackets around all rows


def _row_group(table: Columns) -> pa.Table:
    import pyarrow as pa

    rows = pa.table({name: pa.array(cells, from_pandas=True) for name, cells in table.items()})  # NaN is null
    fields = [field.with_type(pa.float64()) if pa.types.is_null(field.type) else field for field in rows.schema]
    return rows.cast(pa.schema(fields))  # a list of missing numbers has the type of the other blocks


def _delimited(table: Columns, delimiter: str) -> bytes:
    cells = len(table) * max(map(len, table.values()), default=0)
    if len(table) > 1 and cells >= (MANY if "pyarrow.compute" in sys.modules else VERY_MANY):
        from seqpred.cli.arrow_rows import encode_rows

        encoded = encode_rows(table, delimiter)
        if encoded is not None:
            return encoded
    return _written(zip(*_known(table, ""), strict=True), delimiter)


def _written(rows: Iterable[Iterable[Any]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@dataclass(frozen=True)
class TableFormat:
    """How a forecast table is written; see the options of `predict`."""

    form: str
    header: bool = True
    digits: int | None = None
    origin: bool = False

    def encode(self, forecasts: Forecasts, is_first: bool) -> Block:
        """The rows of some forecasts, for `TableFile`; the first ones include the header."""
        table: Columns = forecasts.table(as_text=self.form != "parquet", origin=self.origin)
        if self.digits is not None:
            from seqpred.cli.rounding import round_table

            table = round_table(table, self.digits)
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


def write_blocks(blocks: Generator[Block, None, None], form: str, output: Path | None) -> None:
    """Write the blocks of a table.

    Args:
        output: the file; None for standard output, which receives nothing if a block fails.
    """
    with (
        _opened(output) as file,
        TableFile(file, form) as rows,
        closing(blocks),  # whatever ends the loop, workers end too
    ):
        for block in blocks:
            rows.add(block)


@contextmanager
def _opened(output: Path | None) -> Iterator[SupportsWrite[bytes]]:
    """The file of a table, or what is written to standard output at the end of the block."""
    from seqpred.cli.terminal import write_data
    from seqpred.spool.held_output import HeldOutput
    from seqpred.storage.atomic import open_output

    if output:
        with open_output(output) as file:
            yield file
    else:
        with HeldOutput() as held:
            yield held
            for text in iterdecode(held.parts(), "utf-8"):
                write_data(text)


def _known(table: Columns, empty: str | None) -> list[Sequence[Any]]:
    """The columns with `empty` instead of missing numbers."""
    return [_filled(_listed(cells), empty) for cells in table.values()]


def _listed(cells: Sequence[Any] | Float) -> Sequence[Any]:
    """The cells as Python objects."""
    found: Sequence[Any] = cells.tolist() if isinstance(cells, np.ndarray) else cells
    return found


def _filled(cells: Sequence[Any], empty: str | None) -> Sequence[Any]:
    if float not in set(map(type, cells)) or not any(map(_unknown, cells)):  # as nearly always
        return cells
    return [empty if _unknown(cell) else cell for cell in cells]


def _unknown(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)
