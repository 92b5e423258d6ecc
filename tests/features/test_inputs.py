"""The feature engine: causal, independent of how rows are divided into blocks, without unit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqpred.evaluation.metrics import mase_scale
from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import Block, TrackMemory, advance, prepare
from seqpred.features.origins import Origins, recent_changes
from seqpred.features.running import rolling_moments
from tests.conftest import seasonal

SPEC = InputSpec(season=4, anchor=4, lags=(1, 4))
SPECS = [SPEC, InputSpec(1, 1, (1, 2)), InputSpec(7, 14, (1, 7, 14))]
STEPS = 11
values = arrays(
    np.float64,
    st.integers(1, 40),
    elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan)),
)


@st.composite
def specs(draw: st.DrawFn) -> InputSpec:
    longest = draw(st.sampled_from([12, 12, 12, 85]))  # a cycle of more than 80 rows has a running profile
    lags = draw(st.lists(st.integers(1, longest), min_size=1, max_size=4, unique=True))
    lag = st.integers(1, 9)
    return InputSpec(draw(lag), draw(lag), tuple(sorted(lags)), draw(st.booleans()), draw(st.integers(0, 30)))


@st.composite
def histories(draw: st.DrawFn, longest: int = 60) -> np.ndarray:
    """Two series of two targets, [2, 2, T]: walks of any size far from 0, with gaps, and often with repeated values."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size, offset = 10.0 ** draw(st.integers(-3, 5)), 10.0 ** draw(st.integers(0, 7))
    found = offset + size * rng.normal(size=(2, 2, draw(st.integers(1, longest)))).cumsum(-1)
    found[rng.random(found.shape) < draw(st.sampled_from([0.0, 0.3, 0.6]))] = np.nan
    return found.round(draw(st.integers(0, 9)))


# ------------------------------------------------------------------ blocks


