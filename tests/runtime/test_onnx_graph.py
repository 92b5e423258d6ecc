"""The ONNX graph: the same forecasts as torch, and the same bytes as the onnx package."""

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
RECENT = {"blend": True, "autoregression": 6, "recent": 328, "profile": 82, "cycles": (3, 82)}


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


def head_inputs_of(own: Shape, batch: int, n_positions: int) -> HeadInputs:
    rng = np.random.default_rng(1)
    recent = rng.normal(size=(batch, n_positions, own.profile + own.recent)).astype(np.float32)
    recent[..., -1:] = 0
    known = rng.normal(size=(batch, n_positions, ANCHOR + HORIZON, own.known + own.known_codes)).astype(np.float32)
    known[..., own.known :] = rng.integers(0, 3, known[..., own.known :].shape)
    return HeadInputs(recent if own.recent else None, known if own.known else None)


def ensemble_of(own: Shape, members: int = 2) -> tuple[Ensemble, dict[str, np.ndarray]]:
    """An ensemble with random weights, and the weights."""
    torch.manual_seed(1)
    ensemble = Ensemble(own, members)
    weights = {name: torch.randn_like(w).numpy() / 2 for name, w in ensemble.state_dict().items()}
    weights["initial_forecast"].sort()
    weights["shrinkage"], weights["interval_scale"] = np.array([0.7], np.float32), np.array([1.3], np.float32)
    ensemble.set_weights(weights)
    return ensemble, weights


KINDS = list(itertools.product(["rnn", "gru", "lstm"], [1, 2], [False, True], [(), (3, 5)], [False, True]))


@pytest.mark.parametrize(("cell", "depth", "both", "codes", "known"), KINDS)
def test_onnx_and_torch_give_the_same_forecasts_and_states(cell, depth, both, codes, known):
    own = shape(cell, depth, both, codes, known)
    ensemble, weights = ensemble_of(own)
    graph = write_graph(own, weights)
    assert graph is not None
    assert graph == write_graph(own, weights)
    onnx_runtime, reference = OnnxRuntime(graph, WINDOW if both else None), TorchRuntime(ensemble, WINDOW)
    n_positions = 1 if both else 3
    x, head_inputs = rows_of(own, 4, WINDOW), head_inputs_of(own, 4, n_positions)
    state = reference.start(4)
    assert onnx_runtime.start(4).shape == state.shape
    for _ in range(2):  # the second time from the state of the first
        z, after = onnx_runtime.read(x, state, n_positions, head_inputs)
        expected, state = reference.read(x, state, n_positions, head_inputs)
        np.testing.assert_allclose(z, expected, atol=1e-5)
        np.testing.assert_allclose(after, state, atol=1e-5)


@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.2, 0.5), (0.6, 0.9)])
def test_quantiles_increase_for_any_levels(levels, blend):
    own = shape("lstm", 1, False, (), False, levels=levels, blend=blend)
    ensemble, weights = ensemble_of(own)
    graph = write_graph(own, weights)
    assert graph is not None
    x, head_inputs = 9 * rows_of(own, 3, 8), head_inputs_of(own, 3, 8)
    onnx_runtime, reference = OnnxRuntime(graph, None), TorchRuntime(ensemble, 1)
    z, _ = onnx_runtime.read(x, onnx_runtime.start(3), 8, head_inputs)
    expected, _ = reference.read(x, reference.start(3), 8, head_inputs)
    np.testing.assert_allclose(z, expected, atol=2e-5)
    assert (np.diff(z, axis=-1) >= 0).all()


@pytest.mark.parametrize(("cell", "depth", "both", "codes", "known"), KINDS)
def test_the_file_is_byte_identical_to_that_of_the_onnx_package(cell, depth, both, codes, known):
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
    rebuilt = onnx.helper.make_graph(nodes, graph.name, graph.input, graph.output, weights)
    operators = [onnx.helper.make_opsetid("", OPSET)]
    made = onnx.helper.make_model(rebuilt, opset_imports=operators, ir_version=IR, producer_name="seqpred")
    assert made.SerializeToString(deterministic=True) == content


@pytest.mark.parametrize("horizon", [1, 2, 3, 5, 24, 100])
def test_the_blend_has_the_same_interpolation_as_in_torch(horizon):
    own = shape("gru", 1, False, (), False)._replace(horizon=horizon)
    graph = onnx.load_from_string(write_graph(own, ensemble_of(own)[1]))
    near = Blend(1, own).near.numpy()
    constants = [onnx.numpy_helper.to_array(w) for w in graph.graph.initializer]
    assert (
        sum(w.shape == near.shape and bool(np.allclose(w, near, atol=1e-6)) for w in constants) == 2
    )  # of each member


def test_weights_that_do_not_fit_raise_value_error():
    own = shape("lstm", 1, False, (), False)
    _, weights = ensemble_of(own)
    for name in weights:
        with pytest.raises((ValueError, LookupError)):
            OnnxRuntime(write_graph(own, {**weights, name: np.ones((2, 3), np.float32)}), None)


def test_a_cell_without_an_onnx_operator_has_no_graph():
    own = shape("lstm", 1, False, (), False)
    assert write_graph(own._replace(cell="own"), {}) is None


def test_a_damaged_graph_raises_value_error():
    with pytest.raises(ValueError, match=r"."):
        OnnxRuntime(b"\x08\x07not a graph", None)
