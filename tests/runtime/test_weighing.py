"""The head and the graph of a pretrained network: the same as in torch, increasing quantiles, masked methods."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.features.autoregression import AUTOREGRESSIONS
from seqpred.features.classical import METHODS, recent_rows
from seqpred.features.input_spec import InputSpec
from seqpred.network.weighing import WeighingHead, WeighingNetwork, weights_of
from seqpred.network.weighing import emit as emit_in_torch
from seqpred.runtime.classical_head import (
    FITS,
    FORECASTS,
    INNER,
    LEVELS,
    OUTPUTS,
    PLACES,
    WIDENING,
    candidates,
    emit,
    place_weights,
    require_season,
)
from seqpred.runtime.onnx_runtime import OnnxRuntime
from seqpred.runtime.weighing_graph import write_weighing_graph
from seqpred.runtime.weighing_runtime import SHARES, Heads

STEPS = (1, 2, 5, 30)
VALUES = FORECASTS // 2  # forecasts of values, before those of logarithms


def found_at(cycle: int, rows: int, seed: int = 0, level: float = 40.0):
    rng = np.random.default_rng(seed)
    recent = rng.normal(size=(2, 3, recent_rows(cycle))).cumsum(-1)
    recent -= recent[..., -1:]
    return candidates(recent, np.full((2, 3), rows), np.full((2, 3), level), cycle, STEPS)


@pytest.mark.parametrize("cycle", [1, 6])
def test_torch_and_numpy_emit_the_same(cycle: int) -> None:
    raw = np.random.default_rng(1).normal(size=(2, 3, OUTPUTS)).astype(np.float32)
    found, near = found_at(cycle, 9), place_weights(STEPS, cycle)
    arrays = (raw, found.values.astype(np.float32), found.usable, near.astype(np.float32))
    in_torch = emit_in_torch(*map(torch.from_numpy, arrays)).numpy()
    median = in_torch[..., len(LEVELS) // 2, None]
    assert np.allclose(emit(raw, found, near, LEVELS), median + WIDENING * (in_torch - median), atol=1e-4)


@given(st.integers(0, 2**31), st.sampled_from([1, 2, 12]), st.integers(1, 60), st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_quantiles_are_finite_and_increase(seed: int, cycle: int, rows: int, level: float) -> None:
    raw = 30 * np.random.default_rng(seed).normal(size=(2, 3, OUTPUTS))
    levels = (0.001, 0.05, 0.5, 0.62, 0.999)
    quantiles = emit(raw, found_at(cycle, rows, seed, level), place_weights(STEPS, cycle), levels)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_the_shift_moves_all_quantiles_by_the_same_distance() -> None:
    raw = np.zeros((2, 3, OUTPUTS))
    found, near = found_at(6, 50), place_weights(STEPS, 6)
    still = emit(raw, found, near, LEVELS)
    raw.reshape(2, 3, PLACES, -1)[..., -1] = 0.5
    moved = emit(raw, found, near, LEVELS) - still
    assert np.allclose(moved, 0.5 * INNER)  # every distance is 1


def test_logarithms_are_used_only_if_all_recent_values_are_positive() -> None:
    assert found_at(12, 100, level=1000.0).usable.all()
    assert not found_at(12, 100, level=-1.0).usable[..., VALUES:].any()
    assert found_at(12, 100, level=0.01).usable[..., :VALUES].all()


@given(st.lists(st.integers(0, 99), min_size=3, max_size=31), st.integers(1, 10**6), st.floats(1e-3, 1e6))
@settings(max_examples=100, deadline=None)
def test_a_zero_is_not_positive_when_it_is_rounded(before: list[int], last: int, scale: float) -> None:
    """A session passes the changes, and the logarithm of the last value, in single precision."""
    track = np.array([*before, 0, last]) / scale
    padded = np.concatenate([np.full(recent_rows(1), track[0]), track])[-recent_rows(1) :]
    level = np.expm1(np.log1p(track[-1:]).astype(np.float32).astype(np.float64))
    found = candidates((padded - track[-1]).astype(np.float32)[None], np.array([len(track)]), level, 1, STEPS)
    assert not found.usable[..., VALUES:].any()


def test_a_forecast_of_logarithms_grows_by_a_factor() -> None:
    """Values that double in every season of two rows, at the level 64."""
    track = 64 * 2.0 ** (np.arange(-31.0, 1) / 2)
    found = candidates((track - 64)[None], np.array([32]), np.array([64.0]), 2, (2, 4))
    drift = VALUES + 12
    assert METHODS[12].slope == 1
    assert np.allclose(found.values[0, :, drift], [64.0, 192.0], rtol=0.2)


def test_an_unusable_forecast_has_no_weight() -> None:
    raw = np.zeros((1, OUTPUTS))
    raw.reshape(PLACES, -1)[:, 10] = 50.0  # the seasonal naive, of a series without a season
    recent = np.zeros((1, recent_rows(1)))
    recent[0, 0] = 9.0
    found = candidates(recent, np.array([2]), np.array([-5.0]), 1, (1,))
    assert found.usable.sum() == sum(m.profile is None and m.slope is None for m in METHODS)
    assert emit(raw, found, place_weights((1,), 1), (0.5,))[0, 0, 0] < 9


def test_no_method_may_ignore_a_season_that_is_stronger_than_in_training() -> None:
    track = np.tile(1000 * np.sin(np.arange(12) * np.pi / 6), 5) + np.random.default_rng(1).normal(size=60)
    usable = {}
    for name, values, rows in (("strong", track, 60), ("weak", track / 1000, 60), ("short", track, 20)):
        recent = (values - values[-1])[None]
        found = candidates(recent, np.array([rows]), np.array([5000.0]), 12, STEPS)
        usable[name] = require_season(found, recent, np.array([rows]), 12).usable[0, :VALUES]
    seasonal = [method.profile is not None for method in METHODS] + [True] * len(AUTOREGRESSIONS)
    assert usable["strong"].tolist() == seasonal
    assert usable["weak"].all()
    assert usable["short"][0]


@pytest.mark.parametrize("heads", [1, 2])
def test_heads_depend_on_the_state_and_on_the_fit_as_in_torch(heads: int) -> None:
    torch.manual_seed(1)
    head, rng = WeighingHead(5, heads), np.random.default_rng(1)
    torch.nn.init.normal_(head.fit)
    hidden, fit = (rng.normal(size=(2, 3, n)).astype(np.float32) for n in (5, FITS))
    weights = {f"head.{name}": w for name, w in weights_of(head).items()} | {SHARES: np.full(heads, 1 / heads)}
    linear = hidden @ weights["head.weight"].T + weights["head.bias"]
    found = Heads.of(weights).outputs(linear, fit)
    with torch.no_grad():
        expected = head(torch.from_numpy(hidden), torch.from_numpy(fit)).numpy()
    assert np.allclose(np.concatenate(found, axis=-1), expected, atol=1e-4)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_graph_computes_the_network(cell: str) -> None:
    torch.manual_seed(0)
    network = WeighingNetwork(cell, 2, 5)
    runtime = OnnxRuntime(write_weighing_graph(cell, weights_of(network)), None)
    x = np.random.default_rng(0).normal(size=(3, 7, InputSpec.for_pretrained(1).inputs)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(x), torch.arange(7), torch.zeros(3, 7, FITS)).numpy()
    first, state = runtime.read(x[:, :4], runtime.start(3), 4)
    rest, _ = runtime.read(x[:, 4:], state, 2)
    assert first.shape == (3, 4, OUTPUTS)
    assert np.allclose(first, expected[:, :4], atol=1e-5)
    assert np.allclose(rest, expected[:, 5:], atol=1e-5)
