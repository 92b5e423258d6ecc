"""Texts whose fields are not separated by a delimiter of CSV files, but by blanks, `^` or a colon."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqpred.sources.body import kind_of
from seqpred.sources.numbers import NumberFormat, split_cell, to_number

_SEPARATORS = ("^", "~", ":", "\x01", None)  # None: any number of blanks
_MIN_ROWS, _MAX_ROWS = 3, 30


def find_separator(lines: Sequence[str]) -> str:
    """The remedy for lines without a delimiter whose fields are separated in another way; empty for one column.

    Args:
        lines: the header, then rows; none of them blank.

    >>> find_separator(["time value", "2024-01-01 5", "2024-01-02  6", "2024-01-03  7"])[:37]
    'Separate the columns by commas: awk -'
    """
    rows = [line.strip() for line in lines[1 : 1 + _MAX_ROWS]]
    if len(rows) < _MIN_ROWS or any(map(_is_number, rows)):
        return ""
    for separator in _SEPARATORS:
        fields = [row.split(separator) for row in rows]
        widths = {len(row) for row in (*fields, lines[0].strip().split(separator))}
        if max(widths) - min(widths) > 1 or min(widths) < 2 or len({len(row) for row in fields}) > 1:
            continue  # R prints no name above its row names
        if len({row[0] for row in fields}) > 1 and all(kind_of(row[-1]) == "number" for row in fields):
            option = f" -F '{separator}'" if separator else ""
            return f"Separate the columns by commas: awk{option} -v OFS=, '{{$1=$1}} 1' FILE > FILE.csv"
    return ""


def _is_number(row: str) -> bool:
    """Whether a line is one number, such as `1 234,5` or `5 kWh`."""
    cell = split_cell(row)
    return cell is not None and any(math.isfinite(to_number(cell.digits, sign)) for sign in NumberFormat.SIGNS)
