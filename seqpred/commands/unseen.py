"""Which rows of the data training has not seen, and the windows of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Int
from seqpred.evaluation.backtest import Window, last_windows
from seqpred.evaluation.scores import label_windows
from seqpred.forecasting.model import Model
from seqpred.panel.panel import Panel

SHOWN = 3  # series named in a note


@dataclass(frozen=True)
class Unseen:
    """The rows at the end of the series that training has not seen.

    Attributes:
        rows: [S], of each series; all rows of a series that training did not have.
        horizon: steps in a window.
        common: the smallest number over the series that training had and that continue by a horizon. 0: none does.
            If training had no series of the panel, the length of the longest.
    """

    rows: Int
    horizon: int
    common: int

    @classmethod
    def of(cls, panel: Panel, model: Model) -> Unseen:
        """The rows of a panel that a model has not seen."""
        ends, horizon = model.folder.ends, model.horizon
        rows = panel.lengths.astype(np.int64)
        trained = np.zeros(len(rows), bool)
        for s, (name, last) in enumerate(zip(panel.names, panel.ends.tolist(), strict=True)):
            end = ends.get(name) if isinstance(ends, dict) else ends
            if end is None:
                continue
            seen = _rows_until(panel, s, end) if last > end else int(rows[s])
            rows[s] -= seen
            trained[s] = seen > 0
        continued = rows[trained & (rows >= horizon)]
        common = int(continued.min(initial=panel.lengths.max())) if len(continued) or not trained.any() else 0
        return cls(rows, horizon, common)

    @classmethod
    def by_all(cls, found: Sequence[Unseen]) -> Unseen:
        """The rows of one panel that none of several models has seen."""
        rows, horizon = np.min([one.rows for one in found], axis=0), found[0].horizon
        common = min(one.common for one in found)
        return cls(rows, horizon, common if (rows >= horizon).any() else 0)

    def windows(self, panel: Panel, count: int) -> list[Window]:
        """The last windows; those that training has not seen are without the series that it has seen to their end."""
        parts = label_windows(count, self.horizon, self.common)
        return [
            replace(window, cuts=np.where(self.rows >= self.horizon, window.cuts, 0))
            if window.part == "unseen"
            else window
            for window in last_windows(panel.lengths, self.horizon, parts)
        ]

    def describe_ended(self, panel: Panel) -> str:
        """A note about the series that no unseen window contains though training had them; empty for none."""
        ended = np.flatnonzero(self.rows < np.minimum(self.horizon, panel.lengths))
        if self.common < self.horizon or not len(ended):
            return ""
        named = ", ".join(f"{panel.names[s]!r}" for s in ended[:SHOWN]) + (", ..." if len(ended) > SHOWN else "")
        verb = "have" if len(ended) > 1 else "has"
        rows = "row" if self.horizon == 1 else "rows"
        return (
            f"{len(ended)} series {verb} fewer than {self.horizon} {rows} after the training data, and therefore no "
            f"unseen window: {named}"
        )


def _rows_until(panel: Panel, series: int, end: int) -> int:
    """The number of rows of a series up to a time."""
    rows = range(int(panel.lengths[series]))
    return bisect_right(rows, end, key=lambda row: int(panel.times(series, np.array([row]))[0]))
