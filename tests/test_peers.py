"""The comparison with other libraries, without these: tasks, forecasts, scores and costs."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT

BENCHMARKS = ROOT / "benchmarks"
PEER = """
import numpy as np
from task import LEVELS, Task
task = Task.given()
rows = task.history()
assert rows["ds"].dtype.kind == "M" and rows["y"].notna().all()
last = {name: own["y"].to_numpy()[-task.season:] for name, own in rows.groupby("unique_id")}
task.answer({name: np.repeat(y[:, None], len(LEVELS), axis=1) for name, y in last.items()})
"""


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("peers")


def test_a_peer_receives_its_task_and_is_scored(peers: ModuleType, tmp_path: Path) -> None:
    """Reference scores of the seasonal naive and of Naive2 were computed outside this project."""
    known, truth = peers.SETS["air"].split()
    assert (len(known), len(truth)) == (132, 12)
    peers.bridge(known).to_csv(tmp_path / "bridged.csv", index=False)
    truth[["unique_id", "ds"]].to_csv(tmp_path / "ahead.csv", index=False)
    script = tmp_path / "peer.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(BENCHMARKS / 'peers')!r}){PEER}")
    task = {"folder": str(tmp_path), "model": "naive", "horizon": 12, "season": 12, "frequency": "MS"}
    cost = peers.run([sys.executable, str(script), json.dumps(task)], tmp_path)
    assert 0 < cost.cpu < 1000
    assert 10 < cost.memory < 10_000
    scores = peers.score(peers.read_forecast(tmp_path / "forecast.csv", truth), known, truth, 12)
    assert (scores["smape"], scores["mase"]) == pytest.approx((10.572, 1.571), abs=5e-4)
    assert scores["owa"] == pytest.approx((10.572 / 7.030 + 1.571 / 1.108) / 2, abs=1e-3)
    assert scores["coverage"]["80"] == 0  # a point forecast covers nothing


def test_forecasts_are_matched_by_series_and_time(peers: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    days = pd.to_datetime(["2020-01-01", "2020-02-01", "2020-01-01"])
    truth = pd.DataFrame({"unique_id": ["b", "b", "a"], "ds": days})
    rows = truth.assign(ds=days.strftime("%Y-%m-%d 00:00:00"))
    rows[peers.QUANTILES] = np.repeat(np.arange(1.0, 4)[:, None], 9, axis=1)
    rows[::-1].to_csv(path, index=False)
    found = peers.read_forecast(path, truth)
    assert {name: own[:, 0].tolist() for name, own in found.items()} == {"b": [1, 2], "a": [3]}
    rows[:2].to_csv(path, index=False)
    with pytest.raises(peers.PeerError, match="1 of 3 rows have no forecast, first a 2020-01-01"):
        peers.read_forecast(path, truth)


def test_a_failing_peer_raises_its_last_error_line(peers: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(peers.PeerError, match=r"exit code 1\. ValueError: no such model"):
        peers.run([sys.executable, "-c", "raise ValueError('no such model')"], tmp_path)


def test_costs_sum_time_and_take_the_largest_memory(peers: ModuleType) -> None:
    assert peers.Cost(1, 2, 300) + peers.Cost(10, 20, 100) == peers.Cost(11, 22, 300)


@pytest.mark.parametrize("peer", ["neuralforecast", "darts", "gluonts", "statsforecast"])
def test_every_peer_is_pinned(peers: ModuleType, peer: str) -> None:
    pins = (BENCHMARKS / "peers" / f"{peer}.txt").read_text().splitlines()
    assert pins
    assert all("==" in line and "+" not in line for line in pins)
    assert peer in {line.split("==")[0].split("[")[0] for line in pins}
    assert (BENCHMARKS / "peers" / f"with_{peer}.py").exists()
    assert set(peers.MODELS) == {"seqpred", "neuralforecast", "darts", "gluonts", "statsforecast"}


def test_gaps_are_interpolated_within_each_series(peers: ModuleType) -> None:
    rows = pd.DataFrame({"unique_id": list("aaab"), "ds": [1, 2, 3, 1], "y": [1.0, None, 3.0, 9.0]})
    assert peers.bridge(rows)["y"].tolist() == [1, 2, 3, 9]


def test_an_unknown_data_set_is_reported(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers.py", "--sets", "air,mars"])
    with pytest.raises(SystemExit):
        peers.main()
    assert "unknown: mars. Known: air, sunspots, co2, m4" in capsys.readouterr().err
