"""A server process that imports everything once and forks for each command.

`python -m tests.cli.warm FD` receives requests over the socket FD: the arguments, folder and environment of a command,
with its three streams and a pipe for its exit status. Each command is still a process of its own, but torch is imported
only once. Tests of the imports start a new process instead (`test_fast_start.py`, `piped`, and all tests that open a
terminal or send signals).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ENOUGH = 1 << 20  # bytes of one message
LONGEST = 120  # seconds, after which SIGALRM stops a command
END = struct.Struct("i")  # wait status of a command


@cache
def server() -> socket.socket:
    """The socket of the server process, which stops with this process."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ENOUGH)
    with there:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.warm", str(there.fileno())],
            pass_fds=[there.fileno()],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(process.wait)
    atexit.register(here.close)
    return here


def run(args: Sequence[str], place: Path, stdin: bytes, environment: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Run a command in a folder and wait for it: its exit code (or minus a signal), stdout and stderr."""
    given, out, err, end = (os.pipe() for _ in range(4))
    message = json.dumps({"args": list(args), "place": str(place), "environment": dict(environment)})
    theirs = [given[0], out[1], err[1], end[1]]
    socket.send_fds(server(), [message.encode()], theirs)
    for fd in theirs:
        os.close(fd)
    with ThreadPoolExecutor(3) as pool:
        pool.submit(_feed, given[1], stdin)
        output, errors = pool.submit(_drain, out[0]), pool.submit(_drain, err[0])
        status = END.unpack(_drain(end[0]))[0]
        return os.waitstatus_to_exitcode(status), output.result(), errors.result()


def _feed(fd: int, content: bytes) -> None:
    with os.fdopen(fd, "wb") as pipe:
        try:
            pipe.write(content)
        except BrokenPipeError:  # the command has not read all of it
            return


def _drain(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as pipe:
        return pipe.read()


def _serve(channel: socket.socket) -> None:
    """For each request, fork a process that runs the command and one that waits for it and sends its status."""
    while True:
        message, fds, _, _ = socket.recv_fds(channel, ENOUGH, 4)
        if not message:
            return
        if os.fork():
            for fd in fds:
                os.close(fd)
            continue
        channel.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        *streams, end = fds
        if command := os.fork():
            for fd in streams:
                os.close(fd)
            os.write(end, END.pack(os.waitpid(command, 0)[1]))
            os._exit(0)
        os.close(end)
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
            os.close(fd)
        _run_command(json.loads(message))


def _run_command(message: dict[str, object]) -> None:
    """Run the command in this process, then exit."""
    os.chdir(str(message["place"]))
    os.environ.clear()
    os.environ.update(message["environment"])  # type: ignore[call-overload]  # from JSON
    sys.argv = ["seqpred", *message["args"]]  # type: ignore[misc]
    sys.path.pop(0)  # this folder, which is not in the path of an installed command
    code: object = 0
    signal.alarm(LONGEST)
    try:
        runpy.run_module("seqpred", run_name="__main__", alter_sys=True)
    except SystemExit as e:
        code = e.code
    except BaseException:  # noqa: BLE001, like the interpreter
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else bool(code))


def _import_everything() -> None:
    """Import all modules that a command may need. Nothing may start a thread: a fork copies none."""
    import pandas as pd  # noqa: F401
    import pyarrow.csv  # noqa: F401
    import torch

    import seqpred
    from seqpred.runtime.onnx_runtime import import_onnxruntime

    import_onnxruntime()

    torch.set_num_threads(1)
    for module in pkgutil.walk_packages(seqpred.__path__, "seqpred."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    _import_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the status of the waiting processes is not needed
    _serve(socket.socket(fileno=int(sys.argv[1])))
