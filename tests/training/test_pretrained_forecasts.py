"""The pretrained forecasts after the validation windows are those that the pretrained network makes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqpred
from seqpred.commands.load_panel import load_panel
from seqpred.commands.train import resolve_training
from seqpred.config.schema import Config
from seqpred.errors import ConfigError
from seqpred.forecasting.pretrained_model import pretrained_model
from seqpred.recipe.pretrained import for_pretrained
from seqpred.sources.opening import open_source
from seqpred.training import pretrained_forecasts
from seqpred.training.dataset import training_windows
from seqpred.training.pretrained_forecasts import add_pretrained
from tests.explanation.random_models import frame

HORIZON = 3


def config(**model: Any) -> dict[str, Any]:
    return {
        "data": {"target": ["y0", "y1"], "time": "day", "id": "id"},
        "model": {"hidden_size": 2, "depth": 1, "window": 8, "members": 1, **model},
        "forecast": {"horizon": HORIZON, "season": 7},
        "training": {"max_steps": 2, "validation": 9},
    }


@pytest.mark.parametrize("most_history", [4000, 20])
def test_the_forecasts_in_validation_windows_are_those_of_the_pretrained_model(
    monkeypatch: pytest.MonkeyPatch, most_history: int
) -> None:
    """In units of the scale after the anchor's forecast, of unequal series with missing values and two targets."""
    monkeypatch.setattr(pretrained_forecasts, "MOST_HISTORY", most_history)
    tree = Config.from_tree(config())
    source = open_source(frame(5, 100.0, 2))
    panel, resolved, covariates = resolve_training(load_panel(source, tree), source, tree)
    (windows,), _ = add_pretrained([training_windows(panel, resolved, covariates)], panel, resolved)
    starts, tracks = windows.validation_windows()
    rows = (starts + windows.spec.window - windows.begins[tracks]).numpy()
    model = pretrained_model(for_pretrained(resolved))
    assert windows.pretrained is not None
    for z, row, track, start in zip(windows.pretrained.numpy(), rows, tracks.tolist(), starts.tolist(), strict=True):
        series, target = divmod(track, 2)
        begin = max(0, int(row) - most_history)
        part = panel.part(np.array([series]), np.array([begin]), np.array([row]))
        expected = model.forecast(part, HORIZON, np.empty((1, HORIZON, 0)))[target]
        origin = start + windows.spec.window - 1
        last_cycle = windows.filled[origin - 6 : origin - 6 + HORIZON].numpy()
        values = panel.track(series, target)
        base = values[np.isfinite(values)][0]  # of `filled`
        found = base + last_cycle[:, None] + float(windows.scale[origin]) * z
        if most_history > row or row == rows[tracks.numpy() == track].min():
            np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_blank_and_bidirectional_networks_do_not_use_the_pretrained_network(tmp_path: Path) -> None:
    data = frame(5, 100.0, 2)
    auto = seqpred.train(config(), data, tmp_path / "auto")
    blank = seqpred.train(config(start="blank"), data, tmp_path / "blank")
    both = seqpred.train(config(bidirectional=True), data, tmp_path / "both")
    assert auto.config.model.start == "pretrained"
    assert auto.pretrained_part is not None
    assert "% from the pretrained LSTM" in auto.summary()["start"]
    assert auto.folder.manifest["start"]["share"] == pytest.approx(auto.pretrained_part.share)
    for model in (blank, both):
        assert model.config.model.start == "blank"
        assert not model.folder.pretrained()
    assert blank.summary()["start"] == "random weights, seed 1, blank"
    assert "the pretrained networks are forward" in both.summary()["start"]


def test_a_network_that_does_not_fit_is_named(tmp_path: Path) -> None:
    changes = {"start": "pretrained", "bidirectional": True}
    with pytest.raises(ConfigError, match=r"but model\.bidirectional is true"):
        seqpred.train(config(**changes), frame(5, 100.0, 2), tmp_path / "m")
