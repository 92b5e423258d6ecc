"""The same rows in any format are the same data."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta

import pytest
import yaml

from tests.cli.outside import TINY, call, long_table, monthly


def with_semicolons(text: str) -> bytes:
    return text.replace(",", ";").encode()


def with_tabs(text: str) -> bytes:
    return text.replace(",", "\t").encode()


def as_from_windows(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8-sig")


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode())


def upside_down(text: str) -> bytes:
    header, *rows = text.splitlines()
    return "\n".join([header, *reversed(rows)]).encode()


def all_at_once(text: str) -> bytes:
    header, *rows = text.replace(",", ";").splitlines()
    return gzip.compress("\r\n".join([header, *rows[1::2], "", *rows[::2]]).encode("utf-8-sig"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    done = call(tmp_path_factory.mktemp("plain"), ["init", "-"], monthly())
    assert done.code == 0, done.err
    return done


@pytest.mark.parametrize("form", [with_semicolons, with_tabs, as_from_windows, compressed, upside_down, all_at_once])
def test_init_writes_the_same_config_for_every_format(run, plain, form):
    assert run("init", "-", stdin=form(monthly())) == plain


def test_init_infers_time_id_and_target_of_a_long_table(run):
    out = run("init", "-", stdin=long_table()).out
    for line in ("  time: day ", "  target: value ", "  id: store "):
        assert line in out


def test_forecast_is_the_same_with_all_format_variations_combined(run, models, predicted, write):
    write("odd.csv.gz", all_at_once(monthly()))
    assert run("predict", models["single"].folder, "odd.csv.gz").out == predicted["csv"]


def test_series_named_na_is_not_missing(run):
    done = run("init", "-", stdin=long_table().replace("007", "NA"))
    assert done.code == 0, done.err
    assert done.out.startswith("# 3 series")


def test_rows_of_several_series_are_never_merged_silently(run):
    done = run("init", "-", stdin=long_table().replace("store,day", "kiosk,t").replace("007", "Ann"))
    assert done.code != 0 or "id: kiosk" in done.out or "kiosk" in done.err


def test_all_commands_read_files_that_match_a_pattern(tmp_path):
    header, *rows = monthly().splitlines()
    (tmp_path / "logs").mkdir()
    for i in range(0, len(rows), 24):
        (tmp_path / "logs" / f"{2015 + i // 12}.csv").write_text("\n".join([header, *rows[i : i + 24]]) + "\n")
    (tmp_path / "whole.csv").write_text(monthly())
    configs = [call(tmp_path, ["init", data]).out for data in ("logs/*.csv", "whole.csv")]
    many, one = (yaml.safe_load(config) for config in configs)
    assert (many["data"].pop("path"), one["data"].pop("path")) == ("logs/*.csv", "whole.csv")
    assert many == one
    (tmp_path / "sales.yaml").write_text(configs[0])
    assert call(tmp_path, ["train", "sales.yaml", *TINY]).out == "runs/sales\n"
    for command in (["check"], ["eval", "runs/sales"], ["predict", "runs/sales"]):
        one, many = (call(tmp_path, [*command, data]) for data in ("whole.csv", "logs/*.csv"))
        assert many.code == 0, many.err
        assert many.out.replace("logs/*.csv", "whole.csv") == one.out
    assert call(tmp_path, ["predict", "runs/sales"]).out == one.out
    unquoted = call(tmp_path, ["predict", "runs/sales", *sorted((tmp_path / "logs").iterdir())])
    assert unquoted.code == 2
    assert "Quote the pattern" in unquoted.err


@pytest.mark.parametrize("zero", ["", "0"], ids=["bare", "padded"])
def test_all_commands_read_dates_split_into_columns(tmp_path, zero):
    """Integers for year, month, day and hour; the forecast has the same columns and crosses the end of a year."""
    hours = [datetime(2024, 12, 25) + timedelta(hours=k) for k in range(161)]
    wide = 2 if zero else 1
    rows = [
        f"{t.year},{t.month:0{wide}},{t.day:0{wide}},{t.hour:0{wide}},{k % 24 + k % 5},w" for k, t in enumerate(hours)
    ]
    text = "\n".join(["year,month,day,hour,dust,wind", *rows, ""])
    (tmp_path / "dust.csv").write_text(text)
    init = call(tmp_path, ["init", "dust.csv"])
    assert "  time: [year, month, day, hour]  # parts of a timestamp, by name" in init.out
    assert "  id: null" in init.out and "  frequency: PT1H" in init.out  # noqa: PT018
    (tmp_path / "dust.yaml").write_text(init.out)
    assert call(tmp_path, ["train", "dust.yaml", "--out", "m", *TINY]).code == 0
    table = call(tmp_path, ["predict", "m", "dust.csv", "--steps", "8"]).out.splitlines()
    assert [line.split(",")[:5] for line in table[1:]] == [
        *(["2024", "12", "31", str(hour), str(hour - 16)] for hour in range(17, 24)),
        ["2025", *[f"{k:0{wide}}" for k in (1, 1, 0)], "8"],
    ]
    stream = call(tmp_path, ["predict", "m", "-", "--stream", "--steps", "1"], stdin=text).out.splitlines()
    assert stream[-1].split(",")[:5] == table[1].split(",")[:5]
    assert stream[0].startswith("year,month,day,hour,step,forecast")
    assert [float(x) for x in stream[-1].split(",")[5:]] == pytest.approx(
        [float(x) for x in table[1].split(",")[5:]], rel=1e-4
    )


def test_all_commands_read_a_table_with_an_unnamed_index_column(tmp_path):
    """pandas writes an index without a name in the header; a column of row numbers is not a target."""
    header, *rows = monthly().splitlines()
    unnamed = "\n".join(["," + header.partition(",")[2], *rows, ""])
    (tmp_path / "sales.csv").write_text(unnamed)
    (tmp_path / "sales.yaml").write_text(call(tmp_path, ["init", "sales.csv"]).out)
    assert call(tmp_path, ["train", "sales.yaml", "--out", "m", *TINY]).code == 0
    table = call(tmp_path, ["predict", "m", "sales.csv"]).out
    assert table.startswith("Unnamed: 0,step,forecast")
    stream = call(tmp_path, ["predict", "m", "-", "--stream", "--steps", "1"], stdin=unnamed).out.splitlines()
    assert stream[-1].split(",")[:2] == table.splitlines()[1].split(",")[:2]
    counted = "\n".join(["," + header, *(f"{i},{row}" for i, row in enumerate(rows)), ""])
    whole, plain = (call(tmp_path, ["init", "-"], stdin=text).out for text in (counted, monthly()))
    assert whole == plain
