"""Whether dots may group thousands in the columns of numbers of a file."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from seqpred.arrays import Float
from seqpred.sources.body import records_of
from seqpred.sources.numbers import to_number
from seqpred.sources.source import Source

HEAD_ROWS = 100  # of the first lines, in which a decimal point is looked for
BLOCK = 1 << 14  # numbers that are examined at once


def is_open(source: Source, names: Collection[str]) -> bool:
    """Whether the first lines leave it open that dots group thousands in these columns of numbers."""
    if not source.is_csv or source.parts[0].form == "excel" or source.dialect.decimal != "auto":
        return False
    dotted = (text.lstrip("+-") for text in head_cells(source, names) if "." in text)
    return not any(np.isfinite(to_number(text, ".")) and np.isnan(to_number(text, ",")) for text in dotted)


def head_cells(source: Source, names: Collection[str]) -> list[str]:
    """Cells of these columns in the first lines."""
    part = source.parts[0]
    header, cells = part.structure.names, list[str]()
    places = [i for i, name in enumerate(header) if name in names]
    for number, record in enumerate(records_of(part.head, part.delimiter)):
        cells += [record.fields[i].strip() for i in places if i < len(record.fields)]
        if number > HEAD_ROWS:
            break
    return cells


def may_group(values: Float) -> bool:
    """Whether these numbers can be thousands whose group separator was read as a decimal point: 1.234 is 1234."""
    has_fraction = False
    for begin in range(0, len(values), BLOCK):  # the first one is nearly always sufficient
        part = values[begin : begin + BLOCK]
        known = np.abs(part[np.isfinite(part) & (part != 0)])
        thousands = 1000 * known
        if (known >= 1000).any() or (known < 1).any() or (np.abs(thousands - np.rint(thousands)) > 1e-6).any():
            return False
        has_fraction = has_fraction or bool((known != np.rint(known)).any())
    return has_fraction
