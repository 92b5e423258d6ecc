"""A stopped training suggests the command that resumes it, and that command ends with the same bytes."""

from __future__ import annotations

import shlex
import subprocess
import sys

from tests.cli.outside import call, environment, listing, monthly

# The command, interrupted by a signal after its third step.
STOPPED = """
import os, signal
from seqpred.cli import main
from seqpred.training.checkpoint import Checkpoint
on_step = Checkpoint.on_step
def stopping(self, index, state_dict):
    if state_dict()["step"] == 3:
        os.kill(os.getpid(), signal.{signal})
    on_step(self, index, state_dict)
Checkpoint.on_step = stopping
main()
"""
TRAIN = ["train", "sales.yaml", "--data", "sales.csv", "--set", "training.max_steps=6", "--set", "model.hidden_size=4"]


def test_command_suggested_by_a_stopped_training_resumes_it(tmp_path):
    (tmp_path / "sales.csv").write_text(monthly())
    (tmp_path / "sales.yaml").write_text("data: {target: sales}\ntraining: {threads: 1, patience: 6}\n")
    stopped = subprocess.run(
        [sys.executable, "-c", STOPPED.format(signal="SIGTERM"), *TRAIN, "--out", "my runs/m", "--force"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert stopped.returncode == 130, stopped.stderr
    assert stopped.stdout == ""
    assert listing(tmp_path / "my runs").keys() == {"m", "m/checkpoint", "m/checkpoint/state"}
    message = stopped.stderr.splitlines()[-1]
    assert "my runs/m/checkpoint. Resume with `seqpred train" in message
    assert "--force" not in message
    named = shlex.split(message.split("`")[1])
    again = call(tmp_path, named[1:])
    assert again.code == 0, again.err
    assert "resuming the training in my runs/m after step 3." in again.err
    whole = call(tmp_path, [*TRAIN, "--out", "whole"])
    assert whole.code == 0, whole.err
    assert listing(tmp_path / "my runs" / "m") == listing(tmp_path / "whole")
