"""Processes that belong to one group, as torchrun starts them; forked, so that nothing is imported again."""

from __future__ import annotations

import os
import signal
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from seqpred.errors import SeqpredError

Body = Callable[[int], object]
LONGEST = 60  # seconds


def environment(size: int) -> dict[str, str]:
    """The variables that all processes of a new group share."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    sizes = {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    return {**sizes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def launch(place: Path, size: int, body: Body) -> list[tuple[int, str]]:
    """Call a function in each process of a new group: the exit codes (or minus a signal), and messages of errors."""
    shared, started = environment(size), []
    for rank in range(size):
        message = place / f"{rank}.message"
        message.write_text("")
        pid = os.fork()
        if not pid:
            os.environ.update(shared, RANK=str(rank), LOCAL_RANK=str(rank))
            os._exit(_run(body, rank, message))
        started.append((pid, message))
    ended = [(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), message) for pid, message in started]
    return [(code, message.read_text()) for code, message in ended]


def _run(body: Body, rank: int, message: Path) -> int:
    signal.alarm(LONGEST)
    torch.set_num_threads(1)  # the threads of the process that was forked are not in this one
    try:
        body(rank)
    except SeqpredError as e:
        message.write_text(str(e))
        return int(e.exit)
    except SystemExit:
        return 0
    except BaseException:  # noqa: BLE001, the test reports it
        message.write_text(traceback.format_exc())
        return 1
    return 0
