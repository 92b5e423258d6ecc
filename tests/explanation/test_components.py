"""The components of a forecast add up to it, for networks with any weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from seqpred.commands.load_panel import load_panel, open_data
from seqpred.explanation.components import find_components
from tests.explanation.random_models import frame, random_model

MODELS = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(["rnn", "gru", "lstm"]),
        "bidirectional": st.booleans(),
        "blend": st.booleans(),
        "autoregression": st.booleans(),
        "joint": st.booleans(),
        "depth": st.integers(1, 2),
    }
)
FORECASTS = st.fixed_dictionaries(
    {
        "horizon": st.integers(1, 9),
        "season": st.sampled_from([1, 7]),
        "quantiles": st.sampled_from([[0.1, 0.9], [0.5], [0.2, 0.3, 0.95]]),
        "minimum": st.sampled_from([None, 20.0]),
    }
)


@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    MODELS,
    FORECASTS,
    st.integers(1, 2),
    st.sampled_from([0.0, 1e4, -300.0]),
    st.integers(0, 99),
    st.sampled_from([0.0, 0.4, 1.0]),
)
def test_the_components_add_up_to_the_forecast(
    model: dict[str, Any], forecast: dict[str, Any], targets: int, shift: float, seed: int, share: float
) -> None:
    data = frame(seed, shift, targets)
    sections = {"model": {**model, "hidden_size": 4, "window": 9}, "forecast": forecast}
    loaded = random_model(data, targets, sections, seed, share)
    panel = load_panel(open_data(data, loaded.config), loaded.config, covariates=loaded.covariates)
    ahead = panel.ahead(panel.lengths - loaded.horizon, loaded.horizon)  # any values of the known covariates
    found = find_components(loaded, panel, ahead)
    predicted = loaded.forecast(panel, loaded.horizon, ahead)[..., loaded.config.median]
    assert ("pretrained" in found.names) == (share > 0 and not model["bidirectional"])
    total = sum(part for _, part in found.contributions())
    np.testing.assert_allclose(total, predicted, rtol=1e-6)
    size = np.abs(predicted) + np.ptp(found.naives, axis=1) + np.abs(found.correction)
    assert (np.abs(found.rounding) <= 1e-6 * size).all()  # the rest is what the head computes
    np.testing.assert_allclose(found.shares.sum(1), 1)
    assert (found.shares > -1e-6).all()
