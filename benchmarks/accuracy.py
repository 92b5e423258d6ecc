"""Accuracy on the test parts, from the config that `seqpred init` writes, as it is.

    python benchmarks/accuracy.py

Each set is trained without its last rows and then scored on them, once. M4 hourly (414 series) is looked for in
../shared/data and left out, saying so, where it is absent. Published figures have their source beside them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import seqpred
from seqpred.config import Config, parse_config
from seqpred.data.panel import Panel
from seqpred.data.reading import to_frame
from seqpred.data.sources import open_source
from seqpred.verbs import init, read_panel

ROOT = Path(__file__).parent.parent
M4 = ROOT.parent / "shared" / "data" / "m4_hourly_train.csv.gz"


@dataclass(frozen=True)
class Set:
    """A file, how many of its last rows are the test part, and its season."""

    name: str
    path: Path
    test: Path | None
    horizon: int
    season: int
    published: str


SETS = [
    Set("air passengers", ROOT / "data" / "air_passengers.csv", None, 12, 12, ""),
    Set("sunspots, yearly", ROOT / "data" / "sunspots_yearly.csv", None, 11, 11, ""),
    Set("CO2, weekly", ROOT / "data" / "co2_weekly_gaps.csv", None, 52, 52, ""),
    Set(
        "M4 hourly",
        M4,
        M4.with_name("m4_hourly_test.csv"),
        48,
        24,
        "ES-RNN (M4's winner) 0.893 [1]; DeepAR 3.53, TFT 2.47 [2]",
    ),
]


def whole(chosen: Set) -> tuple[object, object]:
    """The training rows and all rows, as frames."""
    config = Config.from_tree({"data": {"target": "y"}})
    known = read_panel(open_source(chosen.path), config, print_nothing)
    if chosen.test is None:
        return frame(known.cut(known.lengths - chosen.horizon)), frame(known)
    later = read_panel(open_source(chosen.test), config, print_nothing)
    assert later.names == known.names
    rows = np.concatenate([part for s in range(len(known.names)) for part in (known.rows(s), later.rows(s))])
    lengths = known.lengths + later.lengths
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    joined = Panel(
        "test", known.names, known.columns, known.clock, known.step, known.roles, known.origins, offsets, rows
    )
    return frame(known), frame(joined)


def frame(panel: Panel) -> object:
    """A panel as a long table."""
    columns: dict[str, list[object]] = {"unique_id": [], "ds": [], "y": []}
    for s, name in enumerate(panel.names):
        columns["unique_id"] += [name or "series"] * int(panel.lengths[s])
        columns["ds"] += panel.clock.write(panel.times(s, np.arange(panel.lengths[s], dtype=np.int64)))
        columns["y"] += panel.rows(s)[:, 0].tolist()
    return to_frame(columns)


def print_nothing(_: str) -> None:
    """Notes are not wanted in a table."""


def main() -> None:
    """Train, score, print."""
    print("| set | series | MASE | seasonal naive | WQL | in 80 % | training s | published MASE |")
    print("|---|---|---|---|---|---|---|---|")
    for chosen in SETS:
        if not chosen.path.exists():
            print(f"{chosen.path} is not here: {chosen.name} is left out", file=sys.stderr)
            continue
        known, everything = whole(chosen)
        asked = {"forecast.horizon": chosen.horizon, "data.id": "unique_id", "data.time": "ds", "data.target": "y"}
        config = parse_config(init(open_source(known), "data.csv", asked), chosen.name)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            model = seqpred.train(config, known, Path(folder) / "model")
            seconds = time.monotonic() - began
            scores = seqpred.evaluate(model, everything, windows=1).scores
        assert scores["season"] == chosen.season, scores["season"]
        own, naive = scores["metrics"]["model"], scores["metrics"]["seasonal_naive"]
        series = model.folder.manifest["data"]["series"]
        print(
            f"| {chosen.name} | {series} | **{own['mase']:.3f}** | {naive['mase']:.3f} "
            f"| {own['wql']:.4f} | {own['coverage']['80']:.0f} % | {seconds:.0f} | {chosen.published} |",
            flush=True,
        )
    print("\n[1] Makridakis et al. 2020, M4 results by frequency. [2] GIFT-Eval leaderboard, m4_hourly (same split).")


if __name__ == "__main__":
    main()
