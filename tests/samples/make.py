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
    "forecast": {"horizon": 7, "season": 7, "quantiles": [0.1, 0.5, 0.9]},
    "training": {"max_steps": 20, "batch_size": 8, "validation": 7, "learning_rate": 0.01},
}


def history() -> pd.DataFrame:
    """Two shops with a weekly cycle and a category."""
    noise, days = np.random.default_rng(6), pd.date_range("2024-01-01", periods=80)
    week = np.sin(2 * np.pi * np.arange(80) / 7)
    parts = [
        pd.DataFrame(
            {
                "shop": shop,
                "day": days,
                "sales": (20 + 5 * i + 4 * week + noise.normal(size=80)).round(1),
                "weather": noise.choice(["dry", "wet"], 80),
            }
        )
        for i, shop in enumerate("AB")
    ]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    folder = Path(__file__).parent / f"format-{FORMAT}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    history().to_csv(folder / "history.csv", index=False)
    rows = pd.read_csv(folder / "history.csv")
    model = seqpred.train(CONFIG, rows, folder / "model")
    seqpred.predict(model, rows).to_csv(folder / "forecast.csv", index=False)
