"""No forecast is below the minimum of its target, in any way of forecasting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.evaluation.backtest import TrackForecast
from seqpred.forecasting.model import Model
from seqpred.forecasting.stream import StreamOptions
from seqpred.notes import Note
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.opening import open_source
from tests.invariants.test_streaming import assert_like_batch, feed, lines, stream

ROWS, HELD_OUT = 60, 12
TREE: dict[str, Any] = {
    "data": {"target": ["a", "b"], "time": "day"},
    "model": {"hidden_size": 4, "depth": 1, "members": 1},
    "forecast": {"horizon": 3, "season": 7},
    "training": {"max_steps": 2, "validation": HELD_OUT},
}


def falling(offset: float = 0.0) -> pd.DataFrame:
    """Counts that fall to 0 at the end, and the same numbers less an offset."""
    noise = np.random.default_rng(2).normal(0, 2, ROWS)
    counts = np.maximum(0, np.round(np.linspace(20, -3, ROWS) + noise))
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=ROWS), "a": counts, "b": counts - offset})


def resolve(frame: pd.DataFrame, minimum: object = "auto") -> tuple[ResolvedConfig, list[str]]:
    """The resolved config and the notes."""
    config, source, notes = Config.from_tree(TREE).replace({"forecast.minimum": minimum}), open_source(frame), []

    def notify(note: Note) -> None:
        notes.append(note.text)

    return resolve_training(load_panel(source, config), source, config, notify)[1], notes


@pytest.mark.parametrize(("offset", "minimum", "resolved"), [(0, 0.0, (0.0, 0.0)), (9, [0.0, None], (0.0, None))])
def test_a_target_without_a_negative_value_has_the_minimum_0(
    offset: float, minimum: object, resolved: tuple[float | None, ...]
) -> None:
    config, notes = resolve(falling(offset))
    assert config.forecast.minimum == minimum
    assert config.minimums == resolved
    assert not [note for note in notes if "minimum" in note]


def test_only_the_training_split_decides_and_later_negative_values_are_reported() -> None:
    frame = falling()
    frame.loc[ROWS - HELD_OUT :, "b"] -= 50
    config, notes = resolve(frame)
    assert config.minimums == (0.0, 0.0)
    assert any("later rows of 'b' (down to -50)" in note and "forecast.minimum: null" in note for note in notes)
    frame.loc[ROWS - HELD_OUT - 1, "b"] = -1
    assert resolve(frame)[0].minimums == (0.0, None)


@pytest.mark.parametrize(("given", "minimums"), [(None, (None, None)), (-5, (-5, -5)), ([None, 2.5], (None, 2.5))])
def test_a_given_minimum_is_kept(given: object, minimums: tuple[float | None, ...]) -> None:
    assert resolve(falling(), given)[0].minimums == minimums


def test_a_list_of_another_length_is_an_error() -> None:
    with pytest.raises(ConfigError, match="3 values for 2 targets"):
        resolve(falling(), [0, 0, 0])


def test_every_forecast_respects_the_minimum(tmp_path: Path) -> None:
    frame, free = falling(30), {**TREE, "forecast": {**TREE["forecast"], "minimum": None}}
    bounded, unbounded = (seqpred.train(t, frame, tmp_path / n) for t, n in ((TREE, "bounded"), (free, "unbounded")))
    number = ["forecast", "q0.1", "q0.9"]

    def forecast(model: Model, target: str) -> pd.DataFrame:
        table = seqpred.predict(model, frame, steps=9)
        return table.loc[table["target"] == target, number].reset_index(drop=True)

    assert forecast(bounded, "a").min(axis=None) == 0
    assert forecast(unbounded, "a").min(axis=None) < 0
    assert forecast(bounded, "b").min(axis=None) < 0
    for runtime in ("onnx", "torch"):
        model, options = Model(bounded.folder, runtime), StreamOptions(steps=9)
        assert_like_batch(
            model, frame, forecaster := stream(model, options), feed(forecaster, lines(frame), [7]), steps=9
        )
    assert lowest_scored(bounded, frame) == 0
    assert lowest_scored(unbounded, frame) < 0


def lowest_scored(model: Model, frame: pd.DataFrame) -> float:
    """The lowest quantile of target a that `eval` scores, with and without the network."""
    seen: list[float] = []

    def observe(track: TrackForecast) -> None:
        if track.target == "a":
            seen.extend(float(track.cases[name].quantiles.min()) for name in ("model", "blend"))

    seqpred.evaluate(model, frame, windows=3, observe=lambda _: observe)
    return min(seen)
