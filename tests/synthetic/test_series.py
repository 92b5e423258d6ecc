"""Synthetic series: reproducible, finite, and with what they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seqpred.synthetic.priors import BROAD, FITTED
from seqpred.synthetic.processes import draw_noise, draw_parameters, draw_profiles, simulate
from seqpred.synthetic.series import batch_rng, draw_batch, draw_history, draw_series, steps_ahead


def test_a_batch_follows_from_the_seed_and_its_number() -> None:
    one, same, other = (draw_batch(batch_rng(1, number)) for number in (3, 3, 4))
    assert np.array_equal(one.values, same.values, equal_nan=True)
    assert not np.array_equal(one.values, other.values, equal_nan=True)


@pytest.mark.parametrize("number", range(12))
def test_batches_have_history_and_steps_ahead(number: int) -> None:
    batch = draw_batch(batch_rng(2, number))
    assert batch.values.shape[1] == batch.history + steps_ahead(batch.cycle)
    assert batch.history >= 8
    known = np.isfinite(batch.values)
    assert known.mean() > 0.75
    assert np.abs(batch.values[known]).max() < 1e7


@pytest.mark.parametrize("cycle", [1, 2, 4, 12, 168, 400])
def test_a_profile_has_the_cycle_and_no_mean(cycle: int) -> None:
    profile = draw_profiles(np.random.default_rng(1), 200, cycle)
    assert profile.shape == (200, cycle)
    assert np.allclose(profile.mean(1), 0)
    assert (profile == 0).all() if cycle == 1 else 0.5 < (profile.std(1) > 0).mean() < 0.9


def test_seasons_within_a_day_are_far_stronger_than_the_noise() -> None:
    rng = np.random.default_rng(1)
    hourly, monthly = (
        np.median(profile.std(1)[profile.any(1)]) for profile in (draw_profiles(rng, 300, m) for m in (24, 12))
    )
    assert hourly > 4 * monthly


def test_synthetic_business_series_grow_on_average() -> None:
    rng = np.random.default_rng(1)
    for cycle, rows, grows in ((12, 90, True), (1, 30, True), (24, 400, False), (1, 900, False)):
        growth = draw_parameters(rng, 4000, cycle, rows).growth * cycle
        assert (growth.mean() > 0.02) == grows


def test_priors_change_the_series_of_their_season_alone() -> None:
    for cycle, changes in ((1, True), (4, True), (12, True), (24, False)):
        broad, fitted = (draw_series(np.random.default_rng(1), 8, 60, cycle, priors) for priors in (BROAD, FITTED))
        assert np.array_equal(broad, fitted, equal_nan=True) != changes


def test_fitted_quarterly_series_have_stronger_seasons_and_steadier_growth() -> None:
    broad, fitted = (draw_parameters(np.random.default_rng(1), 2000, 4, 60, priors[4]) for priors in (BROAD, FITTED))
    strengths = [np.median(own.profile.std(1)[own.profile.any(1)] / np.median(own.noise)) for own in (broad, fitted)]
    assert strengths[1] > 1.5 * strengths[0]
    assert fitted.growth.std() < 0.8 * broad.growth.std()


def test_stationary_series_return_to_their_level() -> None:
    prior = replace(BROAD[1], stationary=1.0, noise=0.05)
    values = simulate(np.random.default_rng(2), draw_parameters(np.random.default_rng(1), 300, 1, 600, prior), 600)
    early, late = values[:, 100:350].std(1), values[:, 350:].std(1)
    assert np.median(late / early) == pytest.approx(1, abs=0.25)
    assert np.median(np.abs(values.mean(1)) / values.std(1)) < 0.2
    usual = draw_parameters(np.random.default_rng(1), 4000, 1, 600, BROAD[1])
    without = (usual.level_rate == 0) & (usual.growth == 0)
    assert 0.2 < without.mean() < 0.35


def test_without_noise_and_growth_a_process_is_its_season() -> None:
    rng = np.random.default_rng(1)
    own = draw_parameters(rng, 50, 6, 30)
    still = own.__class__(**{**vars(own), "noise": np.zeros(50), "growth": np.zeros(50), "slope": np.zeros(50)})
    values = simulate(rng, still, 30)
    assert np.allclose(values, np.tile(own.profile, 5))


def test_noise_has_the_size_of_its_parameter() -> None:
    rng = np.random.default_rng(1)
    own = draw_parameters(rng, 300, 1, 2000)
    plain = own.__class__(
        **{**vars(own), "degrees": own.degrees * 0 + 200, "volatility": own.volatility * 0, "burst": own.burst * 0 + 1}
    )
    plain = own.__class__(**{**vars(plain), "autocorrelation": own.noise * 0, "second": own.noise * 0})
    assert np.allclose(draw_noise(rng, plain, 2000).std(1) / own.noise, 1, atol=0.1)


def test_many_series_per_second_have_every_length() -> None:
    rng = np.random.default_rng(5)
    lengths = [draw_history(rng, cycle) for cycle in (1, 4, 12, 24, 365) for _ in range(50)]
    assert min(lengths) < 14
    assert max(lengths) > 900
    assert draw_series(rng, 3, 8, 1).shape == (3, 8)
