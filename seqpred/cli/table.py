"""Write a forecast table as CSV, TSV, JSON, JSON lines or Parquet, to a file or to standard output."""

from __future__ import annotations

import csv
import io
import json
import math
from codecs import iterdecode
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa
    from _typeshed import SupportsWrite

    from seqpred.commands.predict import Forecasts

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


def _known(table: Mapping[str, Sequence[Any]], empty: str | None) -> dict[str, Sequence[Any]]:
    """The columns with `empty` instead of missing numbers."""
    return {name: _filled(cells, empty) for name, cells in table.items()}


def _filled(cells: Sequence[Any], empty: str | None) -> Sequence[Any]:
    if float not in set(map(type, cells)) or not any(map(_unknown, cells)):  # as nearly always
        return cells
    return [empty if _unknown(cell) else cell for cell in cells]


def _unknown(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)
