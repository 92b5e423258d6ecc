"""No leak, whatever the config: over the grid of networks, and over configs drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqpred.features import fit_covariates, inputs
from seqpred.panel.panel import Panel
from tests.invariants.conftest import GRID
from tests.invariants.leaks import check_config, draw_case, make_data

DATA = make_data(0)


@pytest.mark.parametrize(("cell", "depth", "bidirectional"), sorted({g[:3] for g in GRID if g[1] == 2}))
def test_no_network_depends_on_a_later_row(cell: str, depth: int, bidirectional: bool) -> None:
    model = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "hidden_size": 4, "window": 14}
    covariates = {"known": ["price", "weather"], "past": ["past"], "static": ["kind"]}
    data = {"time": "day", "id": "id", "target": ["a", "b"], "covariates": covariates}
    check_config({"data": data, "model": model, "forecast": {"horizon": 3, "season": 7}}, DATA, depth)


@pytest.mark.parametrize("seed", [*range(15), 56])  # 56: a short series next to long ones
def test_no_config_drawn_at_random_depends_on_a_later_row(seed: int) -> None:
    check_config(*draw_case(seed), seed)


def config(**covariates: list[str]) -> dict[str, Any]:
    return {
        "data": {"time": "day", "id": "id", "target": "a", "covariates": {**covariates, "calendar": "none"}},
        "model": {"hidden_size": 4, "window": 14, "anchor": 1, "lags": [1, 7]},
        "forecast": {"horizon": 3, "season": 7},
    }


@pytest.mark.parametrize("leak", ["running_scale", "fill_missing"])
def test_the_harness_finds_inputs_that_depend_on_later_rows(monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    original: Callable[..., tuple[np.ndarray, ...]] = getattr(inputs, leak)

    def leaking(*arguments: Any) -> tuple[np.ndarray, ...]:
        values = next(a for a in reversed(arguments) if isinstance(a, np.ndarray) and a.ndim == 3)
        first, *rest = original(*arguments)
        return first * (1 + 1e-9 * np.nanmax(values)), *rest

    monkeypatch.setattr(inputs, leak, leaking)
    with pytest.raises(AssertionError, match="later row"):
        check_config(config(), DATA, 0)


def test_the_harness_finds_daily_categories_inferred_from_the_validation_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = fit_covariates._is_daily

    def leaking(panel: Panel, index: int, cuts: np.ndarray) -> bool:
        return original(panel, index, panel.lengths)

    monkeypatch.setattr(fit_covariates, "_is_daily", leaking)
    with pytest.raises(AssertionError, match="covariates depend on the validation split"):
        check_config(config(known=["weather"]), make_data(0, step="6h"), 0)


def test_the_harness_finds_static_values_filled_in_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fit_covariates._hold_static

    def leaking(piece: Panel, values: np.ndarray, *rest: Any) -> float:
        last = original(piece, values, *rest)
        for begin, end in zip(piece.offsets[:-1], piece.offsets[1:], strict=True):
            values[begin:end] = values[end - 1]
        return last

    data = make_data(0)
    data.loc[data["day"] < "2024-06-28", "size"] = np.nan
    data.loc[data["day"] >= "2024-06-28", "size"] = 5.0
    monkeypatch.setattr(fit_covariates, "_hold_static", leaking)
    with pytest.raises(AssertionError, match="later row"):
        check_config(config(static=["size"]), data, 0)
