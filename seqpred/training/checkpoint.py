"""Checkpoints: the state of an unfinished training, in the folder `checkpoint` of the model folder.

The state is one file, written atomically: the SHA-256 of the rest, then a safetensors file with all arrays, in which
the array `state` is the JSON of everything else.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.errors import ConfigError, DataError, FolderError, WriteError
from seqpred.notes import Note, Notify
from seqpred.storage.atomic import replace_file
from seqpred.storage.claim import Stop
from seqpred.storage.layout import CHECKPOINT, LARGEST, STATE, WEIGHTS
from seqpred.storage.untrusted import read_regular

if TYPE_CHECKING:
    from seqpred.training.run import Outcome, State

COST = 0.02  # share of the time that writing may take
MAX_NAMED = 4  # changed keys that a message names


@dataclass
class Checkpoint:
    """The state of a training: the networks that are finished, and those being trained.

    Attributes:
        path: the model folder.
        made_for: everything that the result depends on (config, data, versions); must not change before resuming.
        stop: whether to end after the current step.
        notify: receives a note if a write fails; training continues.
        every: seconds from one write to the next at least; 0 to write after every step.
        clock: returns the time in seconds.
        finished: states of the finished outcomes, by the number of the network in training order, from 0.
        runs: states of the networks that are being trained.
    """

    path: Path
    made_for: Mapping[str, Any]
    stop: Stop
    notify: Notify
    every: float = 10.0
    clock: Callable[[], float] = time.monotonic
    finished: dict[int, State] = field(default_factory=dict)
    runs: dict[int, State] = field(default_factory=dict)
    _next_write: float = field(init=False)

    def __post_init__(self) -> None:
        self._next_write = self.clock() + self.every

    @property
    def file(self) -> Path:
        """Where the state is written."""
        return self.path / CHECKPOINT / STATE

    def outcome(self, index: int) -> Outcome | None:
        """The outcome of a network if it is finished."""
        from seqpred.training.run import Outcome, reporting_damage

        if index not in self.finished:
            return None
        with reporting_damage():
            return Outcome.load_state_dict(self.finished[index])

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Inside the context, the first signal to end is recorded, and obeyed after a step."""
        self.stop.patient = True
        try:
            yield
        finally:
            self.stop.patient = False

    @property
    def is_due(self) -> bool:
        """Whether the state should be written again."""
        return self.clock() >= self._next_write

    def on_step(self, index: int, state_dict: Callable[[], State]) -> None:
        """Write the state of the network in training if a write or the end of training is due."""
        if self.stop.asked or self.is_due:
            self.runs[index] = state_dict()
            self.write()
        self.end_if_asked()

    def finish(self, index: int, outcome: Outcome) -> None:
        """Store the outcome of a network."""
        self.finished[index] = outcome.state_dict()
        self.runs.pop(index, None)
        self.write()

    def end_if_asked(self) -> None:
        """End the training if a signal requested it.

        Raises:
            KeyboardInterrupt: it did.
        """
        if self.stop.asked:
            raise KeyboardInterrupt

    def write(self) -> None:
        """Write the state now."""
        started = self.clock()
        finished, runs = ({str(i): state for i, state in sorted(s.items())} for s in (self.finished, self.runs))
        try:
            replace_file(self.file, pack({"made_for": self.made_for, "finished": finished, "runs": runs}))
        except WriteError as e:
            self.notify(Note(f"{e.message}; training continues without a checkpoint"))
        now = self.clock()
        self._next_write = now + max(self.every, (now - started) / COST) if self.every else now

    def discard(self) -> None:
        """Remove the state of an earlier training, which this one replaces."""
        self.file.unlink(missing_ok=True)

    def read(self) -> None:
        """Load the state in the model folder, if any.

        Raises:
            ConfigError, DataError: it belongs to another config, other data or other versions.
            FolderError: it is damaged.
        """
        if not self.file.exists():
            self.notify(Note(f"{self.path} contains no unfinished training; training starts from the beginning"))
            return
        hint = "Start over with --force."
        try:
            state = unpack(read_regular(self.file, 4 * LARGEST[WEIGHTS]))
            self.finished, self.runs = ({int(i): s for i, s in state[key].items()} for key in ("finished", "runs"))
            _check_unchanged(state["made_for"], json.loads(json.dumps(self.made_for)), self.path)
            resumed = self._resumed()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise FolderError(f"damaged: {e}", hint=hint, where=str(self.file)) from None
        self.notify(Note(f"resuming the training in {self.path} after {resumed}"))

    def _resumed(self) -> str:
        """Which step of which network is next, as text."""
        if not self.runs:
            return f"the last step of network {len(self.finished)}"
        steps = [f"step {run['step']} of network {i + 1}" for i, run in sorted(self.runs.items())]
        return " and ".join(steps) if self.finished or len(steps) > 1 else f"step {self.runs[min(self.runs)]['step']}"


def _check_unchanged(before: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Check that nothing has changed that the result depends on."""
    hint = "Undo the change to resume, or start over with --force."
    if before["data"] != now["data"]:
        message = "the data has changed since the unfinished training started"
        raise DataError(message, hint=hint, where=str(path))
    old, new = dict(_dotted(before)), dict(_dotted(now))
    changed = [k for k in {**old, **new} if old.get(k) != new.get(k)]
    if changed:
        named = [f"{k} was {old.get(k)!r} and is {new.get(k)!r}" for k in changed[:MAX_NAMED]]
        more = f", and {len(changed) - MAX_NAMED} more" if len(changed) > MAX_NAMED else ""
        message = f"changed since the unfinished training started: {', '.join(named)}{more}"
        raise ConfigError(message, hint=hint, where=str(path))


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by dotted name; keys of the config without the prefix `config.`, as users write them."""
    for name, value in tree.items():
        dotted = name if prefix in ("", "config.") else prefix + name
        if isinstance(value, dict):
            yield from _dotted(value, f"{dotted}.")
        else:
            yield dotted, value


# ------------------------------------------------------------------ the file


def pack(state: State) -> bytes:
    """The bytes of a file with this state: numbers, texts and arrays, in dictionaries and lists.

    >>> unpack(pack({"a": [1, {"b": np.arange(3)}]}))
    {'a': [1, {'b': array([0, 1, 2])}]}
    """
    from safetensors.numpy import save

    arrays: dict[str, Any] = {}
    text = json.dumps(_lift(state, arrays)).encode()
    content = save({**arrays, "state": np.frombuffer(text, np.uint8)})
    return hashlib.sha256(content).digest() + content


def unpack(content: bytes) -> State:
    """The state that was packed.

    Raises:
        ValueError: the bytes were not made by `pack`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise ValueError("it is not the file that training wrote")
    try:
        arrays = load(content[32:])
    except SafetensorError as e:
        raise ValueError(str(e)) from None
    state: State = json.loads(bytes(arrays["state"]), object_hook=lambda d: arrays[d["array"]] if "array" in d else d)
    return state


def _lift(value: Any, arrays: dict[str, Any]) -> Any:
    """The value with a reference instead of each array, which is added to `arrays`."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, Mapping):
        return {k: _lift(v, arrays) for k, v in value.items()}
    return [_lift(v, arrays) for v in value] if isinstance(value, list) else value
