"""Output is complete or the exit code is not 0: full files, slow and closed readers, signals, closed streams."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.outside import COMMAND, Trained, environment, monthly

with_and_without_buffers = pytest.mark.parametrize(
    "start", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"], indirect=True
)
LONG = ("--steps", "1500")  # about 240 KB of forecasts, more than a pipe holds


@pytest.fixture
def single(models: dict[str, Trained]) -> Trained:
    return models["single"]


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the command with its own pipes; `with_and_without_buffers` parametrizes it."""
    variables = getattr(request, "param", {})
    started: list[subprocess.Popen[bytes]] = []

    def begin(*args: object, **options: Any) -> subprocess.Popen[bytes]:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [*COMMAND, *map(str, args)],
            cwd=tmp_path,
            env={**environment(), **variables},
            **{**streams, **options},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


@pytest.fixture(scope="module")
def complete(models: dict[str, Trained]) -> bytes:
    """The forecasts of `LONG`."""
    single = models["single"]
    command = [*COMMAND, "predict", str(single.folder), str(single.data), *LONG]
    return subprocess.run(command, env=environment(), cwd=single.place, capture_output=True, check=True).stdout


def limit_files(size: int) -> Callable[[], None]:
    """Let a process write only so many bytes to a file, as on a disk that fills up."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@with_and_without_buffers
def test_a_full_disk_exits_with_6_and_a_message(start, single, tmp_path, complete) -> None:
    with (tmp_path / "out.csv").open("wb") as file:
        process = start("predict", single.folder, single.data, *LONG, stdout=file, preexec_fn=limit_files(100_000))
        _, err = process.communicate()
    assert process.returncode == 6, err
    assert b"standard output cannot be written" in err
    assert b"Traceback" not in err
    assert (tmp_path / "out.csv").read_bytes() == complete[:100_000]


@pytest.mark.parametrize("command", ["--help", "eval", "predict"])
def test_a_full_device_exits_with_6_in_every_command(start, single, command) -> None:
    words = [] if command == "--help" else [single.folder, single.data]
    with open("/dev/full", "wb") as full:
        process = start(command, *words, stdout=full)
        _, err = process.communicate()
    assert process.returncode == 6, err
    assert f"cannot be written ({os.strerror(errno.ENOSPC)})".encode() in err


@with_and_without_buffers
def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything(start, single, complete) -> None:
    there, here = os.pipe()
    os.set_blocking(here, False)
    process = start("predict", single.folder, single.data, *LONG, stdout=here)
    os.close(here)
    with open(there, "rb", buffering=0) as pipe:
        received = b"".join(iter(lambda: pipe.read(3000), b""))
    assert process.wait(60) == 0
    assert received == complete


@with_and_without_buffers
def test_sigterm_during_a_blocked_write_does_not_lose_output_with_exit_0(start, single, complete) -> None:
    process = start("predict", single.folder, single.data, *LONG)
    _wait_until_full(process.stdout)
    process.send_signal(signal.SIGTERM)
    received = process.stdout.read()
    assert process.wait(60) != 0 or received == complete


@with_and_without_buffers
def test_sigterm_during_a_blocked_write_of_a_stream_completes_the_row(start, single) -> None:
    process = start("predict", single.folder, "-", "--stream", *LONG)
    rows = monthly(3).encode()
    process.stdin.write(rows)
    process.stdin.flush()
    _wait_until_full(process.stdout)
    process.send_signal(signal.SIGTERM)
    received = process.stdout.read()
    assert process.wait(60) == 130
    assert received.endswith(b"\n")
    assert (received.count(b"\n") - 1) % 1500 == 0


def _wait_until_full(pipe: Any) -> None:
    """Wait until a pipe has no room for another page, so that its writer is blocked."""
    enough = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) - 4096
    waiting, limit = bytearray(4), time.monotonic() + 60
    while int.from_bytes(waiting, "little") < enough:
        assert time.monotonic() < limit, "the pipe does not fill up"
        time.sleep(0.01)
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)


@pytest.mark.parametrize("command", ["eval", "check", "predict"])
def test_a_closed_pipe_is_not_a_failure(start, single, command) -> None:
    words = [single.data] if command == "check" else [single.folder, single.data]
    there, here = os.pipe()
    os.close(there)
    process = start(command, *words, stdout=here)
    os.close(here)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert b"Traceback" not in err


def test_a_closed_pipe_does_not_hide_that_the_skill_is_too_low(start, single) -> None:
    there, here = os.pipe()
    os.close(there)
    process = start("eval", single.folder, single.data, "--require-skill", "0.1", stdout=here)
    os.close(here)
    process.communicate()
    assert process.returncode == 5


@pytest.mark.parametrize("command", ["predict", "--help"])
def test_a_closed_stdout_exits_with_6_and_a_message(start, single, command) -> None:
    words = [single.folder, single.data] if command == "predict" else []
    process = start(command, *words, stdout=None, preexec_fn=lambda: os.close(1))
    _, err = process.communicate()
    assert process.returncode == 6, err
    assert b"standard output is closed" in err
    assert b"Traceback" not in err


def test_a_closed_stderr_changes_neither_output_nor_exit_code(start, single, complete) -> None:
    process = start("predict", single.folder, single.data, *LONG, stderr=None, preexec_fn=lambda: os.close(2))
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, complete)


def test_a_full_stderr_changes_neither_output_nor_exit_code(start, single) -> None:
    with open("/dev/full", "wb") as full:
        process = start("eval", single.folder, single.data, "--json", stderr=full)
        out, _ = process.communicate()
    assert process.returncode == 0
    json.loads(out)


def test_a_file_that_cannot_be_completed_is_not_written(start, single, tmp_path) -> None:
    (tmp_path / "out.csv").write_text("old")
    process = start("predict", single.folder, single.data, *LONG, "-o", "out.csv", preexec_fn=limit_files(100_000))
    _, err = process.communicate()
    assert process.returncode == 6, err
    assert (tmp_path / "out.csv").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
