"""The series, windows and reference forecasts of `singles.py`, which are computed once and kept in a folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from peers import PeerError, environment

from seqpred.evaluation.metrics import mase_scale

HERE = Path(__file__).resolve().parent
WINDOWS, LONGEST, UNSEASONAL = 3, 24, 6
METHODS = ["AutoARIMA", "AutoETS", "AutoTheta"]
Float = npt.NDArray[np.float64]
Key = tuple[str, int]


@dataclass(frozen=True)
class Window:
    """Rows to forecast.

    Attributes:
        number: 1 for the oldest of a series.
        length: rows of the whole series.
        known: ds and y before the window, in which y may be missing.
        ahead: ds and y of the window.
    """

    series: str
    number: int
    season: int
    length: int
    known: pd.DataFrame
    ahead: pd.DataFrame

    @property
    def key(self) -> Key:
        """Its place in the cached files."""
        return self.series, self.number

    @property
    def horizon(self) -> int:
        """Number of rows to forecast."""
        return len(self.ahead)

    @property
    def truth(self) -> Float:
        """The values to forecast, NaN where missing."""
        return self.ahead["y"].to_numpy(float)

    def bridged(self) -> Float:
        """The values before the window, with gaps interpolated."""
        return self.known["y"].interpolate(limit_direction="both").to_numpy(float)

    def mase(self, point: Float) -> float:
        """Scaled error of point forecasts [N]."""
        return float(np.nanmean(np.abs(self.truth - point))) / mase_scale(self.known["y"].to_numpy(float), self.season)


def windows_of(rows: pd.DataFrame) -> Iterator[Window]:
    """The last windows of each series, oldest first."""
    for name, own in rows.groupby("unique_id", sort=False):
        season, values = int(own["season"].iloc[0]), own[["ds", "y"]].reset_index(drop=True)
        if values["ds"].str.isdigit().all():
            values["ds"] = values["ds"].astype(int)
        horizon = min(season, LONGEST) if season > 1 else min(UNSEASONAL, len(own) // 8)
        for back in range(WINDOWS, 0, -1):
            cut = len(values) - back * horizon
            ahead = values[cut : cut + horizon]
            yield Window(str(name), WINDOWS + 1 - back, season, len(values), values[:cut], ahead)


def naive_forecasts(history: Float, season: int, horizon: int) -> dict[str, Float]:
    """The last value, the seasonal naive, and both with the mean change per row, [N] each."""
    steps = np.arange(1, horizon + 1)
    slope = (history[-1] - history[0]) / (len(history) - 1)
    seasonal, cycles = history[len(history) - season + (steps - 1) % season], (steps - 1) // season + 1
    last = np.full(horizon, history[-1])
    drifts = {"drift": last + slope * steps, "seasonal drift": seasonal + slope * season * cycles}
    return {"naive": last, "seasonal naive": seasonal, **drifts}


def read_windows(cache: Path, environments: Path) -> list[Window]:
    """All windows; the series are written to the cache unless they are there.

    Raises:
        PeerError: the packages cannot be installed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    if not (path := cache / "series.csv").exists():
        _run("read_singles.py", environments, path)
    return list(windows_of(pd.read_csv(path, dtype={"ds": str})))


def read_reference(windows: Sequence[Window], cache: Path, environments: Path) -> dict[Key, pd.DataFrame]:
    """The forecasts of each of `METHODS`; those missing in the cache are computed.

    Raises:
        PeerError: the packages cannot be installed.
    """
    path = cache / "reference.csv"
    if not path.exists() or len({window.key for window in windows} - set(by_window(pd.read_csv(path)))):
        histories = cache / "histories.csv"
        keys = ({"unique_id": w.series, "window": w.number, "season": w.season, "horizon": w.horizon} for w in windows)
        tables = (pd.DataFrame({"y": w.bridged()}).assign(**key) for w, key in zip(windows, keys, strict=True))
        pd.concat(tables).to_csv(histories, index=False)
        _run("fit_singles.py", environments, histories, path)
    return by_window(pd.read_csv(path))


def by_window(rows: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    """The rows of each window."""
    return {(str(name), int(number)): own for (name, number), own in rows.groupby(["unique_id", "window"])}


def _run(script: str, environments: Path, *paths: Path) -> None:
    command = [str(environment("singles", environments)), "-W", "ignore", str(HERE / "peers" / script)]
    if subprocess.run([*command, *map(str, paths)], stdout=sys.stderr, check=False).returncode:
        raise PeerError(f"{script} failed")
