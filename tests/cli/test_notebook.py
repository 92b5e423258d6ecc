"""The Python API as in a notebook: how models are shown, stored scores and curves as DataFrames, plots."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import ConfigError
from tests.cli.outside import Trained
from tests.conftest import ROOT
from tests.doc_commands import fences, prepare

pytest.importorskip("matplotlib").use("Agg")


@pytest.fixture
def model(models: dict[str, Trained]) -> seqpred.Model:
    return seqpred.load(models["single"].folder)


def test_a_model_is_shown_as_one_line(model: seqpred.Model) -> None:
    assert "\n" not in repr(model)
    assert "1 LSTM network" in repr(model)
    assert "(validation split)" in repr(model)


def test_a_model_is_shown_in_a_notebook_with_scores_and_a_curve(model: seqpred.Model) -> None:
    page = ElementTree.fromstring(model._repr_html_())
    cells = [cell.text for cell in page.iter("th")]
    assert {"scores", "blend", "seasonal naive"} <= set(cells)
    assert page.find(".//{http://www.w3.org/2000/svg}polyline") is not None
    assert "http" not in model._repr_html_().replace("http://www.w3.org/2000/svg", "")


def test_scores_and_history_are_data_frames(model: seqpred.Model) -> None:
    stored = model.folder.manifest["scores"]
    assert model.scores.loc["model", "mase"] == stored["metrics"]["model"]["mase"]
    assert model.scores.attrs["part"] == "validation"
    assert model.scores.attrs["network_skill"] == stored["network_skill"]
    assert list(model.history.columns) == ["step", "network", "loss", "validation_score"]
    pd.testing.assert_frame_equal(model.history, pd.read_csv(model.folder.path / "history.csv"), check_dtype=False)


@pytest.mark.parametrize("transfer", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_that_has_forecast_can_be_copied_and_pickled(
    model: seqpred.Model, models: dict[str, Trained], transfer: Callable[[seqpred.Model], seqpred.Model]
) -> None:
    table = seqpred.predict(model, models["single"].data)
    pd.testing.assert_frame_equal(seqpred.predict(transfer(model), models["single"].data), table)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "7", True])
def test_steps_that_are_not_a_positive_whole_number_are_an_error(
    model: seqpred.Model, models: dict[str, Trained], steps: Any
) -> None:
    with pytest.raises(ConfigError, match="whole number of at least 1"):
        seqpred.predict(model, models["single"].data, steps=steps)


@pytest.mark.parametrize("quantiles", [0.1, "0.1,0.9", ["0.1"], [None]])
def test_quantiles_that_are_not_a_list_of_numbers_are_an_error(
    model: seqpred.Model, models: dict[str, Trained], quantiles: Any
) -> None:
    for call in (partial(seqpred.predict, model), seqpred.forecast):
        with pytest.raises(ConfigError, match="list of numbers"):
            call(models["single"].data, quantiles=quantiles)


def test_plots_show_the_values(model: seqpred.Model, models: dict[str, Trained]) -> None:
    axes = seqpred.plot(model, models["single"].data, steps=6)
    observed, forecast = axes.get_lines()
    np.testing.assert_allclose(forecast.get_ydata(), seqpred.predict(model, models["single"].data, steps=6)["forecast"])
    assert observed.get_ydata()[-1] == pd.read_csv(models["single"].data)["sales"].iloc[-1]
    bars = seqpred.plot(model.scores).patches
    assert [bar.get_width() for bar in bars] == sorted(model.scores["mase"], reverse=True)
    assert len(seqpred.plot(model.history).get_lines()) >= 2


def test_plot_rejects_an_unknown_series_and_table(model: seqpred.Model, models: dict[str, Trained]) -> None:
    with pytest.raises(ConfigError, match="no series 'x'"):
        seqpred.plot(model, models["single"].data, series="x")
    with pytest.raises(ConfigError, match="these columns"):
        seqpred.plot(pd.DataFrame({"a": [1]}))


def test_plot_names_the_extra_that_is_missing(model: seqpred.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("seqpred.commands.plot.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as error:
        seqpred.plot(model.history)
    assert "seqpred[plot]" in error.value.hint


def test_examples_of_the_python_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: dict[str, Trained]
) -> None:
    """All examples run, with short trainings; that of `tune` is only checked against its signature."""
    train, tune = seqpred.train, seqpred.tune

    def train_briefly(config: dict[str, Any], *args: Any, **options: Any) -> Any:
        model = {"members": 1, "hidden_size": 4, **config.get("model", {})}
        return train({**config, "model": model, "training": {"max_steps": 5, "threads": 1}}, *args, **options)

    def tune_not(*args: Any, **options: Any) -> Any:
        inspect.signature(tune).bind(*args, **options)
        return SimpleNamespace(best=SimpleNamespace(params={}), config=None)

    monkeypatch.setattr(seqpred, "train", train_briefly, raising=False)
    monkeypatch.setattr(seqpred, "tune", tune_not, raising=False)
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    names: dict[str, Any] = {"frame": pd.read_csv("sales.csv")}
    examples = [text for language, text, _ in fences(ROOT / "docs" / "python.md") if language == "python"]
    for text in examples:
        exec(text, names)
    assert {name for text in examples for name in re.findall(r"seqpred\.(\w+)\(", text)} >= {
        *("train", "evaluate", "predict", "explain", "compare", "tune", "plot", "load")
    }
    assert len(names["table"]) == 2 * 28
