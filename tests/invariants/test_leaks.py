"""No leak, whatever the config: over the grid of networks, and over configs drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

from seqpred.features import inputs as features
from tests.invariants.conftest import GRID
from tests.invariants.leaks import check_config, draw_config, make_data

DATA = make_data(0)


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), sorted({g[:3] for g in GRID if g[1] == 2}))
def test_no_network_knows_a_later_row(cell: str, depth: int, bidirectional: bool) -> None:
    model = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "hidden_size": 4, "window": 14}
    covariates = {"known": ["price", "weather"], "past": ["past"], "static": ["kind"]}
    data = {"time": "day", "id": "id", "target": ["a", "b"], "covariates": covariates}
    check_config({"data": data, "model": model, "forecast": {"horizon": 3, "season": 7}}, DATA, depth)


@pytest.mark.parametrize("seed", [*range(15), 56])  # 56: a short series beside long ones
def test_no_config_drawn_at_random_knows_a_later_row(seed: int) -> None:
    check_config(draw_config(seed), make_data(seed), seed)


@pytest.mark.parametrize("leak", ["running_scale", "bridge"])
def test_the_harness_finds_a_leak_that_is_built_in(monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    original = getattr(features, leak)

    def leaking(values: features.Float, *rest: int) -> features.Float:
        found: features.Float = original(values, *rest)
        return found * (1 + 1e-9 * np.nanmax(values))

    monkeypatch.setattr(features, leak, leaking)
    with pytest.raises(AssertionError, match="later row"):
        check_config(draw_config(0), make_data(0), 0)
