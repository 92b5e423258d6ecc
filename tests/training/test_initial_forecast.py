"""The initial forecast: quantiles of the errors of the naive forecasts on the training split."""

from __future__ import annotations

import numpy as np
import torch

from seqpred.features.input_spec import InputSpec
from seqpred.runtime.shape import Shape
from seqpred.training.initial_forecast import InitialForecast, initial_forecast
from seqpred.training.window_spec import WindowSpec
from seqpred.training.windows import make_windows
from tests.training.conftest import prepare_track

SPEC = InputSpec(season=1, anchor=1, lags=(1, 2))
SHAPE = Shape(SPEC.inputs, 5, (0.1, 0.5, 0.9), "lstm", 1, 4, bidirectional=False, dropout=0.0)


def forecast_of(track: np.ndarray) -> InitialForecast:
    prepared = [(0, prepare_track(track, SPEC), track)]
    rows, spec = np.array([len(track)]), WindowSpec(SPEC, 10, SHAPE.horizon, last_position_only=False)
    windows = make_windows(lambda _: prepared, rows, rows, SPEC.inputs, spec)
    return initial_forecast(SHAPE, windows, windows.starts(), 1, torch.Generator().manual_seed(0))


def test_steps_without_known_targets_get_the_mean_quantiles_of_the_others() -> None:
    """After 40 constant rows and 7 others, errors up to four steps ahead are known, five steps ahead are not."""
    noise = np.random.default_rng(0).normal(size=7)
    initial = forecast_of(np.concatenate([np.zeros(40), noise]))
    assert initial.rows == 0
    widths = initial.quantiles[:, -1] - initial.quantiles[:, 0]
    assert widths[-1] > 0.1
    torch.testing.assert_close(widths[-1], widths[:-1].mean())


def test_the_rows_with_known_targets_are_counted_at_the_last_step() -> None:
    noise = np.random.default_rng(0).normal(size=30)
    assert forecast_of(np.concatenate([np.zeros(40), noise])).rows == 30 - 2 - SHAPE.horizon  # three changes are needed


def test_quantiles_of_a_constant_track_are_zero() -> None:
    assert not forecast_of(np.ones(60)).quantiles.any()
