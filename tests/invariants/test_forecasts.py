"""What every forecast promises, whatever the network: causal, fresh, never crossing, the same after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import seqpred
from seqpred.arrays import Float
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.features.inputs import prepare
from seqpred.forecasting.model_session import make_forecaster
from seqpred.panel.panel import Panel
from seqpred.recipe.resolve import resolve
from seqpred.sources.opening import open_source
from seqpred.training import manifest
from seqpred.training.positions import Positions
from seqpred.training.windows import Windows
from tests.conftest import backtest_last
from tests.invariants.conftest import GRID, Train, frame

every_network = pytest.mark.parametrize(("cell", "depth", "bidirectional", "dropout"), GRID)


@every_network
def test_a_saved_and_loaded_model_predicts_the_same(
    train: Train, cell: str, depth: int, bidirectional: bool, dropout: float
) -> None:
    model = train(cell, depth, bidirectional, dropout)
    first, again = seqpred.predict(model, frame()), seqpred.predict(seqpred.load(model.folder.path), frame())
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert len(first) == 2 * 7
    assert np.isfinite(first.select_dtypes("number")).all(axis=None)


@every_network
def test_fresh_the_first_step_reacts_to_the_last_row(
    train: Train, cell: str, depth: int, bidirectional: bool, dropout: float
) -> None:
    """Not by the anchor, which for step 1 is a week old, but by the network."""
    model, data = train(cell, depth, bidirectional, dropout), frame(series=1)
    before = seqpred.predict(model, data)["forecast"]
    data.loc[data.index[-1], "sales"] += 0.5
    after = seqpred.predict(model, data)["forecast"]
    assert abs(before[0] - after[0]) > 1e-6


@every_network
def test_quantiles_never_cross_beyond_the_horizon_either(
    train: Train, cell: str, depth: int, bidirectional: bool, dropout: float
) -> None:
    table = seqpred.predict(train(cell, depth, bidirectional, dropout), frame(), steps=17, quantiles=[0.1, 0.33, 0.9])
    assert (np.diff(table[["q0.1", "q0.33", "q0.9"]], axis=1) >= 0).all()
    assert table["step"].tolist() == 2 * list(range(1, 18))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("changed", [1e6, -5.0, np.nan])
def test_causal_forecasts_at_a_cutoff_are_the_same_bits_whatever_comes_after(
    train: Train, bidirectional: bool, changed: float
) -> None:
    model = train("gru", 2, bidirectional)
    seen: list[list[Float]] = []

    def recorder(panel: Panel, steps: int, ahead: Float) -> Float:
        seen[-1].append(forecast(panel, steps, ahead))
        return seen[-1][-1]

    data = frame()
    for change in (0.0, changed):
        seen.append([])
        forecast = model.forecasters()["model"]
        late = data["day"] > pd.Timestamp("2024-03-16")  # 14 rows of each series: the last two windows
        altered = data.assign(sales=data["sales"].where(~late, data["sales"] + change))
        panel = load_panel(open_source(altered), model.config, lambda _: None)
        backtest_last(panel, recorder, model.config.levels, 7, 7, ["unseen"] * 4)
    assert len(seen[0]) == 4
    for before, after in zip(seen[0][:3], seen[1][:3], strict=True):
        assert np.array_equal(before, after)
    assert not np.array_equal(seen[0][3], seen[1][3])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("steps", [7, 17])
def test_one_pass_over_several_cutoffs_forecasts_as_if_cut_at_each(
    train: Train, bidirectional: bool, steps: int
) -> None:
    """The second series begins after the first cutoff; a later call for an earlier cutoff starts over."""
    model, data = train("lstm", 2, bidirectional), frame()
    data = data[(data["id"] == data["id"].iloc[0]) | (data["day"] > pd.Timestamp("2024-03-12"))]
    panel = load_panel(open_source(data), model.config)
    forecast, scale = model.forecasters()["model"], data["sales"].std()
    for back in (28, 14, 13, 0, 7):
        cuts = panel.lengths - back
        own, cuts = panel.choose(np.flatnonzero(cuts > 0)), cuts[cuts > 0]
        ahead = own.ahead(cuts, steps)
        expected = model.forecast(own.cut(cuts), steps, ahead)
        np.testing.assert_allclose(forecast(own.cut(cuts), steps, ahead), expected, rtol=0, atol=1e-6 * scale)


def test_what_eval_scores_is_what_predict_prints(train: Train) -> None:
    model, data = train("lstm", 2), frame()
    early = data[data["day"] <= pd.Timestamp("2024-03-23")]
    table = seqpred.predict(model, early)
    truth = data[data["day"] > pd.Timestamp("2024-03-23")]
    scores = seqpred.evaluate(model, data, windows=1).to_dict()
    error = np.abs(table["forecast"].to_numpy() - truth["sales"].to_numpy())
    assert scores["metrics"]["model"]["mae"] == pytest.approx(error.mean(), rel=1e-12)


def test_a_bidirectional_network_does_not_depend_on_its_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every row that reaches it in training, and in validation, lies before every row that its loss looks at."""
    asked: list[torch.Tensor] = []
    compared = 0
    inputs, targets = Windows.inputs, Windows.targets

    def seen_targets(self: Windows, positions: Positions, *limits: torch.Tensor) -> torch.Tensor:
        assert positions.count == 1
        asked.append(positions.first)
        return targets(self, positions, *limits)

    def seen_inputs(self: Windows, starts: torch.Tensor) -> torch.Tensor:
        nonlocal compared
        x = inputs(self, starts)
        last_given = starts + x.shape[1] - 1
        assert torch.equal(x[:, -1], self.x[last_given])
        assert (last_given < asked[-1] + 1).all(), "a row that is given lies among those asked for"
        compared += 1
        return x

    monkeypatch.setattr(Windows, "inputs", seen_inputs)
    monkeypatch.setattr(Windows, "targets", seen_targets)
    config = {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {"bidirectional": True, "hidden_size": 4, "window": 9, "members": 1},
        "forecast": {"horizon": 3},
        "training": {"max_steps": 3, "validation": 3},
    }
    seqpred.train(config, frame(), tmp_path / "watched")
    assert compared > 6


