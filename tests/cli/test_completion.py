"""What the shell is offered after Tab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outside import environment

INSTALLED = [str(Path(sys.executable).with_name("seqpred"))]  # shells complete the command by its name


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("seqpred train c.yaml --set model.ce", ["model.cell="]),
        ("seqpred init sales.csv --set data.dec", ["data.decimal="]),
        ("seqpred train c.yaml --set nothing", []),
    ],
)
def test_the_keys_of_a_config_are_offered(tmp_path, line, offered):
    told = {"_SEQPRED_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = subprocess.run(
        INSTALLED, cwd=tmp_path, env={**environment(), **told}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == offered, done.stderr
