"""The teaching configs: on their series, networks of all kinds forecast better than the blend, and differently."""

from __future__ import annotations

import runpy
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import seqpred
from seqpred.config.loading import load_config
from tests.conftest import ROOT

KINDS = ("rnn", "lstm", "gru", "deep", "bidirectional", "dropout")
SHORT = ["training.max_steps=25", "training.learning_rate=0.02", "training.threads=1"]
DATA = ROOT / "data" / "mackey_glass.csv"


def test_networks_of_all_kinds_improve_on_the_blend_and_differ(tmp_path: Path) -> None:
    """A short training; `make cells` trains the configs in full."""
    forecasts = {}
    for name in KINDS:
        config = load_config(ROOT / "configs" / f"{name}.yaml", SHORT)
        model = seqpred.train(config, DATA, tmp_path / name, holdout=12)
        assert model.scores.attrs["part"] == "unseen"
        assert model.scores.attrs["network_skill"] > 0.01, name  # so its forecast is not the blend
        forecasts[name] = seqpred.predict(model, DATA)["forecast"].to_numpy()
    for one, other in combinations(KINDS, 2):
        assert np.abs(forecasts[one] - forecasts[other]).max() > 1e-4, f"{one} and {other}"


def test_the_series_is_the_generated_one_with_noise() -> None:
    made = runpy.run_path(str(ROOT / "data" / "mackey_glass.py"))
    values = np.loadtxt(DATA, delimiter=",", skiprows=1)[:, 1]
    assert len(values) == made["ROWS"]
    first = made["mackey_glass"]()[:50]  # later ones depend on the rounding of the machine
    assert np.abs(values[:50] - first).max() < 5 * made["NOISE"]
    assert np.std(values[:50] - first) == pytest.approx(made["NOISE"], rel=0.4)
