"""A recorder of computations on the CPU, which replays as a CUDA graph does: the same kernels on the same memory."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seqpred.training.step_graphs import Recording

WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "item", "_unique2", "bincount"}
"""Operations that wait for a GPU, as they return a number or a tensor whose shape depends on the values."""


class RecordingMode(TorchDispatchMode):
    """Records all operations inside the context, gradients included.

    Python does not run again in a replay, so numbers that it computes are those of the recording. An argument must be
    a tensor that exists as long as the recording or that the recording made: another one was made from numbers of the
    host, which a CUDA graph cannot contain, unless it is a scalar; nor can it contain an operation that waits.

    Args:
        known: the tensors that exist as long as the recording.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, bool, list[Tensor | None]]] = []
        self.known = {_memory(t) for t in known}
        self.kept: list[Tensor] = []  # so that no memory is used again

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        given = list(tensors_in((args, kwargs)))
        if name in WAITING or any(t.dtype == torch.bool for t in given if name == "index"):
            raise RuntimeError(f"{name} is not permitted while recording")
        for tensor in given:
            if tensor.dim() and tensor.numel() and _memory(tensor) not in self.known:
                raise RuntimeError(f"{name} reads a tensor of the host, which is not permitted while recording")
        result = func(*args, **kwargs)
        made = list(tensors_in(result))
        before = {_memory(t) for t in given}
        self.kept += made + given
        self.known |= {_memory(t) for t in made}
        # A result in the memory of an argument is a view, or was changed in place.
        own = [None if _memory(t) in before else t for t in made]
        self.calls.append((func, args, kwargs, torch.is_grad_enabled(), own))
        return result

    def replay(self) -> None:
        """Run all operations again, into the memory of their results."""
        with torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, has_grad, made in self.calls:
                with torch.set_grad_enabled(has_grad):  # some kernels return more with gradients
                    again = list(tensors_in(func(*args, **kwargs)))
                for own, new in zip(made, again, strict=True):
                    if own is not None:
                        own.copy_(new)


class CpuRecorder:
    """See `step_graphs.Recorder`.

    Attributes:
        recorded: the mode of each recording.
    """

    def __init__(self) -> None:
        self.recorded: list[RecordingMode] = []

    aside = strict = staticmethod(nullcontext)

    def record(self, compute: Callable[[], Tensor]) -> Recording:
        """See `step_graphs.Recorder.record`."""
        mode = RecordingMode(all_tensors())
        with mode:
            result = compute()
        self.recorded.append(mode)
        return Recording(result, mode.replay)


def all_tensors() -> list[Tensor]:
    """The tensors that exist now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some objects warn when their class is read
        return [thing for thing in gc.get_objects() if isinstance(thing, Tensor)]


def tensors_in(tree: Any) -> Iterator[Tensor]:
    """The tensors in nested containers."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, dict):
        yield from tensors_in(list(tree.values()))
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors_in(part)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
