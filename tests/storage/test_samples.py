"""A stored model folder of the current format is read, and forecasts what it did when it was written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import Fault
from seqpred.forecasting.stream import StreamingForecaster, StreamOptions
from seqpred.reading.waiting_lines import Line
from seqpred.storage.model_folder import FORMAT
from tests.conftest import ROOT

SAMPLE = ROOT / "tests" / "samples" / f"format-{FORMAT}"
NUMBERS = ["forecast", "q0.1", "q0.5", "q0.9"]
CLOSE = 1e-5  # relative; the kernels of onnxruntime depend on the processor


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return pd.read_csv(SAMPLE / "forecast.csv")


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_stored_model_forecasts_what_it_did(runtime: str, expected: pd.DataFrame) -> None:
    model = seqpred.load(SAMPLE / "model", runtime=runtime)
    found = seqpred.predict(model, SAMPLE / "history.csv")
    assert found["shop"].tolist() == expected["shop"].tolist()
    assert found["day"].astype(str).tolist() == expected["day"].tolist()
    assert found[NUMBERS].to_numpy() == pytest.approx(expected[NUMBERS].to_numpy(), rel=CLOSE)


def test_a_stored_model_streams_what_it_did(expected: pd.DataFrame) -> None:
    skipped: list[Fault] = []
    lines = (SAMPLE / "history.csv").read_bytes().splitlines()
    forecaster = StreamingForecaster(seqpred.load(SAMPLE / "model"), "rows", StreamOptions(), skipped.append)
    last = {f.series: f for f in forecaster.take([Line(i, line) for i, line in enumerate(lines, start=1)])}
    found = np.concatenate([forecaster.shown(forecast.quantiles).reshape(-1, 4) for forecast in last.values()])
    assert not skipped
    assert found == pytest.approx(expected[NUMBERS].to_numpy(), rel=CLOSE)
