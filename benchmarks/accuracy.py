"""Accuracy on the test splits, with the unmodified config that `seqpred init` writes.

    python benchmarks/accuracy.py [--seeds 3] [--sets "M4 hourly"] [--set training.time_budget=300]

Each data set is trained without its last rows and then scored on them. The table shows the mean over the seeds, the
lowest and the highest. OWA is relative to M4's Naive2. Data sets that are not part of the repository are read from
../shared/data and skipped with a note if absent. The sources of published figures are printed below the table.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from naive2 import forecast_naive2

import seqpred
from seqpred.commands.init import init
from seqpred.commands.load_panel import load_panel
from seqpred.commands.pretrained import pretrained_for
from seqpred.config.loading import parse_config, read_override
from seqpred.config.schema import Config
from seqpred.evaluation.backtest import BacktestSpec, backtest, last_windows
from seqpred.evaluation.baselines import Baselines
from seqpred.panel.panel import Panel
from seqpred.reading.frame import to_frame
from seqpred.sources.opening import open_source

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"
SOURCES = """
[1] Makridakis et al. 2020, M4 results by frequency. [2] GIFT-Eval leaderboard (m4_hourly: same split;
ett1/H/short: its own split, on which the seasonal naive has 0.977)."""


@dataclass(frozen=True)
class Set:
    """A file whose last `windows` windows of `horizon` rows are the test split."""

    name: str
    path: Path
    horizon: int
    season: int
    windows: int = 1
    test: Path | None = None
    published: str = ""


SETS = [
    Set("air passengers, 12 months", ROOT / "data" / "air_passengers.csv", 12, 12),
    Set("air passengers, 24 months", ROOT / "data" / "air_passengers.csv", 24, 12),
    Set("sunspots, 11 years", ROOT / "data" / "sunspots_yearly.csv", 11, 11),
    Set("CO2, 52 weeks", ROOT / "data" / "co2_weekly_gaps.csv", 52, 52),
    Set("airport security, 28 days", SHARED / "messy_tsa_throughput.csv", 28, 7),
    Set("air quality, 7 windows of 24 hours", SHARED / "messy_air_quality.csv", 24, 24, windows=7),
    Set("metro traffic, 168 hours", SHARED / "messy_metro_traffic.csv.gz", 168, 24),
    Set(
        "ETTh1, 20 windows of 48 hours",
        SHARED / "etth1.csv.gz",
        48,
        24,
        windows=20,
        published="PatchTST 0.893, DeepAR 1.06 [2]",
    ),
    Set(
        "M4 hourly, 48 hours",
        SHARED / "m4_hourly_train.csv.gz",
        48,
        24,
        test=SHARED / "m4_hourly_test.csv",
        published="ES-RNN (M4's winner) 0.893 [1]; DeepAR 3.53, TFT 2.47 [2]",
    ),
]


def parts(chosen: Set) -> tuple[Panel, Panel]:
    """The panel of the training rows and the panel of all rows."""
    source = open_source(chosen.path)
    config = parse_config(init(source, "data.csv", {"forecast.horizon": chosen.horizon}), chosen.name)
    known = load_panel(source, config, print_nothing)
    if chosen.test is None:
        return known.cut(known.lengths - chosen.horizon * chosen.windows), known
    later = load_panel(open_source(chosen.test), config, print_nothing)
    assert later.names == known.names
    rows = np.concatenate([part for s in range(len(known.names)) for part in (known.rows(s), later.rows(s))])
    lengths = known.lengths + later.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    joined = Panel(
        "test", known.names, known.columns, known.clock, known.step, known.roles, known.origins, offsets, rows
    )
    return known, joined


def frame(panel: Panel) -> Any:
    """Convert a panel to a table with the columns unique_id, ds and one per target."""
    columns: dict[str, list[object]] = {"unique_id": [], "ds": [], **{name: [] for name in panel.columns.targets}}
    for s, name in enumerate(panel.names):
        columns["unique_id"] += [name or "series"] * int(panel.lengths[s])
        columns["ds"] += panel.clock.write(panel.times(s, np.arange(panel.lengths[s], dtype=np.int64)))
        for c, target in enumerate(panel.columns.targets):
            columns[target] += panel.rows(s)[:, c].tolist()
    return to_frame(columns)


def print_nothing(_: str) -> None:
    """Discard notes, which do not belong into a table."""


def score(chosen: Set, known: Panel, everything: Panel, seed: int, overrides: dict[str, Any]) -> dict[str, float]:
    """Train and score one model."""
    targets = list(known.columns.targets)
    asked = {"forecast.horizon": chosen.horizon, "data.id": "unique_id", "data.time": "ds"}
    asked |= {"data.target": targets if len(targets) > 1 else targets[0], "training.seed": seed, **overrides}
    config: Config = parse_config(init(open_source(frame(known)), "data.csv", asked), chosen.name).replace(asked)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model = seqpred.train(config, frame(known), Path(folder) / "model")
        seconds = time.monotonic() - began
        scores = seqpred.evaluate(model, frame(everything), windows=chosen.windows).to_dict()
    assert scores["season"] == chosen.season, scores["season"]
    own, naive = scores["metrics"]["model"], scores["metrics"]["seasonal_naive"]
    yardstick = naive2_scores(chosen, everything)
    return {
        "mase": own["mase"],
        "forecast": score_pretrained(chosen, known, everything, asked),
        "seasonal naive": naive["mase"],
        "smape": own["smape"],
        "owa": (own["smape"] / yardstick["smape"] + own["mase"] / yardstick["mase"]) / 2,
        "wql": own["wql"],
        "inside": own["coverage"]["80"],
        "seconds": seconds,
    }


def score_pretrained(chosen: Set, known: Panel, everything: Panel, asked: dict[str, Any]) -> float:
    """The MASE of `seqpred forecast` over the same windows: its columns and season are chosen by the training rows."""
    keys = {key: value for key, value in asked.items() if key.startswith(("data.", "forecast."))}
    model = pretrained_for(open_source(frame(known)), keys)
    scores = seqpred.evaluate(model, frame(everything), windows=chosen.windows).to_dict()
    return float(scores["metrics"]["model"]["mase"])


def naive2_scores(chosen: Set, everything: Panel) -> dict[str, float]:
    """Scores of Naive2 over the same windows."""
    levels = (0.5,)
    found = backtest(
        everything,
        {"model": lambda panel, steps, _: forecast_naive2(panel, chosen.season, steps, len(levels))},
        BacktestSpec(levels, chosen.horizon, Baselines(chosen.season)),
        last_windows(everything.lengths, chosen.horizon, ["unseen"] * chosen.windows),
    )
    scores: dict[str, float] = found.to_dict()["metrics"]["model"]
    return scores


def span(values: Sequence[float], digits: int) -> str:
    """Format the mean and, in brackets, the lowest and the highest value."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    """Train and score every data set, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=3, help="number of seeds, starting at 1")
    options.add_argument("--sets", help="only data sets whose name contains this text")
    options.add_argument("--set", action="append", default=[], help="override a key, as in training.time_budget=300")
    asked = options.parse_args()
    overrides = dict(map(read_override, asked.set))
    print(
        "| data set | series | MASE | `forecast` | seasonal naive | sMAPE | OWA | WQL | coverage 80 % | train s "
        "| published MASE |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    ratios = []
    for chosen in SETS:
        if asked.sets and asked.sets not in chosen.name:
            continue
        if not chosen.path.exists():
            print(f"{chosen.path} not found: skipping {chosen.name}", file=sys.stderr)
            continue
        known, everything = parts(chosen)
        runs = [score(chosen, known, everything, seed, overrides) for seed in range(1, asked.seeds + 1)]
        column = {name: [run[name] for run in runs] for name in runs[0]}
        ratios.append(math.log(np.mean(column["mase"]) / column["seasonal naive"][0]))
        tracks = len(known.names) * len(known.columns.targets)
        print(
            f"| {chosen.name} | {tracks} | **{span(column['mase'], 3)}** "
            f"| {column['forecast'][0]:.3f} | {column['seasonal naive'][0]:.3f} "
            f"| {span(column['smape'], 2)} | {span(column['owa'], 3)} | {span(column['wql'], 4)} "
            f"| {span(column['inside'], 0)} | {np.mean(column['seconds']):.0f} | {chosen.published} |",
            flush=True,
        )
    if ratios:
        print(
            f"\nMASE relative to the seasonal naive, geometric mean over the data sets: {math.exp(np.mean(ratios)):.3f}"
        )
    print(SOURCES)


if __name__ == "__main__":
    main()
