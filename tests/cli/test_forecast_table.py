"""The forecast table: its columns and their order, its forms, the times and names it carries."""

from __future__ import annotations

import csv
import io
import json

import pytest
from outside import call_all

DECILES = [f"q0.{i}" for i in range(1, 10)]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def predicted(models, tmp_path_factory):
    """The default forecasts of the three models, of the single one in every form."""
    place = tmp_path_factory.mktemp("predicted")
    single, many, wide = models["single"], models["many"], models["wide"]
    commands = {
        "csv": (single.place, ["predict", single.folder]),
        "json": (single.place, ["predict", single.folder, "--format", "json"]),
        "jsonl": (place, ["predict", single.folder, single.data, "--format", "jsonl"]),
        "many": (place, ["predict", many.folder, many.data]),
        "wide": (place, ["predict", wide.folder, wide.data, "--quantiles", "0.1,0.9", "--steps", "8"]),
        "output": (place, ["predict", single.folder, single.data, "--output", place / "f.csv"]),
    }
    done = call_all(commands)
    for name, one in done.items():
        assert one.code == 0, f"{name}: {one.err}"
    return {**{name: one.out for name, one in done.items()}, "file": (place / "f.csv").read_text()}


def test_one_series_has_its_time_the_step_the_forecast_and_the_quantiles(predicted):
    rows = rows_of(predicted["csv"])
    assert list(rows[0]) == ["month", "step", "forecast", *DECILES]
    assert [r["step"] for r in rows] == list("123456")


def test_dates_go_on_in_the_form_and_step_of_the_data(predicted):
    assert [r["month"] for r in rows_of(predicted["csv"])] == [f"2023-0{i}-01" for i in range(1, 7)]


def test_the_forecast_is_the_median(predicted):
    assert all(r["forecast"] == r["q0.5"] for r in rows_of(predicted["csv"]))


def test_csv_json_and_jsonl_hold_the_same(predicted):
    table = json.loads(predicted["json"])
    assert [json.loads(line) for line in predicted["jsonl"].splitlines()] == table
    assert list(table[0]) == list(rows_of(predicted["csv"])[0])
    assert [{k: str(v) for k, v in row.items()} for row in table] == rows_of(predicted["csv"])
    assert isinstance(table[0]["step"], int)
    assert isinstance(table[0]["forecast"], float)


def test_a_file_written_by_output_holds_what_is_printed_otherwise(predicted):
    assert predicted["output"] == ""
    assert predicted["file"] == predicted["csv"]


def test_many_series_keep_their_names_and_order_and_each_its_own_times(predicted):
    rows = rows_of(predicted["many"])
    assert list(rows[0]) == ["shop", "t", "step", "forecast", *DECILES]
    assert [r["shop"] for r in rows] == ["007"] * 4 + ["08"] * 4 + ["A 1"] * 4
    assert [r["t"] for r in rows[:4]] == ["220", "222", "224", "226"]
    assert [r["t"] for r in rows[4:8]] == ["244", "246", "248", "250"]
    assert [r["step"] for r in rows] == list("1234") * 3


def test_several_targets_without_times_have_a_target_column_and_no_time(predicted):
    rows = rows_of(predicted["wide"])
    assert list(rows[0]) == ["step", "target", "forecast", "q0.1", "q0.9"]
    assert [r["target"] for r in rows] == ["in"] * 8 + ["out"] * 8


def test_steps_go_on_beyond_the_horizon(predicted):
    assert [r["step"] for r in rows_of(predicted["wide"])] == list("12345678") * 2


@pytest.mark.parametrize("name", ["csv", "many", "wide"])
def test_quantiles_never_cross_in_the_output(predicted, name):
    rows = rows_of(predicted[name])
    for row in rows:
        levels = [float(v) for k, v in row.items() if k.startswith("q0.")]
        assert levels == sorted(levels)
    assert any(row["q0.1"] != row["q0.9"] for row in rows)


def test_a_quantile_outside_the_learned_ones_is_told(refused, models):
    said = refused(2, "predict", models["single"].folder, models["single"].data, "--quantiles", "0.01,0.9")
    assert "0.01" in said
    assert "forecast.quantiles" in said


def test_a_quantile_between_learned_ones_lies_between_them(run, models, predicted):
    args = ("predict", models["single"].folder, models["single"].data, "--quantiles", "0.25", "--steps", "1")
    row = rows_of(run(*args).out)[0]
    full = rows_of(predicted["csv"])[0]
    assert list(row) == ["month", "step", "forecast", "q0.25"]
    assert float(full["q0.2"]) <= float(row["q0.25"]) <= float(full["q0.3"])


@pytest.mark.parametrize("steps", ["0", "-1", "many"])
def test_a_wrong_number_of_steps_is_told(refused, steps):
    assert f"{steps}" in refused(2, "predict", "m", "--steps", steps)


def test_times_with_a_zone_are_forecast_as_the_same_instants_in_a_form_that_says_so(run, models, write):
    rows = models["many"].data.read_text().splitlines()[1:49]
    lines = [f"2024-06-{1 + i // 24:02d}T{i % 24:02d}:00:00+02:00,{row.split(',')[2]}" for i, row in enumerate(rows)]
    write("zoned.csv", "\n".join(["t,value", *lines]) + "\n")
    done = run("predict", models["many"].folder, "zoned.csv", "--steps", "1", "--quantiles", "0.5")
    if done.code:  # the model was trained with an id column
        write("zoned.csv", "\n".join(["shop,t,value", *(f"a,{line}" for line in lines)]) + "\n")
        done = run("predict", models["many"].folder, "zoned.csv", "--steps", "1", "--quantiles", "0.5")
    assert done.code == 0, done.err
    stamp = rows_of(done.out)[0]["t"]
    assert stamp in ("2024-06-03T00:00:00+02:00", "2024-06-02T22:00:00+00:00", "2024-06-02T22:00:00+0000")
