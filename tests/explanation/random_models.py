"""Models with random weights and all kinds of covariates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import save

from seqpred.commands.load_panel import as_config, load_panel, open_data
from seqpred.features.fit_covariates import fit_covariates
from seqpred.forecasting.model import Model
from seqpred.forecasting.pretrained_part import PretrainedPart
from seqpred.network.ensemble import Ensemble
from seqpred.pretrained.weights import read_weights
from seqpred.recipe.resolve import resolve
from seqpred.storage.model_folder import PRETRAINED, Folder
from tests.conftest import seasonal

ROWS = (50, 31)  # of two series


def frame(seed: int, shift: float, targets: int) -> pd.DataFrame:
    """Two series with known, past and static covariates, numbers and categories, and missing values."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, rows in enumerate(ROWS):
        days = pd.date_range("2024-03-01", periods=rows, freq="D")
        part = pd.DataFrame({"id": f"s{i}", "day": days, "price": rng.normal(size=rows), "kind": "ab"[i]})
        part["visits"] = rng.normal(5, 2, rows)
        part["event"] = rng.choice(["none", "sale"], rows)
        for c in range(targets):
            values = shift + seasonal(rows, 7, seed + c)
            part[f"y{c}"] = np.where(rng.random(rows) < 0.1, np.nan, values)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def random_model(
    data: pd.DataFrame, targets: int, sections: dict[str, Any], seed: int, share: float = 0.0, runtime: str = "auto"
) -> Model:
    """A model with random weights, shrinkage and interval scale.

    Args:
        share: of the pretrained forecast; 0 if the config does not allow it.
    """
    roles = {"known": ["price", "event"], "past": ["visits"], "static": ["kind"]}
    columns = {"time": "day", "id": "id", "target": [f"y{c}" for c in range(targets)]}
    config = as_config({"data": {**columns, "covariates": roles}, **sections})
    panel = load_panel(open_data(data, config), config)
    resolved = resolve(config, panel)
    covariates = fit_covariates(panel, panel.lengths, resolved.data.covariates.calendar)
    torch.manual_seed(seed)
    ensemble = Ensemble(resolved.shape(covariates), 2)
    rng = np.random.default_rng(seed)
    weights = {name: w.numpy().copy() for name, w in ensemble.state_dict().items()}
    weights["initial_forecast"] = np.sort(rng.normal(size=weights["initial_forecast"].shape)).astype(np.float32)
    if "blend" in weights:
        shares = rng.dirichlet(np.ones(len(weights["blend"]) + 1), weights["blend"].shape[1]).T
        weights["blend"] = np.ascontiguousarray(shares[1:], np.float32)
    weights["shrinkage"] = rng.uniform(size=1).astype(np.float32)
    if share and resolved.model.start == "pretrained":
        part = PretrainedPart(read_weights(resolved.model.cell).weights, share)
        weights |= {PRETRAINED + name: array for name, array in part.arrays().items()}
        weights["interval_scale"] = np.array([1.5], np.float32)
    manifest = {"covariates": covariates.as_data(), "data": {"ends": None}, "fingerprint": str(seed)}
    return Model(Folder(Path("random"), resolved, manifest, save(weights)), runtime)  # type: ignore[arg-type]
