"""The forecast table as csv, json or jsonl."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def write_table(table: Mapping[str, Sequence[Any]], form: str) -> str:
    r"""The table's text; numbers in the shortest form that reads back as the same, an unknown one empty or null.

    >>> write_table({"step": [1, 2], "forecast": [0.5, float("nan")]}, "jsonl")
    '{"step": 1, "forecast": 0.5}\n{"step": 2, "forecast": null}\n'
    """
    rows = zip(*table.values(), strict=True)
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        writer.writerows([["" if _unknown(cell) else cell for cell in row] for row in rows])
        return text.getvalue()
    records = [{k: None if _unknown(cell) else cell for k, cell in zip(table, row, strict=True)} for row in rows]
    if form == "jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    return json.dumps(records, ensure_ascii=False) + "\n"


def _unknown(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)
