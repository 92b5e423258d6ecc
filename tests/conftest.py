"""What all tests share: where things are, small series, a small trained model."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from filelock import FileLock

from seqpred.config.data_section import DataSection
from seqpred.evaluation.backtest import BacktestSpec, Forecaster, backtest, last_windows
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.scores import Evaluation, Part
from seqpred.inspection.columns import choose_columns
from seqpred.panel.panel import Panel
from seqpred.reading.column_profile import profile_columns
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source

Result = TypeVar("Result")

# pandas 2 reads dates of the years 1678 to 2261 only, and numbers to the last bit but one.
pandas_3 = pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="needs pandas 3")

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"  # small synthetic files; data/make.py writes them
os.environ["PATH"] += f"{os.pathsep}{Path(sys.executable).parent}"  # programs of packages, such as duckdb
SHARED = ROOT.parent / "shared"  # larger files, which are not part of the repository


@dataclass(frozen=True)
class Once:
    """Computes a result once per test run and shares it between the xdist workers.

    Attributes:
        folder: exists once per run, outside the folders of the workers.
    """

    folder: Path

    def __call__(self, name: str, make: Callable[[Path], Result]) -> Result:
        """The result of `make`, which gets a new folder of its own. The result must be picklable."""
        stored = self.folder / f"{name}.pickle"
        with FileLock(f"{stored}.lock"):
            if stored.exists():
                return pickle.loads(stored.read_bytes())  # type: ignore[no-any-return]
            result = make(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder)))
            stored.write_bytes(pickle.dumps(result))
            return result


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Shares expensive results between workers: trained models, outputs of commands."""
    own = tmp_path_factory.getbasetemp()  # a worker's folder lies in that of the run
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "once"
    folder.mkdir(exist_ok=True)
    return Once(folder)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the series that come with the project."""
    return ROOT / "data"


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A file that does not come with the project; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"{path} is not here")
        return path

    return find


def columns_of(
    source: Source, time: str | list[str] | None = "auto", series: str | None = "auto", targets: Sequence[str] = ("y",)
) -> Columns:
    """The columns of a source with these roles, as training would choose them."""
    section = DataSection(time=time, id=series, target=list(targets))
    return choose_columns(profile_columns(source), source.name, section).columns


def seasonal(rows: int, season: int = 12, seed: int = 0) -> npt.NDArray[np.float64]:
    """A season, a trend and noise, [rows]."""
    t = np.arange(rows)
    noise = np.random.default_rng(seed).normal(0, 0.3, rows)
    return 20 + 0.05 * t + 3 * np.sin(2 * np.pi * t / season) + noise


def growing(rows: int, season: int = 12, seed: int = 0) -> npt.NDArray[np.float64]:
    """A season that grows by 3 % a row, [rows]: naive forecasts fall short of it, so there is something to learn."""
    return seasonal(rows, season, seed) * 1.03 ** np.arange(rows)


def backtest_last(
    panel: Panel,
    forecaster: Forecaster,
    levels: Sequence[float],
    horizon: int,
    season: int,
    parts: Sequence[Part],
) -> Evaluation:
    """The evaluation of one forecaster over the last windows, next to the baselines of one season."""
    spec = BacktestSpec(levels, horizon, Baselines(season))
    return backtest(panel, {"model": forecaster}, spec, last_windows(panel.lengths, horizon, parts))
