"""The ONNX graph says what torch says, and the light runtime is the graph."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from seqpred.forecasting.light import Light
from seqpred.network.graph import write_graph
from seqpred.network.network import Network, Shape
from seqpred.network.reference import Reference

ANCHOR, HORIZON, NUMBERS, WINDOW = 4, 5, 7, 6


def shape(cell: str, depth: int, both: bool, codes: tuple[int, ...], known: bool, levels=(0.1, 0.5, 0.9)) -> Shape:
    return Shape(
        inputs=NUMBERS,
        horizon=HORIZON,
        levels=levels,
        cell=cell,
        depth=depth,
        hidden_size=6,
        bidirectional=both,
        dropout=0.2,
        codes=codes,
        known=2 * known,
        known_codes=int(known and bool(codes)),
        anchor=ANCHOR,
    )


def rows_of(own: Shape, batch: int, rows: int) -> np.ndarray:
    draws = np.random.default_rng(rows)
    x = draws.normal(size=(batch, rows, NUMBERS + len(own.codes))).astype(np.float32)
    x[..., NUMBERS:] = draws.integers(0, 3, x[..., NUMBERS:].shape)
    return x


def around_of(own: Shape, batch: int, speaking: int) -> np.ndarray | None:
    if not own.known:
        return None
    draws = np.random.default_rng(1)
    around = draws.normal(size=(batch, speaking, ANCHOR + HORIZON, own.known + own.known_codes)).astype(np.float32)
    around[..., own.known :] = draws.integers(0, 3, around[..., own.known :].shape)
    return around


KINDS = list(itertools.product(["rnn", "gru", "lstm"], [1, 3], [False, True], [(), (3, 5)], [False, True]))


@pytest.mark.parametrize(("cell", "depth", "both", "codes", "known"), KINDS)
def test_the_graph_says_what_torch_says(cell, depth, both, codes, known):
    torch.manual_seed(1)
    own = shape(cell, depth, both, codes, known)
    networks = [Network(own), Network(own)]
    for network in networks:
        for weights in network.parameters():
            torch.nn.init.normal_(weights, std=0.5)
    graph = write_graph(own, [n.weights() for n in networks])
    assert graph is not None
    assert graph == write_graph(own, [n.weights() for n in networks])
    light, reference = Light(graph, WINDOW if both else None), Reference(networks, WINDOW)
    speaking = 1 if both else 3
    x, around = rows_of(own, 4, WINDOW), around_of(own, 4, speaking)
    state = reference.start(4)
    assert light.start(4).shape == state.shape
    for _ in range(2):  # the second time from where the first left off
        z, after = light.read(x, state, speaking, around)
        wanted, state = reference.read(x, state, speaking, around)
        np.testing.assert_allclose(z, wanted, atol=1e-5)
        np.testing.assert_allclose(after, state, atol=1e-5)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.2, 0.5), (0.6, 0.9)])
def test_any_levels_rise(levels):
    own = shape("lstm", 1, False, (), False, levels)
    network = Network(own)
    graph = write_graph(own, [network.weights()])
    x = 9 * rows_of(own, 3, 8)
    z, _ = Light(graph, None).read(x, Light(graph, None).start(3), 8)
    wanted, _ = Reference([network], 1).read(x, Reference([network], 1).start(3), 8)
    np.testing.assert_allclose(z, wanted, atol=1e-5)
    assert (np.diff(z, axis=-1) >= 0).all()


def test_a_cell_that_onnx_does_not_have_has_no_graph():
    own = shape("lstm", 1, False, (), False)
    assert write_graph(own.__class__(**{**own.__dict__, "cell": "own"}), []) is None


def test_a_damaged_graph_is_told_as_a_fault_of_its_value():
    with pytest.raises(ValueError, match=r"."):
        Light(b"\x08\x07not a graph", None)
