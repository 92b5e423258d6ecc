"""Inputs, scale and anchor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqpred.evaluation.metrics import mase_scale
from seqpred.features import inputs as features
from seqpred.features.inputs import (
    InputSpec,
    anchor_ahead,
    bridge,
    prepare,
    prepare_all,
    recent_changes,
    running_scale,
    to_unit,
    usable_scale,
)
from seqpred.network.heads import naive_forecasts
from seqpred.runtime.shape import Shape
from tests.conftest import seasonal

LOOK = InputSpec(season=4, anchor=4, lags=(1, 4))
values = arrays(
    np.float64,
    st.integers(1, 40),
    elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan)),
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values, st.integers(0, 40), st.sampled_from([LOOK, InputSpec(1, 1, (1, 2)), InputSpec(7, 14, (1, 7, 14))]))
def test_no_row_knows_a_later_one(track: np.ndarray, cut: int, look: InputSpec) -> None:
    """Bit for bit, but for rows before the first observation, which say nothing at all."""
    whole, part = prepare(track, look), prepare(track[: max(1, cut)], look)
    seen = len(part.x)
    assert np.array_equal(whole.x[:seen], part.x)
    assert np.array_equal(whole.scale[:seen], part.scale)
    if np.isfinite(track[:seen]).any():
        assert np.array_equal(whole.filled[:seen], part.filled)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(values, min_size=1, max_size=6))
def test_tracks_side_by_side_are_what_each_is_alone(tracks: list[np.ndarray]) -> None:
    for made, track in zip(prepare_all(tracks, LOOK), tracks, strict=True):
        alone = prepare(track, LOOK)
        for name in ("x", "filled", "scale"):
            np.testing.assert_allclose(getattr(made, name), getattr(alone, name), rtol=1e-6, atol=1e-9)


def test_tracks_stand_side_by_side_where_less_than_half_is_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "CELLS", 60)
    assert list(features._side_by_side([20, 41, 10, 20])) == [[2, 0, 3], [1]]  # 41 is more than twice 10
    assert list(features._side_by_side([20] * 4)) == [[0, 1, 2], [3]]  # four would be 80 cells
    assert list(features._side_by_side([100, 100])) == [[0], [1]]  # one alone may be too large


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values)
def test_inputs_are_finite_whatever_the_values(track: np.ndarray) -> None:
    prepared = prepare(track, LOOK)
    assert prepared.x.shape == (len(track), LOOK.inputs)
    assert np.isfinite(prepared.x).all()
    assert np.isfinite(prepared.filled).all()
    assert (usable_scale(prepared.scale, prepared.filled) > 0).all()


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 0.0), (1.0, 1e6), (-0.01, 5.0)])
def test_inputs_have_no_unit(factor: float, shift: float) -> None:
    track = seasonal(60)
    x, y = prepare(track, LOOK).x, prepare(track * factor + shift, LOOK).x
    sign = np.sign(factor)
    assert np.allclose(x[4:, :3], sign * y[4:, :3], atol=1e-4)
    assert np.allclose(x[4:, 3], y[4:, 3], atol=1e-4)  # the spread has no sign


def test_the_scale_at_the_last_row_is_the_denominator_of_mase() -> None:
    track = seasonal(60)
    track[[7, 30, 31]] = np.nan
    assert running_scale(track, 12)[-1] == pytest.approx(mase_scale(track, 12), rel=1e-12)


def test_a_forecast_of_zero_is_the_seasonal_naive() -> None:
    track = seasonal(30)
    said = to_unit(np.zeros((6, 1), np.float32), anchor_ahead(track, 4, 6), 2.0)
    assert np.array_equal(said[:, 0], [*track[-4:], *track[-4:-2]])


def test_gaps_are_bridged_by_the_season_before() -> None:
    track = np.array([np.nan, 1.0, 2.0, 3.0, np.nan, np.nan, 6.0])
    assert bridge(track, 3).tolist() == [1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 6.0]


def test_large_values_lose_no_precision() -> None:
    track = seasonal(200)
    assert np.allclose(prepare(track + 1e9, LOOK).x, prepare(track, LOOK).x, atol=1e-3)


def naives(track: np.ndarray, look: InputSpec, steps: int, rows: int = 1) -> np.ndarray:
    """What the naive forecasts say after the last rows, in the target's unit, [A + 1, rows, steps]."""
    filled = prepare(track, look).filled
    past = filled[np.maximum(np.arange(len(track) - rows - look.recent + 1, len(track)), 0)]
    recent = recent_changes(past[None], np.ones((1, rows)), look.recent)
    size = {"recent": look.recent, "cycles": look.cycles, "anchor": look.anchor, "blend": True}
    shape = Shape(1, steps, (0.5,), "rnn", 1, 1, bidirectional=False, dropout=0.0, **size)
    found = naive_forecasts(torch.tensor(recent), shape)[0].numpy()
    assert found.shape == (rows, shape.naives, steps)
    anchor = [anchor_ahead(filled[: len(track) - rows + p + 1], look.anchor, steps) for p in range(rows)]
    return np.stack(anchor) + np.concatenate([np.zeros((1, rows, steps)), found.transpose(1, 0, 2)])


