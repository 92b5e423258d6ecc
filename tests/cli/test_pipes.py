"""Standard input, closed pipes, Ctrl-C, and the terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time

import pytest

from tests.cli.outside import COMMAND, environment, listing, monthly


def test_predict_reads_standard_input(run, models):
    done = run("predict", models["single"].folder, "-", "--steps", "2", stdin=monthly(72))
    assert (done.code, done.err) == (0, "")
    assert [line.split(",")[0] for line in done.out.splitlines()] == ["month", "2021-01-01", "2021-02-01"]


def test_model_trained_from_standard_input_requires_data(refused, models):
    assert "standard input" in refused(2, "predict", models["many"].folder)


def test_closed_pipe_is_not_an_error(models, tmp_path):
    single = models["single"]
    args = ["predict", str(single.folder), str(single.data), "--steps", "1500"]
    done = subprocess.Popen(
        [*COMMAND, *args], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert done.stdout is not None
    assert done.stderr is not None
    head = [done.stdout.readline() for _ in range(2)]
    done.stdout.close()
    output = done.stderr.read().decode()
    done.stderr.close()
    assert head[1].startswith(b"2023-01-01,1,")
    assert (done.wait(60), output) == (0, "")


SHOWN = re.compile(rb"training .*% network 1 of \d+  loss [\d.]+  val\. MASE [\d.]+  \d+:\d\d left")


@pytest.fixture
def started(models, tmp_path):
    """A long training with a terminal of 80 columns as stderr, and its output once training runs."""
    config = (models["single"].place / "sales.yaml").read_text()
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "sales.yaml").write_text(config)
    (tmp_path / "runs").mkdir()
    settings = ["training.max_steps=1000000", "training.patience=100000", "model.hidden_size=4", "model.depth=1"]
    options = [part for setting in settings for part in ("--set", setting)]
    terminal, end = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, "train", "sales.yaml", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=end,
        env={**environment(), "COLUMNS": "80"},
        start_new_session=True,
    )
    os.close(end)
    shown = b""
    limit = time.monotonic() + 60
    while not SHOWN.search(shown) and time.monotonic() < limit and select.select([terminal], [], [], 60)[0]:
        shown += os.read(terminal, 65536)
    with process:
        yield process, terminal, shown.decode(errors="replace")
        process.kill()
    os.close(terminal)


def test_training_shows_a_progress_bar_and_exits_with_code_130_on_ctrl_c(started, tmp_path):
    process, terminal, shown = started
    assert SHOWN.search(shown.encode()), shown
    assert "nan" not in shown
    before = listing(tmp_path)
    process.send_signal(signal.SIGINT)
    output = b""
    while True:
        try:
            output += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
    assert process.wait(60) == 130
    assert process.stdout.read() == b""
    assert b"interrupted" in output
    assert b"Traceback" not in output
    assert {name for name in listing(tmp_path).keys() - before.keys() if "checkpoint" not in name} <= {"m"}


def test_terminal_as_standard_input_is_rejected(models, tmp_path):
    terminal, end = os.openpty()
    done = subprocess.run(
        [*COMMAND, "predict", str(models["single"].folder), "-"],
        cwd=tmp_path,
        stdin=end,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    os.close(end)
    os.close(terminal)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"standard input" in done.stderr


def test_progress_bar_of_predict_is_shown_only_on_a_terminal(models, tmp_path):
    rows = [f"s{i},{2 * t},{(i + t) % 5}" for i in range(600) for t in range(12)]
    (tmp_path / "many.csv").write_text("\n".join(["store,day,value", *rows]) + "\n")
    command = [*COMMAND, "predict", str(models["many"].folder), "many.csv", "--steps", "1", "--quantiles", "0.5"]
    plain = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment(), check=True)
    terminal, end = os.openpty()
    shown = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=end, env=environment(), check=True)
    os.close(end)
    output = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert plain.stderr == b""
    assert len(plain.stdout.splitlines()) == 601
    assert shown.stdout == plain.stdout
    assert "forecasting" in output
    assert " %" in output
