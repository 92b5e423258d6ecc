"""What a peer is asked, and how it answers; nothing here but what every peer's environment has.

A folder holds `bridged.csv` (unique_id, ds, y: the history, its gaps bridged linearly), `ahead.csv` (unique_id, ds: the
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
    """One model on one set.

    Attributes:
        folder: with the files above.
        model: by its name in the peer's library.
        frequency: of the rows, as pandas calls it; where `ds` is a whole number too.
    """

    folder: str
    model: str
    horizon: int
    season: int
    frequency: str

    @classmethod
    def given(cls) -> Task:
        """The one in the first argument, as JSON."""
        return cls(**json.loads(sys.argv[1]))

    def history(self) -> pd.DataFrame:
        """The rows known; `ds` is a date or a whole number."""
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
    """Columns of a long table as [horizon, level], by series."""
    return {str(name): own[columns].to_numpy(float) for name, own in rows.groupby("unique_id", sort=False)}
