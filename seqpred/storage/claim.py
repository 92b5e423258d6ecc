"""The lock on a model folder in training, and the signals that end a training early."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from seqpred.errors import StoppedError, WriteError
from seqpred.storage.atomic import make_folder
from seqpred.storage.layout import CHECKPOINT, LOCK, check_target, holds_state, remove_leftovers
from seqpred.storage.lock import locked


@dataclass
class Stop:
    """Whether training was requested to end (SIGINT, SIGTERM).

    Attributes:
        asked: a signal has arrived.
        patient: finish the current step before ending.
    """

    asked: bool = False
    patient: bool = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler: record the first signal while patient, otherwise raise KeyboardInterrupt."""
        if not self.patient or self.asked:
            raise KeyboardInterrupt
        self.asked = True


def check_claim(path: Path, *, force: bool, resume: bool) -> None:
    """Check that `path` can be claimed, apart from locks; `claim` checks it again.

    Raises:
        WriteError: the folder cannot be written or contains something that may not be replaced.
    """
    check_target(path, force=force or resume or holds_state(path))


@contextmanager
def claim(path: Path, resume_command: str, *, force: bool, resume: bool) -> Iterator[Stop]:
    """Reserve a model folder for this training while the context lasts.

    Args:
        resume_command: how to resume an interrupted training, for messages.
        force: replace a model or an unfinished training in the folder.
        resume: continue an unfinished training in the folder.
    Raises:
        WriteError: the folder cannot be written, is locked, or contains a model or an unfinished training.
        StoppedError: training was interrupted and can be resumed.
    """
    check_claim(path, force=force, resume=resume)
    stop = Stop()
    with _locked(path), _signals(stop):
        if holds_state(path) and not (force or resume):
            hint = f"Resume it with {resume_command}, start over with --force, or choose another folder with --out."
            raise WriteError("contains an unfinished training", hint=hint, where=str(path))
        try:
            yield stop
        except KeyboardInterrupt:
            if not holds_state(path):
                raise
            message = f"interrupted; the training state is saved in {path / CHECKPOINT}"
            raise StoppedError(message, hint=f"Resume with {resume_command}.") from None


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Route SIGINT and SIGTERM to `stop`, unless they are ignored or this is not the main thread."""
    numbers = [signal.SIGINT, signal.SIGTERM] if threading.current_thread() is threading.main_thread() else []
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a model folder, which exists meanwhile."""
    made = make_folder(path / CHECKPOINT)
    hint = "Wait for it to finish, or choose another folder with --out."
    taken = WriteError("another training is running in this folder", hint=hint, where=str(path))
    try:
        with locked(path / CHECKPOINT / LOCK, taken):
            remove_leftovers(path)
            yield
    finally:
        for folder in (path / CHECKPOINT, *made):
            with suppress(OSError):  # not empty, or already gone
                folder.rmdir()
