"""Intervals of a series that was constant for long: no wider than what changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.arrays import Float

LAST = 60  # rows in which the range is measured
CONFIG: dict[str, Any] = {
    "data": {"target": "y"},
    "model": {"hidden_size": 4, "depth": 1, "members": 1},
    "training": {"max_steps": 5},
}


@st.composite
def changes(draw: st.DrawFn) -> Float:
    """What follows a standstill, as changes from its level: a jump, a ramp, a walk, noise, or a few short changes."""
    rows, kind = draw(st.integers(3, 100)), draw(st.sampled_from(["jump", "ramp", "walk", "noise", "blips"]))
    noise = np.random.default_rng(draw(st.integers(0, 1000)))
    if kind == "blips":
        return (noise.random(rows) < draw(st.sampled_from([0.05, 0.1, 0.3]))).astype(float)
    if kind == "noise":
        return noise.normal(size=rows)
    return np.ones(rows) if kind == "jump" else np.cumsum(np.ones(rows) if kind == "ramp" else noise.normal(size=rows))


def blips(constant: int, rows: int, seed: int) -> tuple[int, Float]:
    """A standstill and short changes whose intervals were too wide before the bound on the interval scale."""
    return constant, (np.random.default_rng(seed).random(rows) < 0.1).astype(float)


standstills = st.tuples(st.integers(40, 250), changes())
sizes = st.sampled_from([(0.0, 1.0), (23.4, 0.1), (1e5, 100.0)])


def widest_interval(values: Float, folder: Path) -> float:
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=len(values)), "y": values})
    table = seqpred.predict(seqpred.train(CONFIG, frame, folder / "model"), frame)
    return float((table["q0.9"] - table["q0.1"]).max())


@given(standstill=standstills, size=sizes)
@example(standstill=blips(203, 67, 3), size=(0.0, 5.0))
@example(standstill=(268, np.arange(1.0, 19.0)), size=(1.0, 5.0))
@settings(max_examples=4, deadline=None, derandomize=True)
def test_after_a_standstill_the_interval_is_at_most_three_times_the_range_of_the_last_rows(
    standstill: tuple[int, Float], size: tuple[float, float]
) -> None:
    (constant, changed), (level, unit) = standstill, size
    values = level + unit * np.concatenate([np.zeros(constant), changed])
    spread = float(np.ptp(values[-LAST:]))
    if spread > 0:
        with tempfile.TemporaryDirectory() as folder:
            assert widest_interval(values, Path(folder)) <= 3 * spread


@given(standstill=standstills, size=sizes)
@settings(max_examples=4, deadline=None, derandomize=True)
def test_before_a_standstill_changes_do_not_widen_the_interval_beyond_three_times_their_range(
    standstill: tuple[int, Float], size: tuple[float, float]
) -> None:
    (constant, changed), (level, unit) = standstill, size
    values = level + unit * np.concatenate([changed, np.full(constant, changed[-1])])
    if np.ptp(values) > 0:
        with tempfile.TemporaryDirectory() as folder:
            assert widest_interval(values, Path(folder)) <= 3 * np.ptp(values)
