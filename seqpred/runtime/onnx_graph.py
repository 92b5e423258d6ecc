"""A trained network as an ONNX graph: what the light runtime reads, and what can be deployed elsewhere.

The graph is written operator by operator, from the weights alone, so that it is the same bytes for the same weights
and its inputs and outputs have the names and shapes that docs/onnx.md promises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.features.inputs import SLOW, cycles_seen, fading, line_and_level
from seqpred.runtime.onnx_bytes import FLOAT, INT64, Node, Told, onnx_file
from seqpred.runtime.shape import PLACES, SHARPNESS, Shape

Weights = Mapping[str, npt.NDArray[np.float32]]
PARTS = {"rnn": 1, "gru": 1, "lstm": 2}  # arrays in a layer's state
# ONNX's order of gates, as places in torch's: LSTM's input, output, forget, cell and GRU's update, reset, hidden.
GATES = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}


def write_graph(shape: Shape, weights: Weights) -> bytes | None:
    """The ONNX file of an ensemble; None for a cell that ONNX does not have.

    Inputs: `x` [batch, time, numbers and codes]; `speak` [1], how many of the last rows speak (P); `state` [S, batch,
    hidden], zeros before the first row; `recent` [batch, P, R] where the head needs the last rows; `known` [batch, P,
    anchor + N, known] where something is known ahead.
    Outputs: `z` [batch, P, N, Q]; `state_after`. A bidirectional network speaks at its window's end and has no state.

    Args:
        weights: as `ensemble.gather` gives them.
    """
    if shape.cell not in PARTS:
        return None
    graph = _Graph()
    naives = _naives(graph, shape) if shape.blend else ""
    spoken: list[tuple[str, list[str]]] = []
    while member := _below(weights, f"members.{len(spoken)}."):
        spoken.append(_network(graph, shape, member, len(spoken), naives))
    graph.rename(_calibrated(graph, shape, weights, graph("Mean", *(z for z, _ in spoken)), naives), "z")
    states = [part for _, parts in spoken for part in parts]
    steps, levels = shape.horizon, len(shape.levels)
    inputs = [Told("x", FLOAT, ("batch", "time", shape.inputs + len(shape.codes)))]
    outputs = [Told("z", FLOAT, ("batch", "speaking", steps, levels))]
    if states:
        graph.split("state", len(states))
        graph.rename(graph("Concat", *states, axis=0), "state_after")
        inputs += [Told("speak", INT64, (1,)), Told("state", FLOAT, (len(states), "batch", shape.hidden_size))]
        outputs.append(Told("state_after", FLOAT, (len(states), "batch", shape.hidden_size)))
    if shape.recent:
        inputs.append(Told("recent", FLOAT, ("batch", "speaking", shape.recent)))
    if shape.known + shape.known_codes:
        rows = shape.anchor + steps
        inputs.append(Told("known", FLOAT, ("batch", "speaking", rows, shape.known + shape.known_codes)))
    return onnx_file(graph.nodes, graph.weights, inputs, outputs)


class _Graph:
    """Nodes and weights as they are added; calling it adds an operator and gives the name of what that makes."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: dict[str, npt.NDArray[Any]] = {}

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.several(operator, 1, *inputs, **attributes)[0]

    def several(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """An operator with so many outputs."""
        outputs = [f"{operator}_{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(Node(operator, list(inputs), outputs, attributes))
        return outputs

    def constant(self, values: npt.ArrayLike, kind: npt.DTypeLike = np.int64) -> str:
        """An array that is in the file."""
        name = f"constant_{len(self.weights)}"
        self.weights[name] = np.asarray(values, kind, order="C")
        return name

    def rename(self, old: str, new: str) -> None:
        """Give what the last operator makes the name of an output of the graph."""
        assert self.nodes[-1].outputs[0] == old
        self.nodes[-1].outputs[0] = new

    def split(self, name: str, count: int) -> None:
        """Cut an input of the graph, before all else, into `name`_0, `name`_1, ..."""
        parts = [f"{name}_{i}" for i in range(count)]
        self.nodes.insert(0, Node("Split", [name], parts, {"axis": 0}))

    def linear(self, x: str, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32] | None = None) -> str:
        """What torch calls nn.Linear."""
        product = self("MatMul", x, self.constant(weight.T, np.float32))
        return product if bias is None else self("Add", product, self.constant(bias, np.float32))

    def rows(self, x: str, begin: str, axis: int, end: int = 2**63 - 1) -> str:
        """A slice along one axis."""
        return self("Slice", x, begin, self.constant([end]), self.constant([axis]))


def _network(graph: _Graph, shape: Shape, weights: Weights, member: int, naives: str) -> tuple[str, list[str]]:
    """What one network says, [batch, P, N, Q], and its states after the last row, each [1, batch, hidden]."""
    vectors = _vectors(graph, weights, "x", shape.inputs, range(len(shape.codes)))
    rows = graph("Transpose", vectors, perm=[1, 0, 2])  # ONNX counts time first
    states: list[str] = []
    if shape.bidirectional:
        ahead, _ = _stack(graph, shape, _below(weights, "recurrent.ahead."), rows)
        back, _ = _stack(graph, shape, _below(weights, "recurrent.back."), rows, "reverse")
        ends = [graph.rows(ahead, graph.constant([-1]), 0), graph.rows(back, graph.constant([0]), 0, end=1)]
        said = graph("Concat", *ends, axis=2)
    else:
        first = member * shape.depth * PARTS[shape.cell]
        said, states = _stack(graph, shape, _below(weights, "recurrent."), rows, "forward", first)
        said = graph.rows(said, graph("Neg", "speak"), 0)
    return _head(graph, shape, weights, graph("Transpose", said, perm=[1, 0, 2]), naives), states


def _below(weights: Weights, name: str) -> Weights:
    """The weights whose names begin so, without that beginning."""
    return {full.removeprefix(name): w for full, w in weights.items() if full.startswith(name)}


def _vectors(graph: _Graph, weights: Weights, x: str, numbers: int, words: range) -> str:
    """Numbers as they are, and each code as its vector; the codes stand behind the numbers on the last axis."""
    if not words:
        return x
    parts = [graph("Gather", x, graph.constant(range(numbers)), axis=-1)]
    for place, word in enumerate(words, start=numbers):
        code = graph("Cast", graph("Gather", x, graph.constant(place), axis=-1), to=INT64)
        parts.append(graph("Gather", graph.constant(weights[f"inputs.words.{word}.weight"], np.float32), code))
    return graph("Concat", *parts, axis=-1)


def _stack(
    graph: _Graph, shape: Shape, weights: Weights, x: str, direction: str = "forward", first: int | None = None
) -> tuple[str, list[str]]:
    """The outputs at every row, [time, batch, hidden], of the layers on one another, and their states at the end.

    Args:
        weights: of these layers alone.
        first: which part of the graph's state is the lowest layer's; None where it begins with zeros.
    """
    states: list[str] = []
    for layer in range(shape.depth):
        kernels = [_gates(shape.cell, weights, f"layers.{layer}.layer.{w}") for w in ("weight_ih", "weight_hh")]
        biases = [_gates(shape.cell, weights, f"layers.{layer}.layer.{b}") for b in ("bias_ih", "bias_hh")]
        own = [graph.constant(w[None], np.float32) for w in (*kernels, np.concatenate(biases))]
        parts = PARTS[shape.cell]
        begin = [] if first is None else ["", *(f"state_{first + layer * parts + p}" for p in range(parts))]
        how = {"linear_before_reset": 1} if shape.cell == "gru" else {}
        operator = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}[shape.cell]
        made = graph.several(
            operator, 1 + parts, x, *own, *begin, hidden_size=shape.hidden_size, direction=direction, **how
        )
        x = graph("Squeeze", made[0], graph.constant([1]))
        states += made[1:]
    return x, states


