"""The effect of covariates: metro traffic, last 168 hours, with and without calendar and holiday.

    python benchmarks/covariates.py

The config is the one that `seqpred init` writes, with a horizon of 168. The last 168 hours are excluded from training.
The file is read from ../shared/data; the script prints a note if it is absent.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

import seqpred
from seqpred.commands.init import init
from seqpred.config.loading import parse_config
from seqpred.sources.opening import open_source

METRO = Path(__file__).parent.parent.parent / "shared" / "data" / "messy_metro_traffic.csv.gz"
HORIZON = 168
WAYS = {
    "with": {"data.covariates.known": ["holiday"], "data.covariates.calendar": ["hour", "weekday", "day-of-year"]},
    "without": {"data.covariates.calendar": "none"},
}


def main() -> int:
    if not METRO.exists():
        print(f"{METRO.name} not found: skipped")
        return 0
    rows = pd.read_csv(METRO, keep_default_na=False)
    hours = pd.to_datetime(rows["date_time"])
    known = rows[hours <= hours.max() - pd.Timedelta(hours=HORIZON)]
    config = parse_config(init(open_source(METRO), str(METRO), {}), "init")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, changes in WAYS.items():
            model = seqpred.train(config.replace({"forecast.horizon": HORIZON, **changes}), known, Path(folder) / name)
            metrics = seqpred.evaluate(model, rows, windows=1).to_dict()["metrics"]
            found[name] = metrics["model"]["mase"]
            print(f"{name} calendar and holiday: MASE {found[name]:.3f}", flush=True)
    naive, ratio = metrics["seasonal_naive"]["mase"], found["with"] / found["without"]
    print(f"seasonal naive: {naive:.3f}; with / without: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
