"""Writes the sample of the current folder format: `python tests/samples/make.py`, after a change of the format only.

The samples stay as they were written: a release must read the folders of its format that an earlier release wrote.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

import seqpred
from seqpred.storage.model_folder import FORMAT

CONFIG = {
    "data": {"target": "sales", "time": "day", "id": "shop", "covariates": {"past": ["weather"]}},
    "model": {"depth": 2, "hidden_size": 4, "members": 2, "window": 14},
    "forecast": {"horizon": 2, "season": 1, "quantiles": [0.1, 0.5, 0.9]},
    "training": {"max_steps": 200, "batch_size": 8, "validation": 20, "learning_rate": 0.01},
}


def history() -> pd.DataFrame:
    """Two shops whose sales follow the logistic map, which a network forecasts better than any naive forecast."""
    weather, days = np.random.default_rng(6), pd.date_range("2024-01-01", periods=120)
    parts = []
    for shop, start in (("A", 0.3), ("B", 0.4)):
        state, sales = start, []
        for _ in days:
            state = 3.9 * state * (1 - state)
            sales.append(round(20 + 10 * state, 2))
        columns = {"shop": shop, "day": days, "sales": sales, "weather": weather.choice(["dry", "wet"], len(days))}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    folder = Path(__file__).parent / f"format-{FORMAT}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    history().to_csv(folder / "history.csv", index=False)
    rows = pd.read_csv(folder / "history.csv")
    model = seqpred.train(CONFIG, rows, folder / "model")
    seqpred.predict(model, rows).to_csv(folder / "forecast.csv", index=False)
