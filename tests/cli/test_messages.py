"""A message instead of a traceback: unusual names, terminals without the characters, too little memory, no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.cli.outside import COMMAND, TINY, Run, Trained, environment, monthly

LONG = "x" * 300


@pytest.fixture
def single(models: dict[str, Trained]) -> Trained:
    return models["single"]


PLACES = {
    "a model": (4, "predict", "{}"),
    "the data": (3, "predict", "{model}", "{}"),
    "the output": (6, "predict", "{model}", "{data}", "-o", "{}"),
    "the state": (6, "predict", "{model}", "-", "--stream", "--state", "{}"),
    "the report": (6, "eval", "{model}", "{data}", "--report", "{}"),
    "the config": (2, "train", "{}"),
    "the model folder": (6, "train", "{config}", "--out", "{}"),
    "what is shown": (4, "show", "{}"),
    "what is checked": (3, "check", "{}"),
}


@pytest.mark.parametrize("name", [LONG, "loop"], ids=["too long", "loop of links"])
@pytest.mark.parametrize("command", PLACES.values(), ids=PLACES)
def test_a_path_that_cannot_exist_exits_with_a_message(refused, single, tmp_path, name, command) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "c.yaml").write_text(f"data: {{path: {single.data}, target: sales}}\n")
    given = {"model": single.folder, "data": single.data, "config": "c.yaml"}
    code, *words = command
    assert name in refused(code, *(word.format(name, **given) for word in words), stdin=monthly(40))


def test_a_line_break_in_a_path_is_escaped(refused, single) -> None:
    assert r"no\nsuch.csv: no such file" in refused(3, "predict", single.folder, "no\nsuch.csv")


def test_a_terminal_without_the_characters_of_an_id_shows_escapes(models, tmp_path) -> None:
    rows = "".join(f"東京,{2 * i},{100 + i % 12}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"store,day,value\n{rows}")
    terminal, end = os.openpty()
    process = subprocess.run(
        [*COMMAND, "predict", str(models["many"].folder), "t.csv", "--steps", "1"],
        cwd=tmp_path,
        stdout=end,
        stderr=subprocess.PIPE,
        env={**environment(), "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    os.close(end)
    shown = os.read(terminal, 65536).decode("latin-1")
    os.close(terminal)
    assert process.returncode == 0, process.stderr
    assert r"value of \u6771\u4eac" in shown


def test_data_in_a_pipe_is_utf_8_in_every_locale(models, tmp_path) -> None:
    rows = "".join(f"東京,{2 * i},{100 + i % 12}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"store,day,value\n{rows}")
    done = subprocess.run(
        [*COMMAND, "predict", str(models["many"].folder), "t.csv", "--steps", "1"],
        cwd=tmp_path,
        capture_output=True,
        env={**environment(), "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert "東京,80,1," in done.stdout.decode()


HIDING = "import sys; sys.modules['torch'] = None; sys.argv[0] = 'seqpred'; from seqpred.cli import main; main()"


def test_training_without_torch_exits_with_the_command_that_installs_it(tmp_path) -> None:
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "c.yaml").write_text("data: {path: sales.csv, target: sales}\n")
    done = subprocess.run(
        [sys.executable, "-c", HIDING, "train", "c.yaml", *TINY],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "the package 'torch' is not installed. Install it with `pip install torch`." in done.stderr
    assert "Traceback" not in done.stderr


def limited(place: Path, kilobytes: int, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command with a limit on its address space."""
    command = " ".join([*COMMAND, *map(str, words)])
    return subprocess.run(
        ["bash", "-c", f"ulimit -v {kilobytes}; exec {command}"],
        cwd=place,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )


def test_too_little_memory_exits_with_a_message(tmp_path) -> None:
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "c.yaml").write_text("data: {path: sales.csv, target: sales}\n")
    for kilobytes, message in ((600_000, "out of memory"), (850_000, "out of memory: training needs")):
        done = limited(tmp_path, kilobytes, "train", "c.yaml", *TINY)
        assert done.returncode == 3, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_runtime_without_its_device_is_an_error(refused, single) -> None:
    for command in ("predict", "eval"):
        message = refused(2, command, single.folder, single.data, "--runtime", "cuda")
        assert "--runtime is 'cuda', which torch cannot find on this machine. Set it to onnx or torch." in message
    assert "no cuda runtime" in refused(2, "predict", "pretrained", single.data, "--runtime", "cuda")


def test_no_option_takes_a_value_without_a_message_that_quotes_it(run: Run) -> None:
    for option, value in (("--windows", "none"), ("--windows", "0"), ("--runtime", "gpu"), ("--require-skill", "high")):
        done = run("eval", "m", option, value)
        assert done.code == 2
        assert f"'{value}'" in done.err
