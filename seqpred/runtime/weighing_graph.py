"""A pretrained network as an ONNX graph: from inputs and state to what its head emits; see `runtime.classical_head`."""

from __future__ import annotations

from seqpred.runtime.onnx_bytes import FLOAT, INT64, Value, onnx_file
from seqpred.runtime.onnx_graph import PARTS, Graph, Weights, stack
from seqpred.runtime.shape import Shape


def write_weighing_graph(cell: str, weights: Weights) -> bytes:
    """The ONNX file of a pretrained network.

    Inputs: `x` [batch, time, feature]; `n_positions` [1], P: the last P rows are used; `state` [S, batch, hidden],
    initially zeros. Outputs: `z` [batch, P, OUTPUTS], or the outputs of several heads after each other;
    `state_after`.

    Args:
        weights: of `network.weighing.WeighingNetwork`.
    """
    below = {name.removeprefix("recurrent."): w for name, w in weights.items() if name.startswith("recurrent.")}
    depth = len({name.split(".")[1] for name in below})
    hidden, inputs = below["layers.0.weight_hh"].shape[1], below["layers.0.weight_ih"].shape[1]
    graph, count = Graph(), depth * PARTS[cell]
    rows = graph("Transpose", "x", perm=[1, 0, 2])  # time first in ONNX
    shape = Shape(inputs, 1, (0.5,), cell, depth, hidden, bidirectional=False, dropout=0.0)
    outputs, states = stack(graph, shape, below, rows, "forward", 0)
    outputs = graph("Transpose", graph.rows(outputs, graph("Neg", "n_positions"), 0), perm=[1, 0, 2])
    graph.rename(graph.linear(outputs, weights["head.weight"], weights["head.bias"]), "z")
    graph.split("state", count)
    graph.rename(graph("Concat", *states, axis=0), "state_after")
    state = count, "batch", hidden
    values = [Value("x", FLOAT, ("batch", "time", inputs)), Value("n_positions", INT64, (1,))]
    emitted = [Value("z", FLOAT, ("batch", "positions", len(weights["head.bias"]))), Value("state_after", FLOAT, state)]
    return onnx_file(graph.nodes, graph.weights, [*values, Value("state", FLOAT, state)], emitted)
