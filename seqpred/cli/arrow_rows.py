"""Many rows of CSV or TSV at once: the bytes of Python's csv module, with numbers formatted by Arrow."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.arrays import Float

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 1 << 14  # rows that are joined at once; an array of text holds at most 2 GB


def encode_rows(table: Mapping[str, Sequence[Any] | Float], delimiter: str) -> bytes | None:
    r"""The rows in UTF-8, without a header; None if a column is not of one kind: text, integers or floats.

    Args:
        table: at least two columns, because the csv module quotes an empty cell that is alone in its row.

    >>> encode_rows({"id": ["a", 'the "b" one'], "forecast": [0.5, 1.0]}, ",")
    b'a,0.5\n"the ""b"" one",1.0\n'
    """
    columns = [_uniform(cells) for cells in table.values()]
    known = [cells for cells in columns if cells is not None]
    if len(known) < len(columns):
        return None
    rows = max(map(len, known))
    return b"".join([_encode([c[i : i + PIECE] for c in known], delimiter) for i in range(0, rows, PIECE)])


def _uniform(cells: Sequence[Any] | Float) -> Sequence[Any] | Float | None:
    """A column of one kind, floats as an array; otherwise None."""
    if isinstance(cells, np.ndarray):
        return cells
    kinds = set(map(type, cells))
    if kinds == {float}:
        return np.array(cells)
    return cells if kinds in ({str}, {int}) else None


def _encode(columns: Sequence[Sequence[Any] | Float], delimiter: str) -> bytes:
    from pyarrow import compute

    texts = [_numbers(c) if isinstance(c, np.ndarray) else _cells(c, delimiter) for c in columns]
    rows = compute.binary_join_element_wise(*texts, delimiter)
    content: bytes = compute.binary_join_element_wise(rows, "", "\n").buffers()[2].to_pybytes()
    return content


def _numbers(numbers: Float) -> pa.Array:
    """Numbers as `repr` writes them; NaN is empty."""
    import pyarrow as pa
    from pyarrow import compute

    size = np.abs(numbers)
    is_equal = (size >= 1e-4) & (size < 1e10) & (numbers != np.trunc(numbers))  # Arrow: 1 for 1.0, 1e+10 for 1e10
    texts = pa.array(numbers).cast(pa.string())
    if is_equal.all():
        return texts
    others = ["" if math.isnan(number) else repr(number) for number in numbers[~is_equal].tolist()]
    return compute.replace_with_mask(texts, pa.array(~is_equal), pa.array(others, pa.string()))


def _cells(cells: Sequence[str] | Sequence[int], delimiter: str) -> pa.Array:
    """Texts or integers, quoted where the csv module does so."""
    import pyarrow as pa

    written: list[str] = []
    distinct = dict.fromkeys(cells)  # few: each series has many rows, and so has each timestamp
    file = SimpleNamespace(write=written.append)
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([cell, ""] for cell in distinct)
    texts = {cell: text[:-2] for cell, text in zip(distinct, written, strict=True)}
    return pa.array([texts[cell] for cell in cells], pa.string())
