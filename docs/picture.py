"""Draw README's picture, docs/air_passengers.svg: `python docs/picture.py`.

It shows the forecast of README's second example, in which the last 12 rows of the file are held out, for the months
after the end of the file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib import dates, pyplot

import seqpred
from seqpred.commands.init import init
from seqpred.config.loading import parse_config
from seqpred.sources.opening import open_source

ROOT = Path(__file__).parent.parent
PICTURE, DATA = ROOT / "docs" / "air_passengers.svg", ROOT / "data" / "air_passengers.csv"
SHOWN, STEPS, HELD_OUT = 48, 12, 12  # rows of history, rows that are forecast, and rows that training does not see
INTERVALS = {0.18: ("q0.1", "q0.9", "80 % interval"), 0.3: ("q0.25", "q0.75", "50 % interval")}  # by opacity


def main() -> None:
    """Train, forecast and draw."""
    config = parse_config(init(open_source(DATA), str(DATA), {}), "config").replace({"data.path": str(DATA)})
    with tempfile.TemporaryDirectory() as folder:
        model = seqpred.train(config, out=Path(folder) / "demo", holdout=HELD_OUT)
        table = seqpred.predict(model, DATA, steps=STEPS, quantiles=[0.1, 0.25, 0.75, 0.9])
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "seqpred", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(7.2, 2.8), layout="constrained")
    rows = pd.read_csv(DATA, parse_dates=["ds"]).tail(SHOWN)
    axes.plot(rows["ds"], rows["y"], color="#333333", linewidth=1.2, label="passengers (thousands)")
    ahead = pd.to_datetime(table["ds"])
    for opacity, (low, high, name) in INTERVALS.items():
        axes.fill_between(ahead, table[low], table[high], color="#1f77b4", alpha=opacity, linewidth=0, label=name)
    axes.plot(ahead, table["forecast"], color="#1f77b4", linewidth=1.4, label="forecast")
    axes.xaxis.set_major_locator(dates.YearLocator())
    axes.xaxis.set_major_formatter(dates.DateFormatter("%Y"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