@given(specs(), histories(longest=200), st.lists(st.integers(1, 20), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_inputs_do_not_depend_on_how_rows_are_divided_into_blocks(
    spec: InputSpec, history: np.ndarray, sizes: list[int]
) -> None:
    """To 1e-9 before they become float32; scale, naive forecasts and what is remembered are equal bit for bit."""
    whole, after = advance(TrackMemory.start(spec, 2, 2), history, spec, dtype=np.float64)
    memory, blocks, row = TrackMemory.start(spec, 2, 2), list[Block](), 0
    while row < history.shape[2]:
        size = sizes[len(blocks) % len(sizes)]
        block, memory = advance(memory, history[:, :, row : row + size], spec, dtype=np.float64)
        blocks.append(block)
        row += size
    x = np.concatenate([block.x for block in blocks], axis=2)
    np.testing.assert_allclose(x, whole.x, rtol=1e-9, atol=1e-9)
    assert np.array_equal(np.concatenate([block.scale for block in blocks], axis=2), whole.scale)
    assert_same_origins([block.origins() for block in blocks], whole.origins(), spec)
    for one, other in zip(memory, after, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def assert_same_origins(parts: list[Origins], whole: Origins, spec: InputSpec) -> None:
    """Equal naive forecasts and recent values at all rows since the first observation."""
    observed = whole.observed
    assert np.array_equal(np.concatenate([part.unit for part in parts], axis=2)[observed], whole.unit[observed])
    anchors = np.concatenate([part.anchors(spec.anchor, STEPS) for part in parts], axis=2)
    assert np.array_equal(anchors[observed], whole.anchors(spec.anchor, STEPS)[observed])
    recent = whole.recent(spec)
    if recent is not None:
        shape = (2, 2, -1, spec.profile + spec.recent)
        joined = np.concatenate([part.recent(spec).reshape(shape) for part in parts], axis=2)
        assert np.array_equal(joined[observed], recent.reshape(shape)[observed])


@given(specs(), st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_series_of_unequal_length_in_a_block_are_what_each_is_alone(
    spec: InputSpec, lengths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    history = np.full((len(lengths), 2, max(lengths)), np.nan)
    for own, length in zip(history, lengths, strict=True):
        own[:, :length] = np.where(rng.random((2, length)) < 0.2, np.nan, 100 + rng.normal(size=(2, length)))
    block, after = advance(TrackMemory.start(spec, len(lengths), 2), history, spec, np.array(lengths))
    last = block.last(after, np.array(lengths))
    for b, length in enumerate(lengths):
        alone, memory = advance(TrackMemory.start(spec, 1, 2), history[b : b + 1, :, :length], spec)
        assert np.array_equal(block.x[b, :, :length], alone.x[0])
        for one, other in zip(after, memory, strict=True):
            assert np.array_equal(one[b], other[0], equal_nan=True)
        own = alone.last(memory, np.array([length]))
        assert np.array_equal(last.anchors(spec.anchor, STEPS)[b], own.anchors(spec.anchor, STEPS)[0])
        assert np.array_equal(last.unit[b], own.unit[0])
        assert last.rows[b] == length


def test_the_memory_has_a_fixed_size() -> None:
    spec = InputSpec(7, 7, (1, 7, 14))
    memory = TrackMemory.start(spec, 1, 1)
    sizes = set()
    for _ in range(5):
        _, memory = advance(memory, np.random.default_rng(0).normal(size=(1, 1, 1000)), spec)
        sizes.add(sum(array.nbytes for array in memory))
    assert len(sizes) == 1


# ------------------------------------------------------------------ one track


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values, st.integers(0, 40), st.sampled_from(SPECS))
def test_no_row_depends_on_a_later_one(track: np.ndarray, cut: int, spec: InputSpec) -> None:
    """Bit for bit. Values before the first observation are filled with it, but the network does not see them."""
    whole, part = prepare(track, spec), prepare(track[: max(1, cut)], spec)
    rows = len(part.x)
    assert np.array_equal(whole.x[:rows], part.x)
    assert np.array_equal(whole.scale[:rows], part.scale)
    if np.isfinite(track[:rows]).any():
        assert np.array_equal(whole.filled[:rows], part.filled)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(values)
def test_inputs_are_finite_for_any_values(track: np.ndarray) -> None:
    block, _ = advance(TrackMemory.start(SPEC, 1, 1), track[None, None], SPEC)
    assert block.x.shape == (1, 1, len(track), SPEC.inputs)
    assert np.isfinite(block.x).all()
    assert np.isfinite(block.filled).all()
    assert (block.origins().unit > 0).all()


@pytest.mark.parametrize(("factor", "shift"), [(1000.0, 0.0), (1.0, 1e6), (-0.01, 5.0)])
def test_inputs_have_no_unit(factor: float, shift: float) -> None:
    track = seasonal(60)
    x, y = prepare(track, SPEC).x, prepare(track * factor + shift, SPEC).x
    sign = np.sign(factor)
    assert np.allclose(x[4:, :3], sign * y[4:, :3], atol=1e-4)
    assert np.allclose(x[4:, 3], y[4:, 3], atol=1e-4)  # the spread has no sign


def test_inputs_are_compressed_changes_distances_and_spreads_in_units_of_the_scale() -> None:
    track = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0])
    *changes, distance, spread, anchor, observed = prepare(track, SPEC).x[9].tolist()
    scale = np.abs(track[4:] - track[:-4]).mean()
    window = track[6:]
    raw = [3 - 5, 3 - 9, 3 - window.mean(), window.std(), track[6] - 3]
    expected = [np.sign(v) * np.log1p(abs(v) / scale) for v in raw]
    assert [*changes, distance, spread, anchor] == pytest.approx(expected, rel=1e-6)
    assert observed == 1


def test_the_scale_counts_changes_from_the_first_one_on() -> None:
    track = np.array([5.0, 5.0, 5.0, 5.0, 7.0, 7.0, 8.0])
    assert prepare(track, InputSpec(1, 1, (1,))).scale.tolist() == [0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 1.0]
    assert prepare(track, InputSpec(2, 2, (1,))).scale.tolist() == [0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 5 / 3]


def test_the_scale_at_the_last_row_is_the_denominator_of_mase() -> None:
    track = seasonal(60)
    track[[7, 30, 31]] = np.nan
    assert prepare(track, InputSpec(12, 12, (1,))).scale[-1] == pytest.approx(mase_scale(track, 12), rel=1e-12)
    assert prepare(np.array([1.0, 2.0, 4.0, 7.0]), InputSpec(2, 2, (1,))).scale.tolist() == [0.0, 1.0, 3.0, 4.0]


def test_a_network_output_of_zero_is_the_seasonal_naive_forecast() -> None:
    track = seasonal(30)
    block, after = advance(TrackMemory.start(SPEC, 1, 1), track[None, None], SPEC)
    quantiles = block.last(after, np.array([30])).to_quantiles(np.zeros((1, 1, 1, 6, 1), np.float32), SPEC.anchor)
    assert np.array_equal(quantiles[0, 0, 0, :, 0], [*track[-4:], *track[-4:-2]])


def test_large_values_lose_no_precision() -> None:
    track = seasonal(200)
    assert np.allclose(prepare(track + 1e9, SPEC).x, prepare(track, SPEC).x, atol=1e-3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories(), st.integers(1, 15), st.integers(0, 50))
def test_rolling_moments_are_those_of_each_window(history: np.ndarray, width: int, earlier: int) -> None:
    filled = np.nan_to_num(history)
    past = np.concatenate([np.full((2, 2, width), 7.0), filled], axis=2)
    first = min(earlier, filled.shape[2] - 1)  # rows before the block
    rows = np.arange(first + 1, filled.shape[2] + 1)[None].repeat(2, 0)
    distance, spread = rolling_moments(past, rows, width)
    for t, row in enumerate(rows[0]):
        window = filled[..., max(0, row - width) : row]
        size = np.abs(window - window[..., :1]).max() + 1e-9
        np.testing.assert_allclose(distance[..., t], window[..., -1] - window.mean(-1), atol=1e-9 * size)
        np.testing.assert_allclose(spread[..., t], window.std(-1), rtol=1e-6, atol=1e-6 * size)


def test_the_recent_values_cover_two_to_five_cycles() -> None:
    spec = InputSpec(season=3, anchor=3, lags=(1, 7))
    assert (spec.cycles, spec.recent) == ((3, 7), 35)
    assert InputSpec(1, 1, (1,)).recent == 2
    assert InputSpec(3, 3, (1, 7), blend=False).recent == 0
    both = InputSpec(3, 3, (1, 7), autoregression=40)
    assert both.recent == InputSpec(3, 3, (1, 7), blend=False, autoregression=40).recent == 40


@settings(max_examples=50, deadline=None, derandomize=True)
@given(values, st.sampled_from(SPECS), st.integers(1, 5))
def test_recent_values_are_the_same_for_many_rows_at_once_and_in_torch(
    track: np.ndarray, spec: InputSpec, rows: int
) -> None:
    rows = min(rows, len(track))
    filled, scale = prepare(track, spec).filled, np.linspace(1, 2, rows)[None]
    past = filled[np.maximum(np.arange(len(track) - rows - spec.recent + 1, len(track)), 0)][None]
    together = recent_changes(past, scale, spec.recent)
    assert np.array_equal(recent_changes(torch.tensor(past), torch.tensor(scale), spec.recent).numpy(), together)
    assert (together[..., -1] == 0).all()
    alone = [recent_changes(past[:, p : p + spec.recent], scale[:, p : p + 1], spec.recent) for p in range(rows)]
    assert np.array_equal(together, np.concatenate(alone, 1))
