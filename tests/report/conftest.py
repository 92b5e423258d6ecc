"""A report of two series with two targets, made by a network with random weights."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import seqpred
from seqpred.report.collect import Collector
from seqpred.report.page import write_report
from tests.explanation.random_models import frame, random_model

HORIZON, WINDOWS = 3, 4
HISTORY = "step,network,loss,validation_score\n0,1,,0.5\n10,1,0.4,0.45\n0,2,,\n10,2,0.3,\n"
HOSTILE = "</script><script>alert(1)</script>\x1b[31m"


def make_report(path: Path, *, hostile: bool = False, unseen: int | None = None) -> tuple[seqpred.Model, Collector]:
    sections = {"model": {"hidden_size": 4, "window": 9}, "forecast": {"horizon": HORIZON, "season": 7}}
    data = frame(5, 100.0, 2)
    model = random_model(data, 2, sections, 5)
    object.__setattr__(model.folder, "history", HISTORY)
    model.folder.manifest["fingerprint"] = "abcdef0123456789"
    if hostile:
        data["id"] = data["id"].replace("s0", HOSTILE)
    if unseen is not None:  # training has seen all windows but the last ones
        ends = pd.to_datetime(data.groupby("id")["day"].max()) - pd.Timedelta(days=unseen * HORIZON)
        model.folder.manifest["data"] = {"ends": {name: int(end.value) // 1000 for name, end in ends.items()}}
    collected = Collector(model.config.levels, model.horizon)
    found = seqpred.evaluate(model, data, windows=WINDOWS, observe=collected.observe)
    write_report(path, "runs/<sales>", model, found, collected)
    return model, collected


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    make_report(path)
    return path
