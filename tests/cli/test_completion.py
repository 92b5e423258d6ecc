"""Completions offered by the shell after Tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outside import environment, long_table

INSTALLED = [str(Path(sys.executable).with_name("seqpred"))]  # shells complete the command by its name


LINES = [
    ("seqpred train c.yaml --set model.ce", ["model.cell="]),
    ("seqpred init sales.csv --set data.dec", ["data.decimal="]),
    ("seqpred train c.yaml --set nothing", []),
    ("seqpred init sales.csv --target va", ["value"]),
    ("seqpred init sales.csv --id s", ["store"]),
    ("seqpred init sales.csv --target a --time d", ["day"]),
    ("seqpred init absent.csv --target v", []),
    ("seqpred predict m --sta", ["--state"]),
    ("seqpred train c.yaml --set model.cell=", ["model.cell=gru", "model.cell=lstm", "model.cell=rnn"]),
    ("seqpred train c.yaml --set model.cell = l", ["lstm"]),  # bash splits words at the equals sign
    ("seqpred train c.yaml --set model.bidirectional=t", ["model.bidirectional=true"]),
    ("seqpred train c.yaml --set training.loss=", ["training.loss=pinball", "training.loss=huber"]),
    ("seqpred eval r", ["runs/one", "runs/two"]),
    ("seqpred predict runs/t", ["runs/two"]),
    ("seqpred explain p", ["pretrained"]),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "sales.csv").write_text(long_table())
    for folder in ("runs/one", "runs/two", "runs/unfinished"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("one", "two"):
        (tmp_path / "runs" / folder / "manifest.json").touch()
    return tmp_path


@pytest.mark.parametrize(("line", "offered"), LINES)
def test_completion_offers_keys_columns_and_options(place, line, offered):
    variables = {"_SEQPRED_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = subprocess.run(
        INSTALLED, cwd=place, env={**environment(), **variables}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == offered, done.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_completes_a_column(place):
    script = """
    eval "$(_SEQPRED_COMPLETE=source_bash seqpred)"
    COMP_WORDS=(seqpred init sales.csv --target va)
    COMP_CWORD=4
    $(complete -p seqpred | sed 's/.*-F \\([^ ]*\\).*/\\1/') seqpred va --target
    echo "${COMPREPLY[@]}"
    """
    outside = {**environment(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "value\n", done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_the_same_completions(place, shell):
    variables = {
        "_SEQPRED_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "seqpred init sales.csv --target va",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        INSTALLED, cwd=place, env={**environment(), **variables}, capture_output=True, text=True, check=False
    )
    assert "value" in done.stdout, done.stderr
