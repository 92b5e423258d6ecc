"""Naive forecasts against sums that are written out, and the table against what torch makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import prepare
from seqpred.features.naive import fill, naive_table, repeat_last
from seqpred.network.heads import naive_forecasts
from tests.conftest import seasonal

SPEC = InputSpec(season=4, anchor=4, lags=(1, 4))


def naives(track: np.ndarray, spec: InputSpec, steps: int) -> np.ndarray:
    """All naive forecasts after the last row, the anchor's first, in the target's unit, [A + 1, steps]."""
    recent = np.concatenate(
        [
            values[np.maximum(np.arange(len(track) - rows, len(track)), 0)]
            for values, rows in ((prepare(track, spec).profile, spec.profile), (track, spec.recent))
        ]
    )
    found = naive_table(spec.cycles, spec.anchor, steps, spec.recent)(recent - recent[-1])
    return repeat_last(track, spec.anchor, steps) + np.concatenate([np.zeros((1, steps)), found])


def test_a_line_with_a_season_is_forecast_by_the_naive_forecast_with_drift() -> None:
    rows = np.arange(40.0)
    track = 3 * rows + np.tile([0.0, 5.0, -2.0, 1.0], 10)
    ahead = 3 * np.arange(40.0, 47.0) + np.tile([0.0, 5.0, -2.0, 1.0], 2)[:7]
    _, last, drift, mean, changes, longer, _, smoothed = naives(track, SPEC, 7)
    assert np.allclose(drift, ahead)
    assert np.allclose(longer, ahead)
    assert np.allclose(smoothed, ahead)
    assert (last == track[-1]).all()
    assert np.allclose(mean, ahead - np.repeat([18.0, 30.0], [4, 3]))
    assert np.allclose(changes[:4], ahead[:4])


def test_the_longer_drift_is_the_mean_of_four() -> None:
    """Cycles at 0, 1, 2, 3 and 13: the last one rose by 10, all by 3.25 in the mean."""
    track = np.repeat([0.0, 1.0, 2.0, 3.0, 13.0], 4)
    _, _, drift, _, _, longer, _, _ = naives(track, SPEC, 5)
    assert drift.tolist() == [23, 23, 23, 23, 33]
    assert longer.tolist() == [16.25, 16.25, 16.25, 16.25, 19.5]


def test_levels_are_smoothed_with_and_without_a_profile() -> None:
    """After a line, a profile and a step, against sums that are written out."""
    cycle, times, steps = 4, 5, 7
    track = np.random.default_rng(5).normal(size=cycle * times) + np.tile([9.0, 5.0, 0.0, 2.0], times)
    *_, slow, smoothed = naives(track, SPEC, steps)
    shares = np.array([0.9 ** (len(track) - 1 - i) for i in range(len(track))])
    assert np.allclose(slow, shares @ track / shares.sum())
    cycles = track.reshape(times, cycle)
    slope = (cycles[-1].mean() - cycles[0].mean()) / ((times - 1) * cycle)
    line = slope * (np.arange(len(track)) - len(track) + 1)
    profile = (track - line).reshape(times, cycle).mean(0)
    profile -= profile.mean()
    shares = np.array([0.7 ** (len(track) - 1 - i) for i in range(len(track))])
    level = shares @ (track - line - np.tile(profile, times)) / shares.sum()
    assert np.allclose(smoothed, level + slope * np.arange(1, steps + 1) + profile[np.arange(steps) % cycle])


def test_each_cycle_has_its_naive_forecasts() -> None:
    found = naives(np.arange(35.0), InputSpec(season=3, anchor=3, lags=(1, 7)), 5)
    assert found[0].tolist() == [32, 33, 34, 32, 33]
    assert [28, 29, 30, 31, 32] in found.tolist()  # as seven rows ago


def test_a_long_cycle_has_a_running_profile_that_moves_with_the_level() -> None:
    """Six weeks of 81 rows; the last day of 9 is 7 above its profile, row by row."""
    spec, (week, day) = InputSpec(season=9, anchor=9, lags=(1, 81)), (81, 9)
    cycles = np.random.default_rng(1).normal(size=(6, week))
    profile = cycles[0]
    for k in range(1, 6):
        profile = profile + (cycles[k] - profile) * max(0.2, 1 / (k + 1))
    cycles[-1, -day:] += 7
    profile[-day:] += 7 * 0.2
    *_, alone, moved, added = naives(cycles.ravel(), spec, week)
    assert np.allclose(alone, profile)
    distances = cycles[-1, -day:] - profile[-day:]
    assert np.allclose(moved, profile + distances.mean())
    assert np.allclose(added, profile + np.tile(distances, week // day))
    assert len(naives(cycles.ravel()[:400], InputSpec(9, 9, (1, 80)), 5)) == len(naives(cycles.ravel(), spec, 5)) - 3


@given(
    cycles=st.sets(st.one_of(st.integers(2, 13), st.integers(81, 90)), max_size=3),
    anchor=st.integers(1, 9),
    horizon=st.integers(1, 30),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_torch_and_numpy_compute_the_same_naive_forecasts(
    cycles: set[int], anchor: int, horizon: int, seed: int
) -> None:
    spec = InputSpec(anchor, anchor, (1, *sorted(cycles)))
    table = naive_table(spec.cycles, anchor, horizon, spec.recent)
    recent = np.random.default_rng(seed).normal(size=(2, 3, spec.profile + spec.recent))
    np.testing.assert_allclose(naive_forecasts(torch.tensor(recent), table).numpy(), table(recent), atol=1e-12)


def test_the_shares_of_each_forecast_cancel_those_of_the_anchor() -> None:
    for table in (naive_table((4, 7), 4, 9, 35), naive_table((4, 90), 4, 9, 360)):
        constant = table.shares.sum(1) + table.level.sum(1)
        assert np.allclose(constant, 0)  # a shift of all rows moves no difference between two naive forecasts


@pytest.mark.parametrize("steps", [1, 3, 9])
def test_the_last_cycle_is_repeated_and_gaps_are_filled_from_the_cycle_before(steps: int) -> None:
    track = seasonal(30)
    assert repeat_last(track, 4, steps).tolist() == [track[26 + k % 4] for k in range(steps)]
    gappy = np.array([np.nan, 1.0, 2.0, 3.0, np.nan, np.nan, 6.0])
    assert fill(gappy, 3).tolist() == [1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 6.0]
