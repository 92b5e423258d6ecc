"""The ONNX graph says what torch says, and the light runtime is the graph."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
import torch
from onnx.helper import get_attribute_value

from seqpred.network.ensemble import Ensemble
from seqpred.network.heads import Blend
from seqpred.network.torch_runtime import TorchRuntime
from seqpred.runtime.onnx_bytes import IR, OPSET
from seqpred.runtime.onnx_graph import write_graph
from seqpred.runtime.onnx_runtime import OnnxRuntime
from seqpred.runtime.runtime import HeadInputs
from seqpred.runtime.shape import Shape

ANCHOR, HORIZON, NUMBERS, WINDOW = 4, 5, 7, 6
RECENT = {"blend": True, "autoregression": 6, "recent": 20, "cycles": (3, 4)}


def shape(
    cell: str, depth: int, both: bool, codes: tuple[int, ...], known: bool, *, levels=(0.1, 0.5, 0.9), blend=True
) -> Shape:
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
        **RECENT if blend else {},
    )


def rows_of(own: Shape, batch: int, rows: int) -> np.ndarray:
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(batch, rows, NUMBERS + len(own.codes))).astype(np.float32)
    x[..., NUMBERS:] = rng.integers(0, 3, x[..., NUMBERS:].shape)
    return x


def ahead_of(own: Shape, batch: int, speaking: int) -> HeadInputs:
    rng = np.random.default_rng(1)
    recent = rng.normal(size=(batch, speaking, own.recent)).astype(np.float32)
    recent[..., -1:] = 0
    known = rng.normal(size=(batch, speaking, ANCHOR + HORIZON, own.known + own.known_codes)).astype(np.float32)
    known[..., own.known :] = rng.integers(0, 3, known[..., own.known :].shape)
    return HeadInputs(recent if own.recent else None, known if own.known else None)


def ensemble_of(own: Shape, members: int = 2) -> tuple[Ensemble, dict[str, np.ndarray]]:
    """An ensemble with weights drawn at random, and these."""
    torch.manual_seed(1)
    ensemble = Ensemble(own, members)
    weights = {name: torch.randn_like(w).numpy() / 2 for name, w in ensemble.state_dict().items()}
    weights["begin"].sort()
    weights |= {"trust": np.array([0.7], np.float32), "spread": np.array([1.3], np.float32)}
    ensemble.set_weights(weights)
    return ensemble, weights


KINDS = list(itertools.product(["rnn", "gru", "lstm"], [1, 2], [False, True], [(), (3, 5)], [False, True]))


@pytest.mark.parametrize(("cell", "depth", "both", "codes", "known"), KINDS)
def test_the_graph_says_what_torch_says(cell, depth, both, codes, known):
    own = shape(cell, depth, both, codes, known)
    ensemble, weights = ensemble_of(own)
    graph = write_graph(own, weights)
    assert graph is not None
    assert graph == write_graph(own, weights)
    light, reference = OnnxRuntime(graph, WINDOW if both else None), TorchRuntime(ensemble, WINDOW)
    speaking = 1 if both else 3
    x, ahead = rows_of(own, 4, WINDOW), ahead_of(own, 4, speaking)
    state = reference.start(4)
    assert light.start(4).shape == state.shape
    for _ in range(2):  # the second time from where the first left off
        z, after = light.read(x, state, speaking, ahead)
        wanted, state = reference.read(x, state, speaking, ahead)
        np.testing.assert_allclose(z, wanted, atol=1e-5)
        np.testing.assert_allclose(after, state, atol=1e-5)


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.2, 0.5), (0.6, 0.9)])
def test_any_levels_rise(levels, blend):
    own = shape("lstm", 1, False, (), False, levels=levels, blend=blend)
    ensemble, weights = ensemble_of(own)
    graph = write_graph(own, weights)
    assert graph is not None
    x, ahead = 9 * rows_of(own, 3, 8), ahead_of(own, 3, 8)
    light, reference = OnnxRuntime(graph, None), TorchRuntime(ensemble, 1)
    z, _ = light.read(x, light.start(3), 8, ahead)
    wanted, _ = reference.read(x, reference.start(3), 8, ahead)
    np.testing.assert_allclose(z, wanted, atol=2e-5)
    assert (np.diff(z, axis=-1) >= 0).all()


@pytest.mark.parametrize(("cell", "depth", "both", "codes", "known"), KINDS)
def test_the_file_is_byte_for_byte_what_the_onnx_library_writes(cell, depth, both, codes, known):
    own = shape(cell, depth, both, codes, known)
    content = write_graph(own, ensemble_of(own)[1])
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert model.SerializeToString(deterministic=True) == content
    graph = model.graph
    nodes = [
        onnx.helper.make_node(n.op_type, n.input, n.output, **{a.name: get_attribute_value(a) for a in n.attribute})
        for n in graph.node
    ]
    weights = [onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(w), w.name) for w in graph.initializer]
    whole = onnx.helper.make_graph(nodes, graph.name, graph.input, graph.output, weights)
    operators = [onnx.helper.make_opsetid("", OPSET)]
    made = onnx.helper.make_model(whole, opset_imports=operators, ir_version=IR, producer_name="seqpred")
    assert made.SerializeToString(deterministic=True) == content


@pytest.mark.parametrize("horizon", [1, 2, 3, 5, 24, 100])
def test_naive_forecasts_are_weighed_at_the_same_places(horizon):
    own = Shape(**{**vars(shape("gru", 1, False, (), False)), "horizon": horizon})
    graph = onnx.load_from_string(write_graph(own, ensemble_of(own)[1]))
    near = Blend(1, own).near.numpy()
    kept = [onnx.numpy_helper.to_array(w) for w in graph.graph.initializer]
    assert sum(w.shape == near.shape and bool(np.allclose(w, near, atol=1e-6)) for w in kept) == 2  # of each member


def test_weights_that_do_not_fit_each_other_are_told_as_a_fault_of_their_value():
    own = shape("lstm", 1, False, (), False)
    _, weights = ensemble_of(own)
    for name in weights:
        with pytest.raises((ValueError, LookupError)):
            OnnxRuntime(write_graph(own, {**weights, name: np.ones((2, 3), np.float32)}), None)


def test_a_cell_that_onnx_does_not_have_has_no_graph():
    own = shape("lstm", 1, False, (), False)
    assert write_graph(own.__class__(**{**own.__dict__, "cell": "own"}), {}) is None


def test_a_damaged_graph_is_told_as_a_fault_of_its_value():
    with pytest.raises(ValueError, match=r"."):
        OnnxRuntime(b"\x08\x07not a graph", None)
