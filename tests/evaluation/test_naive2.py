"""The yardstick of the accuracy benchmark, against published figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.naive2 import naive2
from seqpred.evaluation.metrics import mase_scale, smape
from tests.conftest import ROOT


@pytest.mark.parametrize(("months", "published"), [(12, (7.030, 1.108)), (24, (18.757, 2.792))])
def test_naive2_has_its_published_scores_on_airline_passengers(months: int, published: tuple[float, float]) -> None:
    """Source: the M4 organisers' formula, computed apart from this project to three decimals."""
    values = pd.read_csv(ROOT / "data" / "air_passengers.csv")["y"].to_numpy(float)
    history, truth = values[:-months], values[-months:]
    forecast = naive2(history, 12, months)
    mase = np.abs(truth - forecast).mean() / mase_scale(history, 12)
    assert (smape(truth, forecast), mase) == pytest.approx(published, abs=5e-4)


def test_a_season_longer_than_the_tested_lags_is_none() -> None:
    """10 log10 of 2,232 weeks is 33. Source of the figure: as above, the last year of weekly CO2."""
    values = pd.read_csv(ROOT / "data" / "co2_weekly_gaps.csv")["y"].to_numpy(float)
    history, truth = values[:-52], values[-52:]
    assert smape(truth, naive2(history, 52, 52)) == pytest.approx(0.499, abs=5e-4)


def test_naive2_without_a_season_is_the_last_value() -> None:
    noise = np.random.default_rng(0).normal(size=200)
    assert naive2(noise, 7, 3).tolist() == [noise[-1]] * 3
    assert naive2(np.array([1.0, np.nan, 3.0]), 7, 1).tolist() == [3.0]
    assert np.isnan(naive2(np.array([np.nan]), 7, 2)).all()
