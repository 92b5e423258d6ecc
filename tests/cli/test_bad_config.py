"""Errors in configs and usage: exit code 2, with the line and a suggestion."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def faulty(refused, write):
    """Train with a config that must be rejected; returns the error message."""

    def train(config, *args):
        write("c.yaml", config)
        return refused(2, "train", "c.yaml", *args)

    return train


def test_a_missing_config_is_an_error_with_the_command_that_creates_one(refused):
    message = refused(2, "train", "nowhere.yaml")
    assert "nowhere.yaml: no such file" in message
    assert "seqpred init" in message


def test_a_data_file_instead_of_a_config_is_an_error_with_the_command_that_creates_one(refused):
    message = refused(2, "train", "sales.csv")
    assert "sales.csv: is a data file, not a config. Create one with `seqpred init sales.csv > config.yaml`." in message


def test_an_unknown_key_is_reported_with_its_line_and_the_nearest_key(faulty):
    message = faulty("data:\n  target: y\nmodel:\n  hiden_size: 8\n")
    assert "c.yaml:4: unknown key 'model.hiden_size'" in message
    assert "Did you mean 'hidden_size'?" in message


def test_an_unknown_section_is_reported_with_the_nearest_one(faulty):
    message = faulty("data: {target: y}\ntrainig:\n  seed: 2\n")
    assert "c.yaml:2: unknown key 'trainig'" in message
    assert "'training'" in message


def test_a_key_in_the_wrong_section_is_reported_with_the_right_one(faulty):
    message = faulty("data: {target: y}\nmodel:\n  horizon: 2\n")
    assert "c.yaml:3: unknown key 'model.horizon'" in message
    assert "'forecast.horizon'" in message


def test_an_unknown_cell_is_reported_with_the_nearest_one(faulty):
    message = faulty("data: {target: y}\nmodel:\n  cell: lsmt\n")
    assert "c.yaml:3: model.cell is 'lsmt'" in message
    assert "'lstm'" in message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model.dropout", "1.5", "less than 1"),
        ("model.depth", "0", "at least 1"),
        ("forecast.horizon", "-3", "at least 1"),
        ("forecast.quantiles", "[0.9, 0.1]", "increasing order"),
        ("training.learning_rate", "fast", "number"),
    ],
)
def test_a_value_out_of_range_is_reported_with_its_line_and_the_range(faulty, key, value, expected):
    section, name = key.split(".")
    message = faulty(f"data: {{target: y}}\n\n{section}:\n  {name}: {value}\n")
    assert f"c.yaml:4: {key} is " in message
    assert value.strip("[]") in message
    assert expected in message


def test_the_error_for_a_missing_target_shows_what_to_write(faulty):
    message = faulty("model: {cell: gru}\n")
    assert "c.yaml: data is missing" in message
    assert "target: y" in message


def test_the_error_for_an_empty_config_shows_what_to_write(faulty):
    assert "target: y" in faulty("")


@pytest.mark.parametrize(
    ("config", "found"),
    [("- data\n- model\n", "a list"), ("just words\n", "a single value"), ("42\n", "a single value")],
)
def test_a_config_that_is_not_a_mapping_is_rejected(faulty, config, found):
    message = faulty(config)
    assert f"c.yaml: contains {found}" in message
    assert "data:" in message


def test_a_section_that_is_not_a_mapping_is_reported_with_its_line(faulty):
    message = faulty("data: {target: y}\nmodel: lstm\n")
    assert "c.yaml:2: model is 'lstm', not a mapping" in message


@pytest.mark.parametrize(
    ("config", "line"), [("data:\n  target: y\n  time: [a\nmodel:\n", 4), ("data:\n\ttarget: y\n", 2)]
)
def test_malformed_yaml_is_reported_with_its_line(faulty, config, line):
    assert f"c.yaml:{line}: not YAML" in faulty(config)


def test_a_duplicate_key_is_reported_with_its_line(faulty):
    assert "c.yaml:3" in faulty("data:\n  target: y\n  target: z\n")


def test_all_faults_are_reported_together_each_with_its_line(faulty):
    message = faulty("data: {target: y}\nmodel:\n  depht: 3\n  dropout: 7\ntraining:\n  seed: -1\n")
    for expected in (
        "c.yaml:3: unknown key 'model.depht'",
        "c.yaml:4: model.dropout is 7",
        "c.yaml:6: training.seed is -1",
    ):
        assert expected in message


def test_a_binary_file_is_rejected_as_config(refused, write):
    write("c.yaml", b"data: \xff\xfe\x00")
    assert "c.yaml" in refused(2, "train", "c.yaml")


def test_an_invalid_override_is_reported_as_an_override(faulty):
    message = faulty("data: {target: y}\n", "--set", "model.cel=gru")
    assert "model.cel" in message
    assert "--set" in message
    assert "'cell'" in message


def test_the_error_for_an_override_without_a_value_shows_its_form(faulty):
    message = faulty("data: {target: y}\n", "--set", "model.cell")
    assert "model.cell" in message
    assert "key=value" in message


def test_a_config_without_a_path_needs_data(faulty):
    assert "--data" in faulty("data: {target: y}\n", "--out", "m")


def test_the_error_for_an_unknown_command_names_it(refused):
    assert "'trian'" in refused(2, "trian")


def test_an_unknown_option_is_reported_with_the_command_for_help(refused):
    message = refused(2, "train", "c.yaml", "--sett", "a=b")
    assert "--sett" in message
    assert "--help" in message


@pytest.mark.parametrize("levels", ["0.9,0.1", "0,1", "ten", "0.1;0.9"])
def test_malformed_quantiles_are_reported_with_an_example(refused, levels):
    message = refused(2, "predict", "m", "--quantiles", levels)
    assert f"--quantiles {levels}" in message
    assert "0.1,0.9" in message


def test_with_json_all_faults_of_a_config_are_one_object_on_stderr(faulty):
    error = json.loads(faulty("data: {target: y}\nmodel:\n  depht: 3\n  dropout: 7\n", "--json"))["error"]
    assert error["code"] == 2
    for expected in ("c.yaml:3: unknown key 'model.depht'", "c.yaml:4: model.dropout is 7"):
        assert expected in error["message"] + error["hint"]


def test_with_json_wrong_usage_is_one_object_on_stderr(refused):
    error = json.loads(refused(2, "eval", "m", "--json", "--windows", "none"))["error"]
    assert error["code"] == 2
    assert "'none'" in error["message"]
    assert "--help" in error["hint"]


def test_a_required_skill_that_is_not_a_number_is_rejected_at_once(refused):
    assert "nan" in refused(2, "eval", "nowhere", "--require-skill", "nan")
