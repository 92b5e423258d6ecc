"""The naive forecasts against plain loops, and their published figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.evaluation.baselines import drift, naive, seasonal_naive
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from tests.conftest import backtest_last

PROPERTY = settings(derandomize=True, deadline=None, max_examples=50)
LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
Shared = Callable[[str], Path]

histories = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=30).filter(
    lambda values: any(not math.isnan(v) for v in values)
)
steps = st.integers(1, 12)


@PROPERTY
@given(histories, steps)
def test_naive_repeats_the_last_observed_value(values: list[float], count: int) -> None:
    last = next(v for v in reversed(values) if not math.isnan(v))
    assert naive(np.array(values), count).tolist() == [last] * count


@PROPERTY
@given(st.lists(st.floats(-1e6, 1e6), min_size=12, max_size=30), st.integers(1, 12), steps)
def test_seasonal_naive_repeats_the_last_season(values: list[float], season: int, count: int) -> None:
    whole = list(values)
    for _ in range(count):
        whole.append(whole[len(whole) - season])
    assert seasonal_naive(np.array(values), season, count).tolist() == whole[len(values) :]


@PROPERTY
@given(histories, st.integers(1, 8), steps)
def test_seasonal_naive_takes_a_missing_value_from_the_season_before(
    values: list[float], season: int, count: int
) -> None:
    first = next(i for i, v in enumerate(values) if not math.isnan(v))
    whole = [values[first]] * first
    for t in range(first, len(values)):
        if not math.isnan(values[t]):
            whole.append(values[t])
        else:
            whole.append(whole[t - season] if t - season >= first else whole[t - 1])
    for _ in range(count):
        whole.append(whole[len(whole) - season] if len(values) >= season else whole[-1])
    assert seasonal_naive(np.array(values), season, count).tolist() == whole[len(values) :]


@PROPERTY
@given(histories, steps)
def test_drift_continues_the_line_through_the_first_and_last_observed_values(values: list[float], count: int) -> None:
    known = [(t, v) for t, v in enumerate(values) if not math.isnan(v)]
    (first, low), (last, high) = known[0], known[-1]
    slope = 0.0 if first == last else (high - low) / (last - first)
    expected = [high + slope * (len(values) - 1 + k - last) for k in range(1, count + 1)]
    np.testing.assert_allclose(drift(np.array(values), count), expected, rtol=1e-9, atol=1e-6)


@PROPERTY
@given(histories, st.integers(1, 8), steps)
def test_baselines_do_not_modify_the_history(values: list[float], season: int, count: int) -> None:
    history = np.array(values)
    history.setflags(write=False)
    for forecast in (naive(history, count), seasonal_naive(history, season, count), drift(history, count)):
        assert forecast.shape == (count,)
        assert np.isfinite(forecast).all()


# ------------------------------------------------------------------ published figures


def zeros(panel: Panel, count: int, ahead: np.ndarray) -> np.ndarray:
    """A forecaster that is not looked at: only the baselines are."""
    return np.zeros((len(list(panel.tracks())), count, len(LEVELS)))


def scores_of(frame: pd.DataFrame, id_name: str | None, horizon: int, season: int) -> dict[str, Any]:
    """The scores of the baselines over the last `horizon` rows."""
    panel = build_panel(read_table(Source("a frame", frame), Columns(("ds",), id_name, ("y",))))
    found: dict[str, Any] = backtest_last(panel, zeros, LEVELS, horizon, season, ["unseen"]).to_dict()["metrics"]
    return found


@pytest.mark.parametrize(
    ("file", "horizon", "season", "expected"),
    [
        ("air_passengers", 12, 12, (10.572, 1.571, 50.708)),
        ("air_passengers", 24, 12, (17.013, 2.494, 76.995)),
        ("sunspots_yearly", 11, 11, (37.865, 0.881, 25.113)),
    ],
)
def test_the_seasonal_naive_has_its_known_figures(
    file: str, horizon: int, season: int, expected: tuple[float, float, float], data: Path
) -> None:
    own = scores_of(pd.read_csv(data / f"{file}.csv"), None, horizon, season)["seasonal_naive"]
    assert (round(own["smape"], 3), round(own["mase"], 3), round(own["rmse"], 3)) == expected


def test_the_baselines_have_their_published_figures_on_m4_hourly(shared: Shared) -> None:
    # Makridakis et al. 2020, "Evaluation and Ranks.xlsx"; the WQL of a point-only seasonal naive was computed apart.
    parts = [pd.read_csv(shared(f"data/{name}")) for name in ("m4_hourly_train.csv.gz", "m4_hourly_test.csv")]
    found = scores_of(pd.concat(parts), "unique_id", 48, 24)
    seasonal, plain = found["seasonal_naive"], found["naive"]
    assert (round(seasonal["smape"], 3), round(seasonal["mase"], 3)) == (13.912, 1.193)
    assert (round(plain["smape"], 3), round(plain["mase"], 3)) == (43.003, 11.608)
    assert round(seasonal["wql"], 4) == 0.0483