def _gates(cell: str, weights: Weights, name: str) -> npt.NDArray[np.float32]:
    """One of torch's arrays with its gates in ONNX's order."""
    blocks = np.split(weights[f"{name}_l0"], len(GATES[cell]))
    return np.concatenate([blocks[gate] for gate in GATES[cell]])


def _head(graph: _Graph, shape: Shape, weights: Weights, said: str, naives: str) -> str:
    """`QuantileHead`, from what the recurrent part says, [batch, P, hidden]."""
    steps, levels = shape.horizon, len(shape.levels)
    raw = graph.linear(said, weights["head.linear.weight"], weights["head.linear.bias"])
    raw = graph("Reshape", raw, graph.constant([0, 0, steps, levels]))
    if shape.known + shape.known_codes:
        raw = graph("Add", raw, _known_ahead(graph, shape, weights, said))
    median = raw
    if shape.blend:
        median = graph("Add", median, _blend(graph, shape, weights, said, naives))
    if shape.autoregression:
        last = graph.rows("recent", graph.constant([-shape.autoregression]), -1)
        sums = graph.linear(last, weights["head.autoregression.weight"])
        median = graph("Add", median, graph("Unsqueeze", sums, graph.constant([-1])))
    if levels == 1:
        return median
    middle = _middle(shape)
    chosen = graph.constant(np.arange(levels) == middle, bool)
    apart = graph("Where", chosen, median, graph("Softplus", raw))  # each other level's distance from its neighbour
    return graph("MatMul", apart, graph.constant(_sums(middle, levels), np.float32))


