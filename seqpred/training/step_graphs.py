"""The gradients of a step as a CUDA graph, whose kernels are launched by one call.

A step of a small network launches hundreds of short kernels, and a GPU waits for each launch. A graph records them and
replays them on the same memory. torch describes what a recording may contain: "CUDA semantics", section "CUDA graphs".

What changes from step to step enters through the batch, which is copied into the memory of the recorded one, and
through the weights, which are updated in place. Each length and offset of the positions has a graph of its own. The
optimizer is outside, as it follows the decision whether a step has diverged.

A graph is used only if its first replay gives the same bytes as the computation itself. Otherwise, and if recording
fails, the steps of the training are computed as on a CPU. So a graph changes the time of a training, not its result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from seqpred.network.network import Network
from seqpred.notes import Note, Notify
from seqpred.runtime.onnx_graph import PARTS
from seqpred.training.batch import Batch, Work, run_eagerly
from seqpred.training.progress import Hooks

REPEATS = 3  # computations before one is recorded, in which libraries allocate what they keep
MOST_SHAPES = 32  # of batches, from which no graphs are used


class Recording(NamedTuple):
    """A recorded computation.

    Attributes:
        result: is overwritten by each replay.
    """

    result: Tensor
    replay: Callable[[], None]


class Recorder(Protocol):
    """Records computations."""

    def aside(self) -> AbstractContextManager[None]:
        """A context in which a computation is run before it is recorded, and recorded."""
        ...

    def strict(self) -> AbstractContextManager[None]:
        """A context in which an operation that cannot be recorded raises a RuntimeError."""
        ...

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        """Record a computation; whether it is also executed is undefined."""
        ...


_failed: list[Any] = []  # graphs that torch may still refer to after their recording has failed


class CudaRecorder:
    """Records on a CUDA device; see `Recorder` for the methods."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # One memory for all graphs: what one of them returns is read before the next is replayed.
        self._pool = torch.cuda.graph_pool_handle()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """See `Recorder.aside`."""
        torch.cuda.synchronize(self._device)
        try:
            with torch.cuda.stream(self._stream):  # restores the current stream, which a failed recording does not
                yield
        finally:
            torch.cuda.synchronize(self._device)

    @contextmanager
    def strict(self) -> Iterator[None]:
        """See `Recorder.strict`; torch detects most operations that wait for the device, not all."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns that the mode is incomplete
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        """See `Recorder.record`."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                result = compute()
        except BaseException:
            _failed.append(graph)
            raise
        return Recording(result, graph.replay)


def recorder_on(device: torch.device) -> Recorder | None:
    """What records on a device; None if it has no graphs, or after a recording has failed in this process."""
    return CudaRecorder(device) if device.type == "cuda" and not _failed else None


@dataclass(frozen=True)
class _Graph:
    """A recorded computation, with the batch that it reads and the gradients that it sets."""

    batch: Batch
    recording: Recording
    gradients: tuple[Tensor | None, ...]

    def replay(self, batch: Batch, parameters: list[nn.Parameter]) -> Tensor:
        """Compute the result and set the gradients for another batch of the same shape."""
        for own, other in zip(_tensors(self.batch), _tensors(batch), strict=True):
            own.copy_(other)
        self.recording.replay()
        for parameter, gradient in zip(parameters, self.gradients, strict=True):
            parameter.grad = gradient
        return self.recording.result.clone()


class StepGraphs:
    """Runs computations of a network on batches as graphs, one for each computation and shape of a batch."""

    def __init__(self, network: nn.Module, device: torch.device, recorder: Recorder, notify: Notify) -> None:
        self.network, self.device, self.recorder, self.notify = network, device, recorder, notify
        self.parameters = list(network.parameters())
        self.usable = True
        self._graphs: dict[tuple[object, ...], _Graph] = {}

    def __call__(self, work: Work, batch: Batch) -> Tensor:
        """The result of a computation that sets the gradients of the network."""
        if not self.usable or batch.positions.stride > MOST_SHAPES:
            return run_eagerly(work, batch)
        positions = batch.positions
        key = work.__name__, len(batch.starts), positions.count, positions.stride, positions.offset
        if key not in self._graphs and not self._add(key, work, batch):
            return run_eagerly(work, batch)
        return self._graphs[key].replay(batch, self.parameters)

    def _add(self, key: tuple[object, ...], work: Work, batch: Batch) -> bool:
        """Make a graph; False, with a note, if it is of no use. The random state is unchanged afterwards."""
        try:
            with self._same_random_state(), self.recorder.aside():
                graph, problem = self._record(work, batch)
        except Exception as e:  # noqa: BLE001, whatever it is, the step can be computed without a graph
            problem = f"recording one failed ({_cause(e)})"
        if problem:
            self.usable = False
            self._graphs.clear()
            self.notify(Note(f"training steps are not run as CUDA graphs, which takes longer: {problem}"))
            return False
        self._graphs[key] = graph
        return True

    def _record(self, work: Work, batch: Batch) -> tuple[_Graph, str]:
        """A graph of a computation, and why it must not be used, if so."""
        own = _copy(batch)
        for left in reversed(range(REPEATS)):
            with self._same_random_state():
                with nullcontext() if left else self.recorder.strict():
                    result = work(own)
                expected = self._outcome(result)
        with self._same_random_state():
            recording = self.recorder.record(lambda: work(own))
        graph = _Graph(own, recording, tuple(parameter.grad for parameter in self.parameters))
        found = self._outcome(graph.replay(batch, self.parameters))
        return graph, "" if _same_bytes(expected, found) else "a replay and the computation itself differ"

    def _outcome(self, result: Tensor) -> list[Tensor | None]:
        """All that a computation changes: its result, the gradients, the random state."""
        state = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()
        return [result, state, *(parameter.grad for parameter in self.parameters)]

    def _same_random_state(self) -> AbstractContextManager[None]:
        """A context after which the random state is the same as before."""
        return torch.random.fork_rng([self.device] if self.device.type == "cuda" else [])


def step_runner(network: Network, device: torch.device, hooks: Hooks) -> StepGraphs | None:
    """What runs the steps of a training as graphs; None if that is not possible.

    A group of processes that trains one network exchanges gradients in the meantime, and a cell of another package
    may do anything from step to step, so both are computed without graphs.
    """
    recorder = recorder_on(device)
    if recorder is None or hooks.team is not None or network.shape.cell not in PARTS:
        return None
    return StepGraphs(network, device, recorder, hooks.notify)


def _cause(error: BaseException) -> str:
    """The first line of the error that led to this one: of a failed recording, the operation that failed."""
    while error.__context__ is not None:
        error = error.__context__
    return (str(error) or type(error).__name__).splitlines()[0]


def _tensors(batch: Batch) -> tuple[Tensor, ...]:
    return batch.starts, batch.tracks, batch.positions.first


def _copy(batch: Batch) -> Batch:
    """A batch with memory of its own; the seeds of slices are not part of it, since they seed the generator before."""
    starts, tracks, first = (tensor.clone() for tensor in _tensors(batch))
    return Batch(starts, tracks, replace(batch.positions, first=first))


def _same_bytes(expected: list[Tensor | None], found: list[Tensor | None]) -> bool:
    """Whether the tensors are equal, NaN and the sign of 0 included."""
    for one, other in zip(expected, found, strict=True):
        if one is None or other is None:
            if one is not other:
                return False
        elif not torch.equal(_bytes(one), _bytes(other)):
            return False
    return True


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().view(torch.uint8)
