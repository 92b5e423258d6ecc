"""Development scores on single series of R, statsmodels and vega-datasets, three windows each.

    python benchmarks/singles.py [--forecast] [--train] [--weights FOLDER] [--every N] [--processes N] [--each]

`--forecast` scores the pretrained network, `--train` a new training in each window with the config that `init` writes.
The first run creates a virtual environment (`peers/singles.txt`), and writes the series, the forecasts of statsforecast
and the blend to `--cache`; later runs read these files. The horizon is one season, at most 24 rows; without a season 6
rows, or an eighth of the rows if these are fewer. The last three horizons are forecast, each from all rows before it.

MASE is averaged over the windows of a series, and its ratios over series as a geometric mean. The naive forecasts are
the last value, the seasonal naive and both with drift. The blend is that of a training without a pretrained network,
for `--train` its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from alternating import print_table
from singles_data import METHODS, Float, Key, Window, by_window, naive_forecasts, read_reference, read_windows

import seqpred
from seqpred.commands.init import init
from seqpred.commands.pretrained import pretrained_for
from seqpred.config.loading import parse_config, read_override
from seqpred.errors import SeqpredError
from seqpred.evaluation.backtest import TrackForecast
from seqpred.evaluation.metrics import pinball
from seqpred.pretrained.weights import read_weights
from seqpred.sources.opening import open_source

HERE = Path(__file__).resolve().parent
LEVELS = [level / 10 for level in range(1, 10)]
COLUMNS = [f"q{level:g}" for level in LEVELS]
LONG = 250  # rows: series with more are counted separately
BLANK = {"model.start": "blank", "model.members": 1, "training.max_steps": 1}  # a training of which the blend is used
HEADER = ["forecast", "series", *METHODS, "best naive", "blend", "WQL", "skill > 0", "coverage", "worst"]
Quantiles = dict[str, Float]


@dataclass(frozen=True)
class Score:
    """The score of one forecast in a window, or its mean over windows.

    Attributes:
        loss: sum of the quantile losses.
        inside: share of the values within the 80 % interval.
    """

    mase: float
    loss: float = np.nan
    inside: float = np.nan

    @classmethod
    def of(cls, window: Window, quantiles: Float) -> Score:
        """The score of quantiles [N, Q]."""
        truth = window.truth
        loss = sum(np.nansum(pinball(truth, quantiles[:, i], level)) for i, level in enumerate(LEVELS))
        inside = (truth >= quantiles[:, 0]) & (truth <= quantiles[:, -1])
        return cls(window.mase(quantiles[:, len(LEVELS) // 2]), float(loss), float(inside[np.isfinite(truth)].mean()))

    @classmethod
    def mean(cls, scores: Sequence[Score]) -> Score:
        """The mean over windows."""
        return cls(*np.mean([(one.mase, one.loss, one.inside) for one in scores], axis=0).tolist())


@dataclass(frozen=True)
class Scored:
    """The mean scores of a series over its windows: of `model` and `blend`, of `METHODS` and of the naive forecasts."""

    name: str
    length: int
    season: int
    scores: Mapping[str, Score]
    naives: Sequence[str]

    @property
    def best_naive(self) -> str:
        """The naive forecast with the lowest MASE."""
        return min(self.naives, key=lambda name: self.scores[name].mase)

    def relative(self, name: str, other: str) -> float:
        """The MASE of a forecast relative to that of another."""
        return self.scores[name].mase / self.scores[self.best_naive if other == "best naive" else other].mase


def main() -> None:
    """Print a table, and the five worst series of each mode."""
    asked = _arguments()
    windows = read_windows(asked.cache, asked.environments)
    reference = read_reference(windows, asked.cache, asked.environments)
    names = [*dict.fromkeys(window.series for window in windows)][:: asked.every]
    windows = [window for window in windows if window.series in names]
    changes = {"model.cell": asked.cell, **dict(map(read_override, asked.set))}
    rows, details = [], []
    for mode in [mode for mode in ("forecast", "train") if getattr(asked, mode)] or ["forecast"]:
        found = compute_all(windows, mode, changes, asked)
        if mode == "forecast":
            blends = read_blends(windows, asked)
            found = {key: {**own, "blend": blends[key]["blend"]} for key, own in found.items() if key in blends}
        if asked.save:
            save(windows, found, asked.save / f"{mode}.csv")
        scored = score(windows, found, reference)
        rows += [summarize(scored, name, f"{mode}: {name}") for name in ("blend", "model")]
        details += [f"\nworst of {mode}: {describe_worst(scored)}", *(describe(scored) if asked.each else [])]
    print_table(HEADER, rows)
    print(*details, sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forecast", action="store_true", help="score the pretrained network (the default)")
    parser.add_argument("--train", action="store_true", help="score a training in each window")
    parser.add_argument("--weights", type=Path, help="a folder with other pretrained weights and their manifest.json")
    parser.add_argument("--cell", default="lstm", choices=["lstm", "gru", "rnn"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], help="override a key, as in training.time_budget=30")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th series")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    parser.add_argument("--each", action="store_true", help="print a line for each series")
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write all quantiles to FOLDER/forecast.csv, train.csv"
    )
    folders = {"--cache": HERE.parent / "build" / "singles", "--environments": HERE / ".peers"}
    for option, folder in folders.items():
        parser.add_argument(option, type=Path, default=folder, help=f"folder ({folder.relative_to(HERE.parent)})")
    asked = parser.parse_args()
    if asked.weights:
        try:
            read_weights(asked.cell, asked.weights)
        except SeqpredError as e:
            parser.error(str(e))
    return asked


def compute_all(
    windows: Sequence[Window], mode: str, changes: dict[str, Any], asked: argparse.Namespace
) -> dict[Key, Quantiles]:
    """The quantiles [N, Q] of the model and its blend in each window; errors are reported and their windows omitted."""
    found, job = {}, partial(attempt, mode=mode, seed=asked.seed, changes=changes)
    with ProcessPoolExecutor(asked.processes, initializer=read_from, initargs=(asked.weights,)) as pool:
        for window, result in zip(windows, pool.map(job, windows), strict=True):
            if isinstance(result, str):
                print(f"{mode}: {window.series}, window {window.number}: {result}", file=sys.stderr)
            else:
                found[window.key] = result
    return found


def read_from(folder: Path | None) -> None:
    """Make this process read pretrained weights from another folder."""
    if folder is not None:
        read_weights.__defaults__ = (folder.resolve(),)  # all callers omit the folder


def attempt(window: Window, mode: str, seed: int, changes: dict[str, Any]) -> Quantiles | str:
    """The quantiles, or the error that prevented them."""
    try:
        return compute(window, mode, seed, changes)
    except SeqpredError as e:
        return str(e)


def compute(window: Window, mode: str, seed: int, changes: dict[str, Any]) -> Quantiles:
    """The quantiles [N, Q] of the model and of its blend."""
    keys = {"forecast.horizon": window.horizon, **changes}
    with tempfile.TemporaryDirectory() as folder:
        if mode == "forecast":
            model: seqpred.Model = pretrained_for(open_source(window.known), keys)
        else:
            keys |= {"training.seed": seed, "training.threads": 1}
            config = parse_config(init(open_source(window.known), "data.csv", keys), window.series).replace(keys)
            model = seqpred.train(config, window.known, Path(folder) / "model")
        found: list[TrackForecast] = []
        rows = pd.concat([window.known, window.ahead])
        seqpred.evaluate(model, rows, windows=1, observe=lambda _: found.append)
    return {name: found[0].cases[name].quantiles for name in ("model", "blend")}


def read_blends(windows: Sequence[Window], asked: argparse.Namespace) -> dict[Key, Quantiles]:
    """The blend of a training without a pretrained network in each window; those missing in the cache are computed."""
    path = asked.cache / "blend.csv"
    rows = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["unique_id", "window", *COLUMNS])
    missing = [window for window in windows if window.key not in by_window(rows)]
    tables = [rows] if len(rows) else []
    for key, own in compute_all(missing, "blend", BLANK, asked).items() if missing else ():
        tables.append(pd.DataFrame(own["blend"], columns=COLUMNS).assign(unique_id=key[0], window=key[1]))
    if missing:
        pd.concat(tables)[["unique_id", "window", *COLUMNS]].to_csv(path, index=False)
    return {key: {"blend": own[COLUMNS].to_numpy(float)} for key, own in by_window(pd.concat(tables)).items()}


def save(windows: Sequence[Window], found: Mapping[Key, Quantiles], path: Path) -> None:
    """Write the values and the quantiles of the model and the blend, one row for each step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tables = []
    for window in windows:
        for name, quantiles in found.get(window.key, {}).items():
            key = {"unique_id": window.series, "window": window.number, "forecast": name}
            own = {"step": np.arange(1, window.horizon + 1), "y": window.truth}
            tables.append(pd.DataFrame({**own, **dict(zip(COLUMNS, quantiles.T, strict=True))}).assign(**key))
    if tables:
        pd.concat(tables).to_csv(path, index=False)