def _middle(shape: Shape) -> int:
    return min(range(len(shape.levels)), key=lambda i: abs(shape.levels[i] - 0.5))


def _calibrated(graph: _Graph, shape: Shape, weights: Weights, z: str, naives: str) -> str:
    """`Ensemble`'s trust in the mean of its members, and its spread about the median."""
    trust, spread, levels = weights["trust"], weights["spread"], len(shape.levels)
    begin = graph.constant((1 - trust) * weights["begin"], np.float32)
    mixed = graph("Add", graph("Mul", z, graph.constant(trust, np.float32)), begin)
    if naives and trust < 1:
        parts = graph("Mul", naives, graph.constant((1 - trust) * weights["blend"], np.float32))
        above = graph("ReduceSum", parts, graph.constant([2]), keepdims=0)
        mixed = graph("Add", mixed, graph("Unsqueeze", above, graph.constant([-1])))
    about = spread * np.eye(levels)
    about[_middle(shape)] += 1 - spread
    return graph("MatMul", mixed, graph.constant(about, np.float32))


def _naives(graph: _Graph, shape: Shape) -> str:
    """`naive_forecasts`, [batch, P, A, N]."""
    last, ahead = shape.recent - 1, np.arange(shape.horizon)

    def ago(cycle: int, times: int = 1) -> str:
        return graph("Gather", "recent", graph.constant(last + 1 - times * cycle + ahead % cycle), axis=-1)

    def mean(cycle: int, times: int) -> str:
        first = last + 1 - times * cycle
        return graph("ReduceMean", graph.rows("recent", graph.constant([first]), -1, first + cycle), axes=[-1])

    def drifted(cycle: int, over: int) -> str:
        steps = graph.constant((1 + ahead // cycle) / (over - 1), np.float32)
        return graph("Add", ago(cycle), graph("Mul", graph("Sub", mean(cycle, 1), mean(cycle, over)), steps))

    def smoothed(cycle: int) -> str:
        weights, times = line_and_level(cycle), cycles_seen(cycle)
        rows = graph.rows("recent", graph.constant([last + 1 - len(weights)]), -1)
        level, slope = (graph("MatMul", rows, graph.constant(w[:, None], np.float32)) for w in weights.T)
        steps = graph.constant(1 + ahead - (ahead % cycle - (cycle - 1) / 2), np.float32)
        mean = graph("Mean", *(ago(cycle, k + 1) for k in range(times)))
        return graph("Add", graph("Add", mean, level), graph("Mul", slope, steps))

    anchor = ago(shape.anchor)
    found = [graph("Neg", anchor)]
    for cycle in shape.cycles:
        season = ago(cycle)
        both = graph("Mul", graph("Add", season, ago(cycle, 2)), graph.constant([0.5], np.float32))
        changes = graph("Sub", season, graph("Gather", "recent", graph.constant([last - cycle]), axis=-1))
        own = [drifted(cycle, 2), both, changes]
        found += [graph("Sub", one, anchor) for one in ([season] if cycle != shape.anchor else []) + own]
    found += [graph("Sub", drifted(cycle, cycles_seen(cycle)), anchor) for cycle in shape.cycles]
    slow = graph("MatMul", "recent", graph.constant(fading(shape.recent, SLOW)[:, None], np.float32))
    found.append(graph("Sub", slow, anchor))
    found += [graph("Sub", smoothed(cycle), anchor) for cycle in shape.cycles]
    return graph("Concat", *(graph("Unsqueeze", one, graph.constant([-2])) for one in found), axis=-2)


def _blend(graph: _Graph, shape: Shape, weights: Weights, said: str, naives: str) -> str:
    """`Blend`, [batch, P, N, 1]."""
    where = np.arange(min(PLACES, shape.horizon))
    near = 1 - np.abs(np.linspace(0, where[-1], shape.horizon) - where[:, None]).clip(max=1)
    sharp = SHARPNESS * weights["head.blend.weigh.weight"], SHARPNESS * weights["head.blend.weigh.bias"]
    logits = graph("Reshape", graph.linear(said, *sharp), graph.constant([0, 0, len(near), shape.naives + 1]))
    shares = graph.rows(graph("Softmax", logits, axis=-1), graph.constant([1]), -1)  # the first is the anchor's own
    places = graph("Mul", graph("MatMul", shares, naives), graph.constant(near, np.float32))
    above = graph("ReduceSum", places, graph.constant([2]), keepdims=0)
    return graph("Unsqueeze", above, graph.constant([-1]))


def _sums(middle: int, levels: int) -> npt.NDArray[np.float32]:
    """[Q, Q], which distances add up to each level (column), and with which sign."""
    sums = np.zeros((levels, levels))
    for level in range(levels):
        sums[middle, level] = 1
        sums[level:middle, level] = -1
        sums[middle + 1 : level + 1, level] = 1
    return sums.astype(np.float32)


def _known_ahead(graph: _Graph, shape: Shape, weights: Weights, said: str) -> str:
    """`KnownAhead`, [batch, P, N, Q]."""
    own = _below(weights, "head.known.")
    words = range(len(shape.codes) - shape.known_codes, len(shape.codes))
    around = _vectors(graph, weights, "known", shape.known, words)
    ahead, cycle = (graph.constant(rows) for rows in _rows_ahead(shape))
    there = graph.linear(graph("Gather", around, ahead, axis=2), own["there.weight"], own["there.bias"])
    back = graph.linear(graph("Gather", around, cycle, axis=2), own["back.weight"])
    found = graph("Tanh", graph("Add", there, back))
    width = own["there.weight"].shape[0]
    mix = graph.linear(said, own["mix.weight"], own["mix.bias"])
    mix = graph("Reshape", mix, graph.constant([0, 0, len(shape.levels), width]))
    return graph("MatMul", found, graph("Transpose", mix, perm=[0, 1, 3, 2]))


def _rows_ahead(shape: Shape) -> Iterator[npt.NDArray[np.int64]]:
    """Where in `known` the rows of the N steps stand, and those of their anchors."""
    steps = np.arange(shape.horizon)
    yield shape.anchor + steps
    yield steps % shape.anchor
