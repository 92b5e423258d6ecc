"""Commands of the documentation with the real programs, where installed, and file formats."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pandas as pd
import pytest

from tests.cli.outside import Trained, piped
from tests.conftest import ROOT

PROGRAMS = {"postgres": ("psql", "initdb", "pg_ctl"), "duckdb": ("duckdb",), "sqlite3": ("sqlite3",)}


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not all(map(shutil.which, PROGRAMS[name])), reason=f"{name} is not here")


@pytest.fixture
def single(models: dict[str, Trained]) -> Trained:
    return models["single"]


def recipe(word: str, model: Trained) -> str:
    """The documented command that pipes into `word`, for an existing model and file."""
    lines = [line for name in ("README.md", "docs/streaming.md") for line in (ROOT / name).read_text().splitlines()]
    line = next(line.removeprefix("$ ") for line in lines if line.startswith("$ seqpred") and f"| {word} " in line)
    line = line.replace("seqpred", "SEQPRED", 1).replace("runs/sales", str(model.folder))
    return line.replace(" sales.csv", f" {model.data}")


@needs("sqlite3")
def test_sqlite_imports_the_forecast(single, tmp_path):
    done = piped(tmp_path, recipe("sqlite3", single))
    assert (done.stdout, done.stderr) == ("", "")
    assert piped(tmp_path, "sqlite3 f.db 'select count(*) from forecast'").stdout == "6\n"


@needs("duckdb")
def test_duckdb_imports_the_forecast(single, tmp_path):
    done = piped(tmp_path, recipe("duckdb", single))
    assert done.stderr == ""
    result = piped(tmp_path, "duckdb -csv d.db 'select count(*) as n, min(month) as first from forecast'").stdout
    assert result.split() == ["n,first", "6,2023-01-01"]


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    """The environment that connects `psql` to a temporary PostgreSQL server on a socket."""
    user = "nobody" if os.getuid() == 0 else None  # it refuses to be run by root
    with tempfile.TemporaryDirectory() as place:
        if user:
            shutil.chown(place, user)

        def run(*command: str) -> None:
            with open(os.devnull, "w") as out:
                subprocess.run(command, user=user, cwd=place, stdout=out, stderr=out, timeout=120, check=True)

        run("initdb", "-D", f"{place}/data", "-A", "trust", "-U", "me", "--no-sync")
        options = f"-k {place} -c listen_addresses="
        run("pg_ctl", "-D", f"{place}/data", "-w", "-o", options, "-l", f"{place}/log", "start")
        yield {"PGHOST": place, "PGUSER": "me", "PGDATABASE": "postgres"}
        run("pg_ctl", "-D", f"{place}/data", "-m", "immediate", "stop")


@needs("postgres")
def test_postgresql_imports_the_forecast(single, server, tmp_path):
    header = piped(tmp_path, f"SEQPRED predict {single.folder} {single.data} | head -1").stdout.strip().split(",")
    columns = ", ".join(f'"{name}" {"date" if name == "month" else "float8"}' for name in header)
    made = piped(tmp_path, f"psql -q -c 'create table forecast ({columns})'", **server)
    assert made.stderr == ""
    assert piped(tmp_path, recipe("psql", single), **server).stdout == "COPY 6\n"
    result = piped(tmp_path, "psql -At -c 'select count(*), min(month) from forecast'", **server).stdout
    assert result == "6|2023-01-01\n"


def test_forecast_is_read_and_written_with_gzip(single, tmp_path):
    (tmp_path / "sales.csv.gz").write_bytes(gzip.compress(single.data.read_bytes()))
    done = piped(tmp_path, f"SEQPRED predict {single.folder} sales.csv.gz | gzip > f.csv.gz")
    assert (done.returncode, done.stderr) == (0, "")
    plain = piped(tmp_path, f"SEQPRED predict {single.folder} {single.data}").stdout
    assert gzip.decompress((tmp_path / "f.csv.gz").read_bytes()).decode() == plain


def test_forecast_is_read_and_written_as_parquet(single, tmp_path):
    frame = pd.read_csv(single.data, parse_dates=["month"])
    frame.to_parquet(tmp_path / "sales.parquet")
    done = piped(tmp_path, f"SEQPRED predict {single.folder} sales.parquet -o out.parquet --quantiles 0.1,0.9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    piped(tmp_path, f"SEQPRED predict {single.folder} {single.data} -o out.csv --quantiles 0.1,0.9")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out.parquet"),
        pd.read_csv(tmp_path / "out.csv", parse_dates=["month"]),
        check_dtype=False,
    )


@pytest.mark.parametrize("form", ["json", "jsonl", "tsv"])
def test_file_extension_of_the_output_selects_the_format(single, tmp_path, form):
    predict = f"SEQPRED predict {single.folder} {single.data} --steps 1"
    done = piped(tmp_path, f"{predict} -o f.{form} && {predict} --format {form} | diff - f.{form}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_parquet_is_rejected_for_standard_output_and_streams(single, refused):
    assert "--output" in refused(2, "predict", single.folder, single.data, "--format", "parquet")
    for option in ("--stream", "--state=s"):
        assert "row by row" in refused(2, "predict", single.folder, single.data, option, "-o", "f.parquet")
