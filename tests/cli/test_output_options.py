"""`predict`: rounding, output without a header, shards, and real timestamps in Parquet and in Python."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqpred
from seqpred.errors import ConfigError
from seqpred.forecasting.shard import Shard
from seqpred.forecasting.table import check_origin
from seqpred.sources.columns import Columns
from tests.cli.outside import call, call_all, monthly


def test_digits_rounds_and_no_header_omits_the_names(models, tmp_path):
    single = models["single"]
    arguments = ["predict", single.folder, single.data, "--quantiles", "0.5"]
    stream = [*arguments[:2], "-", "--stream", "--steps", "1", "--quantiles", "0.5"]
    text = single.data.read_text()
    done = call_all(
        {
            "plain": (tmp_path, arguments),
            "short": (tmp_path, [*arguments, "--digits", "1", "--no-header"]),
            "stream": (tmp_path, stream),
            "short stream": (tmp_path, [*stream, "--digits", "1", "--no-header"]),
        },
        text,
    )
    for plain, short in (("plain", "short"), ("stream", "short stream")):
        full = pd.read_csv(io.StringIO(done[plain].out))
        rounded = pd.read_csv(io.StringIO(done[short].out), header=None, names=list(full))
        pd.testing.assert_frame_equal(full.round(1), rounded)


def test_parquet_and_python_have_real_timestamps(models, tmp_path):
    single = models["single"]
    assert call(tmp_path, ["predict", single.folder, single.data, "-o", "f.parquet"]).code == 0
    from_file = pd.read_parquet(tmp_path / "f.parquet")
    from_python = seqpred.predict(single.folder, single.data)
    assert from_file["month"].dtype.kind == from_python["month"].dtype.kind == "M"
    assert from_file["month"].iloc[0] == from_python["month"].iloc[0]


def test_shards_together_are_the_whole_forecast(models, tmp_path):
    many = models["many"]
    arguments = ["predict", many.folder, many.data, "--no-header"]
    parts = {f"{i}/2": (tmp_path, [*arguments, "--shard", f"{i}/2"]) for i in (1, 2)}
    done = call_all({"all": (tmp_path, arguments), **parts})
    lines = [line for name in parts for line in done[name].out.splitlines()]
    assert sorted(lines) == sorted(done["all"].out.splitlines())  # to the last digit
    assert all(done[name].code in (0, 3) for name in parts)  # 3: a shard without any of the few series


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"])
def test_a_shard_of_another_form_is_refused(models, refused, text):
    assert "expected i/n" in refused(2, "predict", models["many"].folder, models["many"].data, f"--shard={text}")


@given(st.text(), st.integers(1, 50))
def test_every_series_belongs_to_exactly_one_shard(name, count):
    assert sum(Shard(i, count).holds(name) for i in range(1, count + 1)) == 1


def test_shards_do_not_change_between_releases():
    assert [i for i in range(12) if Shard(1, 4).holds(f"series-{i}")] == [3, 4, 6, 9]


def test_origin_is_the_last_row_before_the_forecast_in_a_file_and_in_a_stream(models, tmp_path):
    single, wide = models["single"], models["wide"]
    arguments = ["--quantiles", "0.5", "--steps", "2", "--origin"]
    text = single.data.read_text()
    done = call_all(
        {
            "file": (tmp_path, ["predict", single.folder, single.data, *arguments]),
            "stream": (tmp_path, ["predict", single.folder, "-", "--stream", *arguments]),
            "rows": (tmp_path, ["predict", wide.folder, wide.data, *arguments]),
        },
        text,
    )
    assert [one.code for one in done.values()] == [0, 0, 0], [one.err for one in done.values()]
    file = done["file"].out.splitlines()
    assert file[0] == "month,origin,step,forecast,q0.5"
    assert [line.split(",")[:3] for line in file[1:]] == [
        ["2023-01-01", "2022-12-01", "1"],
        ["2023-02-01", "2022-12-01", "2"],
    ]
    stream = [line.split(",")[:3] for line in done["stream"].out.splitlines()]
    assert stream[0] == file[0].split(",")[:3]
    assert stream[-2:] == [line.split(",")[:3] for line in file[1:]]
    rows = list(csv.DictReader(io.StringIO(done["rows"].out)))
    assert {row["origin"] for row in rows} == {"72"}
    frame = seqpred.predict(single.folder, single.data, origin=True)
    assert set(frame["origin"]) == {pd.Timestamp("2022-12-01")}


def test_origin_is_rejected_if_the_data_has_such_a_column():
    with pytest.raises(ConfigError, match="'origin'"):
        check_origin(Columns(id="origin", time=(), targets=("y",)))


@pytest.mark.parametrize("option", ["--output", "--state"])
def test_the_data_is_never_replaced(refused, write, tmp_path, option):
    write("sales.csv", monthly())
    (tmp_path / "link.csv").symlink_to("sales.csv")
    for name in ("sales.csv", "./sales.csv", "link.csv"):
        assert "is the data file, which would be replaced" in refused(2, "forecast", "sales.csv", option, name)
    assert "would be replaced" in refused(2, "eval", "pretrained", "sales.csv", "--forecasts", "sales.csv")
    for data in (".", "sal*.csv"):
        assert "would be replaced" in refused(2, "forecast", data, "--output", "sales.csv")
    write("sales.yaml", "data: {path: sales.csv, target: sales}\n")
    for name in ("sales.csv", "sales.yaml"):
        assert "would be replaced" in refused(2, "train", "sales.yaml", "--log", name)
    assert (tmp_path / "sales.csv").read_text() == monthly()


@pytest.mark.parametrize(
    ("command", "option"),
    [("predict", "--output"), ("predict", "--write-future"), ("eval", "--forecasts"), ("eval", "--report")],
)
def test_the_data_that_a_model_names_is_never_replaced(models, refused, write, tmp_path, command, option):
    write("sales.csv", monthly())
    assert "would be replaced" in refused(2, command, models["single"].folder, option, "sales.csv")
    assert (tmp_path / "sales.csv").read_text() == monthly()


@pytest.mark.parametrize("name", ["-", "f.csv.gz", "f.XLSX"])
def test_a_name_that_does_not_stand_for_a_file_that_can_be_written_is_refused(refused, write, name):
    write("sales.csv", monthly())
    assert name.lower().split(".")[-1] in refused(2, "forecast", "sales.csv", "--output", name)


def test_the_name_of_the_output_in_capitals_is_its_format(models, tmp_path):
    single = models["single"]
    for name in ("f.JSONL", "f.ndjson"):
        assert call(tmp_path, ["predict", single.folder, single.data, "-o", name]).code == 0
        assert json.loads((tmp_path / name).read_text().splitlines()[0])["step"] == 1


def test_two_options_never_write_one_file(refused, write):
    write("sales.csv", monthly())
    assert "two options write" in refused(2, "forecast", "sales.csv", "--state", "new", "--output", "./new")
    assert "would be replaced" in refused(2, "forecast", "-", "--like", "sales.csv", "--state", "sales.csv")


@pytest.mark.parametrize("kind", ["text", "timestamps"])
@pytest.mark.parametrize("offset", ["+02:00", "-03:30", "+00:00"])
def test_timestamps_in_python_have_the_offset_of_the_data(kind, offset):
    times = [f"2024-06-01T{hour:02}:00:00{offset}" for hour in range(20)]
    frame = pd.DataFrame({"t": times if kind == "text" else pd.to_datetime(times), "y": range(20)})
    (found,) = seqpred.forecast(frame, horizon=1)["t"]
    assert found.isoformat() == f"2024-06-01T20:00:00{offset}"
