"""Every key of the config does something that can be seen."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import seqpred
from seqpred.config.schema import config_fields
from seqpred.errors import SeqpredError
from tests.conftest import growing

BASE: dict[str, Any] = {
    "data.target": "a",
    "data.time": "day",
    "data.id": None,
    "data.frequency": "auto",
    "model.hidden_size": 4,
    "model.window": 14,
    "model.members": 1,
    "forecast.horizon": 3,
    "forecast.season": 7,
    "training.max_steps": 6,
    "training.batch_size": 8,
    "training.patience": 100,
}
OTHER: dict[str, Any] = {
    "data.path": "missing.csv",
    "data.time": None,
    "data.target": "b",
    "data.id": "kind",
    "data.frequency": "PT12H",
    "data.timezone": "Asia/Tokyo",
    "data.snap": "PT6H",
    "data.covariates.known": ["b"],
    "data.covariates.past": ["b"],
    "data.covariates.static": ["shop"],
    "data.covariates.static_file": "missing.csv",
    "data.covariates.calendar": ["day-of-month"],
    "model.joint": False,
    "data.duplicates": "mean",
    "data.missing": "interpolate",
    "data.sentinels": [-200],
    "data.date_order": "day-first",
    "data.decimal": ",",
    "data.unit": {"a": "MWh"},
    "data.encoding": "cp1252",
    "data.layout": "years",
    "model.cell": "gru",
    "model.depth": 1,
    "model.bidirectional": True,
    "model.dropout": 0.5,
    "model.hidden_size": 5,
    "model.members": 2,
    "model.blend": False,
    "model.autoregression": False,
    "model.window": 10,
    "model.anchor": 7,
    "model.lags": [1, 2],
    "forecast.horizon": 4,
    "forecast.season": 5,
    "forecast.quantiles": [0.2, 0.8],
    "training.loss": "huber",
    "training.learning_rate": 0.01,
    "training.batch_size": 9,
    "training.max_steps": 7,
    "training.time_budget": 1e-6,
    "training.patience": 1,
    "training.validation": 30,
    "training.seed": 2,
    "training.device": "mps",
    "training.threads": 2,
}
BESIDE: dict[str, dict[str, Any]] = {  # what a key needs to matter
    "model.joint": {"data.target": ["a", "b"]},
    "data.layout": {"data.target": ["2024", "2023"]},
    "data.covariates.static_file": {"data.covariates.static": ["shop"]},
}


def data() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    return pd.DataFrame(
        {"day": days, "a": growing(60, 7), "b": growing(60, 7, 1), "kind": ["x", "y"] * 30, "shop": "s"}
    )


def messy(key: str) -> pd.DataFrame | Path | None:
    """The data on which a key can show what it does; None where the tidy data will do."""
    frame = data()
    if key == "data.duplicates":
        return pd.concat([frame, frame.iloc[:1]])
    if key == "data.missing":
        return frame.assign(a=frame["a"].where(frame.index % 9 > 1))
    if key == "data.sentinels":
        return frame.assign(a=frame["a"].where(frame.index % 9 > 1, -200))
    if key == "data.date_order":
        return frame.iloc[:12].assign(day=[f"{m:02d}/01/2024" for m in range(1, 13)])
    if key == "data.decimal":
        return frame.assign(a=[f"{v:.3f}".replace(".", ",") for v in frame["a"]])
    if key == "data.unit":
        return frame.assign(a=[f"{v} kWh" for v in frame["a"]])
    if key == "data.timezone":
        return frame.assign(day=frame["day"].dt.tz_localize("UTC"))
    if key == "data.snap":
        return frame.assign(day=frame["day"] + pd.to_timedelta(3 * (frame.index % 30 == 29), unit="h"))
    if key == "data.layout":
        return frame.assign(**{"2024": frame["a"], "2023": frame["b"]})
    return None


def outcome(folder: Path, changes: dict[str, Any], messy: object = None) -> object:
    """All that can be seen of a training: its weights, its forecast, its config, or the error."""
    tree: dict[str, dict[str, Any]] = {}
    for key, value in {**BASE, **changes}.items():
        *above, name = key.split(".")
        below: dict[str, Any] = tree
        for section in above:
            below = below.setdefault(section, {})
        below[name] = value
    given = messy if messy is not None else None if "data.path" in changes else data()
    try:
        model = seqpred.train(tree, given, folder)
        table = seqpred.predict(model, given).to_csv() if given is not None else ""
    except (SeqpredError, RuntimeError) as e:
        return str(e)
    return model.folder.manifest["fingerprint"], model.folder.manifest["training"], table


def test_every_key_is_tried_here() -> None:
    assert set(OTHER) == set(config_fields()) - {"tune"}  # see tests/tuning


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> object:
    return outcome(tmp_path_factory.mktemp("before") / "m", {})


NUMBERS = itertools.count()


@pytest.mark.parametrize("key", sorted(set(OTHER) - {"training.threads", "training.patience", "data.encoding"}))
def test_another_value_gives_another_outcome(key: str, before: object, tmp_path: Path) -> None:
    given = messy(key)
    more = BESIDE.get(key, {})
    if given is not None or more:
        before = outcome(tmp_path / "before", more, given)
    assert outcome(tmp_path / "m", {**more, key: OTHER[key]}, given) != before


def test_the_encoding_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(data().assign(kind="caf\u00e9").to_csv(index=False).encode("cp1252"))
    assert "is not UTF-8" in str(outcome(tmp_path / "before", {}, path))
    assert isinstance(outcome(tmp_path / "m", {"data.encoding": "cp1252"}, path), tuple)


def test_the_same_values_give_the_same_outcome(before: object, tmp_path: Path) -> None:
    assert outcome(tmp_path / "m", {}) == before


def test_patience_ends_training_early(tmp_path: Path) -> None:
    slow = {"training.learning_rate": 1e-9, "training.max_steps": 200}
    for patience, ended in ((1, True), (1000, False)):
        folder = tmp_path / str(patience)
        outcome(folder, {**slow, "training.patience": patience})
        assert (seqpred.load(folder).folder.manifest["training"]["steps"] < 200) is ended


def test_threads_are_those_that_torch_gets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    outcome(tmp_path / "m", {"training.threads": 2})
    assert 2 in asked