def test_a_bidirectional_network_uses_exactly_the_rows_of_its_window(train: Train) -> None:
    model, data = train("lstm", 1, True), frame(series=1)
    window, end = model.config.model.window, len(data)
    panel = load_panel(open_source(data), model.config)
    runtime, given = model.runtime, list[np.ndarray]()

    class Recorder:
        name, window, start = runtime.name, runtime.window, runtime.start

        def read(self, x: np.ndarray, *rest: Any) -> Any:
            given.append(x)
            return runtime.read(x, *rest)

    forecast = make_forecaster(model.config, model.covariates, Recorder())
    forecast(panel, 7, np.empty((1, 7, 0)))
    forecast(panel.cut(np.array([window - 3])), 7, np.empty((1, 7, 0)))
    inputs = prepare(panel.track(0, 0), model.config.input_spec).x
    np.testing.assert_allclose(given[0][0], inputs[end - window :], atol=1e-6)
    np.testing.assert_allclose(given[1][0], inputs[: window - 3], atol=1e-6)


def test_the_order_of_series_and_rows_makes_no_difference(train: Train) -> None:
    model = train("gru", 2)
    shuffled = frame().sample(frac=1, random_state=0)
    one = seqpred.predict(model, frame()).set_index(["id", "day"])["forecast"]
    other = seqpred.predict(model, shuffled).set_index(["id", "day"])["forecast"]
    np.testing.assert_allclose(one, other.loc[one.index], rtol=1e-5)


def test_series_of_unequal_length_are_read_as_if_alone(train: Train) -> None:
    model = train("lstm", 2)
    data = frame(series=3)
    data = data[(data["id"] != "s1") | (data["day"] > pd.Timestamp("2024-02-20"))]
    together = seqpred.predict(model, data)
    for name, part in together.groupby("id"):
        alone = seqpred.predict(model, data[data["id"] == name])
        np.testing.assert_allclose(part["forecast"], alone["forecast"], rtol=1e-5)


def test_a_series_of_two_rows_is_forecast(train: Train) -> None:
    for bidirectional in (False, True):
        table = seqpred.predict(train("gru", 1, bidirectional), frame().head(2))
        assert np.isfinite(table["forecast"]).all()


def test_a_series_without_a_value_has_an_empty_forecast(train: Train) -> None:
    data = frame()
    data.loc[data["id"] == "s1", "sales"] = np.nan
    table = seqpred.predict(train("gru", 1), data)
    assert table.loc[table["id"] == "s1", "forecast"].isna().all()
    assert table.loc[table["id"] == "s0", "forecast"].notna().all()


def test_the_config_of_a_model_is_immutable(train: Train) -> None:
    model = train()
    with pytest.raises(ValueError, match="frozen"):
        model.config.model.depth = 3  # type: ignore[misc]
    assert isinstance(model.config, Config)


def test_validation_scores_exclude_series_without_a_validation_split(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = frame(series=3)
    data = data[(data["id"] != "s1") | (data["day"] > pd.Timestamp("2024-03-15"))]  # 15 rows: too few to keep any back
    scored: list[list[str]] = []
    original = manifest.backtest

    def recorder(panel: Panel, *arguments: Any) -> Any:
        scored.append(panel.names)
        return original(panel, *arguments)

    monkeypatch.setattr(manifest, "backtest", recorder)
    config = {
        "data": {"target": "sales", "time": "day", "id": "id"},
        "model": {"hidden_size": 4, "window": 14, "anchor": 7, "members": 1},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 2, "validation": 14},
    }
    seqpred.train(config, data, tmp_path / "m")
    assert scored == [["s0", "s2"]]


def test_no_decision_of_the_recipe_depends_on_the_validation_split() -> None:
    config = Config.from_tree({"data": {"target": "sales"}, "forecast": {"horizon": 7}})
    data = frame()
    late = data.groupby("id").cumcount() >= 45  # the last half
    data["day"] = data.groupby("id").cumcount()  # no calendar to find the season by
    data["sales"] /= 1.03 ** data["day"]
    noise = np.random.default_rng(0).normal(0, 1e3, len(data))
    resolved = [
        resolve(config, load_panel(open_source(f), config, lambda _: None))
        for f in (data, data.assign(sales=data["sales"] + noise * late))
    ]
    assert resolved[0] == resolved[1]
    assert resolved[0].forecast.season == 7
    assert resolved[0].training.validation == 45
