"""Commands that need no data and no network import neither pandas nor torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seqpred.cli.app import COMMANDS, load_command
from tests.cli.outside import environment

MOST_MODULES = 125  # of our own that a forecast from a small file imports; each takes about 0.4 ms


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["train", "--help"], 0),
        (["schema"], 0),
        (["train", "wrong.yaml"], 2),
        (["show", "right.yaml"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_commands_without_data_import_neither_torch_nor_pandas(write, tmp_path, args, code):
    write("wrong.yaml", "data: {targets: y}\n")
    write("right.yaml", "data: {target: y}\n")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqpred", *args],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == code
    assert "seqpred.cli.app" in loaded
    assert not loaded & {"torch", "pandas"}
    others = {f"seqpred.cli.{entry.function.partition(':')[0]}" for name, entry in COMMANDS.items() if name != args[0]}
    assert not loaded & others


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_first_sentence_of_each_help(name):
    assert (load_command(name).help or "").startswith(f"{COMMANDS[name].summary}\n")


def test_predict_imports_only_what_it_needs(models):
    single = models["single"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqpred", "predict", str(single.folder), str(single.data)],
        cwd=single.place,
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "onnx", "pandas", "pyarrow", "numpy.ma"}
    assert len([name for name in loaded if name.startswith("seqpred.")]) <= MOST_MODULES


def test_version_is_printed_to_stdout(run):
    done = run("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("seqpred ")


def test_help_lists_every_command_with_its_whole_summary_on_stdout(run):
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    assert all(f"\n  {name:<8}  {entry.summary}\n" in done.out for name, entry in COMMANDS.items())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_fits_80_columns_and_describes_every_option(run, command):
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    assert "Usage: " in done.out
