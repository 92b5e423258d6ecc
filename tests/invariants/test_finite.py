"""Forecasts that leave a session are finite; anything else is an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import seqpred
from seqpred.arrays import Float32
from seqpred.calendar.step import DAY, Step
from seqpred.errors import DataError
from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.forecasting.model import Model
from seqpred.forecasting.row_session import RowSession
from seqpred.forecasting.session_state import SessionSpec
from seqpred.reading.lines import Row
from seqpred.timestamps.format import TimestampFormat
from tests.invariants.conftest import Train, frame


class FaultyRuntime:
    """Emits 0, and a wrong number after the row with a given number of observations."""

    name, window = "faulty", None

    def __init__(self, wrong: float, row: int) -> None:
        self.wrong, self.row = wrong, row

    def start(self, batch: int) -> Float32:
        return np.zeros((1, batch, 1), np.float32)

    def read(self, x: Float32, state: Float32, n_positions: int = 1, _: Any = None) -> tuple[Float32, Float32]:
        rows = state[0, :, 0].astype(int)[:, None] + np.arange(1, x.shape[1] + 1)
        z = np.where(rows == self.row, self.wrong, 0).astype(np.float32)[:, -n_positions:, None, None]
        return np.broadcast_to(z, (*z.shape[:2], 3, 1)).copy(), state + x.shape[1]


def session(wrong: float, row: int) -> RowSession:
    series = SeriesSpec(InputSpec(2, 2, (1, 2), blend=False), Covariates(()), targets=1, joint=False)
    made = RowSession(SessionSpec(series, FaultyRuntime(wrong, row), 3, 0, Step("microsecond", DAY), 3))
    made.clock = TimestampFormat("%Y-%m-%d")
    return made


def rows(values: list[float]) -> list[Row]:
    return [Row(day + 1, "shop", day * DAY, None, [value]) for day, value in enumerate(values)]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_forecast_that_is_not_finite_is_an_error(wrong: float) -> None:
    with pytest.raises(DataError, match=r"a forecast is NaN or infinite \(series 'shop'\)"):
        session(wrong, row=3).update(rows([1.0, 2.0, 3.0, 4.0]))


def test_there_is_no_forecast_before_the_first_observation() -> None:
    forecasts = session(np.nan, row=2).update(rows([np.nan, np.nan, 3.0, 4.0]))
    assert [bool(np.isfinite(f.quantiles).all()) for f in forecasts] == [False, False, True, True]


def test_batch_forecasts_and_scores_that_are_not_finite_are_an_error(train: Train) -> None:
    model = Model(train("gru", 1).folder)
    runtime = model.runtime

    class Damaged:
        name, window, start = runtime.name, runtime.window, runtime.start

        def read(self, *arguments: Any) -> tuple[Float32, Float32]:
            z, state = runtime.read(*arguments)
            return z * np.float32(np.nan), state

    model.__dict__["runtime"] = Damaged()
    with pytest.raises(DataError, match="a forecast is NaN or infinite"):
        seqpred.predict(model, frame())
    with pytest.raises(DataError, match="a forecast is NaN or infinite"):
        seqpred.evaluate(model, frame(), windows=1)
