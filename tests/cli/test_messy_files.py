"""Files as they are published: `init`, `train`, `eval` and `predict` without an edit by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.outside import TINY, call, call_all
from tests.conftest import DATA, ROOT, Once

FILES = {
    "traffic": DATA / "traffic.csv.gz",
    "air": DATA / "air_quality.csv",
    "throughput": DATA / "throughput.csv",
    "co2": ROOT / "data" / "co2_weekly_gaps.csv",
    "transformer": DATA / "transformer.csv.gz",
}
PUBLISHED = {
    "traffic": "messy_metro_traffic.csv.gz",
    "air": "messy_air_quality.csv",
    "throughput": "messy_tsa_throughput.csv",
    "transformer": "etth1.csv.gz",
}
INFERRED = {
    "traffic": {"target": "traffic_volume", "time": "date_time", "duplicates": "first"},
    "air": {"time": ["Date", "Time"], "sentinels": [-200], "date_order": "day-first"},
    "throughput": {"layout": "weekday-years", "decimal": ".", "date_order": "month-first"},
    "co2": {"target": "y", "frequency": "P7D"},
    "transformer": {"time": "date", "target": ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]},
}
NEXT = {
    "traffic": {"date_time": "2018-01-11 16:00:00"},
    "air": {"Date": "12/05/2004", "Time": "06:00:00"},
    "throughput": {"Date": "11/7/2023"},
    "co2": {"ds": "2002-01-05"},
    "transformer": {"date": "2016-08-20 00:00:00"},
}
NOTES = {
    "traffic": ["240 duplicate timestamps", "160 of 1600 rows on the time grid are missing"],
    "air": ["1820 cells are sentinels (-200)"],
    "throughput": ["54 empty cells"],
    "co2": ["59 of 2284 cells"],
    "transformer": [],
}
PUBLISHED_NOTES = {
    "traffic": ["7629 duplicate timestamps", "11976 of 52551 rows on the time grid are missing"],
    "air": ["16701 cells are sentinels (-200)"],
    "throughput": ["54 empty cells"],
    "transformer": [],
}


@dataclass(frozen=True)
class Results:
    """What the commands printed for one file."""

    config: str
    notes: str
    scores: str
    forecast: str


@pytest.fixture(scope="module")
def results(once: Once) -> dict[str, Results]:
    def run(place: Path) -> dict[str, Results]:
        places = {name: place / name for name in FILES}
        steps: dict[str, Callable[[str], list[object]]] = {
            "init": lambda name: ["init", FILES[name]],
            "train": lambda _: ["train", "c.yaml", "--out", "m", *TINY],
            "eval": lambda _: ["eval", "m", "--windows", "1", "--json"],
            "predict": lambda _: ["predict", "m", "--steps", "2"],
        }
        printed: dict[str, list[str]] = {name: [] for name in FILES}
        for folder in places.values():
            folder.mkdir()
        for step, args in steps.items():
            for name, done in call_all({n: (places[n], args(n)) for n in FILES}).items():
                assert done.code == 0, f"{step} {name}: {done.err}"
                printed[name].append(done.err if step == "train" else done.out)
                if step == "init":
                    (places[name] / "c.yaml").write_text(done.out)
        return {name: Results(*texts) for name, texts in printed.items()}

    return once("messy", run)


def assert_inferred(name: str, config: str) -> None:
    data = yaml.safe_load(config)["data"]
    assert {key: data[key] for key in INFERRED[name]} == INFERRED[name]
    lines = config.split("data:\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
    assert all("# " in above + line for above, line in pairwise(["", *lines]) if line[2] != " ")


@pytest.mark.parametrize("name", FILES)
def test_init_infers_the_config_and_gives_a_reason_for_each_line(name: str, results: dict[str, Results]) -> None:
    assert_inferred(name, results[name].config)


@pytest.mark.parametrize("name", FILES)
def test_train_reports_merged_and_missing_rows(name: str, results: dict[str, Results]) -> None:
    for note in NOTES[name]:
        assert note in " ".join(results[name].notes.split())


@pytest.mark.parametrize("name", FILES)
def test_forecast_timestamps_have_the_format_of_the_file(name: str, results: dict[str, Results]) -> None:
    first = next(csv.DictReader(io.StringIO(results[name].forecast)))
    assert {key: first[key] for key in NEXT[name]} == NEXT[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_init_of_the_published_file_infers_the_same_config(name: str, shared: Any, tmp_path: Path) -> None:
    done = call(tmp_path, ["init", shared(f"data/{PUBLISHED[name]}")])
    assert done.code == 0, done.err
    assert_inferred(name, done.out)
    for note in PUBLISHED_NOTES[name]:
        assert note in done.out


def test_later_file_is_read_with_the_format_of_the_training_file(tmp_path: Path) -> None:
    rows = [f"{d}/{m}/2023;{1000 + 40 * (d % 7) + d},{m}" for m in range(1, 5) for d in range(1, 29)]
    (tmp_path / "sales.csv").write_text("\n".join(["day;y", *rows]).replace(";1", ";1.") + "\n")
    (tmp_path / "c.yaml").write_text(
        "data: {target: y, frequency: P1D}\nforecast: {horizon: 3}\ntraining: {validation: 3}\n"
    )
    done = call(tmp_path, ["train", "c.yaml", "--data", "sales.csv", "--out", "m", *TINY])
    assert done.code == 0, done.err
    (tmp_path / "later.csv").write_text("day;y\n" + "".join(f"{d}/5/2023;1.0{d}0\n" for d in range(1, 10)))
    later = call(tmp_path, ["predict", "m", "later.csv"])
    assert later.code == 0, later.err
    first = next(csv.DictReader(io.StringIO(later.out)))
    assert first["day"] == "10/5/2023"
    assert 900 < float(first["forecast"]) < 1300


def test_init_reports_an_ambiguity_that_no_row_of_the_file_resolves(tmp_path: Path) -> None:
    rows = "".join(f"{m:02d}/01/{y};{y - 2000}.{m + 100}\n" for y in range(2010, 2020) for m in range(1, 13))
    (tmp_path / "sales.csv").write_text(f"day;y\n{rows}")
    command, decimal, order = ["init", "sales.csv"], "--set=data.decimal=','", "--set=data.date_order=month-first"
    assert "data.decimal" in call(tmp_path, command).err
    assert "data.date_order" in call(tmp_path, [*command, decimal]).err
    data = yaml.safe_load(call(tmp_path, [*command, decimal, order]).out)["data"]
    assert (data["date_order"], data["decimal"], data["frequency"]) == ("month-first", ",", "P1M")
