"""`seqpred forecast`: the table of predict, choices on stderr, no torch, and errors with a remedy."""

from __future__ import annotations

import json
import subprocess

import pytest

from seqpred.runtime.onnx_runtime import TELEMETRY
from tests.cli.outside import COMMAND, environment, monthly


def test_a_file_is_forecast_without_config_or_training(run, write):
    write("sales.csv", monthly())
    done = run("forecast", "sales.csv", "--horizon", "6", "--quantiles", "0.1,0.9")
    assert done.code == 0
    header, *rows = done.out.splitlines()
    assert header == "month,step,forecast,q0.1,q0.9"
    assert len(rows) == 6
    assert "chose time column 'month'" in done.err
    assert "season 12, horizon 6" in done.err
    assert run("forecast", "-", "--horizon", "6", "--quantiles", "0.1,0.9", stdin=monthly()).out == done.out
    assert run("predict", "pretrained", "sales.csv", "--steps", "6", "--quantiles", "0.1,0.9").out == done.out


def test_nothing_is_written_to_the_home_folder(write, tmp_path):
    """Where onnxruntime sends telemetry by default, it keeps a database there."""
    (tmp_path / "home").mkdir()
    kept = {k: v for k, v in environment().items() if not k.startswith("XDG_") and k != TELEMETRY}
    subprocess.run(
        [*COMMAND, "forecast", write("sales.csv", monthly())],
        env={**kept, "HOME": str(tmp_path / "home")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert not list((tmp_path / "home").iterdir())


def test_a_stream_infers_the_columns_from_the_file_of_like(run, refused, write):
    write("sales.csv", monthly())
    message = refused(2, "forecast", "-", "--stream", stdin=monthly())
    assert "--like" in message
    options = ("--horizon", "1", "--stream", "--like", "sales.csv", "--no-header", "--quiet")
    streamed = run("forecast", "-", *options, stdin=monthly())
    last = run("forecast", "sales.csv", "--horizon", "1", "--no-header", "--quiet").out.split(",")
    assert abs(float(streamed.out.splitlines()[-1].split(",")[2]) - float(last[2])) < 1e-3 * abs(float(last[2]))
    assert streamed.err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["forecast", "sales.csv", "--steps", "3"], "Use --horizon."),
        (["predict", "pretrained", "sales.csv", "--horizon", "3"], "Use --steps."),
        (["check", "sales.csv", "--steps", "3"], "See seqpred check --help."),
    ],
)
def test_the_number_of_steps_has_another_name_in_predict(refused, write, words, message):
    write("sales.csv", monthly())
    assert message in refused(2, *words)


def test_counts_from_zero_are_continued_and_not_multiplied(run, write):
    write("starts.csv", "week,starts\n" + "".join(f"{week},{week}\n" for week in range(5)))
    done = run("forecast", "starts.csv", "--horizon", "2", "--quantiles", "0.5", "--no-header")
    assert [round(float(row.split(",")[-1])) for row in done.out.splitlines()] == [5, 6]


@pytest.mark.parametrize("key", ["model.depth=3", "training.seed=2", "data.covariates.known=[x]"])
def test_keys_without_effect_on_the_pretrained_network_are_rejected(refused, write, key):
    write("sales.csv", monthly())
    assert f"{key} has no effect" in refused(2, "forecast", "sales.csv", "--set", key)


def test_the_state_of_another_season_is_refused_and_like_restores_it(run, refused, write):
    header, *rows = monthly().splitlines()
    write("old.csv", "\n".join([header, *rows[:-3], ""]))
    write("new.csv", "\n".join([header, *rows[-3:], ""]))
    write("all.csv", monthly())
    options = ("--horizon", "2", "--quiet")
    assert run("forecast", "old.csv", "--state", "s", *options).code == 0
    message = refused(4, "forecast", "new.csv", "--state", "s", *options)
    assert "season 12 and step P1M, and the new rows have no season and step P1M" in message
    assert "--like" in message
    done = run("forecast", "new.csv", "--state", "s", "--like", "old.csv", *options)
    assert done.out == run("forecast", "all.csv", *options).out


def test_a_short_series_among_long_ones_does_not_make_windows_in_sample(run, write):
    rows = [f"a,{day},{day % 7 + day / 9}\n" for day in range(70)] + [f"b,{day},3\n" for day in range(60, 64)]
    write("shops.csv", "shop,day,sold\n" + "".join(rows))
    done = run("eval", "pretrained", "shops.csv", "--json", "--require-skill", "-1")
    assert done.code == 0
    found = json.loads(done.out)
    assert {window["part"] for window in found["windows"]} == {"unseen"}
    assert "in-sample" not in done.err
    assert "in-sample" not in run("eval", "pretrained", "shops.csv", "--windows", "99").err
    assert f"{found['windows_unseen']} unseen windows" in run("compare", "pretrained", "--data", "shops.csv").out


def test_missing_data_is_reported_in_forecast_and_with_pretrained(refused, write):
    write("empty.csv", "month,sales\n2020-01,\n2020-02,\n")
    assert "no numeric column" in refused(3, "forecast", "empty.csv")
    assert "no such file" in refused(3, "forecast", "absent.csv").lower()
    assert "needs data" in refused(2, "eval", "pretrained")
