"""The light runtime: onnxruntime reads the graph that training wrote, and torch need not be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from seqpred.arrays import Float32
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MANY = 64  # tracks from which a second thread pays


def is_here() -> bool:
    """Whether onnxruntime is installed."""
    return find_spec("onnxruntime") is not None


class OnnxRuntime:
    """A graph that `network/graph.py` wrote.

    Args:
        graph: the bytes of the ONNX file.
        window: rows that a bidirectional network sees; None for a forward one.
    Raises:
        ValueError: the graph is none, or its parts do not fit each other.
    """

    name = "light"

    def __init__(self, graph: bytes, window: int | None) -> None:
        self.window = window
        self._graph = graph
        self._alone, self._wide = self._session(1), None
        shapes = {told.name: told.shape for told in self._alone.get_inputs()}
        self._state = shapes.get("state")
        self._ahead = {name: shapes[name][2:] for name in HeadInputs._fields if name in shapes}
        self.read(np.zeros((1, 1, shapes["x"][2]), np.float32), self.start(1))  # what does not fit is found here

    def _session(self, threads: int) -> InferenceSession:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_cpu_mem_arena = False  # it would keep the most that was ever needed
        options.log_severity_level = 4  # what goes wrong is raised; nothing else writes to stderr
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor
        with _as_value_error():
            return onnxruntime.InferenceSession(
                self._graph,
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # it would print, and try the same again
            )

    def _for(self, batch: int) -> InferenceSession:
        """All processors for many tracks, one for few."""
        if batch < MANY:
            return self._alone
        if self._wide is None:
            self._wide = self._session(0)
        return self._wide

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`."""
        parts, _, hidden = self._state or (0, 0, 0)
        return np.zeros((parts, batch, hidden), np.float32)

    def read(
        self, x: Float32, state: Float32, speaking: int = 1, ahead: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        given = {"x": x}
        if self._state is not None:
            given |= {"state": state, "speak": np.array([speaking])}
        for name, shape in self._ahead.items():
            own = getattr(ahead, name)
            given[name] = np.zeros((len(x), speaking, *shape), np.float32) if own is None else own
        with _as_value_error():
            z, *after = self._for(len(x)).run(None, given)
        return z, after[0] if after else state


@contextmanager
def _as_value_error() -> Iterator[None]:
    """What onnxruntime says of a graph, as the error that torch's side raises too."""
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
