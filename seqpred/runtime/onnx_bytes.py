"""The bytes of an ONNX file: the protocol buffers wire format and the fields of ONNX that a network needs.

Writing them takes a few milliseconds; importing the onnx package takes hundreds. The tests compare both byte for byte.

Source: onnx.proto of ONNX 1.12 (field numbers and types); protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

OPSET, IR = 17, 8  # of 2022, supported by all runtimes since
FLOAT, INT64, BOOL = 1, 7, 9  # TensorProto.DataType
KINDS = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(np.bool_): BOOL}


class Node(NamedTuple):
    """An operator; each attribute is an integer, several integers or a text."""

    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, int | Sequence[int] | str]


class Value(NamedTuple):
    """An input or output of the graph; a dimension without a fixed size has a name."""

    name: str
    kind: int
    shape: tuple[int | str, ...]


def onnx_file(
    nodes: Iterable[Node], weights: Mapping[str, npt.NDArray[Any]], inputs: Iterable[Value], outputs: Iterable[Value]
) -> bytes:
    """A model that uses the default operators only."""
    graph = [
        *(_field(1, _node(node)) for node in nodes),
        _field(2, "seqpred"),
        *(_field(5, _tensor(name, values)) for name, values in weights.items()),
        *(_field(11, _value(value)) for value in inputs),
        *(_field(12, _value(value)) for value in outputs),
    ]
    operators = _field(1, "") + _field(2, OPSET)
    return b"".join([_field(1, IR), _field(2, "seqpred"), _field(7, b"".join(graph)), _field(8, operators)])


def _node(node: Node) -> bytes:
    names = [*(_field(1, name) for name in node.inputs), *(_field(2, name) for name in node.outputs)]
    attributes = [_field(5, _attribute(name, value)) for name, value in sorted(node.attributes.items())]
    return b"".join([*names, _field(4, node.operator), *attributes])


def _attribute(name: str, value: int | Sequence[int] | str) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, 3)
    return _field(1, name) + b"".join(_field(8, item) for item in value) + _field(20, 7)


def _tensor(name: str, values: npt.NDArray[Any]) -> bytes:
    dims = b"".join(_field(1, size) for size in values.shape)
    raw = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return dims + _field(2, KINDS[values.dtype]) + _field(8, name) + _field(9, raw)


def _value(value: Value) -> bytes:
    dims = (_field(1, _field(1, dim) if isinstance(dim, int) else _field(2, dim)) for dim in value.shape)
    return _field(1, value.name) + _field(2, _field(1, _field(1, value.kind) + _field(2, b"".join(dims))))


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field: a number, or a text, bytes or message preceded by its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits per byte, the lowest first; negative numbers as 64 bits.

    >>> _varint(300).hex(), len(_varint(-1))
    ('ac02', 10)
    """
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
