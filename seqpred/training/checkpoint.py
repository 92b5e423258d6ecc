"""Stop and go on: the state of an unfinished training, in the folder `checkpoint` of the model folder.

One training at a time may have a folder, by a lock that a dead process does not hold. The state is one file,
written whole or not at all: the SHA-256 of what follows, then arrays as safetensors, of which one, `state`, is
the JSON of all that is no array.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqpred.errors import ConfigError, DataError, FolderError, WriteError
from seqpred.notes import Note, Notify
from seqpred.storage.atomic import write_file
from seqpred.storage.claim import Stop
from seqpred.storage.model_folder import CHECKPOINT, LARGEST, STATE, WEIGHTS

if TYPE_CHECKING:
    from seqpred.training.loop import Hooks
    from seqpred.training.run import Outcome, State

EVERY = 10.0  # seconds from one write to the next
COST = 0.02  # share of the time that writing may take
SHOWN = 4  # changed keys that a message names


@dataclass
class Checkpoint:
    """The state of a training: the networks that are done, and the one under way.

    Attributes:
        path: the model folder.
        made_for: what the state depends on: config, data, versions; it goes on with the same alone.
        stop: whether to end after this step.
        say: told when a write has failed; training goes on without.
        finished: outcomes, in the order in which the networks are trained.
        run: the state of the network under way.
    """

    path: Path
    made_for: Mapping[str, Any]
    stop: Stop
    notify: Notify
    finished: list[State] = field(default_factory=list)
    run: State | None = None
    _next: float = field(default_factory=lambda: time.monotonic() + EVERY)

    @property
    def file(self) -> Path:
        """Where the state is written."""
        return self.path / CHECKPOINT / STATE

    def outcome(self, place: int, hooks: Hooks, train: Callable[[Hooks, State | None], Outcome]) -> Outcome:
        """What the training of one network came to: if it is not kept, `train` goes on from the state that is.

        Args:
            place: of the network among all that are trained, one after another.
            train: given hooks that keep its state, and the state to go on from.
        """
        from seqpred.training.run import Outcome, reporting_damage

        try:
            if place < len(self.finished):
                with reporting_damage():
                    return Outcome.load_state_dict(self.finished[place])
            self.stop.patient = True
            outcome = train(replace(hooks, keep=self._keep), self.run)
        finally:
            self.stop.patient = False
        self.finished.append(outcome.state_dict())
        self.run = None
        self._write()
        return outcome

    def _keep(self, state_dict: Callable[[], State]) -> None:
        """After each step: write the state if it is time to, or time to end."""
        if not self.stop.asked and time.monotonic() < self._next:
            return
        self.run = state_dict()
        self._write()
        if self.stop.asked:
            raise KeyboardInterrupt

    def _write(self) -> None:
        began = time.monotonic()
        try:
            write_file(self.file, pack({"made_for": self.made_for, "finished": self.finished, "run": self.run}))
        except WriteError as e:
            self.notify(Note(f"{e.message}; training continues without a checkpoint"))
        now = time.monotonic()
        self._next = now + max(EVERY, (now - began) / COST)

    def read(self) -> None:
        """Take over the state that is kept, if one is.

        Raises:
            ConfigError, DataError: it was made for another config, other data or other versions.
            FolderError: it is damaged.
        """
        if not self.file.exists():
            self.notify(Note(f"{self.path} holds no unfinished training; training starts from the beginning"))
            return
        hint = "--force begins anew."
        try:
            if self.file.stat().st_size > 4 * LARGEST[WEIGHTS]:
                raise ValueError(f"it has {self.file.stat().st_size} bytes")
            state = unpack(self.file.read_bytes())
            self.finished, self.run = list(state["finished"]), state["run"]
            _check_same(state["made_for"], json.loads(json.dumps(self.made_for)), self.path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise FolderError(f"damaged: {e}", hint=hint, where=str(self.file)) from None
        step = f"step {self.run['step']}" if self.run else "the last step"
        network = f" of network {len(self.finished) + 1}" if self.finished else ""
        self.notify(Note(f"resuming the training in {self.path} after {step}{network}"))


def _check_same(before: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """See that nothing has changed that the result depends on."""
    hint = "Undo the change to go on, or begin anew with --force."
    if before["data"] != now["data"]:
        raise DataError("the data has changed since the unfinished training there began", hint=hint, where=str(path))
    was, is_ = dict(_dotted(before)), dict(_dotted(now))
    changed = [k for k in {**was, **is_} if was.get(k) != is_.get(k)]
    if changed:
        told = [f"{k} was {was.get(k)!r} and is {is_.get(k)!r}" for k in changed[:SHOWN]]
        more = f", and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        found = f"changed since the unfinished training there began: {', '.join(told)}{more}"
        raise ConfigError(found, hint=hint, where=str(path))


def _dotted(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by dotted name; keys of the config stand as its users write them."""
    for name, value in tree.items():
        dotted = name if above in ("", "config.") else above + name
        if isinstance(value, dict):
            yield from _dotted(value, f"{dotted}.")
        else:
            yield dotted, value


# ------------------------------------------------------------------ the file


def pack(state: State) -> bytes:
    """A state as a file's bytes: numbers, texts and arrays, in dictionaries and lists.

    >>> unpack(pack({"a": [1, {"b": np.arange(3)}]}))
    {'a': [1, {'b': array([0, 1, 2])}]}
    """
    from safetensors.numpy import save

    arrays: dict[str, Any] = {}
    text = json.dumps(_lift(state, arrays)).encode()
    content = save({**arrays, "state": np.frombuffer(text, np.uint8)})
    return hashlib.sha256(content).digest() + content


def unpack(content: bytes) -> State:
    """The state that `pack` was given.

    Raises:
        ValueError: these are not bytes that `pack` gave.
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
    """The value with a reference in place of each array, which goes into `arrays`."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, Mapping):
        return {k: _lift(v, arrays) for k, v in value.items()}
    return [_lift(v, arrays) for v in value] if isinstance(value, list) else value
