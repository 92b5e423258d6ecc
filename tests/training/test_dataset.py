"""A long series is trained on in segments, each as a series of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.training import dataset
from seqpred.training.dataset import SEGMENT, split_series
from seqpred.training.windows import Windows
from tests.conftest import seasonal


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 6 * SEGMENT), st.floats(0, 1)), min_size=1, max_size=9))
def test_segments_contain_each_row_once_and_the_last_one_the_validation_split(series: list[tuple[int, float]]) -> None:
    lengths = np.array([length for length, _ in series])
    cuts = lengths - (np.minimum(lengths, SEGMENT) * np.array([share for _, share in series])).astype(np.int64)
    segments = split_series(lengths, cuts)
    rows = segments.ends - segments.begins
    assert (np.bincount(segments.series, rows) == lengths).all()
    assert (np.bincount(segments.series, segments.cuts) == cuts).all()
    assert rows.max() < 2 * SEGMENT
    last = np.append(segments.series[1:] != segments.series[:-1], True)
    assert (segments.begins[np.append(True, last[:-1])] == 0).all()
    assert (segments.begins[1:][~last[:-1]] == segments.ends[:-1][~last[:-1]]).all()
    assert (segments.cuts[~last] == rows[~last]).all()


def test_a_long_series_is_trained_on_and_scored_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "SEGMENT", 60)
    days = pd.date_range("2020-01-01", periods=400)
    frame = pd.DataFrame({"ds": days, "y": seasonal(400), "price": np.arange(400.0), "note": ["a", "b"] * 200})
    config = {
        "data": {"target": "y", "time": "ds", "covariates": {"past": ["price", "note"]}},
        "forecast": {"horizon": 6, "season": 12},
        "training": {"max_steps": 5, "validation": 6},
        "model": {"hidden_size": 4, "members": 1},
    }
    prepared: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    prepare = Windows.prepare

    def recorded(self: Windows, tracks: torch.Tensor) -> None:
        prepared.append(tracks.numpy())
        prepare(self, tracks)

    monkeypatch.setattr(Windows, "prepare", recorded)
    model = seqpred.train(config, frame, tmp_path / "model")
    assert (prepared[0] == 5).all(), "the validation windows are in the last segment"
    assert set(np.concatenate(prepared).tolist()) == set(range(6)), "windows are drawn from all of them"
    assert np.isfinite(seqpred.predict(model, frame)["forecast"]).all()
