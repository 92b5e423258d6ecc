"""From a model folder to a model, and what is wrong with folders that have been altered."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch

from seqpred import predict, train
from seqpred.errors import ConfigError, FolderError
from seqpred.forecasting.model import Model, load
from seqpred.network import machine
from seqpred.runtime import onnx_runtime
from seqpred.storage.model_folder import Folder
from tests.invariants.conftest import frame
from tests.storage.test_model_folder import resolved_config
from tests.training.test_checkpoint import config

OWN = SimpleNamespace(model=SimpleNamespace(cell="own"))


GOOD = {"name": "x", "role": "past", "words": None, "mean": 0.0, "spread": 1.0, "daily": False}
ALTERED = [("name", 7), ("name", "z"), ("role", "target"), ("role", []), ("words", 3), ("words", [3]), ("mean", "x")]
ALTERED += [("mean", 10**400), ("mean", None), ("spread", 0.0), ("spread", math.nan), ("daily", 1), ("more", 1)]
WRONG = [[], [7], [{"name": "x"}], 5, [GOOD, GOOD], *([{**GOOD, key: value}] for key, value in ALTERED)]


@pytest.mark.parametrize("stored", WRONG)
def test_invalid_covariates_in_a_manifest_are_an_error(stored: Any) -> None:
    config = resolved_config("y", covariates={"past": ["x"], "calendar": []})
    model = Model(Folder(Path("m"), config, {"covariates": stored}, b""))
    with pytest.raises(FolderError, match="m: the covariates in it cannot be read"):
        _ = model.covariates


def test_covariates_are_read_from_a_manifest() -> None:
    stored = [GOOD, {**GOOD, "name": "k", "role": "static", "words": ["a"]}]
    config = resolved_config("y", covariates={"past": ["x"], "static": ["k"], "calendar": []})
    assert Model(Folder(Path("m"), config, {"covariates": stored}, b"")).covariates.as_data() == stored


@pytest.mark.parametrize("data", [None, [], {}, {"ends": "x"}, {"ends": {"s0": 0.5}}, {"ends": [1]}, {"ends": True}])
def test_a_manifest_without_valid_ends_of_the_data_is_an_error(data: Any) -> None:
    with pytest.raises(FolderError, match="where the data ends"):
        _ = Folder(Path("m"), resolved_config("y"), {"data": data}, b"").ends


@pytest.mark.parametrize("ends", [None, 7, {}, {"s0": 7, "s1": None}])
def test_the_ends_of_the_data_are_read(ends: Any) -> None:
    assert Folder(Path("m"), resolved_config("y"), {"data": {"ends": ends}}, b"").ends == ends


def test_a_cell_that_onnx_does_not_support_uses_torch() -> None:
    assert Model(SimpleNamespace(config=OWN)).runtime_name == "torch"
    with pytest.raises(ConfigError, match="the onnx runtime cannot be used: ONNX has no cell 'own'"):
        _ = Model(SimpleNamespace(config=OWN), "onnx").runtime_name


def test_torch_is_used_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_runtime, "find_spec", lambda _: None)
    folder = Folder(Path("m"), resolved_config("y"), {}, b"")
    assert Model(folder).runtime_name == "torch"
    with pytest.raises(ConfigError, match="onnxruntime is not installed"):
        _ = Model(folder, "onnx").runtime_name


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_weights_that_do_not_fit_the_config_are_an_error(runtime: Any) -> None:
    from safetensors.numpy import save

    model = Model(Folder(Path("m"), resolved_config("y"), {"format": 2, "covariates": []}, save({})), runtime)
    with pytest.raises(FolderError, match="m: the weights do not fit its config"):
        _ = model.runtime


def test_cuda_is_torch_on_a_device_that_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = config("lstm")
    chosen["model"]["start"] = "blank"  # onnx computes the pretrained part of either
    train(chosen, frame(), tmp_path / "m")
    asked = load(tmp_path / "m", "cuda")
    assert "runs with cuda" in asked.summary()["size"]
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="--runtime is 'cuda', which torch cannot find on this machine"):
            _ = asked.runtime
    monkeypatch.setattr(machine, "choose_device", lambda *_: machine.CPU)
    expected = predict(load(tmp_path / "m", "torch"), frame())
    pd.testing.assert_frame_equal(predict(asked, frame()), expected, check_exact=True)
