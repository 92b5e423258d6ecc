"""The ONNX backend of inference: onnxruntime executes the graph; torch is not imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.arrays import Float32
from seqpred.runtime.cores import cores
from seqpred.runtime.runtime import NO_HEAD_INPUTS, TILE, HeadInputs

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MANY = 64  # tracks from which several threads are faster than one
TELEMETRY = "ORT_DISABLE_TELEMETRY"  # read when onnxruntime is imported


def is_installed() -> bool:
    """Whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


def import_onnxruntime() -> Any:
    """The package onnxruntime, without its telemetry unless the environment asks for it.

    By default, release 1.32 writes an identifier and a database to the home folder, and sends events over the network.
    """
    os.environ.setdefault(TELEMETRY, "1")
    import onnxruntime

    return onnxruntime


class OnnxRuntime:
    """A graph of `runtime.onnx_graph` in onnxruntime; see `runtime.Runtime` for the methods.

    Several threads divide the tracks among them. The threads of onnxruntime would divide each array at any element, and
    elements at the edges of these parts are computed by other instructions, which change the last digit.

    Args:
        graph: the bytes of the ONNX file.
        window: rows that a bidirectional network reads; None for a forward one.
    Raises:
        ValueError: the graph is invalid.
    """

    name = "onnx"

    def __init__(self, graph: bytes, window: int | None) -> None:
        self.window = window
        self._graph = graph
        self._session = self._open()
        shapes = {value.name: value.shape for value in self._session.get_inputs()}
        self._state = shapes.get("state")
        self._head_inputs = {name: shapes[name][2:] for name in HeadInputs._fields if name in shapes}
        self.read(np.zeros((1, 1, shapes["x"][2]), np.float32), self.start(1))  # raises if weights do not fit

    def _open(self) -> InferenceSession:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.enable_cpu_mem_arena = False  # it would keep the peak memory
        options.log_severity_level = 4  # errors are raised; nothing else is written to stderr
        with _as_value_error():
            session: InferenceSession = onnxruntime.InferenceSession(
                self._graph,
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # it would print a message and repeat the same
            )
        return session

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`."""
        parts, _, hidden = self._state or (0, 0, 0)
        return np.zeros((parts, batch, hidden), np.float32)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        parts = _parts(len(x))
        if len(parts) == 1:
            return self._read(x, state, n_positions, head_inputs)
        from concurrent.futures import ThreadPoolExecutor  # only many tracks need it

        def read(part: slice) -> tuple[Float32, Float32]:
            return self._read(x[part], state[:, part], n_positions, head_inputs.of(part))

        with ThreadPoolExecutor(len(parts)) as pool:
            found = list(pool.map(read, parts))
        return np.concatenate([z for z, _ in found]), np.concatenate([after for _, after in found], axis=1)

    def _read(self, x: Float32, state: Float32, n_positions: int, head_inputs: HeadInputs) -> tuple[Float32, Float32]:
        """`read` with one thread."""
        inputs = {"x": x}
        if self._state is not None:
            inputs |= {"state": state, "n_positions": np.array([n_positions])}
        for name, shape in self._head_inputs.items():
            array = getattr(head_inputs, name)
            inputs[name] = np.zeros((len(x), n_positions, *shape), np.float32) if array is None else array
        with _as_value_error():
            z, *after = self._session.run(None, inputs)
        return z, after[0] if after else state


def _parts(tracks: int) -> list[slice]:
    """The tracks of each thread: whole tiles, and one part for few tracks.

    >>> _parts(10)
    [slice(0, 10, None)]
    """
    count = cores() if tracks >= MANY else 1
    size = tracks if count == 1 else -(-tracks // (count * TILE)) * TILE
    return [slice(begin, min(begin + size, tracks)) for begin in range(0, tracks, size)]


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Turn the exceptions of onnxruntime into the ValueError that the torch backend raises too."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    try:
        yield
    except (
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.NotImplemented,
        errors.RuntimeException,
    ) as e:
        raise ValueError(str(e).splitlines()[0]) from None
