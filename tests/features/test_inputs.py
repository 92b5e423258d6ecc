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
    prepare,
    prepare_all,
    recent_changes,
    running_scale,
    to_unit,
    usable_scale,
)
from seqpred.features.naive import repeat_last
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
    said = to_unit(np.zeros((6, 1), np.float32), repeat_last(track, 4, 6), 2.0)
    assert np.array_equal(said[:, 0], [*track[-4:], *track[-4:-2]])


def test_large_values_lose_no_precision() -> None:
    track = seasonal(200)
    assert np.allclose(prepare(track + 1e9, LOOK).x, prepare(track, LOOK).x, atol=1e-3)


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
