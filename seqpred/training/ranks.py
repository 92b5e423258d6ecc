"""A group of processes that train together, started by torchrun or another launcher.

Rank 0 makes decisions, writes and prints. An error of any rank ends the group: the rank stores its error and
leaves, the connections of the others to it close, and they find the error in the store.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from seqpred import launcher
from seqpred.errors import SeqpredError, StoppedError, UnreachableError

START = timedelta(seconds=6)  # in which the other processes must connect with rank 0
CONNECT = timedelta(seconds=3)  # in which rank 0 must answer; torch tries it a second time
LAUNCHED = 6  # times as long under torchrun, which starts all processes and ends them if one fails
ANSWER = timedelta(minutes=30)  # in which a process must answer, as reading the data may take long
GRACE = 8  # seconds that a rank waits for rank 0 to report its error, or to end after a signal
LEAVE = timedelta(seconds=2)  # in which the other ranks read the error of rank 0, whose end closes the store
ERROR, REPORTED, READ = "seqpred/error", "seqpred/reported", "seqpred/read"  # keys of the store


class LostError(StoppedError):
    """The connection to a process of the group is lost, and no error is known."""

    def __init__(
        self, message: str = "a process of the group was killed, or its machine was lost", **_: object
    ) -> None:
        super().__init__(message, hint="Repeat the command with --resume.")


@dataclass(frozen=True)
class Ranks:
    """The group from the view of one of its processes.

    Attributes:
        rank: the number of this process.
        size: the number of processes.
        store: keys and values that all processes see.
        groups: of some of the ranks.
    """

    rank: int
    size: int
    store: Any  # torch.distributed.Store
    groups: dict[Any, Any] = field(default_factory=dict)

    def share(self, value: Any = None) -> Any:
        """The value of rank 0."""
        values = [value]
        with self.answered():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in order, at rank 0; at other ranks, an empty list."""
        values: list[Any] = [None] * self.size if self.rank == 0 else []
        with self.answered():
            dist.gather_object(value, values or None, dst=0)
        return values

    def group(self, members: Sequence[int], backend: str) -> Any:
        """A group of some of the ranks, which all ranks must create; a torch.distributed.ProcessGroup."""
        key = (*members, backend)
        if key not in self.groups:
            self.groups[key] = dist.new_group(list(members), timeout=ANSWER, backend=backend)
        return self.groups[key]

    def meet(self) -> None:
        """Wait for all ranks."""
        with self.answered():
            dist.barrier()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Turn a lost connection into the error that caused it."""
        try:
            yield
        except RuntimeError as e:
            raise self._reported() or LostError() from e

    def _reported(self) -> BaseException | None:
        """The error that a rank has stored, if any."""
        with suppress(RuntimeError):  # the store may be gone as well
            if self.store.check([ERROR]):
                error: BaseException = pickle.loads(self.store.get(ERROR))  # noqa: S301, from a rank of this group
                return error
        return None

    def fail(self, error: BaseException) -> BaseException:
        """Leave the group because of an error; returns the error that ended the group, which may be an earlier one."""
        with suppress(RuntimeError):
            self.store.compare_set(ERROR, "", pickle.dumps(error if self.rank == 0 else self._named(error)))
        first = self._reported() or error
        if self.rank == 0 and not isinstance(error, (StoppedError, KeyboardInterrupt)):
            first = error  # the same one, usually, as all ranks read the same config and data
        dist.destroy_process_group()  # wakes the others
        with suppress(RuntimeError):
            if self.rank and not isinstance(first, LostError):
                self.store.set(f"{READ}/{self.rank}", "")
                self.store.wait([REPORTED], timedelta(seconds=GRACE))
            if not self.rank:
                _set_signals(signal.SIG_IGN)  # torchrun sends them as soon as another rank has ended
                self.store.set(REPORTED, "")
                self.store.wait([f"{READ}/{rank}" for rank in range(1, self.size)], LEAVE)
        return first

    def _named(self, error: BaseException) -> BaseException:
        """An error that can be sent to rank 0, and names this rank."""
        if isinstance(error, LostError):
            return error
        here = f"rank {self.rank} on {socket.gethostname()}"
        if isinstance(error, SeqpredError):
            return type(error)(f"{here}: {error.message}", hint=error.hint)
        error.add_note(f"{here}:\n" + "".join(traceback.format_exception(error)))
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301, see above
        except Exception:  # noqa: BLE001, an error of another package, which may be anything
            return RuntimeError("\n".join(error.__notes__))
        return error


_current: Ranks | None = None


@contextmanager
def joined() -> Iterator[Ranks | None]:
    """Join the group of this process for as long as the context lasts; None if it does not belong to one.

    Inside another such context, it is the same group.

    Raises:
        UnreachableError: the other processes do not answer.
    """
    global _current  # noqa: PLW0603, as the default group of torch.distributed, of which there is one
    if _current is not None or not launcher.is_grouped():
        yield _current
        return
    _current = ranks = _join()
    try:
        yield ranks
    except (Exception, KeyboardInterrupt) as e:  # noqa: BLE001, whatever it is, it ends the group
        raise ranks.fail(e) from None
    finally:
        _current = None
        if dist.is_initialized():
            dist.destroy_process_group()


def _join() -> Ranks:
    """Connect with the other processes."""
    timeout = (CONNECT if launcher.rank() else START) * (LAUNCHED if dist.is_torchelastic_launched() else 1)
    try:
        launcher.check()
        store, rank, size = next(rendezvous("env://", timeout=timeout))
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=ANSWER)
    except (RuntimeError, ValueError) as e:
        address = [os.environ.get(name) for name in ("MASTER_ADDR", "MASTER_PORT")]
        place = f" at {address[0]}:{address[1]}" if all(address) else ""
        reason = str(e).splitlines()[0].rstrip(".")
        message = f"the processes of the group cannot find each other{place} ({reason})"
        hint = "Check MASTER_ADDR, MASTER_PORT and WORLD_SIZE, and start all processes at the same time."
        raise UnreachableError(message, hint=hint) from None
    if torch.cuda.is_available():
        torch.cuda.set_device(launcher.local_rank() % torch.cuda.device_count())
    if rank:  # rank 0 ends the others; they end by themselves if it does not
        _set_signals(lambda *_: signal.alarm(GRACE))
    return Ranks(rank, size, store)


def _set_signals(action: Any) -> None:
    """Set what SIGINT and SIGTERM do in this process, from its main thread."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, action)
