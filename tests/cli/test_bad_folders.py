"""Damaged model folders are rejected, and so are output paths that cannot be written."""

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


def test_missing_model_folder_error_names_the_train_command(refused):
    message = refused(4, "predict", "nowhere")
    assert "nowhere: no such model folder" in message
    assert "seqpred train" in message


def test_folder_without_a_model_is_rejected(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(4, "predict", "empty")


def test_file_instead_of_a_model_folder_is_rejected(refused, write):
    write("m.pt", "")
    assert "m.pt" in refused(4, "eval", "m.pt")


@pytest.mark.parametrize("name", FILES)
def test_missing_file_in_a_model_folder_is_named(refused, copied, name):
    (copied / name).unlink()
    message = refused(4, "predict", "m")
    assert name == "manifest.json" or f"m/{name}: damaged" in message
    assert name in message or "no model" in message


@pytest.mark.parametrize("name", FILES)
def test_truncated_file_in_a_model_folder_is_named(refused, copied, name):
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: len(content) // 2])
    assert f"m/{name}: damaged" in refused(4, "show", "m")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_a_model_folder_is_detected(refused, copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) * 2 // 3] ^= 1
    (copied / name).write_bytes(content)
    message = refused(4, "show", "m")
    assert f"m/{name}: damaged" in message
    assert "Train again" in message


def test_blank_added_to_a_manifest_is_detected(refused, copied):
    path = copied / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert "m/manifest.json: damaged" in refused(4, "show", "m")


def test_newer_folder_format_error_names_the_upgrade(refused, copied):
    path = copied / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 999}))
    error = json.loads(refused(4, "show", "m", "--json"))["error"]
    assert error["code"] == 4
    assert "format 999" in error["message"]
    assert "upgrade" in error["hint"]


def test_existing_model_is_not_replaced_without_force(refused, copied, write):
    write("c.yaml", "data: {target: y}\n")
    message = refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "m")
    assert "m: already contains a model" in message
    assert "--force" in message


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["plain", "force"])
def test_folder_that_is_not_a_model_is_never_replaced(refused, write, tmp_path, force):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    write("c.yaml", "data: {target: y}\n")
    message = refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "photos", *force)
    assert "photos" in message
    assert "--out" in message


def test_output_folder_below_a_file_is_rejected_before_training(refused, write):
    write("c.yaml", "data: {target: y}\n")
    write("file", "")
    assert "file/sub" in refused(6, "train", "c.yaml", "--data", "none.csv", "--out", "file/sub")


def test_forecast_file_below_a_file_is_rejected_before_predicting(refused, copied, write):
    write("file", "")
    assert "file/f.csv" in refused(6, "predict", "m", "--output", "file/f.csv")


def test_report_in_a_missing_folder_is_rejected_before_the_evaluation(refused, copied):
    assert "nowhere/r.html" in refused(6, "eval", "m", "--report", "nowhere/r.html")


def test_forecast_does_not_replace_a_folder(refused, copied):
    assert "m: cannot be written" in refused(6, "predict", "m", "--output", "m")


def test_forecast_does_not_replace_a_pipe_or_device(run, models, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # else writing to it would wait
    run("predict", models["single"].folder, models["single"].data, "--output", "pipe")
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_current_directory_as_output_folder_is_rejected_before_training(refused, write, models):
    message = refused(6, "train", models["single"].place / "sales.yaml", "--data", "none.csv", "--out", ".")
    assert "--out" in message
