"""Accuracy, time and memory of other libraries on the same forecasts.

    python benchmarks/peers.py [--sets air,sunspots,co2,m4] [--peers seqpred,darts,...] [--environments FOLDER]

Each library has its own virtual environment, created on first use with the pins in `peers/`. It forecasts the held-out
last rows of each data set as in its quick start (`peers/with_*.py`). The forecasts are scored with seqpred's formulas.
The test splits are used for this score only; nothing is tuned on them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from alternating import M4_HOURLY, print_table
from naive2 import naive2

from seqpred.evaluation.metrics import Case, mase_scale, score_cases

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
LEVELS = [level / 10 for level in range(1, 10)]
QUANTILES = [f"q{level:g}" for level in LEVELS]
HEADER = ["data set", "library", "model", "MASE", "sMAPE", "OWA", "WQL", "coverage 80 %", "wall s", "CPU s", "peak MB"]
MODELS = {
    "seqpred": ["init, train, predict"],
    "neuralforecast": ["LSTM", "GRU", "NHITS"],
    "darts": ["RNNModel"],
    "gluonts": ["DeepAR"],
    "statsforecast": ["AutoETS", "AutoTheta", "SeasonalNaive"],
}
Float = npt.NDArray[np.float64]


class PeerError(Exception):
    """A peer cannot be installed, fails, or does not forecast the requested rows."""


@dataclass(frozen=True)
class Set:
    """A file, the number of last rows to forecast (or their file), the season and the pandas frequency."""

    path: Path
    later: Path | None
    horizon: int
    season: int
    frequency: str

    def split(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The history and the rows to forecast."""
        rows = _read(self.path)
        if self.later:
            return rows, _read(self.later)
        ahead = rows.groupby("unique_id").cumcount(ascending=False) < self.horizon
        return rows[~ahead], rows[ahead]


SETS = {
    "air": Set(DATA / "air_passengers.csv", None, 12, 12, "MS"),
    "sunspots": Set(DATA / "sunspots_yearly.csv", None, 11, 11, "YS"),
    "co2": Set(DATA / "co2_weekly_gaps.csv", None, 52, 52, "W-SAT"),
    "m4": Set(M4_HOURLY, M4_HOURLY.with_name("m4_hourly_test.csv"), 48, 24, "h"),
}


@dataclass(frozen=True)
class Cost:
    """Total wall and CPU seconds of consecutive processes, and the largest peak memory in MB."""

    wall: float
    cpu: float
    memory: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


