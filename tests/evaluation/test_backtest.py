"""Rolling origins: every forecast is made from the rows before its cutoff, and scored on those after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.errors import DataError
from seqpred.evaluation.scores import Evaluation, label_windows
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from tests.conftest import backtest_last, seasonal

PROPERTY = settings(derandomize=True, deadline=None, max_examples=40)
LEVELS = [0.1, 0.5, 0.9]


def panel_of(series: dict[str, list[float]], origin: str | int = "2024-01-01") -> Panel:
    """A daily panel, or one of whole numbers, of these series; all begin together."""
    parts = []
    for name, values in series.items():
        rows = np.arange(len(values))
        times = origin + rows if isinstance(origin, int) else pd.date_range(origin, periods=len(values))
        parts.append(pd.DataFrame({"id": name, "ds": times, "y": values}))
    return build_panel(read_table(Source("a frame", pd.concat(parts)), Columns(("ds",), "id", ("y",))))


class Recorder:
    """A forecaster of the last value that records what it received."""

    def __init__(self) -> None:
        self.seen: list[Panel] = []

    def __call__(self, panel: Panel, steps: int, ahead: np.ndarray) -> np.ndarray:
        self.seen.append(panel)
        last = [panel.track(s, c)[-1] for s, c in panel.tracks()]
        return np.repeat(np.repeat(np.array(last)[:, None, None], steps, axis=1), len(LEVELS), axis=2)


def run(panel: Panel, horizon: int, windows: int, season: int = 1) -> tuple[Evaluation, list[Panel]]:
    """The evaluation of a recorder, and what it was shown."""
    recorder = Recorder()
    return backtest_last(panel, recorder, LEVELS, horizon, season, ["unseen"] * windows), recorder.seen


def counting(rows: int, start: int = 0) -> list[float]:
    """Values that equal their row number."""
    return [float(start + i) for i in range(rows)]


# ------------------------------------------------------------------ cutoffs


def test_the_cutoff_of_a_window_is_its_last_known_row() -> None:
    found, _ = run(panel_of({"a": counting(10)}), horizon=3, windows=1)
    assert [w["cutoff"] for w in found.to_dict()["windows"]] == ["2024-01-07"]
    found, _ = run(panel_of({"a": counting(10)}, origin=1700), horizon=3, windows=1)
    assert [w["cutoff"] for w in found.to_dict()["windows"]] == [1706]


def test_windows_follow_one_another_without_overlap_up_to_the_last_row() -> None:
    found, seen = run(panel_of({"a": counting(20)}), horizon=4, windows=4)
    assert [w["cutoff"] for w in found.to_dict()["windows"]] == ["2024-01-04", "2024-01-08", "2024-01-12", "2024-01-16"]
    assert [len(p.values) for p in seen] == [4, 8, 12, 16]
    assert [w["rows"] for w in found.to_dict()["windows"]] == [4] * 4
    assert (found.to_dict()["horizon"], found.to_dict()["season"]) == (4, 1)


def test_series_with_different_ends_have_a_first_and_a_last_cutoff() -> None:
    found, _ = run(panel_of({"a": counting(10), "b": counting(6)}), horizon=2, windows=1)
    (window,) = found.to_dict()["windows"]
    assert (window["first_cutoff"], window["cutoff"], window["series"], window["rows"]) == (
        "2024-01-04",
        "2024-01-08",
        2,
        4,
    )


def test_series_too_short_for_a_window_are_excluded_only_from_it() -> None:
    found, seen = run(panel_of({"short": counting(3), "long": counting(9)}), horizon=2, windows=3)
    assert [w["series"] for w in found.to_dict()["windows"]] == [1, 1, 2]
    assert [p.names for p in seen] == [["long"], ["long"], ["short", "long"]]
    assert [p.lengths.tolist() for p in seen] == [[3], [5], [1, 7]]


# ------------------------------------------------------------------ nothing from the future


@PROPERTY
@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.integers(1, 5), st.integers(1, 3))
def test_a_forecaster_receives_no_row_after_the_cutoff(lengths: list[int], horizon: int, windows: int) -> None:
    if max(lengths) <= horizon * windows:
        return
    panel = panel_of({f"s{i}": counting(n, 1000 * i) for i, n in enumerate(lengths)})
    _, seen = run(panel, horizon, windows)
    for back, shown in zip(range(windows, 0, -1), seen, strict=True):
        expected = {
            f"s{i}": counting(n - back * horizon, 1000 * i) for i, n in enumerate(lengths) if n > back * horizon
        }
        assert {n: shown.track(s, 0).tolist() for s, n in enumerate(shown.names)} == expected
        assert shown.values.base is None or len(shown.values.base) <= len(shown.values), (
            "later rows lie behind the view"
        )


@PROPERTY
@given(st.integers(0, 99), st.integers(1, 4))
def test_scores_of_earlier_windows_do_not_depend_on_later_rows(seed: int, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=30)
    first, _ = run(panel_of({"a": values.tolist()}), horizon, 3)
    later = values.copy()
    later[-horizon:] = rng.normal(size=horizon) * 1e3
    second, _ = run(panel_of({"a": later.tolist()}), horizon, 3)
    assert first.to_dict()["windows"][:2] == second.to_dict()["windows"][:2]
    assert first.to_dict()["windows"][2] != second.to_dict()["windows"][2]


def test_the_evaluated_panel_is_not_modified() -> None:
    panel = panel_of({"a": counting(10), "b": counting(6)})
    before = panel.values.copy()

    def spoil(past: Panel, steps: int, ahead: np.ndarray) -> np.ndarray:
        past.values[:] = 1e9
        return np.zeros((len(past.names), steps, len(LEVELS)))

    backtest_last(panel, spoil, LEVELS, 2, 1, ["unseen"])
    np.testing.assert_array_equal(panel.values, before)


# ------------------------------------------------------------------ scores


def test_a_forecaster_of_the_last_value_scores_like_naive() -> None:
    rng = np.random.default_rng(3)
    panel = panel_of({"a": rng.normal(size=40).tolist(), "b": (50 * rng.normal(size=23)).tolist()})
    metrics = run(panel, horizon=5, windows=3, season=4)[0].to_dict()["metrics"]
    assert metrics["model"] == metrics["naive"]
    assert list(metrics) == ["model", "naive", "seasonal_naive", "seasonal_mean", "drift"]


def test_scores_over_windows_equal_a_computation_by_hand() -> None:
    values = [0.0, 2.0, 3.0, 7.0, 8.0, 8.0]
    scores = run(panel_of({"a": values}), horizon=2, windows=2)[0].to_dict()
    own, first, second = scores["metrics"]["naive"], *scores["windows"]
    assert first["mase"]["naive"] == pytest.approx((1 + 5) / 2 / 2)  # scale |2-0|
    assert second["mase"]["naive"] == pytest.approx((1 + 1) / 2 / ((2 + 1 + 4) / 3))
    assert own["mase"] == pytest.approx((first["mase"]["naive"] + second["mase"]["naive"]) / 2)
    assert own["mae"] == pytest.approx((1 + 5 + 1 + 1) / 4)
    assert own["rmse"] == pytest.approx(np.sqrt((1 + 25 + 1 + 1) / 4))
    line = scores["metrics"]["drift"]
    assert line["mae"] == pytest.approx((abs(3 - 4) + abs(7 - 6) + abs(8 - 28 / 3) + abs(8 - 35 / 3)) / 4)


def test_the_skill_is_one_minus_the_ratio_of_the_mase_to_that_of_the_best_baseline() -> None:
    rng = np.random.default_rng(0)
    values = (np.tile([0.0, 5, 9, 2], 10) + rng.normal(0, 0.1, 40)).tolist()
    scores = run(panel_of({"a": values}), horizon=4, windows=2, season=4)[0].to_dict()
    mase = {name: m["mase"] for name, m in scores["metrics"].items()}
    best = min(mase["naive"], mase["seasonal_naive"], mase["drift"])
    assert best == mase["seasonal_naive"]
    assert scores["skill"] == pytest.approx(1 - mase["model"] / best)
    assert scores["skill"] < 0


def test_a_perfect_forecaster_has_skill_1() -> None:
    values = np.random.default_rng(1).normal(size=30)

    def prophet(past: Panel, steps: int, ahead: np.ndarray) -> np.ndarray:
        begin = len(past.values)
        return np.repeat(values[begin : begin + steps][None, :, None], len(LEVELS), axis=2)

    scores = backtest_last(panel_of({"a": values.tolist()}), prophet, LEVELS, 3, 1, ["unseen"] * 4).to_dict()
    assert scores["skill"] == 1
    assert scores["metrics"]["model"]["mae"] == 0
    assert scores["metrics"]["model"]["coverage"] == {"80": 100.0}


def test_a_constant_history_has_errors_but_no_mase_and_no_skill() -> None:
    scores = run(panel_of({"a": [5.0] * 8 + [6.0, 7.0]}), horizon=2, windows=1)[0].to_dict()
    assert scores["skill"] is None
    assert scores["metrics"]["naive"]["mase"] is None
    assert scores["metrics"]["naive"]["mae"] == 1.5


def test_rows_with_missing_targets_are_not_scored() -> None:
    values = [*counting(8), float("nan"), 20.0]
    panel = panel_of({"a": values})
    found, _ = run(panel, horizon=2, windows=1)
    assert found.to_dict()["windows"][0]["rows"] == 1
    assert found.to_dict()["metrics"]["naive"]["mae"] == 13


def test_a_series_without_a_value_before_the_cutoff_is_excluded() -> None:
    nan = float("nan")
    panel = panel_of({"late": [nan] * 8 + [1.0, 2.0], "b": counting(10)})
    found, _ = run(panel, horizon=2, windows=1)
    assert found.to_dict()["metrics"]["model"]["mae"] == 1.5
    assert found.windows[0].series == 2
    assert found.windows[0].rows == 2


def test_a_window_is_unseen_if_training_has_seen_none_of_its_rows() -> None:
    assert label_windows(4, 4, 16) == ["unseen"] * 4
    assert label_windows(4, 4, 8) == ["training", "training", "unseen", "unseen"]
    assert label_windows(4, 4, 7) == ["training", "training", "training", "unseen"]
    assert label_windows(4, 4, 0) == ["training"] * 4


def test_scores_on_unseen_windows_are_reported_separately() -> None:
    panel = panel_of({"a": [*counting(24), 100.0, 100.0]})
    mixed = backtest_last(panel, Recorder(), LEVELS, 2, 1, ["training", "training", "unseen"])
    last = backtest_last(panel, Recorder(), LEVELS, 2, 1, ["unseen"])
    assert mixed.windows_unseen == 1
    assert mixed.unseen == last.scores
    assert mixed.scores != last.scores
    seen = backtest_last(panel, Recorder(), LEVELS, 2, 1, ["training"])
    assert (seen.unseen, seen.windows_unseen) == ({}, 0)


# ------------------------------------------------------------------ too few rows


def test_too_few_rows_for_the_windows_error_gives_the_maximum() -> None:
    with pytest.raises(DataError) as e:
        run(panel_of({"a": counting(9), "b": counting(4)}), horizon=3, windows=3)
    assert "the longest series has 9 rows" in str(e.value)
    assert "need 10" in str(e.value)
    assert "--windows 2." in e.value.hint
    with pytest.raises(DataError, match="need 7") as e:
        run(panel_of({"a": counting(4)}), horizon=3, windows=2)
    assert "--windows 1." in e.value.hint
    run(panel_of({"a": counting(9), "b": counting(4)}), horizon=3, windows=2)


def test_too_few_rows_for_one_window_error_asks_for_more_rows() -> None:
    with pytest.raises(DataError) as e:
        run(panel_of({"a": counting(3)}), horizon=3, windows=1)
    assert "the longest series has 3 rows" in str(e.value)
    assert "need 4" in str(e.value)
    assert "--windows" not in e.value.hint


def test_scores_do_not_depend_on_the_block_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.concat(pd.DataFrame({"id": f"s{s}", "t": range(40), "y": seasonal(40, seed=s)}) for s in range(9))
    data = {"target": "y", "id": "id", "time": "t"}
    config = {"data": data, "model": {"members": 1}, "training": {"max_steps": 3}}
    model = seqpred.train(config, frame, tmp_path / "model")
    whole = seqpred.evaluate(model, frame, windows=2)
    monkeypatch.setattr("seqpred.panel.panel.PIECE", 100)
    monkeypatch.setattr("seqpred.forecasting.session.MAX_CELLS", 50)
    parts = seqpred.evaluate(model, frame, windows=2)
    for name, scores in whole.to_dict()["metrics"].items():
        found = parts.to_dict()["metrics"][name]
        assert found.pop("coverage") == pytest.approx(scores.pop("coverage"))
        assert found == pytest.approx(scores, rel=1e-5)
