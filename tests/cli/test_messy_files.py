"""Real files as they were published: `init`, `train`, `eval` and `predict` with no hand edit."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.outside import TINY, call, call_all

FILES = {
    "metro": "messy_metro_traffic.csv.gz",
    "air": "messy_air_quality.csv",
    "tsa": "messy_tsa_throughput.csv",
    "co2": "co2_weekly_gaps.csv",
    "ett": "etth1.csv.gz",
}
DECIDED = {
    "metro": {"target": "traffic_volume", "time": "date_time", "duplicates": "first"},
    "air": {"time": ["Date", "Time"], "sentinels": [-200], "date_order": "day-first"},
    "tsa": {"layout": "weekday-years", "decimal": ".", "date_order": "month-first"},
    "co2": {"target": "y", "frequency": "P7D"},
    "ett": {"time": "date", "target": ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]},
}
NEXT = {
    "metro": {"date_time": "2018-10-01 00:00:00"},
    "air": {"Date": "4/04/2005", "Time": "15:00:00"},
    "tsa": {"Date": "11/7/2023"},
    "co2": {"ds": "2002-01-05"},
    "ett": {"date": "2018-06-26 20:00:00"},
}


@pytest.fixture(scope="module")
def told(shared: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, str, str]]:
    """For each file the config, what training said, the scores and the forecast."""
    places: dict[str, Path] = {name: tmp_path_factory.mktemp(name) for name in FILES}
    steps: dict[str, Any] = {
        "init": lambda name: ["init", shared(f"data/{FILES[name]}")],
        "train": lambda _: ["train", "c.yaml", "--out", "m", *TINY],
        "eval": lambda _: ["eval", "m", "--windows", "1", "--json"],
        "predict": lambda _: ["predict", "m", "--steps", "2"],
    }
    said: dict[str, list[str]] = {name: [] for name in FILES}
    for step, args in steps.items():
        for name, done in call_all({n: (places[n], args(n)) for n in FILES}).items():
            assert done.code == 0, f"{step} {name}: {done.err}"
            said[name].append(done.err if step == "train" else done.out)
            if step == "init":
                (places[name] / "c.yaml").write_text(done.out)
    return {name: (s[0], s[1], s[2], s[3]) for name, s in said.items()}


@pytest.mark.parametrize("name", FILES)
def test_init_decides_what_the_file_needs_and_says_why(name: str, told: dict[str, tuple[str, ...]]) -> None:
    config = told[name][0]
    data = yaml.safe_load(config)["data"]
    assert {key: data[key] for key in DECIDED[name]} == DECIDED[name]
    lines = config.split("data:\n")[1].split("\n\n")[0].splitlines()
    assert all("# " in above + line for above, line in pairwise(["", *lines]) if line[2] != " ")


@pytest.mark.parametrize("name", FILES)
def test_the_forecast_goes_on_in_the_files_own_form(name: str, told: dict[str, tuple[str, ...]]) -> None:
    first = next(csv.DictReader(io.StringIO(told[name][3])))
    assert {key: first[key] for key in NEXT[name]} == NEXT[name]


def test_what_was_merged_and_taken_as_missing_is_said(told: dict[str, tuple[str, ...]]) -> None:
    assert "7629 rows repeat a time" in told["metro"][1]
    assert "11976 of 52551 rows are absent" in told["metro"][1]
    assert "16701 cells hold a sentinel (-200)" in told["air"][1]
    assert "54 empty cells" in told["tsa"][1]


def test_a_short_later_file_is_read_as_the_training_file_was(tmp_path: Path) -> None:
    rows = [f"{d}/{m}/2023;{1000 + 40 * (d % 7) + d},{m}" for m in range(1, 5) for d in range(1, 29)]
    (tmp_path / "sales.csv").write_text("\n".join(["day;y", *rows]).replace(";1", ";1.") + "\n")
    (tmp_path / "c.yaml").write_text("data: {target: y, frequency: P1D}\nforecast: {horizon: 3}\n")
    done = call(tmp_path, ["train", "c.yaml", "--data", "sales.csv", "--out", "m", *TINY])
    assert done.code == 0, done.err
    (tmp_path / "later.csv").write_text("day;y\n" + "".join(f"{d}/5/2023;1.0{d}0\n" for d in range(1, 10)))
    later = call(tmp_path, ["predict", "m", "later.csv"])
    assert later.code == 0, later.err
    first = next(csv.DictReader(io.StringIO(later.out)))
    assert first["day"] == "10/5/2023"
    assert 900 < float(first["forecast"]) < 1300


def test_what_no_row_decides_is_said_to_init(tmp_path: Path) -> None:
    rows = "".join(f"{m:02d}/01/{y};{y - 2000}.{m + 100}\n" for y in range(2010, 2020) for m in range(1, 13))
    (tmp_path / "sales.csv").write_text(f"day;y\n{rows}")
    assert "data.date_order" in call(tmp_path, ["init", "sales.csv"]).err
    said = ["--set", "data.date_order=month-first", "--set", "data.decimal=','"]
    data = yaml.safe_load(call(tmp_path, ["init", "sales.csv", *said]).out)["data"]
    assert (data["date_order"], data["decimal"], data["frequency"]) == ("month-first", ",", "P1M")
