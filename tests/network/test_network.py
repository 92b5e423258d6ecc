"""Depth, direction, dropout and the head."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.network.heads import HeadInputs, QuantileHead, naive_forecasts
from seqpred.network.network import Network
from seqpred.network.recurrent import Bidirectional, Stack
from seqpred.runtime.shape import Shape

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def shape(cell: str = "lstm", depth: int = 2, dropout: float = 0.0, *, bidirectional: bool = False) -> Shape:
    return Shape(3, 4, LEVELS, cell, depth, 6, bidirectional=bidirectional, dropout=dropout)


def head(size: int, horizon: int, levels: Sequence[float], **more: Any) -> QuantileHead:
    return QuantileHead(size, Shape(3, horizon, tuple(levels), "rnn", 1, size, False, 0.0, **more))


BLENDED: dict[str, Any] = {"blend": True, "anchor": 3, "cycles": (2, 3), "recent": 15}


GRID = list(itertools.product(["rnn", "lstm", "gru"], [1, 2, 3], [False, True], [0.0, 0.3]))


@pytest.mark.parametrize(("cell", "depth", "bidirectional", "dropout"), GRID)
def test_only_a_forward_network_emits_at_every_row(cell: str, depth: int, bidirectional: bool, dropout: float) -> None:
    network = Network(shape(cell, depth, dropout, bidirectional=bidirectional))
    positions = 1 if bidirectional else 7
    assert network(torch.randn(2, 7, 3)).shape == (2, positions, 4, 5)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_forward_network_does_not_depend_on_later_rows(cell: str) -> None:
    torch.manual_seed(0)
    network = Network(shape(cell, 3)).eval()
    x = torch.randn(2, 9, 3)
    changed = x.clone()
    changed[:, 5:] += 100
    before, after = network(x), network(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5], after[:, 5])


def test_a_bidirectional_network_uses_every_row_of_its_window_in_both_directions() -> None:
    torch.manual_seed(0)
    network = Network(shape(bidirectional=True)).eval()
    recurrent = network.recurrent
    assert isinstance(recurrent, Bidirectional)
    x = torch.randn(1, 6, 3, requires_grad=True)
    outputs = recurrent(x)[0, 0]
    for half in (outputs[:6].sum(), outputs[6:].sum()):
        (gradient,) = torch.autograd.grad(half, x, retain_graph=True)
        assert (gradient[0].abs().sum(-1) > 0).all()


def test_the_two_directions_are_independent_networks() -> None:
    torch.manual_seed(0)
    forwards, backwards = (Stack("gru", 3, 6, 2, 0.0) for _ in range(2))
    x = torch.randn(2, 5, 3)
    outputs = Bidirectional(forwards, backwards)(x)
    assert torch.equal(outputs[:, 0, :6], forwards(x, forwards.start(2))[0][:, -1])
    assert torch.equal(outputs[:, 0, 6:], backwards(x.flip(1), backwards.start(2))[0][:, -1])


def test_each_layer_is_fed_by_the_layer_below() -> None:
    torch.manual_seed(0)
    stack = Stack("lstm", 3, 6, 2, 0.0)
    x = torch.randn(2, 5, 3)
    below, _ = stack.layers[0].sequence(x, stack.layers[0].start(2))
    above, _ = stack.layers[1].sequence(below, stack.layers[1].start(2))
    assert torch.equal(stack(x, stack.start(2))[0], above)


def test_a_carried_state_continues_the_sequence() -> None:
    torch.manual_seed(0)
    network = Network(shape("lstm", 3)).eval()
    x = torch.randn(2, 9, 3)
    expected, _ = network.advance(x, network.start(2))
    _, states = network.advance(x[:, :4], network.start(2))
    outputs, _ = network.advance(x[:, 4:], states)
    torch.testing.assert_close(outputs, expected, atol=1e-6, rtol=1e-5)


def test_dropout_is_applied_at_depth_1_and_only_in_training() -> None:
    torch.manual_seed(0)
    network = Network(shape("gru", 1, 0.5))
    x = torch.randn(2, 7, 3)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))


def test_dropout_is_not_applied_from_one_row_to_the_next() -> None:
    """The recurrent outputs of a single layer do not depend on it: it is applied after them."""
    torch.manual_seed(0)
    network = Network(shape("lstm", 1, 0.9)).train()
    x = torch.randn(2, 7, 3)
    first, second = (network.recurrent(x, network.start(2))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_dropout_is_applied_between_layers() -> None:
    torch.manual_seed(0)
    network = Network(shape("lstm", 2, 0.5)).train()
    x = torch.randn(2, 7, 3)
    first, second = (network.recurrent(x, network.start(2))[0] for _ in range(2))
    assert not torch.equal(first, second)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    levels=st.lists(st.integers(1, 99), min_size=1, max_size=12, unique=True).map(sorted),
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e4, 1e30]),
    seed=st.integers(0, 100),
)
def test_quantiles_never_cross_for_any_weights(levels: list[int], scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    own = head(4, 3, [level / 100 for level in levels])
    with torch.no_grad():
        own.linear.weight.mul_(scale)
        own.linear.bias.mul_(scale)
    quantiles = own(torch.randn(2, 5, 4))
    assert quantiles.shape == (2, 5, 3, len(levels))
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_the_head_emits_the_quantiles_it_is_initialized_with() -> None:
    own = head(4, 2, LEVELS, autoregression=5, recent=5)
    quantiles = torch.tensor([[-3.0, -1.0, 0.0, 0.5, 2.0], [-30.0, -10.0, 0.0, 5.0, 20.0]])
    own.initialize(quantiles, torch.zeros(1, 1))
    emitted = own(torch.randn(1, 1, 4), HeadInputs(torch.randn(1, 1, 5)))
    torch.testing.assert_close(emitted[0, 0], quantiles, atol=1e-3, rtol=1e-3)


def test_a_blend_is_between_the_naive_forecasts_and_starts_from_given_weights() -> None:
    torch.manual_seed(0)
    blended = head(6, 9, LEVELS, **BLENDED)
    blend, recent = blended.blend, torch.randn(2, 7, 15)
    assert blend is not None
    naives = naive_forecasts(recent, blend.shape.naive_table)
    among = torch.cat([naives, torch.zeros(2, 7, 1, 9)], 2)  # the anchor's forecast relative to itself
    blend.gate.weight.data *= 20
    mean = blend(torch.randn(2, 7, 6), recent)
    assert mean.shape == (2, 7, 9)
    assert (mean <= among.amax(2) + 1e-6).all()
    assert (mean >= among.amin(2) - 1e-6).all()
    logits = torch.zeros(blend.places, 1 + blend.shape.naives)
    blend.initialize(logits)  # equal weights, including the anchor's
    torch.testing.assert_close(blend(torch.randn(2, 7, 6), recent), among.mean(2))
    logits[:, 2] = 50.0
    blend.initialize(logits)
    torch.testing.assert_close(blend(torch.randn(2, 7, 6), recent), naives[:, :, 1])


def test_the_blend_and_the_autoregressive_term_move_all_quantiles() -> None:
    torch.manual_seed(0)
    own = head(6, 4, LEVELS, autoregression=5, **BLENDED)
    state, recent = torch.randn(2, 3, 6), torch.randn(2, 3, 15)
    assert own.blend is not None
    assert own.autoregression is not None
    moved = own(state, HeadInputs(recent)) - own(state, HeadInputs(torch.zeros_like(recent)))
    expected = own.blend(state, recent) + recent[..., -5:] @ own.autoregression.weight.T
    torch.testing.assert_close(moved, expected[..., None].expand_as(moved), atol=1e-5, rtol=0)
