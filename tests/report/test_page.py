"""The page: complete, without network access, safe, and small."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import seqpred
from seqpred.commands.pretrained import load_for
from seqpred.evaluation.scores import Evaluation, Scores, WindowScores
from seqpred.report import collect
from seqpred.report.chart import round_ticks
from seqpred.report.collect import Collector
from seqpred.report.encode import ALPHABET, pack, pack_times
from seqpred.report.page import write_report
from seqpred.report.summary import verdict
from tests.report.conftest import HORIZON, WINDOWS, make_report


def data_of(page: str) -> dict[str, Any]:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text
    return json.loads(text[1])  # type: ignore[no-any-return]


def unpack(packed: list[Any]) -> np.ndarray:
    low, step, text = packed
    digits = np.array([ALPHABET.index(character) for character in text]).reshape(-1, 2)
    counts = digits @ [len(ALPHABET), 1]
    return np.where(counts == len(ALPHABET) ** 2 - 1, np.nan, low + counts * step)


def test_the_page_has_every_section_and_loads_nothing(report: Path) -> None:
    page = report.read_text("utf-8")
    for heading in (
        "Scores",
        "Forecasts",
        "Error by step ahead",
        "Calibration",
        "Components",
        "Learning curves",
        "Model and data",
    ):
        assert f">{heading}" in page
    assert not re.search(r"<(script|img|iframe|link)\b[^>]* (src|href)=(?!\"data:)", page)
    assert not re.search(r"@import|url\((?!data:)", page)
    assert "abcdef012345" in page
    assert "runs/&lt;sales&gt;" in page


def test_the_page_contains_all_values_in_the_order_of_the_data(report: Path) -> None:
    data = data_of(report.read_text("utf-8"))
    assert sorted(data["order"]) == ["s0 y0", "s0 y1", "s1 y0", "s1 y1"]
    per_window = HORIZON * (len(data["levels"]) + len(data["points"]))
    for _, first, grid, packed in data["tracks"]:
        start, *runs = data["times"][grid]
        rows = 1 + sum(count for _, count in runs)
        assert len(unpack(packed)) == rows + (WINDOWS - first) * per_window
        assert start < 2e9  # seconds, not microseconds


def test_the_page_has_the_effects_of_covariates(report: Path) -> None:
    page = report.read_text("utf-8")
    data = data_of(page)
    assert sorted(data["covariates"]) == ["event", "kind", "price", "visits"]
    assert sorted(data["effects"]) == sorted(data["order"])
    assert all(unpack(packed).shape == (4 * HORIZON,) for packed in data["effects"].values())
    assert "Covariates, most important first (importance: increase of the MASE of" in page


def test_the_page_of_the_pretrained_network_describes_that_network(tmp_path: Path) -> None:
    model, _ = load_for("pretrained", data := pd.DataFrame({"y": np.arange(60) % 12 * 5.0}))
    collected = Collector(model.config.levels, model.horizon)
    found = seqpred.evaluate(model, data, observe=collected.observe)
    write_report(tmp_path / "report.html", "pretrained", model, found, collected)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "pretrained lstm, 1 layer of 64 units" in page
    assert "and no correction is added" in page
    assert "<dt>Software" not in page


def test_names_in_the_data_cannot_add_markup(tmp_path: Path) -> None:
    make_report(tmp_path / "report.html", hostile=True)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "\x1b" not in page


def test_curves_are_limited_and_scores_are_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(collect, "MOST_VALUES", 100)
    _, collected = make_report(tmp_path / "report.html")
    assert len(collected.tracks) < len(collected.by_track) == 4
    assert collected.windows_shown < WINDOWS
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "series are shown, evenly spaced" in page
    assert f"of {WINDOWS} windows" in page


def test_errors_and_ranks_are_those_of_unseen_windows_if_there_are_any(tmp_path: Path) -> None:
    _, all_unseen = make_report(tmp_path / "report.html")
    _, mixed = make_report(tmp_path / "mixed.html", unseen=2)
    assert mixed.ranks.sum() < all_unseen.ranks.sum()
    page = (tmp_path / "mixed.html").read_text("utf-8")
    assert "of each step, 2 unseen windows" in page
    assert "in-sample ones included" in page
    make_report(tmp_path / "seen.html", unseen=0)
    assert "In-sample.</strong>" in (tmp_path / "seen.html").read_text("utf-8")


def evaluation(mase: dict[str, float], part: str = "unseen") -> Evaluation:
    scores = {name: Scores(mase=value) for name, value in mase.items()}
    window = WindowScores("2024", "2024", 1, 1, scores, part)  # type: ignore[arg-type]
    return Evaluation(scores, 1, 1, [window], scores if part == "unseen" else {})


def test_the_verdict_compares_with_the_best_baseline_and_the_blend() -> None:
    first, second = verdict(evaluation({"model": 0.6, "blend": 0.5, "naive": 2.0, "drift": 1.0}))
    assert first == "The error is 40 % lower than that of the best naive baseline (drift)."
    assert second == "The error is 20 % higher than that of the same forecast without the networks (blend)."


@given(arrays.arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e9, 1e9) | st.just(np.nan)))
def test_packed_numbers_are_correct_within_their_range(values: np.ndarray) -> None:
    found = unpack(pack(values))
    known = np.isfinite(values)
    assert (np.isfinite(found) == known).all()
    if known.any():
        assert np.abs(found[known] - values[known]).max() <= np.ptp(values[known]) / 8279 * 0.51 + 1e-6


def test_times_of_months_are_seconds_in_runs() -> None:
    days = np.array([0, 31, 60, 91, 121]) * 86_400_000_000
    assert pack_times(days, dated=True) == [0, [31 * 86400, 1], [29 * 86400, 1], [31 * 86400, 1], [30 * 86400, 1]]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_and_inside(low: float, size: float) -> None:
    ticks = round_ticks(low, low + size)
    assert 1 <= len(ticks) <= 7
    assert all(low - 1e-6 * size <= tick <= low + size * (1 + 1e-6) for tick in ticks)
