"""AutoARIMA, AutoETS and AutoTheta of statsforecast on the windows of `singles.py`.

    python fit_singles.py HISTORIES.csv REFERENCE.csv

The histories have the columns unique_id, window, season, horizon, y, without gaps. Each model is fitted to the last 500
rows (AutoARIMA to the last 200 where the season is longer than 12). The reference has the columns unique_id, window,
step and one for each model. Windows that it contains already are skipped, so an interrupted run can be continued.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from statsforecast import models

MODELS = ["AutoARIMA", "AutoETS", "AutoTheta"]
MOST_ROWS, MOST_ROWS_LONG_SEASON = 500, 200


def forecast(model: str, y: np.ndarray, season: int, horizon: int) -> np.ndarray:
    """The point forecasts of one model."""
    rows = MOST_ROWS_LONG_SEASON if model == "AutoARIMA" and season > 12 else MOST_ROWS
    fitted = getattr(models, model)(season_length=season)
    return np.asarray(fitted.forecast(y=y[-rows:], h=horizon)["mean"])


def main() -> None:
    histories, target = Path(sys.argv[1]), Path(sys.argv[2])
    done = set()
    if target.exists():
        done = set(pd.read_csv(target)[["unique_id", "window"]].itertuples(index=False, name=None))
    windows = pd.read_csv(histories).groupby(["unique_id", "window"], sort=False)
    for (name, window), rows in windows:
        if (name, window) in done:
            continue
        season, horizon = int(rows["season"].iloc[0]), int(rows["horizon"].iloc[0])
        found = {model: forecast(model, rows["y"].to_numpy(float), season, horizon) for model in MODELS}
        table = pd.DataFrame({"unique_id": name, "window": window, "step": np.arange(1, horizon + 1), **found})
        table.to_csv(target, mode="a", header=not target.exists(), index=False)
        print(name, window, flush=True)


if __name__ == "__main__":
    main()
