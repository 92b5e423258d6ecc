"""The progress of a training without a terminal: a line per minute on stderr, and JSON lines with `--log`."""

from __future__ import annotations

import csv
import io
import json
import threading
from pathlib import Path

import pytest

from seqpred.cli.terminal import Output
from seqpred.cli.training_log import TrainingLog
from seqpred.errors import WriteError
from seqpred.notes import no_op
from seqpred.training.progress import TrainingProgress
from seqpred.training.run import Score
from tests.cli.outside import TINY, call, monthly

HALF = TrainingProgress("training", 0.5, 20, 40, 0.31, Score(0.2, 0.7, 1.0), 90.0, 0.25, 2, 5)


def test_log_contains_the_rows_of_the_history(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "sales.yaml").write_text("data: {path: sales.csv, target: sales}\ntraining: {validation: 12}\n")
    done = call(tmp_path, ["train", "sales.yaml", "--log", "sales.jsonl", *TINY])
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in (tmp_path / "sales.jsonl").read_text().splitlines()]
    history = csv.DictReader(io.StringIO((tmp_path / "runs" / "sales" / "history.csv").read_text()))
    stored = {(int(row["network"]), int(row["step"])): row["validation_score"] for row in history}
    assert lines
    for line in lines:
        assert stored[line["network"], line["step"]] == (
            "" if line["validation_score"] is None else str(line["validation_score"])
        )
        assert line["time"].startswith("20")
        assert line["loss"] > 0


def test_a_line_is_written_each_minute_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    output = Output(["train"], clock=lambda: now[0])
    context = type("Context", (), {"obj": output})()
    assert Output.of(context, each_minute=True) is output
    for now[0] in (1.0, 59.0, 61.0, 62.0, 130.0):
        output.on_progress(HALF)
    line = "training: 50 %, network 2 of 5, step 20 of 40, validation MASE 0.700, 1:30 left\n"
    assert capsys.readouterr().err == 2 * line


def test_the_progress_bar_starts_no_thread_and_is_drawn_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are forked to train networks in parallel only where there is no other thread."""
    now, terminal = [0.0], io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    output, threads, sizes = Output(["train"], clock=lambda: now[0]), threading.active_count(), []
    with output.progress_cleared():
        for now[0] in (0.0, 0.01, 0.05, 0.2):
            output.on_progress(HALF)
            sizes.append(len(terminal.getvalue()))
        assert threading.active_count() == threads
    assert sizes[0] == sizes[1] == sizes[2] < sizes[3]
    assert "network 2 of 5" in terminal.getvalue()


def test_a_log_that_fails_is_an_error_after_the_training(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "gone" / "log.jsonl")
    log.then(no_op)(HALF)
    with pytest.raises(WriteError, match="the log is incomplete"):
        log.check()


def test_a_resumed_training_appends_to_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    TrainingLog.of(path, tmp_path / "m", inputs=[], resume=False).then(no_op)(HALF)
    TrainingLog.of(path, tmp_path / "m", inputs=[], resume=True).then(no_op)(HALF)
    assert len(path.read_text().splitlines()) == 2
    TrainingLog.of(path, tmp_path / "m", inputs=[], resume=False).then(no_op)(HALF)
    assert len(path.read_text().splitlines()) == 1


def test_a_log_inside_the_model_folder_is_rejected(refused, write) -> None:
    write("c.yaml", "data: {target: y}\n")
    assert "inside the model folder" in refused(2, "train", "c.yaml", "--out", "m", "--log", "m/log.jsonl")
