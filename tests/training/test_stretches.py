"""A long series is learned from in stretches, each as a series of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.training import fitting
from seqpred.training.fitting import STRETCH
from tests.conftest import seasonal


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 6 * STRETCH), st.floats(0, 1)), min_size=1, max_size=9))
def test_stretches_hold_each_row_once_and_the_last_one_what_is_held_back(series: list[tuple[int, float]]) -> None:
    lengths = np.array([length for length, _ in series])
    cuts = lengths - (np.minimum(lengths, STRETCH) * np.array([share for _, share in series])).astype(np.int64)
    found = fitting._stretches(lengths, cuts)
    rows = found.high - found.low
    assert (np.bincount(found.series, rows) == lengths).all()
    assert (np.bincount(found.series, found.cuts) == cuts).all()
    assert rows.max() < 2 * STRETCH
    last = np.append(found.series[1:] != found.series[:-1], True)
    assert (found.low[np.append(True, last[:-1])] == 0).all()
    assert (found.low[1:][~last[:-1]] == found.high[:-1][~last[:-1]]).all()
    assert (found.cuts[~last] == rows[~last]).all()


def test_a_long_series_is_trained_on_and_scored_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "STRETCH", 60)
    days = pd.date_range("2020-01-01", periods=400)
    frame = pd.DataFrame({"ds": days, "y": seasonal(400), "price": np.arange(400.0), "note": ["a", "b"] * 200})
    config = {
        "data": {"target": "y", "time": "ds", "covariates": {"past": ["price", "note"]}},
        "forecast": {"horizon": 6, "season": 12},
        "training": {"max_steps": 5},
        "model": {"hidden_size": 4},
    }
    made: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    real = fitting._made

    def watched(*args: object) -> object:
        made.append(args[-1])  # type: ignore[arg-type]
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(fitting, "_made", watched)
    model = seqpred.train(config, frame, tmp_path / "model")
    assert (made[0] == 5).all(), "the validation windows are in the last stretch"
    assert set(np.concatenate(made).tolist()) == set(range(6)), "windows are drawn from all of them"
    assert np.isfinite(seqpred.predict(model, frame)["forecast"]).all()
