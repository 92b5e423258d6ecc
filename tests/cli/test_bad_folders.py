"""A model folder that isn't what training wrote is refused, and so is a place that can't be written."""

from __future__ import annotations

import json
import os
import shutil
import stat

import pytest

FILES = ("model.safetensors", "model.onnx", "config.yaml", "manifest.json")


@pytest.fixture
def copied(models, tmp_path):
    """A copy of a good model folder, to be damaged."""
    return shutil.copytree(models["single"].folder, tmp_path / "m")


def test_a_folder_that_is_not_there_is_told_with_the_command_that_makes_one(refused):
    said = refused(4, "predict", "nowhere")
    assert "nowhere: no such model folder" in said
    assert "seqpred train" in said


def test_a_folder_without_a_model_is_told(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(4, "predict", "empty")


def test_a_file_in_place_of_a_model_folder_is_told(refused, write):
    write("m.pt", "")
    assert "m.pt" in refused(4, "eval", "m.pt")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_of_a_model_is_told(refused, copied, name):
    (copied / name).unlink()
    said = refused(4, "predict", "m")
    assert name == "manifest.json" or f"m/{name}: damaged" in said
    assert name in said or "no model" in said


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_of_a_model_is_told(refused, copied, name):
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: len(content) // 2])
    assert f"m/{name}: damaged" in refused(4, "show", "m")


@pytest.mark.parametrize("name", FILES)
def test_one_altered_bit_of_a_model_is_told(refused, copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) * 2 // 3] ^= 1
    (copied / name).write_bytes(content)
    said = refused(4, "show", "m")
    assert f"m/{name}: damaged" in said
    assert "Train again" in said


def test_a_blank_added_to_a_manifest_is_told(refused, copied):
    path = copied / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "m/manifest.json: damaged" in refused(4, "show", "m")


def test_a_newer_format_is_refused_with_the_way_to_read_it(refused, copied):
    path = copied / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 999}))
    error = json.loads(refused(4, "show", "m", "--json"))["error"]
    assert error["code"] == 4
    assert "format 999" in error["message"]
    assert "upgrade" in error["hint"]


def test_a_model_that_is_there_is_not_replaced_without_force(refused, copied, write):
    write("c.yaml", "data: {target: y}\n")
    said = refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "m")
    assert "m: already holds a model" in said
    assert "--force" in said


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["plain", "force"])
def test_a_folder_of_something_else_is_never_replaced(refused, write, tmp_path, force):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    write("c.yaml", "data: {target: y}\n")
    said = refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "photos", *force)
    assert "photos" in said
    assert "--out" in said


def test_a_place_below_a_file_is_told_before_training(refused, write):
    write("c.yaml", "data: {target: y}\n")
    write("file", "")
    assert "file/sub" in refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "file/sub")


def test_a_forecast_below_a_file_is_told_before_the_work(refused, copied, write):
    write("file", "")
    assert "file/f.csv" in refused(6, "predict", "m", "--output", "file/f.csv")


def test_a_report_in_a_folder_that_is_not_there_is_told_before_the_work(refused, copied):
    assert "nowhere/r.html" in refused(6, "eval", "m", "--report", "nowhere/r.html")


def test_a_folder_is_not_replaced_by_a_forecast(refused, copied):
    assert "m: cannot be written" in refused(6, "predict", "m", "--output", "m")


def test_a_pipe_or_device_is_not_replaced_by_a_forecast(run, models, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # else writing to it would wait
    run("predict", models["single"].folder, models["single"].data, "--output", "pipe")
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_the_folder_one_stands_in_is_refused_before_training(refused, write, models):
    said = refused(6, "train", models["single"].place / "sales.yaml", "--data", "none.csv", "--out", ".")
    assert "--out" in said
