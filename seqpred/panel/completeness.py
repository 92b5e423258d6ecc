"""What the rows of a table lack: counts for the notes, and the errors of `data.missing: error`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from seqpred.arrays import Int
from seqpred.errors import DataError
from seqpred.panel.duplicates import Duplicates
from seqpred.panel.panel import Panel, Rows
from seqpred.reading.table import Table

Missing = Literal["mask", "interpolate", "error"]


def check_complete(table: Table, panel: Panel) -> None:
    """Reject missing rows and empty cells, as `data.missing: error` requires."""
    hint = "Fill them in, or set data.missing to mask or interpolate."
    targets = panel.roles.count("target")
    empty = np.flatnonzero(np.isnan(table.values[:, :targets]).any(axis=1))
    if len(empty):
        rows = empty if table.places is None else np.sort(table.places[empty])
        raise table.source.fault(rows, "the cell of a target is empty", hint)
    if len(panel.values) == len(table.times):
        return
    for s, name in enumerate(panel.names):
        gaps = np.flatnonzero(np.isnan(panel.rows(s)[:, :targets]).all(axis=1))
        if len(gaps):
            stamps = ", ".join(str(t) for t in panel.clock.write(panel.times(s, gaps[:3])))
            series = f" of series {name!r}" if table.columns.id else ""
            missing = len(panel.values) - len(table.times)
            found = f"{missing} rows are missing, the first{series} at {stamps}"
            raise DataError(found, hint=hint, where=panel.source)


class Counts:
    """Duplicates, missing rows and empty cells over all parts of a table."""

    def __init__(self, rows: Rows) -> None:
        self.source = rows
        self.rows = self.missing = self.duplicates = 0
        columns = len(rows.columns.values)
        self.empty = np.zeros(columns, np.int64)  # cells
        self.empty_series = np.zeros(columns, np.int64)  # without the last one, which may continue in the next part
        self.last_known: Int | None = None  # values of that one

    def add(self, rows: int, table: Table, panel: Panel) -> None:
        """Add a part: its number of rows, its table without duplicates, and its panel."""
        missing = len(panel.values) - len(table.times)
        self.rows += len(panel.values)
        self.missing += missing
        self.duplicates += rows - len(table.times)
        self.empty += np.isnan(panel.values).sum(axis=0) - missing
        known = np.add.reduceat(np.isfinite(panel.values), panel.offsets[:-1], dtype=np.int64)
        if self.last_known is not None:
            if table.continues:
                known[0] += self.last_known
            else:
                self.empty_series += self.last_known == 0
        self.empty_series += (known[:-1] == 0).sum(axis=0)
        self.last_known = known[-1]

    def notes(self, duplicates: Duplicates, missing: Missing) -> Iterator[str]:
        """All counts, for the user."""
        columns = self.source.columns
        if self.duplicates:
            used = "their mean" if duplicates == "mean" else f"the {duplicates} value"
            yield f"{self.duplicates} duplicate timestamps: {used} is used"
        if self.missing:
            yield f"{self.missing} of {self.rows} rows on the time grid are missing"
        empty_series = self.empty_series + (self.last_known == 0)
        for name, empty in zip(columns.values, empty_series.tolist(), strict=True):
            if empty:
                use = "no forecast" if name in columns.targets else "treated as missing"
                yield f"{name!r} is empty for {empty} of {len(self.source.names)} series: {use}"
        use = "excluded from training and scores" if missing == "mask" else "interpolated for the loss"
        for name, empty in zip(columns.values, self.empty.tolist(), strict=True):
            if empty and name not in columns.static:
                how = f"{use}, forward-filled in the inputs" if name in columns.targets else "missing in the inputs"
                yield f"{empty} of {self.rows} cells of {name!r} are empty: {how}"
