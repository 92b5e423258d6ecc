"""A trained ensemble as an ONNX graph, for the ONNX backend and for deployment elsewhere.

The graph is written operator by operator from the weights alone, so the same weights give the same bytes. The inputs
and outputs are documented in docs/onnx.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float32, Int
from seqpred.runtime.onnx_bytes import FLOAT, INT64, Node, Value, onnx_file
from seqpred.runtime.shape import PLACES, SHARPNESS, Shape

Weights = Mapping[str, Float32]
OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
PARTS = {"rnn": 1, "gru": 1, "lstm": 2}  # arrays in a layer's state
# ONNX's order of the gates, as indices into torch's: LSTM: input, output, forget, cell; GRU: update, reset, hidden.
GATES = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}


def write_graph(shape: Shape, weights: Weights) -> bytes | None:
    """The ONNX file of an ensemble; None if ONNX has no operator for the cell.

    Inputs: `x` [batch, time, numbers and codes]; `n_positions` [1], P: forecasts are emitted at the last P rows;
    `state` [S, batch, hidden], initially zeros; `recent` [batch, P, R] if the head uses recent values; `known` [batch,
    P, anchor + N, known] if there are known covariates.
    Outputs: `z` [batch, P, N, Q]; `state_after`. A bidirectional network emits one forecast, at the end of its window,
    and has no state.

    Args:
        weights: of `ensemble.gather`.
    """
    if shape.cell not in PARTS:
        return None
    graph = Graph()
    naives = _naives(graph, shape) if shape.blend else ""
    members: list[tuple[str, list[str]]] = []
    while member := _below(weights, f"members.{len(members)}."):
        members.append(_network(graph, shape, member, len(members), naives))
    mean = graph("Mean", *(z for z, _ in members))
    graph.rename(_calibrated(graph, shape, weights, mean, naives), "z")
    states = [part for _, parts in members for part in parts]
    if states:
        graph.split("state", len(states))
        graph.rename(graph("Concat", *states, axis=0), "state_after")
    return onnx_file(graph.nodes, graph.weights, *_signature(shape, len(states)))


def _signature(shape: Shape, states: int) -> tuple[list[Value], list[Value]]:
    """The inputs and outputs of the graph."""
    steps, levels, known = shape.horizon, len(shape.levels), shape.known + shape.known_codes
    inputs = [Value("x", FLOAT, ("batch", "time", shape.inputs + len(shape.codes)))]
    outputs = [Value("z", FLOAT, ("batch", "positions", steps, levels))]
    if states:
        inputs += [Value("n_positions", INT64, (1,)), Value("state", FLOAT, (states, "batch", shape.hidden_size))]
        outputs.append(Value("state_after", FLOAT, (states, "batch", shape.hidden_size)))
    if shape.recent:
        inputs.append(Value("recent", FLOAT, ("batch", "positions", shape.profile + shape.recent)))
    if known:
        inputs.append(Value("known", FLOAT, ("batch", "positions", shape.anchor + steps, known)))
    return inputs, outputs


class Graph:
    """The nodes and weights so far; a call adds an operator and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, npt.NDArray[Any]] = {}

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output."""
        return self.several(operator, 1, *inputs, **attributes)[0]

    def several(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operator with a number of outputs."""
        outputs = [f"{operator}_{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(Node(operator, list(inputs), outputs, attributes))
        return outputs

    def constant(self, values: npt.ArrayLike, kind: npt.DTypeLike = np.int64) -> str:
        """Add an array."""
        name = f"constant_{len(self.weights)}"
        self.weights[name] = np.asarray(values, kind, order="C")
        return name

    def rename(self, old: str, new: str) -> None:
        """Rename the output of the last operator to that of an output of the graph."""
        assert self.nodes[-1].outputs[0] == old
        self.nodes[-1].outputs[0] = new

    def split(self, name: str, count: int) -> None:
        """Split an input of the graph, before all other operators, into `name`_0, `name`_1, ..."""
        parts = [f"{name}_{i}" for i in range(count)]
        self.nodes.insert(0, Node("Split", [name], parts, {"axis": 0}))

    def linear(self, x: str, weight: Float32, bias: Float32 | None = None) -> str:
        """Torch's nn.Linear."""
        product = self("MatMul", x, self.constant(weight.T, np.float32))
        return product if bias is None else self("Add", product, self.constant(bias, np.float32))

    def rows(self, x: str, begin: str, axis: int, end: int = 2**63 - 1) -> str:
        """A slice along one axis."""
        return self("Slice", x, begin, self.constant([end]), self.constant([axis]))


def _network(graph: Graph, shape: Shape, weights: Weights, member: int, naives: str) -> tuple[str, list[str]]:
    """The quantiles of one network, [batch, P, N, Q], and its states after the last row, [1, batch, hidden] each."""
    vectors = _embed(graph, weights, "x", shape.inputs, range(len(shape.codes)))
    rows = graph("Transpose", vectors, perm=[1, 0, 2])  # time first in ONNX
    states: list[str] = []
    if shape.bidirectional:
        forwards, _ = stack(graph, shape, _below(weights, "recurrent.forwards."), rows)
        backwards, _ = stack(graph, shape, _below(weights, "recurrent.backwards."), rows, "reverse")
        last = graph.rows(forwards, graph.constant([-1]), 0)
        outputs = graph("Concat", last, graph.rows(backwards, graph.constant([0]), 0, end=1), axis=2)
    else:
        first = member * shape.depth * PARTS[shape.cell]
        outputs, states = stack(graph, shape, _below(weights, "recurrent."), rows, "forward", first)
        outputs = graph.rows(outputs, graph("Neg", "n_positions"), 0)
    return _head(graph, shape, weights, graph("Transpose", outputs, perm=[1, 0, 2]), naives), states


def _below(weights: Weights, prefix: str) -> Weights:
    """The weights whose names start with a prefix, without it."""
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def _embed(graph: Graph, weights: Weights, x: str, numbers: int, categories: range) -> str:
    """Numbers as they are and each code as its vector; the codes follow the numbers on the last axis."""
    if not categories:
        return x
    parts = [graph("Gather", x, graph.constant(range(numbers)), axis=-1)]
    for place, category in enumerate(categories, start=numbers):
        code = graph("Cast", graph("Gather", x, graph.constant(place), axis=-1), to=INT64)
        vectors = graph.constant(weights[f"inputs.embeddings.{category}.weight"], np.float32)
        parts.append(graph("Gather", vectors, code))
    return graph("Concat", *parts, axis=-1)


def stack(
    graph: Graph, shape: Shape, weights: Weights, x: str, direction: str = "forward", first: int | None = None
) -> tuple[str, list[str]]:
    """The outputs of the top layer at every row, [time, batch, hidden], and the states of all layers at the end.

    Args:
        weights: of these layers only.
        first: the index in the graph's state of the first array of the lowest layer; None to start with zeros.
    """
    states: list[str] = []
    for layer in range(shape.depth):
        own = [_gates(shape.cell, weights[f"layers.{layer}.{name}"]) for name in ("weight_ih", "weight_hh", "bias")]
        own[2] = np.concatenate([own[2], np.zeros_like(own[2])])  # ONNX has a second bias
        parts = PARTS[shape.cell]
        begin = [] if first is None else ["", *(f"state_{first + layer * parts + p}" for p in range(parts))]
        attributes: dict[str, Any] = {"linear_before_reset": 1} if shape.cell == "gru" else {}
        attributes |= {"hidden_size": shape.hidden_size, "direction": direction}
        constants = [graph.constant(w[None], np.float32) for w in own]
        outputs = graph.several(OPERATORS[shape.cell], 1 + parts, x, *constants, *begin, **attributes)
        x = graph("Squeeze", outputs[0], graph.constant([1]))
        states += outputs[1:]
    return x, states


def _gates(cell: str, weights: Float32) -> Float32:
    """An array of a cell with its gates in ONNX's order."""
    blocks = np.split(weights, len(GATES[cell]))
    return np.concatenate([blocks[gate] for gate in GATES[cell]])


def _head(graph: Graph, shape: Shape, weights: Weights, outputs: str, naives: str) -> str:
    """`QuantileHead`, from the outputs of the recurrent part, [batch, P, hidden]."""
    steps, levels = shape.horizon, len(shape.levels)
    raw = graph.linear(outputs, weights["head.linear.weight"], weights["head.linear.bias"])
    raw = graph("Transpose", graph("Reshape", raw, graph.constant([0, 0, levels, steps])), perm=[0, 1, 3, 2])
    if shape.known + shape.known_codes:
        raw = graph("Add", raw, _known_ahead(graph, shape, weights, outputs))
    median = raw
    if shape.blend:
        median = graph("Add", median, _blend(graph, shape, weights, outputs, naives))
    if shape.autoregression:
        last = graph.rows("recent", graph.constant([-shape.autoregression]), -1)
        sums = graph.linear(last, weights["head.autoregression.weight"])
        median = graph("Add", median, graph("Unsqueeze", sums, graph.constant([-1])))
    if levels == 1:
        return median
    middle = _middle(shape)
    is_median = graph.constant(np.arange(levels) == middle, bool)
    distances = graph("Where", is_median, median, graph("Softplus", raw))  # of other levels from their neighbor
    return graph("MatMul", distances, graph.constant(_sums(middle, levels), np.float32))


def _middle(shape: Shape) -> int:
    return min(range(len(shape.levels)), key=lambda i: abs(shape.levels[i] - 0.5))


def _calibrated(graph: Graph, shape: Shape, weights: Weights, z: str, naives: str) -> str:
    """The shrinkage and the interval scale of `Ensemble`, applied to the mean of its members."""
    shrinkage, scale, levels = weights["shrinkage"], weights["interval_scale"], len(shape.levels)
    initial = graph.constant((1 - shrinkage) * weights["initial_forecast"], np.float32)
    mixed = graph("Add", graph("Mul", z, graph.constant(shrinkage, np.float32)), initial)
    if naives and shrinkage < 1:
        parts = graph("Mul", naives, graph.constant((1 - shrinkage) * weights["blend"], np.float32))
        mean = graph("ReduceSum", parts, graph.constant([2]), keepdims=0)
        mixed = graph("Add", mixed, graph("Unsqueeze", mean, graph.constant([-1])))
    about_median = scale * np.eye(levels)
    about_median[_middle(shape)] += 1 - scale
    return graph("MatMul", mixed, graph.constant(about_median, np.float32))


def _naives(graph: Graph, shape: Shape) -> str:
    """`heads.naive_forecasts`, [batch, P, A, N]."""
    table = shape.naive_table
    lags = graph("Gather", "recent", graph.constant(table.picks), axis=-1)
    mean = graph("MatMul", graph.constant(table.shares, np.float32), lags)
    level, slope = (
        graph("Unsqueeze", graph.linear("recent", weights.astype(np.float32)), graph.constant([-1]))
        for weights in (table.level, table.slope)
    )
    line = graph("Mul", slope, graph.constant(table.steps, np.float32))
    return graph("Add", graph("Add", mean, level), line)


def _blend(graph: Graph, shape: Shape, weights: Weights, outputs: str, naives: str) -> str:
    """`Blend`, [batch, P, N, 1]."""
    places = np.arange(min(PLACES, shape.horizon))
    near = 1 - np.abs(np.linspace(0, places[-1], shape.horizon) - places[:, None]).clip(max=1)
    gate = SHARPNESS * weights["head.blend.gate.weight"], SHARPNESS * weights["head.blend.gate.bias"]
    logits = graph("Reshape", graph.linear(outputs, *gate), graph.constant([0, 0, len(places), shape.naives + 1]))
    shares = graph.rows(graph("Softmax", logits, axis=-1), graph.constant([1]), -1)  # the first is the anchor's
    means = graph("Mul", graph("MatMul", shares, naives), graph.constant(near, np.float32))
    return graph("Unsqueeze", graph("ReduceSum", means, graph.constant([2]), keepdims=0), graph.constant([-1]))


def _sums(middle: int, levels: int) -> Float32:
    """[Q, Q], the sign with which each distance (row) enters each level (column)."""
    sums = np.zeros((levels, levels), np.float32)
    for level in range(levels):
        sums[middle, level] = 1
        sums[level:middle, level] = -1
        sums[middle + 1 : level + 1, level] = 1
    return sums


def _known_ahead(graph: Graph, shape: Shape, weights: Weights, outputs: str) -> str:
    """`KnownAhead`, [batch, P, N, Q]."""
    own = _below(weights, "head.known.")
    known = _embed(graph, weights, "known", shape.known, range(len(shape.codes) - shape.known_codes, len(shape.codes)))
    step_rows: Int = shape.anchor + np.arange(shape.horizon)
    anchor_rows: Int = np.arange(shape.horizon) % shape.anchor
    steps = graph("Gather", known, graph.constant(step_rows), axis=2)
    anchors = graph("Gather", known, graph.constant(anchor_rows), axis=2)
    steps = graph.linear(steps, own["step.weight"], own["step.bias"])
    compared = graph("Tanh", graph("Add", steps, graph.linear(anchors, own["anchor_row.weight"])))
    mix = graph.linear(outputs, own["mix.weight"], own["mix.bias"])
    width = own["step.weight"].shape[0]
    mix = graph("Reshape", mix, graph.constant([0, 0, len(shape.levels), width]))
    return graph("MatMul", compared, graph("Transpose", mix, perm=[0, 1, 3, 2]))
