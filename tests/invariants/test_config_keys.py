"""Every key of the config has a visible effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import seqpred
from seqpred.config.schema import config_fields
from seqpred.errors import SeqpredError
from tests.conftest import Once, growing

BASE: dict[str, Any] = {
    "data.target": "a",
    "data.time": "day",
    "data.id": None,
    "data.frequency": "auto",
    "model.hidden_size": 4,
    "model.window": 14,
    "model.members": 1,
    "model.start": "blank",
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
    "data.covariates.holidays": "US",
    "model.joint": False,
    "model.start": "pretrained",
    "data.duplicates": "mean",
    "data.missing": "interpolate",
    "data.sentinels": [-200],
    "data.date_order": "month-first",
    "data.timestamp_format": "%m/%d/%Y",
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
    "forecast.minimum": 1000,
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
    "training.distribute": "batches",
}
SEEN_ELSEWHERE = {"training.threads", "training.patience", "training.distribute", "data.encoding"}

REQUIRED: dict[str, dict[str, Any]] = {  # other settings without which a key has no effect
    "model.joint": {"data.target": ["a", "b"]},
    "data.layout": {"data.target": ["2024", "2023"]},
    "data.covariates.static_file": {"data.covariates.static": ["shop"]},
}
NO_ERROR = ""
ERRORS = {  # messages without and with the other value, where training or forecasting must fail
    "data.path": (NO_ERROR, "missing.csv: no such file"),
    "data.covariates.known": (NO_ERROR, "the model needs 'b' for the steps to be forecast"),
    "data.covariates.static_file": (NO_ERROR, "missing.csv: no such file"),
    "data.date_order": ("may be day first or month first", NO_ERROR),
    "data.timestamp_format": ("may be day first or month first", NO_ERROR),
    "data.decimal": ("may have a decimal comma or group thousands", NO_ERROR),
    "data.duplicates": ("duplicate timestamp 2024-01-01", NO_ERROR),
    "data.snap": ("is not a whole number of steps of P1D", NO_ERROR),
    "data.unit": (NO_ERROR, "is not a number in MWh"),
    "training.device": (NO_ERROR, "training.device is 'mps', which torch cannot find"),
}


def data() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    return pd.DataFrame(
        {"day": days, "a": growing(60, 7), "b": growing(60, 7, 1), "kind": ["x", "y"] * 30, "shop": "s"}
    )


def messy(key: str) -> pd.DataFrame | None:
    """Data on which a key has an effect; None where it has one on clean data."""
    frame = data()
    if key == "data.duplicates":
        return pd.concat([frame, frame.iloc[:1]])
    if key == "data.missing":
        return frame.assign(a=frame["a"].where(frame.index % 9 > 1))
    if key == "data.sentinels":
        return frame.assign(a=frame["a"].where(frame.index % 9 > 1, -200))
    if key in ("data.date_order", "data.timestamp_format"):
        return frame.assign(day=[f"{m:02d}/01/{y}" for y in range(2019, 2024) for m in range(1, 13)])
    if key == "data.decimal":
        return frame.assign(a=[f"{v:.3f}".replace(".", ",") for v in frame["a"]])
    if key == "data.unit":
        return frame.assign(a=[f"{v} kWh" for v in frame["a"]])
    if key == "data.timezone":
        return frame.assign(day=frame["day"].dt.tz_localize("UTC"))
    if key == "data.snap":
        return frame.assign(day=frame["day"] + pd.to_timedelta(3 * (frame.index % 30 == 29), unit="h"))
    if key == "data.layout":
        return frame.assign(**{"2024": frame["a"], "2023": frame["b"]})[:59]  # to 28 February
    return None


@dataclass(frozen=True)
class Outcome:
    """Everything visible of a training: its error, or the identity of its weights, its history and a forecast."""

    error: str = NO_ERROR
    fingerprint: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    forecast: str = ""


def outcome(folder: Path, changes: dict[str, Any], content: pd.DataFrame | Path | None = None) -> Outcome:
    tree: dict[str, dict[str, Any]] = {}
    for key, value in {**BASE, **changes}.items():
        *sections, name = key.split(".")
        section: dict[str, Any] = tree
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
    source = content if content is not None else None if "data.path" in changes else data()
    try:
        model = seqpred.train(tree, source, folder)
        forecast = seqpred.predict(model, source).to_csv()
    except (SeqpredError, RuntimeError) as e:
        return Outcome(error=str(e))
    return Outcome(NO_ERROR, model.folder.manifest["fingerprint"], model.folder.manifest["training"], forecast)


def test_every_config_key_has_a_test_value() -> None:
    assert set(OTHER) == set(config_fields()) - {"tune"}  # see tests/tuning


@pytest.fixture(scope="module")
def clean(once: Once) -> Outcome:
    """The outcome of the base config on clean data."""
    return once("config_keys", lambda folder: outcome(folder / "m", {}))


def assert_error(result: Outcome, expected: str) -> None:
    assert expected in result.error
    assert bool(result.error) is bool(expected), result.error


@pytest.mark.parametrize("key", sorted(set(OTHER) - SEEN_ELSEWHERE))
def test_another_value_of_a_key_changes_the_outcome(key: str, clean: Outcome, tmp_path: Path) -> None:
    content, required = messy(key), REQUIRED.get(key, {})
    special = content is not None or required
    without = outcome(tmp_path / "without", required, content) if special else clean
    changed = outcome(tmp_path / "with", {**required, key: OTHER[key]}, content)
    for result, error in zip((without, changed), ERRORS.get(key, (NO_ERROR, NO_ERROR)), strict=True):
        assert_error(result, error)
    assert changed != without


def test_encoding_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(data().assign(kind="caf\u00e9").to_csv(index=False).encode("cp1252"))
    assert_error(outcome(tmp_path / "without", {}, path), "is not UTF-8")
    assert_error(outcome(tmp_path / "with", {"data.encoding": "cp1252"}, path), NO_ERROR)


def test_equal_values_of_a_key_give_the_same_outcome(clean: Outcome, tmp_path: Path) -> None:
    assert outcome(tmp_path / "m", {}) == clean


def test_patience_stops_training_early(tmp_path: Path) -> None:
    slow = {"training.learning_rate": 1e-9, "training.max_steps": 100}
    for patience, stopped in ((1, True), (1000, False)):
        folder = tmp_path / str(patience)
        outcome(folder, {**slow, "training.patience": patience})
        assert (seqpred.load(folder).folder.manifest["training"]["steps"] < 100) is stopped


def test_threads_are_passed_to_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    counts: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    outcome(tmp_path / "m", {"training.threads": 2})
    assert 2 in counts
