"""Few rows fine-tune the head of the pretrained network; the model averages it with the original head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.commands.init import init
from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.loading import parse_config
from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.forecasting.model import Model, load
from seqpred.forecasting.session import ForecastSession, forecast_panel
from seqpred.pretrained.weights import read_weights
from seqpred.recipe.resolve import resolve
from seqpred.runtime.classical_head import OUTPUTS
from seqpred.runtime.weighing_runtime import SHARES
from seqpred.sources.opening import open_source
from seqpred.training.fine_tuning import adapt, fine_tuned, tuned_share, with_share
from tests.conftest import seasonal

ROWS, HORIZON = 90, 3
CONFIG: dict[str, Any] = {
    "data": {"target": "y", "time": "day"},
    "forecast": {"horizon": HORIZON, "season": 7},
}


def frame(rows: int = ROWS) -> pd.DataFrame:
    days = pd.date_range("2024-03-01", periods=rows, freq="D")
    return pd.DataFrame({"day": days, "y": 50 + seasonal(rows, 7, 3)})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return seqpred.train(CONFIG, frame(), tmp_path_factory.mktemp("tuned") / "m")


def forecast(of: Model) -> np.ndarray:
    panel = load_panel(open_source(frame()), of.config)
    return of.forecast(panel, HORIZON, np.empty((1, HORIZON, 0)))


def with_weights(of: Model, weights: Any, runtime: str = "auto") -> Model:
    part = of.pretrained_part
    assert part is not None
    found = load(of.folder.path, runtime=runtime)  # type: ignore[arg-type]
    found.__dict__["pretrained_part"] = replace(part, weights=weights)
    return found


def test_few_rows_train_no_network(model: Model) -> None:
    manifest = model.folder.manifest
    assert model.config.training.max_steps == 0
    assert manifest["training"]["steps"] == 0
    assert 0 < manifest["start"]["tuned_share"] <= 1
    assert model.summary()["start"].startswith("the pretrained LSTM, fine-tuned; ")
    assert "pretrained network" in model.summary()["contribution"]


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"max_steps": 2}},
        {"model": {"start": "blank"}},
        {"model": {"depth": 3}},
        {"model": {"dropout": 0}},
        {"model": {"hidden_size": 16}},
        {"model": {"members": 1}},
        {"model": {"autoregression": False}},
    ],
)
def test_networks_that_the_config_describes_are_trained(tmp_path: Path, change: dict[str, Any]) -> None:
    tree = Config.from_tree({**CONFIG, **change})
    source = open_source(frame())
    _, resolved, _ = resolve_training(load_panel(source, tree), source, tree)
    assert resolved.training.max_steps > 0


def test_the_config_of_init_is_fine_tuned_until_it_describes_another_network() -> None:
    source = open_source(frame())
    text = init(source, "data.csv", {})
    assert "  max_steps: auto " in text

    def steps(depth: str) -> int:
        config = parse_config(text.replace("depth: 2", depth), "data.yaml")
        return resolve(config, load_panel(source, config)).training.max_steps

    assert steps("depth: 2") == 0
    assert steps("depth: 1") > 0


@pytest.mark.parametrize(
    ("change", "rows", "message"),
    [
        ({"model": {"start": "blank"}}, ROWS, "there is no pretrained network"),
        ({}, 2001, "more than 2,000 rows"),
        ({"data": {**CONFIG["data"], "covariates": {"known": ["day_of_year"]}}}, ROWS, "does not use covariates"),
    ],
)
def test_a_training_with_nothing_to_do_is_rejected(change: dict[str, Any], rows: int, message: str) -> None:
    data = frame(rows)
    data["day_of_year"] = data["day"].dt.day_of_year
    tree = Config.from_tree({**CONFIG, "training": {"max_steps": 0}, **change})
    with pytest.raises(ConfigError, match=f"max_steps is 0.* {message}"):
        resolve(tree, load_panel(open_source(data), tree))


def test_covariates_need_trained_networks() -> None:
    data = frame().assign(promo=np.arange(ROWS) % 5 == 0)
    tree = Config.from_tree({**CONFIG, "data": {**CONFIG["data"], "covariates": {"known": ["promo"]}}})
    _, resolved, _ = resolve_training(load_panel(open_source(data), tree), open_source(data), tree)
    assert resolved.training.max_steps > 0


def test_the_forecast_averages_both_heads(model: Model) -> None:
    part = model.pretrained_part
    assert part is not None
    own, share = part.weights, float(part.weights[SHARES][1])
    heads = [
        {**{n: w for n, w in own.items() if n != SHARES}, **{n: own[n][i * OUTPUTS : (i + 1) * OUTPUTS] for n in HEAD}}
        for i in range(2)
    ]
    original, tuned = (forecast(with_weights(model, head)) for head in heads)
    assert np.abs(original - tuned).max() > 0.01
    np.testing.assert_allclose(forecast(model), (1 - share) * original + share * tuned, rtol=1e-6)


HEAD = ("head.weight", "head.bias", "head.fit")


def test_both_backends_have_the_same_forecast(model: Model) -> None:
    part = model.pretrained_part
    assert part is not None
    np.testing.assert_allclose(forecast(with_weights(model, part.weights, "torch")), forecast(model), rtol=1e-5)


def test_rows_one_by_one_have_the_forecast_of_all_rows(model: Model) -> None:
    panel = load_panel(open_source(frame()), model.config)
    spec = model.session_spec(panel.step, HORIZON)
    session = ForecastSession(spec)
    session.clock = panel.clock
    nothing = np.zeros((1, HORIZON, 0))
    for rows in range(ROWS - 5, ROWS + 1):
        found = forecast_panel(panel.cut(np.array([rows])), spec, nothing, session=session)
    np.testing.assert_allclose(found, forecast(model), rtol=1e-6)


def test_fine_tuning_changes_the_head_alone_and_fits_the_rows() -> None:
    tree = Config.from_tree(CONFIG)
    source = open_source(frame())
    panel, resolved, _ = resolve_training(load_panel(source, tree), source, tree)
    before = read_weights("lstm").weights
    after = fine_tuned(panel, resolved, before)
    assert {name for name in before if not np.array_equal(before[name], after[name])} == set(HEAD)
    again = fine_tuned(panel, resolved, before)
    assert all(np.array_equal(after[name], again[name]) for name in after)
    both = adapt(panel, resolved, before)
    expected = with_share(before, after, tuned_share(ROWS))
    assert all(np.array_equal(both[name], expected[name]) for name in expected)


def test_too_few_rows_leave_the_weights_as_they_are() -> None:
    tree = Config.from_tree(CONFIG)
    source = open_source(frame())
    panel, resolved, _ = resolve_training(load_panel(source, tree), source, tree)
    before = read_weights("lstm").weights
    after = adapt(panel.cut(np.array([12])), resolved, before)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_share_of_the_tuned_head_grows_with_the_rows(tmp_path: Path) -> None:
    first = seqpred.train(CONFIG, frame(), tmp_path / "first", holdout=6)
    refit = seqpred.train(CONFIG, frame(), tmp_path / "refit", holdout=6, refit=True)
    shares = [model.folder.manifest["start"]["tuned_share"] for model in (first, refit)]
    assert shares == [tuned_share(ROWS - 6), tuned_share(ROWS)]