def main() -> int:
    arguments = _arguments()
    print_table(HEADER, [])
    for name in arguments.sets:
        if not SETS[name].path.exists():
            print(f"{SETS[name].path} not found: skipping {name}", file=sys.stderr)
            continue
        known, truth = SETS[name].split()
        for peer in arguments.peers:
            for model in MODELS[peer]:
                print(f"{name}: {peer} {model} ...", file=sys.stderr, flush=True)
                try:
                    figures = compete(peer, model, SETS[name], known, truth, arguments.environments)
                except PeerError as e:
                    print(f"{name}: skipping {peer} {model}: {e}", file=sys.stderr)
                else:
                    print("| " + " | ".join([name, peer, model, *figures]) + " |", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare seqpred with other libraries.")
    for what, known in (("sets", SETS), ("peers", MODELS)):
        text = f"comma-separated, from {', '.join(known)}"
        parser.add_argument(f"--{what}", type=lambda text: text.split(","), default=list(known), help=text)
    folder = HERE / ".peers"
    parser.add_argument(
        "--environments", type=Path, default=folder, help="folder for the virtual environments (benchmarks/.peers)"
    )
    arguments = parser.parse_args()
    for names, known in ((arguments.sets, SETS), (arguments.peers, MODELS)):
        if unknown := set(names) - set(known):
            parser.error(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(known)}")
    return arguments


def compete(
    peer: str, model: str, chosen: Set, known: pd.DataFrame, truth: pd.DataFrame, environments: Path
) -> list[str]:
    """Run one model on one data set; returns its scores and costs as table cells.

    Raises:
        PeerError: there is no forecast to score.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known.to_csv(folder / "known.csv", index=False)
        bridge(known).to_csv(folder / "bridged.csv", index=False)
        truth[["unique_id", "ds"]].to_csv(folder / "ahead.csv", index=False)
        if peer == "seqpred":
            cost = seqpred_commands(folder, chosen.horizon)
        else:
            python = environment(peer, environments)
            task = {"model": model, "horizon": chosen.horizon, "season": chosen.season, "frequency": chosen.frequency}
            script = HERE / "peers" / f"with_{peer}.py"
            cost = run([str(python), str(script), json.dumps({"folder": name, **task})], folder)
        scores = score(read_forecast(folder / "forecast.csv", truth), known, truth, chosen.season)
    written = [f"{scores[key]:.{digits}f}" for key, digits in (("mase", 3), ("smape", 3), ("owa", 3), ("wql", 4))]
    covered = f"{scores['coverage']['80']:.0f} %"
    return [*written, covered, f"{cost.wall:.0f}", f"{cost.cpu:.0f}", f"{cost.memory:.0f}"]


def seqpred_commands(folder: Path, horizon: int) -> Cost:
    """Run `init`, `train` and `predict`, with the config that `init` writes."""
    seqpred = [sys.executable, "-m", "seqpred"]
    data, config, model = (str(folder / name) for name in ("known.csv", "config.yaml", "model"))
    return (
        run([*seqpred, "init", data, "--horizon", str(horizon)], folder, Path(config))
        + run([*seqpred, "train", config, "--out", model, "--quiet"], folder)
        + run([*seqpred, "predict", model, data, "--output", str(folder / "forecast.csv")], folder)
    )


def run(command: Sequence[str], folder: Path, output: Path | None = None) -> Cost:
    """Run a command with its stdout in a file; returns its cost.

    Raises:
        PeerError: the command failed.
    """
    cost = folder / "cost.json"
    with open(output or folder / "output.txt", "w") as out, open(folder / "errors.txt", "w+") as errors:
        measured = [sys.executable, str(HERE / "measured.py"), str(cost), *command]
        code = subprocess.run(measured, stdout=out, stderr=errors, cwd=folder, check=False).returncode
        errors.seek(0)
        last = [line for line in errors.read().splitlines() if line.strip()][-1:]
    if code:
        raise PeerError(f"exit code {code}. {' '.join(last)}")
    return Cost(**json.loads(cost.read_text()))


def environment(peer: str, folder: Path) -> Path:
    """The Python of a peer's virtual environment, created unless it exists with the same pins.

    Raises:
        PeerError: pip cannot install the pins.
    """
    pins, home = HERE / "peers" / f"{peer}.txt", folder.resolve() / peer
    python, done = home / "bin" / "python", home / "installed.txt"
    if not done.exists() or done.read_text() != pins.read_text():
        print(f"creating {home} ...", file=sys.stderr)
        venv.create(home, clear=True, with_pip=True)
        free = {
            key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"
        }  # our constraints do not apply
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(pins)]
        if subprocess.run(install, env=free, stdout=sys.stderr, check=False).returncode:
            raise PeerError(f"pip cannot install {pins}")
        done.write_text(pins.read_text())
    return python


def read_forecast(path: Path, truth: pd.DataFrame) -> dict[str, Float]:
    """Read the quantiles [horizon, level] of each series, in the order of the rows to forecast.

    Raises:
        PeerError: a row has no finite forecast.
    """
    rows = truth[["unique_id", "ds"]]
    both = rows.merge(_read(path), on=["unique_id", "ds"], how="left", validate="1:1")
    missing = ~np.isfinite(both[QUANTILES].to_numpy(float)).all(axis=1)
    if missing.any():
        first = both[missing].iloc[0]
        raise PeerError(
            f"{missing.sum()} of {len(both)} rows have no forecast, first {first['unique_id']} {first['ds']}"
        )
    return {name: own[QUANTILES].to_numpy(float) for name, own in _by_series(both)}


def score(quantiles: dict[str, Float], known: pd.DataFrame, truth: pd.DataFrame, season: int) -> dict[str, Any]:
    """The metrics of seqpred, and OWA: the mean of sMAPE and MASE, each relative to Naive2 (M4)."""
    histories = {name: rows["y"].to_numpy(float) for name, rows in _by_series(known)}
    own, reference = [], []
    for name, rows in _by_series(truth):
        came, scale = rows["y"].to_numpy(float), mase_scale(histories[name], season)
        point = naive2(histories[name], season, len(came))
        own.append(Case(came, quantiles[name], scale))
        reference.append(Case(came, np.repeat(point[:, None], len(LEVELS), axis=1), scale))
    scores, naive = (score_cases(cases, LEVELS).to_dict() for cases in (own, reference))
    return scores | {"owa": (scores["smape"] / naive["smape"] + scores["mase"] / naive["mase"]) / 2}


def bridge(rows: pd.DataFrame) -> pd.DataFrame:
    """Interpolate gaps linearly, for libraries that reject them."""
    filled = rows.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    return rows.assign(y=filled)


def _read(path: Path) -> pd.DataFrame:
    """Read a long table; `ds` becomes a date or stays an integer."""
    rows = pd.read_csv(path, dtype={"unique_id": str})
    if "unique_id" not in rows:
        rows.insert(0, "unique_id", "series")
    if not pd.api.types.is_integer_dtype(rows["ds"]):
        rows["ds"] = pd.to_datetime(rows["ds"])
    return rows


def _by_series(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((str(name), own) for name, own in rows.groupby("unique_id", sort=False))


if __name__ == "__main__":
    sys.exit(main())
