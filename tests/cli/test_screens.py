"""What people see on a terminal of 80 columns: a forecast, the summary of a model, messages."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from seqpred.cli.terminal import wrap_message
from tests.cli.outside import COMMAND, environment
from tests.conftest import ROOT


def on_terminal(place: Path, args: Sequence[object], **variables: str) -> str:
    """What a command prints to a terminal of 80 columns; it must succeed."""
    terminal, end = os.openpty()
    parts: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(terminal, 65536):
                parts.append(part)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    env = {**environment(), "COLUMNS": "80", **variables}
    done = subprocess.run(
        [*COMMAND, *map(str, args)], cwd=place, stdout=end, stderr=end, stdin=subprocess.DEVNULL, env=env, check=False
    )
    os.close(end)
    reader.join()
    os.close(terminal)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", b"".join(parts).decode().replace("\r\n", "\n"))
    assert done.returncode == 0, shown
    return shown


def test_predict_shows_a_chart_and_a_rounded_table_with_the_last_rows(models) -> None:
    single = models["single"]
    shown = on_terminal(single.place, ["predict", single.folder, single.data, "--steps", "3"])
    lines = [line.split() for line in shown.splitlines()]
    last = single.data.read_text().splitlines()[-1].split(",")
    assert ["month", "sales", "forecast", "q0.1", "q0.9"] in lines
    assert [last[0], last[1]] in lines
    steps = [line for line in lines if line and line[0] in ("2023-01-01", "2023-02-01", "2023-03-01")]
    assert [len(line) for line in steps if len(line) > 3] == [4, 4, 4]
    assert all(len(number) <= 7 for line in steps for number in line[1:] if "-" not in number)
    assert "░" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_predict_shows_a_table_for_each_target(models) -> None:
    wide = models["wide"]
    shown = on_terminal(wide.place, ["predict", wide.folder, wide.data, "--steps", "1", "--digits", "0"])
    assert [line for line in shown.splitlines() if line in ("in", "out")] == ["in", "out"]
    assert "series are shown" not in shown


def test_quantiles_that_do_not_fit_the_terminal_are_counted(models) -> None:
    single = models["single"]
    levels = "0.1,0.2,0.3,0.4,0.6,0.7,0.8,0.9"
    shown = on_terminal(single.place, ["predict", single.folder, single.data, "--quantiles", levels], COLUMNS="50")
    assert "of 8 quantiles fit the terminal" in shown
    assert max(map(len, shown.splitlines())) <= 50


def test_predict_prints_csv_on_a_terminal_if_a_format_is_named(models) -> None:
    single = models["single"]
    shown = on_terminal(single.place, ["predict", single.folder, single.data, "--format", "csv", "--quiet"])
    assert shown.startswith("month,step,forecast,")


def test_show_begins_with_ten_lines_that_fit_80_columns(models) -> None:
    single = models["single"]
    shown = on_terminal(single.place, ["show", single.folder])
    summary = shown.partition("\n\n")[0].splitlines()
    labels = [line.split(":")[0] for line in summary]
    expected = "model network data horizon season scores contribution start size trained"
    assert labels == expected.split()
    assert "sales.csv, 96 rows of 1 series" in shown
    assert "(validation split)" in shown
    assert max(map(len, summary)) <= 80


def test_the_summary_of_train_fits_80_columns_and_ends_with_the_curve(models) -> None:
    lines = models["single"].done.err.splitlines()
    assert any(line.startswith("Validation scores, last 6 rows of each series") for line in lines)
    assert "  contribution: " in lines[-3]
    assert "validation loss: " in lines[-2]
    assert "5 training steps" in lines[-1] or "training steps in" in lines[-1]


def test_the_readme_shows_the_forecast_of_a_terminal() -> None:
    """The block without a language after the command in the README is what the command prints."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"`seqpred (forecast air_passengers[^`]+)` prints:\n\n```\n(.+?)```", page, re.DOTALL)
    assert found
    shown = on_terminal(ROOT / "data", [*found[1].split(), "--quiet"])
    assert [line.rstrip() for line in shown.strip().splitlines()] == found[2].strip().splitlines()


@pytest.mark.parametrize("width", [20, 40, 80])
def test_commands_in_messages_stay_on_one_line(width) -> None:
    command = "`seqpred train 'my sales.yaml' --set model.cell=gru --resume`"
    text = wrap_message(f"The training was interrupted. Resume with {command} or start over with `--force`.", width)
    assert command in text
    assert all(len(line) <= width for line in text.splitlines() if command not in line)
