"""Forecasts of a panel: series of unequal length, in groups and in pieces, are what each is alone."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqpred.features.covariates import Covariates
from seqpred.features.input_spec import InputSpec, SeriesSpec
from seqpred.forecasting import block, session
from seqpred.forecasting.session import forecast_panel
from seqpred.forecasting.session_state import SessionSpec
from seqpred.network.ensemble import Ensemble
from seqpred.network.torch_runtime import TorchRuntime
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.runtime.onnx_graph import write_graph
from seqpred.runtime.onnx_runtime import OnnxRuntime
from seqpred.runtime.runtime import TILE, Runtime
from seqpred.runtime.shape import Shape
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from tests.conftest import seasonal

SPEC = InputSpec(season=4, anchor=4, lags=(1, 4))
LENGTHS = (40, 3, 77, 40, 12)
HORIZON = 3


@pytest.fixture(scope="module")
def panel() -> Panel:
    rows = [f"s{i},{t},{v!r}" for i, n in enumerate(LENGTHS) for t, v in enumerate(seasonal(n, 4, i).tolist())]
    source = Source("t.csv", ("id,ds,y\n" + "\n".join(rows) + "\n").encode())
    return build_panel(read_table(source, Columns(("ds",), "id", ("y",))))


def session_spec(panel: Panel, steps: int, bidirectional: bool = False, onnx: bool = False) -> SessionSpec:
    shape = Shape(
        SPEC.inputs, HORIZON, (0.1, 0.5, 0.9), "gru", 2, 5, bidirectional, 0.0, anchor=4, blend=True,
        recent=SPEC.recent, cycles=SPEC.cycles,
    )  # fmt: skip
    torch.manual_seed(0)
    ensemble = Ensemble(shape, 2)
    runtime: Runtime = TorchRuntime(ensemble, window=9)
    if onnx:
        graph = write_graph(shape, {name: weight.numpy() for name, weight in ensemble.state_dict().items()})
        assert graph is not None
        runtime = OnnxRuntime(graph, 9 if bidirectional else None)
    tile = TILE if onnx else 1
    return SessionSpec(SeriesSpec(SPEC, Covariates(), 1, False), runtime, HORIZON, 1, panel.step, steps, tile=tile)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("steps", [2, 8])
@pytest.mark.parametrize("size", ["one group", "small groups", "small pieces"])
def test_a_series_has_the_forecast_that_it_has_alone(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, bidirectional: bool, steps: int, size: str
) -> None:
    spec = session_spec(panel, steps, bidirectional)
    none = np.empty((1, steps, 0))
    alone = [forecast_panel(panel.choose(np.array([s])), spec, none) for s in range(len(LENGTHS))]
    if size == "small groups":
        monkeypatch.setattr(session, "MAX_CELLS", 100)
    elif size == "small pieces":
        monkeypatch.setattr(block, "PIECE", 1)
    together = forecast_panel(panel, spec, np.empty((len(LENGTHS), steps, 0)))
    assert together.shape == (len(LENGTHS), steps, 3)
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6)


def test_a_long_series_is_forecast_in_pieces_that_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "\n".join(f"{t},{v!r}" for t, v in enumerate(seasonal(20_000, 4, 0).tolist()))
    source = Source("t.csv", f"ds,y\n{rows}\n".encode())
    panel = build_panel(read_table(source, Columns(("ds",), None, ("y",))))
    monkeypatch.setattr(block, "PIECE", 200)
    peaks = []
    for length in (2_000, 20_000):
        part = panel.cut(np.array([length]))
        tracemalloc.start()
        forecast_panel(part, session_spec(panel, HORIZON), np.empty((1, HORIZON, 0)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 18_000 * 8, "less than one number for each further row"


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("steps", [3, 8])
def test_no_digit_of_a_forecast_depends_on_the_other_series(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, bidirectional: bool, steps: int
) -> None:
    rng = np.random.default_rng(0)
    many = panel.choose(rng.integers(0, len(LENGTHS), 150))
    many = replace(many, values=many.values + rng.normal(size=many.values.shape))
    spec = session_spec(panel, steps, bidirectional, onnx=True)
    monkeypatch.setattr("seqpred.runtime.onnx_runtime.cores", lambda: 3)
    monkeypatch.setattr(block, "PIECE", 1500)
    together = forecast_panel(many, spec, np.empty((150, steps, 0)))
    for count in (1, 2, 13, 101):
        chosen = np.sort(rng.choice(150, count, replace=False))
        alone = forecast_panel(many.choose(chosen), spec, np.empty((count, steps, 0)))
        np.testing.assert_array_equal(alone, together[chosen])


def test_groups_are_bounded_in_tracks_and_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_CELLS", 100)
    monkeypatch.setattr(session, "MAX_TRACKS", 4)
    assert list(session._groups(np.array([300, 50, 50, 20, 20, 10, 10, 10, 10]), 1)) == [1, 2, 4, 2]
    assert list(session._groups(np.array([10, 10, 10]), 2)) == [2, 1]


def test_the_share_of_the_work_is_reported(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_CELLS", 80)
    shares: list[float] = []
    forecast_panel(panel, session_spec(panel, 2), np.empty((len(LENGTHS), 2, 0)), shares.append)
    assert shares == [0.2, 0.6]
