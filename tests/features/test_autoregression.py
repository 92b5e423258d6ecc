"""Fitted autoregressions: exact on the processes they describe, cautious with few rows; and how well they fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.features.autoregression import AUTOREGRESSIONS, LAGS, autoregress, enough_rows, fitted_rows

STEPS = (1, 2, 5, 9)


def test_a_cycle_of_unknown_length_is_continued() -> None:
    wave = 40 + np.sin(2 * np.pi * np.arange(60) / 7.3)
    found = autoregress(wave[None, 8:40], np.array([40]), 1, STEPS).forecasts[0]
    for k, own in enumerate(AUTOREGRESSIONS):
        assert np.abs(found[:, k] - wave[39 + np.array(STEPS)]).max() < (0.3 if own.reverting else 0.7), own.name


def test_a_season_with_growth_is_continued() -> None:
    track = np.tile([4.0, 9.0, 1.0, 6.0], 11) + 0.5 * np.arange(44)
    found = autoregress(track[None, :32], np.array([32]), 4, STEPS).forecasts[0]
    assert np.abs(found - track[31 + np.array(STEPS), None]).max() < 3


@pytest.mark.parametrize("cycle", [1, 4])
def test_with_few_rows_the_last_value_is_the_forecast(cycle: int) -> None:
    recent = np.random.default_rng(1).normal(size=(1, 32)).cumsum(-1)
    assert np.allclose(autoregress(recent, np.array([2]), cycle, STEPS).forecasts, recent[0, -1])
    assert not autoregress(recent, np.array([2]), cycle, STEPS).fit.any()
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
    assert found.forecasts.shape == (2, 3, len(STEPS), len(AUTOREGRESSIONS))
    moved = autoregress(level + unit * recent, known, cycle, STEPS)
    assert np.allclose(moved.forecasts, level + unit * found.forecasts, rtol=1e-5, atol=1e-4 * unit)
    assert np.allclose(moved.fit, found.fit, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e6])
def test_the_forecast_of_a_constant_is_that_constant(value: float) -> None:
    assert np.allclose(autoregress(np.full((1, 60), value), np.array([60]), 12, STEPS).forecasts, value)


def test_many_lags_continue_a_noisy_wave() -> None:
    rng, count = np.random.default_rng(1), fitted_rows(1)
    many = [own.lags == LAGS for own in AUTOREGRESSIONS].index(True)
    wave = np.sin(2 * np.pi * np.arange(count + max(STEPS)) / 10.7)
    recent = wave[:count] + 0.1 * rng.normal(size=(20, count))
    found = autoregress(recent, np.full(20, count), 1, STEPS)
    errors = np.abs(found.forecasts - wave[count - 1 + np.array(STEPS), None]).mean((0, 1))
    assert errors.argmin() == many
    assert errors[many] < 0.2
    assert found.fit.mean(0)[many] < -1


def test_nothing_fits_a_random_walk_better_than_its_last_value() -> None:
    recent = np.random.default_rng(1).normal(size=(40, fitted_rows(1))).cumsum(-1)
    fit = autoregress(recent, np.full(40, fitted_rows(1)), 1, STEPS).fit.mean(0)
    assert (fit > -0.03).all()
    assert (fit < 0.1).all()


def test_values_around_a_mean_are_fitted_better_than_their_changes() -> None:
    recent = np.random.default_rng(2).normal(size=(20, fitted_rows(1)))
    changes, values, _ = autoregress(recent, np.full(20, fitted_rows(1)), 1, STEPS).fit.mean(0)
    assert values < changes < -0.1
    assert values == pytest.approx(-np.log(2) / 2, abs=0.1)  # the variance of changes is twice that of the values


@pytest.mark.parametrize("cycle", [1, 12])
def test_rows_before_the_first_do_not_change_the_fit(cycle: int) -> None:
    recent = np.random.default_rng(3).uniform(size=(1, fitted_rows(cycle)))
    recent[:, -20:-18] = 0.0, 1.0
    other = recent.copy()
    other[:, :-40] = np.linspace(0.2, 0.8, recent.shape[1] - 40)
    one, two = (autoregress(values, np.array([40]), cycle, STEPS) for values in (recent, other))
    assert np.allclose(one.fit, two.fit)
    assert np.allclose(one.forecasts, two.forecasts)


def test_no_positions_have_no_forecasts() -> None:
    found = autoregress(np.zeros((2, 0, 40)), np.zeros((2, 0), int), 1, STEPS)
    assert found.forecasts.shape == (2, 0, len(STEPS), len(AUTOREGRESSIONS))
    assert found.fit.shape == (2, 0, len(AUTOREGRESSIONS))
