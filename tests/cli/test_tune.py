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
from tests.cli.outside import TINY, Done, call, monthly, piped

pytest.importorskip("optuna")
PROGRAMS = ("psql", "initdb", "pg_ctl")


GRID = ("--grid", "model.cell=rnn,gru")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a small series and its config."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sales.csv").write_text(monthly())
        init = ["init", "sales.csv", "--horizon", "6", "--set", "training.validation=6", *TINY]
        (folder / "sales.yaml").write_text(call(folder, init).out)
        yield folder


@pytest.fixture(scope="module")
def tuned(place: Path) -> Done:
    """A finished search, printed as JSON."""
    return call(place, ["tune", "sales.yaml", *GRID, "--jobs", "2", "--json"])


def test_tune_prints_all_trials_and_the_best_one_as_json(tuned):
    assert tuned.code == 0, tuned.err
    result = json.loads(tuned.out)
    assert {t["params"]["model.cell"] for t in result["trials"]} == {"rnn", "gru"}
    assert result["best"]["score"] == min(t["score"] for t in result["trials"])


def test_tune_keeps_a_model_for_each_trial(tuned, place):
    for trial in ("trial-000", "trial-001"):
        assert call(place, ["show", f"runs/sales-tune/{trial}"]).code == 0


def test_an_existing_study_requires_resume_which_prints_the_best_config(tuned, place):
    again = call(place, ["tune", "sales.yaml", *GRID])
    assert (again.code, again.out) == (6, "")
    assert "--resume" in again.err
    resumed = call(place, ["tune", "sales.yaml", *GRID, "--resume"])
    assert resumed.code == 0, resumed.err
    best = json.loads(tuned.out)["best"]["params"]["model.cell"]
    assert parse_config(resumed.out, "best.yaml").model.cell == best
    assert "validation MASE" in resumed.out.splitlines()[0]
    assert "2 trials" in resumed.err


def test_a_holdout_is_scored_once_for_the_winner(place):
    command = ["tune", "sales.yaml", *GRID, "--jobs", "2", "--out", "runs/held", "--holdout", "12"]
    done = call(place, [*command, "--json"])
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["holdout"]["windows"] == 2
    for trial in result["trials"]:
        manifest = json.loads((place / trial["folder"] / "manifest.json").read_text())
        assert manifest["data"]["rows"] == 84
        assert manifest.get("holdout") == (result["holdout"] if trial["number"] == result["best"]["number"] else None)
    again = call(place, [*command, "--resume"])
    assert "the last 12 rows of each series (out-of-sample)" in again.err
    assert "# Holdout, the last 12 rows of each series: MASE" in again.out
    other = call(place, [*command[:-1], "6", "--resume"])
    assert (other.code, "belongs to another holdout" in other.err) == (2, True)


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
    command = f"SEQPRED tune sales.yaml --grid model.cell=rnn --out runs/pg --storage '{database}' --json"
    made, resumed = (json.loads(piped(place, f"{command}{more}").stdout)["trials"] for more in ("", " --resume"))
    assert len(made) == 1
    assert resumed == made
