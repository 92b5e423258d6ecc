"""What all tests share: where things are, small series, a small trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from seqpred.config.schema import DataSection
from seqpred.inspection.columns import choose_columns
from seqpred.reading.table import profile_columns
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source

# pandas 2 reads dates of the years 1678 to 2261 only, and numbers to the last bit but one.
pandas_3 = pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 3, reason="needs pandas 3")

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


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
