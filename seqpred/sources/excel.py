"""The first worksheet of an Excel workbook as CSV text, so that it is read like any other table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import BinaryIO, NamedTuple

from seqpred.errors import DataError


class Sheet(NamedTuple):
    """A worksheet.

    Attributes:
        text: as CSV. Line numbers are the sheet's row numbers.
        note: which worksheet it is, if others contain cells too; otherwise empty.
    """

    text: bytes
    note: str


def read_sheet(content: BinaryIO, name: str) -> Sheet:
    """The first worksheet that contains cells.

    Raises:
        DataError: openpyxl is not installed, or the workbook is damaged or empty.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        hint = "Install it with `pip install 'seqpred[excel]'`, or save the sheet as CSV."
        raise DataError("is an Excel workbook, which needs openpyxl", hint=hint, where=name) from None
    try:
        workbook = load_workbook(content, read_only=True, data_only=True)
        used = [sheet for sheet in workbook.worksheets if _has_cells(sheet.iter_rows(values_only=True))]
        if used:
            names = ", ".join(repr(sheet.title) for sheet in used[1:])
            note = f"worksheet {used[0].title!r} is read, and not {names}" if names else ""
            return Sheet(_as_csv([list(row) for row in used[0].iter_rows(values_only=True)]), note)
    except Exception as e:  # noqa: BLE001, openpyxl raises whatever its XML parser or zipfile does
        raise DataError(f"is not a complete Excel workbook ({e})", hint="Save it again.", where=name) from None
    raise DataError("has no cells", hint="Provide a workbook whose first sheet is the table.", where=name)


def _has_cells(rows: Iterable[Iterable[object]]) -> bool:
    return any(cell is not None for row in rows for cell in row)


def _as_csv(rows: list[list[object]]) -> bytes:
    width = max(len(row) for row in rows)
    dated = [_is_dated(row[c] for row in rows if c < len(row)) for c in range(width)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([_as_text(cell, is_date) for cell, is_date in zip(row, dated, strict=False)])
    return text.getvalue().encode()


def _is_dated(cells: Iterable[object]) -> bool:
    """Whether the timestamps of a column are dates without a time of day."""
    return all(cell.time() == time() for cell in cells if isinstance(cell, datetime))


def _as_text(cell: object, is_date: bool) -> str:
    """A cell as CSV has it; numbers with a decimal point, timestamps as ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        cell = (cell + timedelta(microseconds=500)).replace(microsecond=0)  # Excel's fractions of a day are inexact
        return cell.date().isoformat() if is_date else cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return " ".join(str(cell).split()) if isinstance(cell, str) else repr(cell)
