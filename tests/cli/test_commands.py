"""Output, files and exit codes of init, train, eval, show and schema."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime

import pandas as pd
import pytest
import yaml

from seqpred.storage.model_folder import FORMAT, reproducible_part
from tests.cli.outside import TINY, call_all, listing, monthly

METRICS = ["mae", "rmse", "smape", "mase", "wql", "coverage"]


# ------------------------------------------------------------------ init and train


def test_init_prints_a_config_that_training_accepts(models):
    text = (models["single"].place / "sales.yaml").read_text()
    config = yaml.safe_load(text)
    assert config["data"] == {"path": "sales.csv", "time": "month", "target": "sales", "id": None, "frequency": "P1M"}
    assert config["forecast"]["horizon"] == 6
    assert config["forecast"]["season"] == 12
    assert all("#" in line for line in text.splitlines() if line.startswith("  "))
    assert all(len(line) <= 100 for line in text.splitlines())


def test_every_key_set_by_the_user_is_in_the_config_that_init_prints(run, write):
    write("sales.csv", monthly())
    settings = {
        "model.bidirectional": True,
        "training.loss": "huber",
        "training.time_budget": 60,
        "model.blend": False,
        "model.autoregression": True,
        "training.threads": 1,
        "data.covariates.calendar": [],
    }
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    config = yaml.safe_load(run("init", "sales.csv", "--horizon", "5", *options).out)
    for key, value in {**settings, "forecast.horizon": 5}.items():
        below = config
        for name in key.split("."):
            below = below[name]
        assert below == value, key
    assert "batch_size" not in config["training"]  # depends on the direction, which the user may still change


def test_init_reports_its_choices_and_suggests_covariates(run, write):
    rows = (f"{s},{r},2024-01-{d:02d},{d * d},{d % 3},{d % 5}\n" for s, r in ("aN", "bS") for d in range(1, 29))
    write("sales.csv", "store,region,day,units,price,temperature\n" + "".join(rows))
    done = run("init", "sales.csv")
    assert "target column 'units' (by name; or price, temperature)" in done.err
    assert "id column 'store' (by name" in done.err
    for line in ("# known: [price] ", "# past: [temperature] ", "# static: [region] "):
        assert f"\n    {line}" in done.out
    write("sales.yaml", done.out.replace("# known", "known").replace("# static", "static"))
    assert run("check", "sales.yaml").code == 0


def test_train_prints_only_the_folder_and_writes_to_runs_by_default(models):
    single = models["single"]
    assert single.done.out == "runs/sales\n"
    files = {"model.safetensors", "model.onnx", "config.yaml", "manifest.json", "history.csv"}
    assert {p.name for p in single.folder.iterdir()} == files
    assert [p.name for p in (single.place / "runs").iterdir()] == ["sales"]


def test_train_shows_model_and_baseline_scores_on_stderr_without_control_characters(models):
    errors = models["single"].done.err
    assert all(name in errors for name in ("model", "seasonal naive", "drift", "MASE"))
    assert "\x1b" not in errors
    assert "\r" not in errors


def test_train_reports_the_columns_that_it_chose(models):
    message = models["many"].done.err
    assert "time column 'day'" in message
    assert "id column 'store'" in message


def test_train_finds_the_id_column_that_makes_timestamps_unique(run, write):
    rows = (f"2024-01-{d:02d},{kind},{shop},{d * d % 7}\n" for shop in (4, 5) for d in range(1, 29) for kind in "w")
    write("sales.csv", "day,kind,shop,units\n" + "".join(rows))
    write("c.yaml", "data: {path: sales.csv, target: units}\nforecast: {horizon: 2}\n")
    done = run("check", "c.yaml")
    assert done.code == 0, done.err
    assert "2 series" in done.out


def test_quiet_training_prints_nothing_to_stderr(models):
    assert models["wide"].done.err == ""


def test_train_creates_parent_folders(models):
    assert models["many"].done.out == "deep/er/shops\n"


def test_stored_config_is_resolved_and_includes_overrides(models):
    config = yaml.safe_load((models["many"].folder / "config.yaml").read_text())
    open_to_each_file = (
        "device",
        "date_order",
        "decimal",
        "encoding",
        "timezone",
        "timestamp_format",
        "distribute",
    )  # where training has met no need to decide
    assert "auto" not in [v for section in config.values() for k, v in section.items() if k not in open_to_each_file]
    assert (config["model"]["hidden_size"], config["training"]["max_steps"], config["forecast"]["horizon"]) == (8, 5, 4)
    assert (config["data"]["time"], config["data"]["id"]) == ("day", "store")


def test_manifest_contains_no_value_of_the_data(models):
    text = (models["single"].folder / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["format"] == FORMAT
    assert manifest["fingerprint"]
    values = {row.split(",")[1] for row in monthly().splitlines()[1:]} - {"100.0"}  # a coverage may be 100 %
    assert not set(re.findall(r"[\d.]+", text)) & values


def test_manifest_contains_the_date_and_duration_of_the_training_outside_the_fingerprint(models):
    content = (models["single"].folder / "manifest.json").read_bytes()
    manifest, rest = json.loads(content), json.loads(reproducible_part(content))
    assert datetime.fromisoformat(manifest["date"]).tzinfo == UTC
    assert manifest["duration"] > 0
    assert manifest.keys() - rest.keys() == {"date", "duration", "manifest_sha256"}
    assert all(manifest[key] == value for key, value in rest.items())


def test_same_seed_gives_the_same_bytes_and_force_replaces_a_model(run, models, write, tmp_path):
    single = models["single"]
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "manifest.json").write_text("{}")
    write("sales.csv", monthly())
    write("sales.yaml", (single.place / "sales.yaml").read_text())
    done = run("train", "sales.yaml", "--out", "m", "--force", "--json", *TINY)
    assert done.code == 0, done.err
    assert listing(tmp_path / "m") == listing(single.folder)
    result = json.loads(done.out)
    assert result["folder"] == "m"
    assert result["fingerprint"] == json.loads((single.folder / "manifest.json").read_text())["fingerprint"]


def test_stored_config_names_the_file_of_the_data_option(models):
    config = yaml.safe_load((models["wide"].folder / "config.yaml").read_text())
    assert config["data"]["path"] == "flow.csv"  # which `predict` takes when it is given no data


# ------------------------------------------------------------------ eval


@pytest.fixture(scope="module")
def scored(models, tmp_path_factory):
    """`eval` as JSON with a report, as a table, and with a required skill that is out of reach."""
    place = tmp_path_factory.mktemp("scored")
    folder, text = models["single"].folder, monthly()
    commands = {
        "json": (place, ["eval", folder, "-", "--json", "--windows", "3", "--report", "r.html"]),
        "words": (place, ["eval", folder, "-"]),
        "in-sample": (place, ["eval", folder, "-", "--json", "--quiet"]),
        "gate": (place, ["eval", folder, "-", "--quiet", "--require-skill", "0.1"]),
        "skill": (place, ["eval", folder, "longer.csv", "--json", "--require-skill", "0.999"]),
        "mixed": (place, ["eval", folder, "longer.csv", "--windows", "4", "--require-skill", "-9"]),
    }
    (place / "longer.csv").write_text(monthly(108))  # two horizons more than the training data
    return {**call_all(commands, text), "place": place}


def test_eval_json_is_one_object_with_the_documented_keys(scored):
    assert scored["json"].code == 0, scored["json"].err
    result = json.loads(scored["json"].out)
    assert list(result) == ["metrics", "skill", "network_skill", "horizon", "season", "windows", "windows_unseen"]
    names = ["model", "blend", "naive", "seasonal_naive", "seasonal_mean", "drift"]
    assert list(result["metrics"]) == names
    assert all(list(m) == METRICS for m in result["metrics"].values())
    assert list(result["metrics"]["model"]["coverage"]) == ["80", "60", "40", "20"]
    assert (result["horizon"], result["season"]) == (6, 12)


def test_eval_skill_is_relative_to_the_best_baseline(scored):
    result = json.loads(scored["json"].out)
    mase = {name: scores["mase"] for name, scores in result["metrics"].items()}
    model, blend = mase.pop("model"), mase.pop("blend")
    assert result["skill"] == pytest.approx(1 - model / min(mase.values()))
    assert result["network_skill"] == pytest.approx(1 - model / blend)


def test_eval_scores_by_step_and_by_series_are_those_of_the_written_forecasts(models, tmp_path):
    many = models["many"]
    commands = {
        "series": (tmp_path, ["eval", many.folder, many.data, "--by", "series", "--json", "--windows", "2"]),
        "step": (tmp_path, ["eval", many.folder, many.data, "--by", "step", "--json", "--forecasts", "f.csv"]),
        "table": (tmp_path, ["eval", many.folder, many.data, "--by", "series"]),
    }
    done = call_all(commands)
    by_series = json.loads(done["series"].out)["by_series"]
    errors = [scores["model"]["mase"] for scores in by_series.values()]
    assert errors == sorted(errors, reverse=True)
    assert list(json.loads(done["step"].out)["by_step"]) == ["1", "2", "3", "4"]
    assert "Scores by series, worst first" in done["table"].out
    forecasts = pd.read_csv(tmp_path / "f.csv")
    assert {"cutoff", "step", "target", "actual", "forecast", "q0.1", "q0.9"} < set(forecasts)
    mae = (forecasts["actual"] - forecasts["forecast"]).abs().mean()
    assert mae == pytest.approx(json.loads(done["step"].out)["metrics"]["model"]["mae"])


def test_eval_windows_are_consecutive_and_end_with_the_data(scored):
    windows = json.loads(scored["json"].out)["windows"]
    assert [w["cutoff"] for w in windows] == ["2021-06-01", "2021-12-01", "2022-06-01"]


def test_eval_json_has_no_nan_or_infinity(scored):
    def refuse(name):
        raise AssertionError(name)

    json.loads(scored["json"].out, parse_constant=refuse)


def test_eval_report_is_one_page_without_external_resources(scored):
    assert sorted(p.name for p in scored["place"].iterdir()) == ["longer.csv", "r.html"]
    page = (scored["place"] / "r.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<svg" in page
    assert "seasonal naive" in page
    assert not [word for word in ("<script src", "<img", "<iframe", "url(", "@import") if word in page]


def test_eval_table_shows_all_forecasters_and_the_skill(scored):
    done = scored["words"]
    assert done.code == 0, done.err
    assert all(word in done.out for word in ("model", "naive", "seasonal naive", "drift", "skill", "2022-06-01"))


def test_eval_table_fits_80_columns_when_piped(scored):
    assert max(len(line.rstrip()) for line in scored["words"].out.splitlines()) <= 100


def test_in_sample_windows_are_labeled_in_the_table_and_noted_on_stderr(scored):
    title, *lines = scored["words"].out.splitlines()
    assert "all in-sample" in title
    windows = [line.split()[-1] for line in lines if line.startswith("  20")]
    assert set(windows) == {"in-sample"}
    assert f"{len(windows)} of {len(windows)} windows overlap the training data" in scored["words"].err


def test_quiet_does_not_hide_the_in_sample_label(scored):
    assert scored["in-sample"].err == ""
    result = json.loads(scored["in-sample"].out)
    assert {window["part"] for window in result["windows"]} == {"training"}
    assert result["windows_unseen"] == 0
    assert "all in-sample" in scored["gate"].out


def test_require_skill_exits_with_5_if_no_window_is_unseen(scored):
    assert scored["gate"].code == 5
    assert "no window is unseen" in scored["gate"].err


def test_unseen_and_in_sample_windows_are_labeled(scored):
    assert scored["mixed"].code == 0
    assert "2 in-sample" in scored["mixed"].out
    parts = [line.split()[-1] for line in scored["mixed"].out.splitlines() if line.startswith("  20")]
    assert parts == ["in-sample", "in-sample", "unseen", "unseen"]


def test_insufficient_skill_exits_with_code_5(scored):
    assert scored["skill"].code == 5
    assert "0.999" in scored["skill"].err


def test_json_insufficient_skill_is_an_error_object(scored):
    error = json.loads(scored["skill"].err.splitlines()[-1])["error"]
    assert error["code"] == 5
    assert "0.999" in error["message"]


def test_too_many_windows_error_gives_the_maximum(refused, models):
    message = refused(3, "eval", models["single"].folder, models["single"].data, "--windows", "40")
    assert "sales.csv" in message
    assert "--windows 15" in message


# ------------------------------------------------------------------ show and schema


def test_show_of_a_model_prints_config_sizes_and_scores(run, models):
    done = run("show", models["single"].folder, "--json")
    shown = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert shown["kind"] == "model"
    assert shown["config"]["model"]["hidden_size"] == 8
    networks = [shape for name, shape in shown["weights"].items() if name.startswith("members.")]
    assert shown["parameters"] == sum(map(math.prod, networks)) > 0
    assert f"{shown['parameters']:,} parameters" in run("show", models["single"].folder).out
    assert shown["manifest"]["scores"]["metrics"]["seasonal_naive"]["mase"] > 0


def test_show_prints_deterministic_yaml(run, models):
    first = run("show", models["single"].folder)
    assert yaml.safe_load(first.out)["kind"] == "model"
    for _ in range(3):
        assert run("show", models["single"].folder).out == first.out


def test_show_of_a_config_fills_in_the_defaults(run, write):
    write("c.yaml", "data: {target: y}\nmodel: {cell: gru}\n")
    shown = json.loads(run("show", "c.yaml", "--json").out)
    assert shown["kind"] == "config"
    assert shown["config"]["model"]["cell"] == "gru"
    assert shown["config"]["forecast"]["quantiles"] == [i / 10 for i in range(1, 10)]


def test_show_of_a_missing_file_is_rejected(refused):
    assert "nowhere.yaml" in refused(2, "show", "nowhere.yaml")


def test_schema_describes_every_key_and_forbids_others(run):
    schema = json.loads(run("schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["$id"].endswith("/seqpred.schema.json")
    assert set(schema["$defs"]["ModelSection"]["properties"]["cell"]["enum"]) >= {"rnn", "lstm", "gru"}
    assert schema["type"] == "object"
    assert schema["required"] == ["data"]
    assert list(schema["properties"]) == ["data", "model", "forecast", "training", "tune"]
    assert schema["additionalProperties"] is False
    for section in schema["$defs"].values():
        assert section["additionalProperties"] is False
        for name, key in section["properties"].items():
            assert key.get("description"), name