def score(
    windows: Sequence[Window], found: Mapping[Key, Quantiles], reference: Mapping[Key, pd.DataFrame]
) -> list[Scored]:
    """The scores of each series that has been forecast in all windows."""
    scored = []
    for name in dict.fromkeys(window.series for window in windows):
        own = [window for window in windows if window.series == name]
        if any(window.key not in found for window in own):
            continue
        parts: list[dict[str, Score]] = []
        for window in own:
            naives = naive_forecasts(window.bridged(), window.season, window.horizon)
            points = {**naives, **{method: reference[window.key][method].to_numpy(float) for method in METHODS}}
            scores = {key: Score(window.mase(point)) for key, point in points.items()}
            parts.append(scores | {key: Score.of(window, quantiles) for key, quantiles in found[window.key].items()})
        means = {key: Score.mean([part[key] for part in parts]) for key in parts[0]}
        scored.append(Scored(name, own[0].length, own[0].season, means, [*naives]))
    return scored


def summarize(scored: Sequence[Scored], name: str, label: str) -> list[str]:
    """The cells of a row of the table."""
    ratios = {other: [one.relative(name, other) for one in scored] for other in (*METHODS, "best naive", "blend")}
    losses = [one.scores[name].loss / one.scores["blend"].loss for one in scored]
    parts = [[one for one in scored if (one.length > LONG) == is_long] for is_long in (False, True)]
    covered = [f"{100 * np.mean([one.scores[name].inside for one in part]):.0f}" if part else "-" for part in parts]
    means = [f"{np.exp(np.mean(np.log(own))):.3f}" for own in (*ratios.values(), losses)]
    better = f"{np.mean([ratio < 1 for ratio in ratios['blend']]):.2f}"
    return [label, str(len(scored)), *means, better, ", ".join(covered), f"{max(ratios['best naive']):.2f}"]


def describe_worst(scored: Sequence[Scored]) -> str:
    """The five series with the highest MASE relative to their best naive forecast."""
    worst = sorted(scored, key=lambda one: -one.relative("model", "best naive"))[:5]
    return ", ".join(f"{one.name} {one.relative('model', 'best naive'):.2f} ({one.best_naive})" for one in worst)


def describe(scored: Sequence[Scored]) -> list[str]:
    """A line for each series."""
    lines = []
    for one in scored:
        ratios = " ".join(f"{other} {one.relative('model', other):.3f}" for other in (*METHODS, "best naive", "blend"))
        loss = one.scores["model"].loss / one.scores["blend"].loss
        covered = f"coverage {100 * one.scores['model'].inside:.0f} %"
        mase = f"MASE {one.scores['model'].mase:.3f}"
        lines.append(f"{one.name} ({one.length}, season {one.season}): {mase} {ratios} WQL {loss:.3f} {covered}")
    return lines


if __name__ == "__main__":
    main()
