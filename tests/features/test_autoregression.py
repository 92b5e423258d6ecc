"""Fitted autoregressions: exact on the processes they describe, cautious with few rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.features.autoregression import AUTOREGRESSIONS, autoregress, enough_rows

STEPS = (1, 2, 5, 9)


def test_a_cycle_of_unknown_length_is_continued() -> None:
    wave = 40 + np.sin(2 * np.pi * np.arange(60) / 7.3)
    found = autoregress(wave[None, 8:40], np.array([40]), 1, STEPS)[0]
    for k, own in enumerate(AUTOREGRESSIONS):
        assert np.abs(found[:, k] - wave[39 + np.array(STEPS)]).max() < (0.3 if own.reverting else 0.7), own.name


def test_a_season_with_growth_is_continued() -> None:
    track = np.tile([4.0, 9.0, 1.0, 6.0], 11) + 0.5 * np.arange(44)
    found = autoregress(track[None, :32], np.array([32]), 4, STEPS)[0]
    assert np.abs(found - track[31 + np.array(STEPS), None]).max() < 2


@pytest.mark.parametrize("cycle", [1, 4])
def test_with_few_rows_the_last_value_is_the_forecast(cycle: int) -> None:
    recent = np.random.default_rng(1).normal(size=(1, 32)).cumsum(-1)
    assert np.allclose(autoregress(recent, np.array([2]), cycle, STEPS), recent[0, -1])
    assert not enough_rows(np.array([2, 100]), cycle)[0].any()
    assert enough_rows(np.array([2, 100]), cycle)[1].all()


@given(st.integers(0, 2**31), st.sampled_from([1, 3, 12]), st.integers(-3, 70), st.floats(0.01, 100), st.floats(-9, 9))
@settings(max_examples=25, deadline=None)
def test_forecasts_move_with_the_unit_and_the_level(
    seed: int, cycle: int, rows: int, unit: float, level: float
) -> None:
    recent = np.random.default_rng(seed).normal(size=(2, 3, 60)).cumsum(-1)
    known = np.full((2, 3), rows)
    found = autoregress(recent, known, cycle, STEPS)
    assert found.shape == (2, 3, len(STEPS), len(AUTOREGRESSIONS))
    moved = autoregress(level + unit * recent, known, cycle, STEPS)
    assert np.allclose(moved, level + unit * found, rtol=1e-5, atol=1e-4 * unit)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e6])
def test_the_forecast_of_a_constant_is_that_constant(value: float) -> None:
    assert np.allclose(autoregress(np.full((1, 60), value), np.array([60]), 12, STEPS), value)
