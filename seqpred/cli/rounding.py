"""Rounding of the numbers of a table to decimals, as `round` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqpred.arrays import Float

EXACT = 22  # digits up to which a power of ten is a float
MARGIN, LARGEST = 1e-3, 2.0**40  # a scaled number up to the largest is off by 2**-13 at most, which is less


def round_table(table: Mapping[str, Sequence[Any] | Float], digits: int) -> dict[str, Sequence[Any] | Float]:
    """The table with all numbers that are not integers rounded to a number of decimals."""
    return {
        name: _round_array(cells, digits)
        if isinstance(cells, np.ndarray)
        else [round(c, digits) if isinstance(c, float) else c for c in cells]
        for name, cells in table.items()
    }


def _round_array(numbers: Float, digits: int) -> Float:
    """`round` of each number; `numpy.round` decides by the scaled number, which has an error, next to a half."""
    scale = 10.0 ** min(digits, EXACT)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = numbers * scale
        whole = np.rint(scaled)
        is_sure = (np.abs(scaled) < LARGEST) & (np.abs(np.abs(scaled - whole) - 0.5) > MARGIN) & (digits <= EXACT)
    found: Float = whole / scale
    found[~is_sure] = [round(number, digits) for number in numbers[~is_sure].tolist()]
    return found
