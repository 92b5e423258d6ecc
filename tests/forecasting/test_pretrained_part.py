"""A model whose forecast contains a share of the pretrained one: any backend, a stream, and a state file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpred.arrays import Float
from seqpred.commands.load_panel import load_panel, open_data
from seqpred.errors import FolderError
from seqpred.forecasting.block import RowBlock
from seqpred.forecasting.model import Model
from seqpred.forecasting.pretrained_model import pretrained_model
from seqpred.forecasting.pretrained_part import PretrainedPart
from seqpred.forecasting.session import ForecastSession, forecast_panel
from seqpred.forecasting.session_file import read_session, write_session
from seqpred.panel.panel import Panel
from seqpred.recipe.pretrained import for_pretrained
from tests.explanation.random_models import frame, random_model

SHARE, TARGETS, HORIZON = 0.4, 2, 3
SECTIONS: dict[str, Any] = {
    "model": {"hidden_size": 4, "window": 9, "depth": 1},
    "forecast": {"horizon": HORIZON, "season": 7, "minimum": None},
}
DATA = frame(3, 100.0, TARGETS)


def model(share: float = SHARE, runtime: str = "auto") -> Model:
    return random_model(DATA, TARGETS, SECTIONS, 3, share, runtime)


@pytest.fixture(scope="module")
def mixed() -> Model:
    return model()


@pytest.fixture(scope="module")
def panel(mixed: Model) -> Panel:
    return load_panel(open_data(DATA, mixed.config), mixed.config, covariates=mixed.covariates)


def forecast(of: Model, panel: Panel, steps: int = HORIZON) -> Float:
    return of.forecast(panel, steps, np.zeros((len(panel.names), steps, 2)))


def test_the_forecast_is_the_weighted_sum_of_both(mixed: Model, panel: Panel) -> None:
    own, other = (
        forecast(model(0.0), panel),
        pretrained_model(for_pretrained(mixed.config)).forecast(panel, HORIZON, np.zeros((2, HORIZON, 0))),
    )
    median = other[..., mixed.config.median, None]
    scaled = median + 1.5 * (other - median)
    alone = model(0.0).folder.weights()["interval_scale"]
    own_median = own[..., mixed.config.median, None]
    own = own_median + 1.5 / alone * (own - own_median)
    np.testing.assert_allclose(forecast(mixed, panel), (1 - SHARE) * own + SHARE * scaled, rtol=1e-5)


def test_both_backends_have_the_same_forecast(mixed: Model, panel: Panel) -> None:
    np.testing.assert_allclose(forecast(model(runtime="torch"), panel), forecast(mixed, panel), rtol=1e-5)


def test_rows_one_by_one_have_the_forecast_of_all_rows(mixed: Model, panel: Panel) -> None:
    """Also beyond the horizon, where both forecasts continue from the medians of their sum."""
    steps = 2 * HORIZON + 1
    expected = forecast(mixed, panel, steps)
    spec = mixed.session_spec(panel.step, steps)
    for series in range(len(panel.names)):
        rows = panel.rows(series)[None]
        session = ForecastSession(spec)
        session.clock = panel.clock
        places = np.array([session.add("s", int(panel.origins[series]))])
        ahead = np.zeros((1, spec.rows_ahead, 2))
        for row in range(rows.shape[1]):
            found = session.advance(places, RowBlock(rows[:, row : row + 1], None, None, ahead))
        own = expected[TARGETS * series : TARGETS * (series + 1)]
        np.testing.assert_allclose(found[0, :, 0], own, rtol=1e-6)


def test_a_state_file_contains_the_states_of_both(mixed: Model, panel: Panel, tmp_path: Path) -> None:
    spec = mixed.session_spec(panel.step, HORIZON)
    cut = panel.cut(panel.lengths - 5)
    before = ForecastSession(spec)
    before.clock = panel.clock
    nothing = np.zeros((2, HORIZON, 2))
    forecast_panel(cut, spec, nothing, session=before)
    write_session(tmp_path / "state", before, "model")
    after = ForecastSession(spec)
    read_session(tmp_path / "state", after, "model")
    found = forecast_panel(panel, spec, nothing, session=after)
    np.testing.assert_allclose(found, forecast(mixed, panel), rtol=1e-6)


def test_a_damaged_part_is_an_error_of_the_folder(mixed: Model, panel: Panel) -> None:
    part = mixed.pretrained_part
    assert part is not None
    with pytest.raises(ValueError, match="share of the pretrained forecast is"):
        PretrainedPart.from_arrays(replace(part, share=1.5).arrays())
    broken = model()
    weights = {name: w for name, w in part.weights.items() if name != "head.bias"}
    broken.__dict__["pretrained_part"] = replace(part, weights=weights)  # as a folder with a valid hash could have it
    with pytest.raises(FolderError, match="pretrained network in it cannot be used"):
        forecast(broken, panel)
