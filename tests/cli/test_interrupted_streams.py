"""A stream that is interrupted and repeated with `--state` emits every forecast once, whatever ended it."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.outside import COMMAND, Trained, call, environment, long_table

STEPS = 2
OPTIONS = ("--stream", "--steps", str(STEPS), "--quantiles", "0.1,0.9")
ROWS = long_table()


@pytest.fixture
def many(models: dict[str, Trained]) -> Trained:
    return models["many"]


@pytest.fixture(scope="module")
def complete(models: dict[str, Trained]) -> list[list[str]]:
    """The forecasts of an uninterrupted stream."""
    done = call(models["many"].place, ["predict", models["many"].folder, "-", *OPTIONS], ROWS)
    return [line.split(",") for line in done.out.splitlines()[1:]]


def run(many: Trained, place: Path, rows: str = ROWS, **options: object) -> subprocess.Popen[bytes]:
    """Start a stream that continues from the state `s`."""
    (place / "rows.csv").write_text(rows)
    with (place / "rows.csv").open("rb") as file:
        return subprocess.Popen(
            [*COMMAND, "predict", str(many.folder), "-", *OPTIONS, "--state", "s"],
            cwd=place,
            stdin=file,
            stderr=subprocess.PIPE,
            env=environment(),
            **options,  # type: ignore[call-overload]
        )


def whole_rows(output: bytes) -> list[list[str]]:
    """The lines of the forecasts that arrived completely, without the header."""
    lines = [line.split(",") for line in output.decode().split("\n")[:-1] if not line.startswith("store,")]
    return lines[: len(lines) // STEPS * STEPS]


def assert_each_once(found: list[list[str]], complete: list[list[str]]) -> None:
    def sorted_by_key(lines: list[list[str]]) -> list[list[str]]:
        return sorted(lines, key=lambda cells: cells[:3])

    found, expected = sorted_by_key(found), sorted_by_key(complete)
    assert [cells[:3] for cells in found] == [cells[:3] for cells in expected]
    numbers = [np.array([[float(c or "nan") for c in cells[3:]] for cells in lines]) for lines in (found, expected)]
    np.testing.assert_allclose(*numbers, rtol=1e-5)


def test_no_forecast_is_lost_or_repeated_if_the_disk_fills_up_repeatedly(many, tmp_path, complete) -> None:
    for limit in (700, 9_000, 9_001, 14_111, 1 << 20):  # with the first, the state cannot be saved either

        def limit_files(size: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        with (tmp_path / "out.csv").open("ab") as file:
            process = run(many, tmp_path, stdout=file, preexec_fn=limit_files)
            _, err = process.communicate(timeout=60)
        assert process.returncode == (0 if limit == 1 << 20 else 6), err
        output = (tmp_path / "out.csv").read_bytes()
        assert output.endswith(b"\n") or (limit == 700 and not output)
    lines = [line for line in output.decode().splitlines() if not line.startswith("store,")]
    assert len(lines) == len(complete)
    assert_each_once(whole_rows(output), complete)


@pytest.mark.parametrize("pieces", [(1, 700, 4096), (5_000, 9_001)])
def test_no_forecast_is_lost_if_readers_close_the_pipe(many, tmp_path, complete, pieces) -> None:
    received: list[list[str]] = []
    for size in (*pieces, None):
        there, here = os.pipe()
        fcntl.fcntl(here, fcntl.F_SETPIPE_SZ, 4096)  # so that the reader closes it before everything is written
        process = run(many, tmp_path, stdout=here)
        os.close(here)
        with open(there, "rb", buffering=0) as pipe:
            parts = _read(pipe.read, size)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        received += whole_rows(parts)
    assert_each_once(received, complete)


def _read(read: Callable[[int], bytes], size: int | None) -> bytes:
    parts: list[bytes] = []
    while size is None or sum(map(len, parts)) < size:
        part = read(size - sum(map(len, parts)) if size else 65536)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def test_no_forecast_is_lost_or_repeated_after_sigterm_at_any_moment(many, tmp_path, complete) -> None:
    received: list[list[str]] = []
    for stop_after in (1, 2000, 6000, None):
        there, here = os.pipe()
        process = run(many, tmp_path, stdout=here)
        os.close(here)
        with open(there, "rb", buffering=0) as pipe:
            parts = _read(pipe.read, stop_after)
            if stop_after:
                process.send_signal(signal.SIGTERM)
            parts += _read(pipe.read, None)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 130), err
        received += whole_rows(parts)
    assert_each_once(received, complete)


def test_a_lone_surrogate_in_an_id_is_a_malformed_row(many, tmp_path, complete) -> None:
    header, *rows = ROWS.splitlines()
    names = header.split(",")
    objects = [json.dumps(dict(zip(names, row.split(","), strict=True))) for row in rows]
    objects.insert(20, '{"store": "\\ud800", "day": 1, "value": 3}')
    process = run(many, tmp_path, "\n".join(objects) + "\n", stdout=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"standard input:21: '\\ud800' in column 'store' contains a lone surrogate" in err
    assert_each_once(whole_rows(out), complete)


def test_a_second_process_on_the_same_state_is_refused(many, tmp_path) -> None:
    command = [*COMMAND, "predict", str(many.folder), "-", *OPTIONS, "--state", "s"]
    first = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert first.stdin is not None
    assert first.stdout is not None
    first.stdin.write(ROWS[:200].encode())
    first.stdin.flush()
    first.stdout.readline()  # it has the state
    second = call(tmp_path, command[3:], ROWS)
    assert second.code == 6
    assert "s: another process uses this state" in second.err
    first.stdin.write(ROWS[200:].encode())
    first.stdin.close()
    first.stdout.read()
    first.stdout.close()
    assert first.wait(60) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s"]
    assert call(tmp_path, command[3:], ROWS).code == 0


@pytest.mark.parametrize("kind", ["a symbolic link", "a pipe", "a device"])
def test_a_state_that_is_not_a_regular_file_is_refused(many, tmp_path, kind) -> None:
    if kind == "a pipe":
        os.mkfifo(tmp_path / "s")
    else:
        (tmp_path / "s").symlink_to("outside" if kind == "a symbolic link" else "/dev/null")
        (tmp_path / "outside").write_text("mine")
    done = call(tmp_path, ["predict", many.folder, "-", *OPTIONS, "--state", "s"], ROWS)
    assert done.code in (4, 6)
    assert "not a state file" in done.err


def test_the_forecasts_of_last_rows_are_repeated_if_they_could_not_be_written(many, tmp_path) -> None:
    command = ["predict", many.folder, "-", *OPTIONS[1:], "--state", "s"]
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            [*COMMAND, *map(str, command)],
            cwd=tmp_path,
            input=ROWS.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert process.returncode == 6
    assert not (tmp_path / "s").exists()
    first, again = (call(tmp_path, command, ROWS) for _ in range(2))
    assert len(first.out.splitlines()) == 1 + 3 * STEPS
    assert len(again.out.splitlines()) == 1
