"""Development scores of a pretrained network: the last horizon of each series of some training splits.

    python benchmarks/pretrained.py [--cell gru]

Every series is forecast from its rows before that horizon; test splits are not read. Series that are constant, or have
fewer than eight rows or a season and two rows, are skipped. The files are read from ../shared/data.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import seqpred

SHARED = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Split:
    """A training split whose last `horizon` rows are forecast, in every `every`-th series."""

    file: str
    season: int
    horizon: int
    every: int = 1


SPLITS = [
    Split("m1_monthly_train.csv.gz", 12, 18),
    Split("m1_quarterly_train.csv.gz", 4, 8),
    Split("m1_yearly_train.csv.gz", 1, 6),
    Split("m4_hourly_train.csv.gz", 24, 48, every=6),
]


def divide(split: Split) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows before the last horizon, and those of the horizon with their step."""
    rows = pd.read_csv(SHARED / split.file).dropna(subset=["y"])
    rows["step"] = split.horizon - rows.groupby("unique_id").cumcount(ascending=False)
    before = rows[rows["step"] <= 0]
    sizes = before.groupby("unique_id")["y"].agg(["size", "std"])
    enough = (sizes["size"] >= max(8, split.season + 2)) & (sizes["std"] > 0)
    chosen = sizes.index[enough][:: split.every]
    return before[before["unique_id"].isin(chosen)].drop(columns="step"), rows[rows["unique_id"].isin(chosen)]


def score(split: Split, cell: str) -> dict[str, float]:
    """MASE (the mean over series) and coverage of the 80 % interval in percent."""
    history, rows = divide(split)
    overrides = {"model.cell": cell, "forecast.season": split.season}
    found = seqpred.forecast(history, horizon=split.horizon, quantiles=[0.1, 0.9], overrides=overrides)
    pairs = found.merge(rows[["unique_id", "step", "y"]], on=["unique_id", "step"])
    changes = history.groupby("unique_id")["y"].diff(split.season).abs().groupby(history["unique_id"]).mean()
    errors = (pairs["y"] - pairs["forecast"]).abs().groupby(pairs["unique_id"]).mean() / changes
    inside = (pairs["y"] >= pairs["q0.1"]) & (pairs["y"] <= pairs["q0.9"])
    return {
        "series": len(errors),
        "MASE": round(float(errors[np.isfinite(errors)].mean()), 3),
        "coverage": round(float(100 * inside.mean()), 1),
    }


def main() -> None:
    """Print one line for each split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", default="lstm", choices=["lstm", "gru", "rnn"])
    cell = parser.parse_args().cell
    for split in SPLITS:
        print(split.file, score(split, cell), flush=True)


if __name__ == "__main__":
    main()