def test_a_line_with_a_season_is_forecast_by_the_naive_forecast_with_drift() -> None:
    rows = np.arange(40.0)
    track = 3 * rows + np.tile([0.0, 5.0, -2.0, 1.0], 10)
    ahead = 3 * np.arange(40.0, 47.0) + np.tile([0.0, 5.0, -2.0, 1.0], 2)[:7]
    _, last, drift, mean, changes, longer, _, smoothed = naives(track, LOOK, 7)[:, 0]
    assert np.allclose(drift, ahead)
    assert np.allclose(longer, ahead)
    assert np.allclose(smoothed, ahead)
    assert (last == track[-1]).all()
    assert np.allclose(mean, ahead - np.repeat([18.0, 30.0], [4, 3]))
    assert np.allclose(changes[:4], ahead[:4])


def test_the_longer_drift_is_the_mean_of_four() -> None:
    """Cycles at 0, 1, 2, 3 and 13: the last one rose by 10, all by 3.25 in the mean."""
    track = np.repeat([0.0, 1.0, 2.0, 3.0, 13.0], 4)
    _, _, drift, _, _, longer, _, _ = naives(track, LOOK, 5)[:, 0]
    assert drift.tolist() == [23, 23, 23, 23, 33]
    assert longer.tolist() == [16.25, 16.25, 16.25, 16.25, 19.5]


def test_levels_are_smoothed_beside_a_profile_and_without_one() -> None:
    """After a line, a profile and a step, against sums that are written out."""
    cycle, times, steps = 4, 5, 7
    track = np.random.default_rng(5).normal(size=cycle * times) + np.tile([9.0, 5.0, 0.0, 2.0], times)
    *_, slow, smoothed = naives(track, LOOK, steps)[:, 0]
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
    track = np.arange(30.0)
    look = InputSpec(season=3, anchor=3, lags=(1, 7))
    assert (look.cycles, look.recent) == ((3, 7), 35)
    found = naives(track, look, 5)[:, 0]
    assert found[0].tolist() == [27, 28, 29, 27, 28]
    assert [23, 24, 25, 26, 27] in found.tolist()  # as seven rows ago
    assert InputSpec(1, 1, (1,)).recent == 2
    assert InputSpec(3, 3, (1, 7), blend=False).recent == 0
    both = InputSpec(3, 3, (1, 7), autoregression=40)
    assert both.recent == InputSpec(3, 3, (1, 7), blend=False, autoregression=40).recent == 40


@settings(max_examples=50, deadline=None, derandomize=True)
@given(values, st.sampled_from([LOOK, InputSpec(1, 1, (1, 2)), InputSpec(7, 14, (1, 7, 14))]), st.integers(1, 5))
def test_recent_rows_are_the_same_for_many_rows_at_once_and_on_torch(
    track: np.ndarray, look: InputSpec, rows: int
) -> None:
    rows = min(rows, len(track))
    filled, scale = prepare(track, look).filled, np.linspace(1, 2, rows)[None]
    past = filled[np.maximum(np.arange(len(track) - rows - look.recent + 1, len(track)), 0)][None]
    together = recent_changes(past, scale, look.recent)
    assert np.array_equal(recent_changes(torch.tensor(past), torch.tensor(scale), look.recent).numpy(), together)
    assert (together[..., -1] == 0).all()
    alone = [recent_changes(past[:, p : p + look.recent], scale[:, p : p + 1], look.recent) for p in range(rows)]
    assert np.array_equal(together, np.concatenate(alone, 1))
