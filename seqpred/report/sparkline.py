"""Numbers as one line of characters."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Float

BLOCKS = "▁▂▃▄▅▆▇█"  # low to high
PLAIN = "_.,-=+*#"  # the same where the encoding lacks blocks


def sparkline(values: Float, width: int, marks: str = BLOCKS) -> str:
    """The shape of values from the first to the last, at most `width` characters; a blank where all are missing.

    >>> sparkline(np.array([0.0, 1, 2, np.nan, 7]), 5)
    '▁▂▃ █'
    """
    parts = np.array_split(values, min(width, len(values)) or 1)
    means = np.array([p[np.isfinite(p)].mean() if np.isfinite(p).any() else np.nan for p in parts])
    known = means[np.isfinite(means)]
    if not len(known):
        return ""
    height = float(np.ptp(known)) or 1.0
    levels = [int((m - known.min()) / height * (len(marks) - 1) + 0.5) if np.isfinite(m) else None for m in means]
    return "".join(" " if level is None else marks[level] for level in levels)
