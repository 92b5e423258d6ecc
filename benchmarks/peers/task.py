"""The task for a peer and its answer, using only packages that every environment contains.

The folder contains `bridged.csv` (unique_id, ds, y: the history, gaps interpolated), `ahead.csv` (unique_id, ds: the
rows to forecast) and, afterwards, `forecast.csv` (unique_id, ds, q0.1 ... q0.9).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = [level / 10 for level in range(1, 10)]


@dataclass(frozen=True)
class Task:
    """One model on one data set.

    Attributes:
        folder: contains the files above.
        model: its name in the peer's library.
        frequency: pandas frequency of the rows, also given if `ds` is an integer.
    """

    folder: str
    model: str
    horizon: int
    season: int
    frequency: str

    @classmethod
    def given(cls) -> Task:
        """Parse the task from the first argument, as JSON."""
        return cls(**json.loads(sys.argv[1]))

    def history(self) -> pd.DataFrame:
        """Read the history; `ds` is a date or an integer."""
        rows = pd.read_csv(Path(self.folder, "bridged.csv"), dtype={"unique_id": str, "y": float})
        if not pd.api.types.is_integer_dtype(rows["ds"]):
            rows["ds"] = pd.to_datetime(rows["ds"])
        return rows

    def answer(self, quantiles: Mapping[str, np.ndarray]) -> None:
        """Write the forecasts of each series, [horizon, level]."""
        rows = pd.read_csv(Path(self.folder, "ahead.csv"), dtype=str)
        values = np.concatenate([quantiles[name] for name in rows["unique_id"].unique()])
        for place, level in enumerate(LEVELS):
            rows[f"q{level:g}"] = values[:, place]
        rows.to_csv(Path(self.folder, "forecast.csv"), index=False)


def by_series(rows: pd.DataFrame, columns: list[str]) -> dict[str, np.ndarray]:
    """Convert columns of a long table to [horizon, level] per series."""
    return {str(name): own[columns].to_numpy(float) for name, own in rows.groupby("unique_id", sort=False)}
