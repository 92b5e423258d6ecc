"""`seqpred tune` from outside: the best config on stdout, model folders for other commands, several databases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqpred.config.loading import parse_config
from tests.cli.outside import TINY, call, monthly, piped

pytest.importorskip("optuna")
PROGRAMS = ("psql", "initdb", "pg_ctl")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a small series and its config."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sales.csv").write_text(monthly())
        settings = ("--set", "model.members=1", *TINY)
        (folder / "sales.yaml").write_text(call(folder, ["init", "sales.csv", "--horizon", "6", *settings]).out)
        yield folder


def test_grid_search_prints_the_best_config_and_keeps_the_models(place):
    done = call(place, ["tune", "sales.yaml", "--grid", "model.cell=rnn,gru", "--jobs", "2"])
    assert done.code == 0, done.err
    assert parse_config(done.out, "best.yaml").model.cell in ("rnn", "gru")
    assert "validation MASE" in done.out.splitlines()[0]
    assert "2 trials" in done.err
    for trial in ("trial-000", "trial-001"):
        assert call(place, ["show", f"runs/sales-tune/{trial}"]).code == 0
    again = call(place, ["tune", "sales.yaml", "--grid", "model.cell=rnn,gru"])
    assert (again.code, again.out) == (6, "")
    assert "--resume" in again.err


def test_tune_prints_the_result_as_json(place):
    arguments = ["tune", "sales.yaml", "--grid", "model.depth=1,2", "--jobs", "1", "--out", "runs/json", "--json"]
    done = call(place, arguments)
    result = json.loads(done.out)
    assert {t["params"]["model.depth"] for t in result["trials"]} == {1, 2}
    assert result["best"]["score"] == min(t["score"] for t in result["trials"])


def test_unknown_key_of_the_search_space_error_gives_the_nearest_key(place):
    done = call(place, ["tune", "sales.yaml", "--grid", "model.dept=1,2"])
    assert (done.code, done.out) == (2, "")
    assert "Did you mean 'model.depth'?" in done.err


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a PostgreSQL server of its own, on a socket in a temporary folder."""
    user = "nobody" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            with open(os.devnull, "w") as out:
                subprocess.run(command, user=user, cwd=folder, stdout=out, stderr=out, timeout=120, check=True)

        run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "me", "--no-sync")
        run("pg_ctl", "-D", f"{folder}/data", "-o", f"-k {folder} -c listen_addresses=''", "-w", "start")
        try:
            yield f"postgresql+psycopg://me@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


@pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="PostgreSQL is not installed")
def test_study_is_stored_in_postgresql(place, database):
    pytest.importorskip("psycopg")
    command = f"SEQPRED tune sales.yaml --grid model.cell=rnn,gru --out runs/pg --storage '{database}' --json"
    assert len(json.loads(piped(place, command).stdout)["trials"]) == 2
    resumed = piped(place, f"{command} --resume")
    assert len(json.loads(resumed.stdout)["trials"]) == 2
