"""The forecast table: columns and their order, formats, timestamps and names."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.cli.outside import TINY
from tests.conftest import pandas_3

DECILES = [f"q0.{i}" for i in range(1, 10)]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_columns_of_one_series_are_time_step_forecast_and_quantiles(predicted):
    rows = rows_of(predicted["csv"])
    assert list(rows[0]) == ["month", "step", "forecast", *DECILES]
    assert [r["step"] for r in rows] == list("123456")


def test_forecast_dates_continue_with_the_format_and_step_of_the_data(predicted):
    assert [r["month"] for r in rows_of(predicted["csv"])] == [f"2023-0{i}-01" for i in range(1, 7)]


def test_forecast_column_is_the_median(predicted):
    assert all(r["forecast"] == r["q0.5"] for r in rows_of(predicted["csv"]))


def test_csv_json_and_jsonl_contain_the_same_values(predicted):
    table = json.loads(predicted["json"])
    assert [json.loads(line) for line in predicted["jsonl"].splitlines()] == table
    assert list(table[0]) == list(rows_of(predicted["csv"])[0])
    assert [{k: str(v) for k, v in row.items()} for row in table] == rows_of(predicted["csv"])
    assert isinstance(table[0]["step"], int)
    assert isinstance(table[0]["forecast"], float)


def test_output_option_writes_only_to_the_file(predicted):
    assert predicted["output"] == ""
    assert rows_of(predicted["file"])[0]["forecast"] == rows_of(predicted["csv"])[0]["forecast"]


def test_many_series_keep_their_names_order_and_timestamps(predicted):
    rows = rows_of(predicted["many"])
    assert list(rows[0]) == ["store", "day", "step", "forecast", *DECILES]
    assert [r["store"] for r in rows] == ["007"] * 4 + ["08"] * 4 + ["100"] * 4
    assert [r["day"] for r in rows[:4]] == ["220", "222", "224", "226"]
    assert [r["day"] for r in rows[4:8]] == ["244", "246", "248", "250"]
    assert [r["step"] for r in rows] == list("1234") * 3


def test_several_targets_without_timestamps_have_a_target_column_and_no_time_column(predicted):
    rows = rows_of(predicted["wide"])
    assert list(rows[0]) == ["step", "target", "forecast", "q0.1", "q0.9"]
    assert [r["target"] for r in rows] == ["in"] * 8 + ["out"] * 8


def test_steps_may_exceed_the_horizon(predicted):
    assert [r["step"] for r in rows_of(predicted["wide"])] == list("12345678") * 2


@pytest.mark.parametrize("name", ["csv", "many", "wide"])
def test_quantiles_never_cross_in_the_output(predicted, name):
    rows = rows_of(predicted[name])
    for row in rows:
        levels = [float(v) for k, v in row.items() if k.startswith("q0.")]
        assert levels == sorted(levels)
    assert any(row["q0.1"] != row["q0.9"] for row in rows)


def test_quantile_outside_the_trained_range_is_rejected(refused, models):
    message = refused(2, "predict", models["single"].folder, models["single"].data, "--quantiles", "0.01,0.9")
    assert "0.01" in message
    assert "forecast.quantiles" in message


def test_quantile_between_trained_levels_is_interpolated(predicted):
    (row,) = rows_of(predicted["file"])
    full = rows_of(predicted["csv"])[0]
    assert list(row) == ["month", "step", "forecast", "q0.25"]
    assert float(full["q0.2"]) <= float(row["q0.25"]) <= float(full["q0.3"])


@pytest.mark.parametrize("steps", ["0", "-1", "many"])
def test_invalid_number_of_steps_is_rejected(refused, steps):
    assert f"{steps}" in refused(2, "predict", "m", "--steps", steps)


def test_timestamps_with_an_offset_are_forecast_with_their_offset(run, models, write):
    write("zoned.csv", models["single"].data.read_text().replace("-01,", "-01T00:00:00Z,"))
    done = run("predict", models["single"].folder, "zoned.csv", "--steps", "1")
    assert done.code == 0, done.err
    assert rows_of(done.out)[0]["month"] in ("2023-01-01T00:00:00Z", "2023-01-01T00:00:00+00:00")


@pandas_3
def test_forecast_beyond_the_year_9999_is_rejected(refused, models, write):
    text = models["single"].data.read_text()
    write("late.csv", text.replace("\n20", "\n99").replace("\n991", "\n998").replace("\n992", "\n999"))
    message = refused(3, "predict", models["single"].folder, "late.csv", "--steps", "120")
    assert "late.csv" in message
    assert "9999" in message


def test_time_column_named_like_an_output_column_is_kept(run, write):
    write("c.yaml", "data: {target: value, time: step}\nforecast: {horizon: 2}\n")
    write("s.csv", "step,value\n" + "".join(f"{100 + i},{i % 7}\n" for i in range(60)))
    done = run("train", "c.yaml", "--data", "s.csv", "--out", "m", "--quiet", *TINY)
    if done.code == 0:
        assert "160" in run("predict", "m", "s.csv", "--quantiles", "0.5").out
    else:
        assert "'step'" in done.err
