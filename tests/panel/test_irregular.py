"""Irregular rows: each keeps its time, and the time since the previous row is an input."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.calendar.step import DAY, SECOND
from seqpred.commands.check import check
from seqpred.commands.init import init
from seqpred.commands.load_panel import load_panel
from seqpred.commands.predict import future_table
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.features.calendar_cycles import find_calendar
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import apply_covariates, fit_covariates, local_times
from seqpred.panel.panel import SINCE, Panel
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source

PROPERTY = settings(derandomize=True, deadline=None, max_examples=30)


def events(rows: int = 150, series: str = "ab", seed: int = 0) -> pd.DataFrame:
    """The level of a tank that fills steadily, measured at random times."""
    draw = np.random.default_rng(seed)
    frames = []
    for name in series:
        gaps = draw.exponential(3600, rows).astype(np.int64) + 1
        at = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(gaps), unit="s")
        level = np.cumsum(gaps) / 1000 % 40 + draw.normal(0, 0.1, rows)
        frames.append(pd.DataFrame({"id": name, "at": at, "level": level, "price": draw.random(rows).round(2)}))
    return pd.concat(frames, ignore_index=True)


def tree(**covariates: Any) -> dict[str, Any]:
    return {
        "data": {"target": "level", "id": "id", "time": "at", "frequency": "irregular", "covariates": covariates},
        "model": {"hidden_size": 8, "window": 16, "members": 1, "start": "blank"},
        "forecast": {"horizon": 4, "season": 1},
        "training": {"max_steps": 4, "batch_size": 8, "threads": 1, "validation": 4},
    }


def panel_of(frame: pd.DataFrame, **covariates: Any) -> Panel:
    return load_panel(open_source(frame), Config.from_tree(tree(**covariates)), lambda _: None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqpred.Model:
    return seqpred.train(tree(), events(), tmp_path_factory.mktemp("irregular") / "m")


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> seqpred.Model:
    return seqpred.train(tree(known=["price"]), events(), tmp_path_factory.mktemp("priced") / "m")


# ------------------------------------------------------------------ the panel


def test_each_row_keeps_its_time_and_no_row_is_missing() -> None:
    frame = events().sample(frac=1, random_state=1)
    panel = panel_of(frame)
    assert sorted(panel.names) == ["a", "b"]
    assert len(panel.values) == len(frame)
    for s, name in enumerate(panel.names):
        own = frame[frame["id"] == name].sort_values("at")
        assert panel.clock.write(panel.times(s, np.arange(150))) == own["at"].astype(str).tolist()
        np.testing.assert_array_equal(panel.track(s, 0), own["level"])


def test_the_time_since_the_last_row_is_a_past_covariate_in_units_of_the_usual_gap_in_training() -> None:
    frame = events(series="a")
    panel, cut = panel_of(frame), 100
    fitted = fit_covariates(panel, np.array([cut]), ())
    gaps = np.diff(frame["at"].to_numpy()).astype("timedelta64[us]").astype(np.int64)
    assert [(c.name, c.role, c.mean, c.spread) for c in fitted.columns] == [
        (SINCE, "past", 0.0, float(np.median(gaps[: cut - 1])))
    ]
    inputs = fitted.encode(apply_covariates(panel, fitted).values[:, 1:])[0]
    np.testing.assert_allclose(inputs[1:150, 0], np.log1p(gaps / fitted.columns[0].spread), rtol=1e-6)
    assert inputs[:, 1].tolist() == [0.0, *[1.0] * 149]  # unknown before the first row


@PROPERTY
@given(st.integers(2, 149), st.integers(0, 5))
def test_the_inputs_of_a_row_do_not_depend_on_later_rows(cut: int, seed: int) -> None:
    panel = panel_of(events(series="a", seed=seed))
    fitted = Covariates(fit_covariates(panel, np.array([cut]), ()).columns, ("hour", "weekday"))
    panel = apply_covariates(panel, fitted)
    past = panel.cut(np.array([cut]))
    assert past.times(0, np.arange(cut)).tolist() == panel.times(0, np.arange(cut)).tolist()
    inputs = [fitted.encode(p.values[:, 1:], local_times(p))[0] for p in (past, panel)]
    np.testing.assert_array_equal(inputs[0], inputs[1][:cut])


def test_future_rows_are_assumed_at_the_median_gap_of_their_series() -> None:
    panel = panel_of(events())
    for s in range(2):
        own = panel.times(s, np.arange(150))
        step = int(np.median(np.diff(own)))
        assert panel.times(s, 149 + np.arange(4)).tolist() == (own[-1] + step * np.arange(4)).tolist()


def test_a_calendar_cycle_is_an_input_if_the_data_contains_three_of_it_whatever_the_lags() -> None:
    assert find_calendar(panel_of(events()), longest_lag=10_000) == ("hour",)


# ------------------------------------------------------------------ forecasts


def test_forecasts_continue_from_the_last_time_of_each_series_with_a_note(model: seqpred.Model) -> None:
    notes: list[str] = []
    frame = events()
    found = seqpred.predict(model, frame, steps=6, notify=lambda note: notes.append(str(note)))
    for name, own in found.groupby("id"):
        at = pd.to_datetime(frame.loc[frame["id"] == name, "at"])
        assert (pd.to_datetime(own["at"]).diff().iloc[1:] == at.diff().median().floor("s")).all()
        assert pd.to_datetime(own["at"]).iloc[0] > at.iloc[-1]
    assert [s for s in notes if "no fixed step" in s] == [
        "the data has no fixed step; forecast timestamps are spaced by the median interval."
    ]


def test_the_time_since_the_last_row_affects_the_forecast(model: seqpred.Model) -> None:
    frame = events(series="a")
    later = frame.assign(at=frame["at"].where(frame.index < 149, frame["at"] + pd.Timedelta(days=1)))
    first, second = (seqpred.predict(model, f)["forecast"].to_numpy() for f in (frame, later))
    assert (first != second).any()
    moved = frame.assign(at=frame["at"] + pd.Timedelta(days=1))
    np.testing.assert_array_equal(seqpred.predict(model, moved)["forecast"].to_numpy(), first)


def test_a_future_file_sets_the_times(model: seqpred.Model) -> None:
    frame = events(series="a")
    last = frame["at"].iloc[-1]
    times = [str(last + pd.Timedelta(hours=h)) for h in (5, 1, 9)]
    future = pd.DataFrame({"id": "a", "at": [*times, str(last)]})
    found = seqpred.predict(model, frame, steps=3, future=future)
    assert found["at"].astype(str).tolist() == sorted(times)
    with pytest.raises(DataError, match=r"no row for series 'a' step 4"):
        seqpred.predict(model, frame, steps=4, future=future)
    with pytest.raises(DataError, match=r"duplicate timestamp"):
        seqpred.predict(model, frame, steps=3, future=pd.concat([future, future[:1]]))


def test_known_covariates_are_sorted_by_time(priced: seqpred.Model) -> None:
    frame = events()
    template = future_table(priced, frame)
    future = pd.DataFrame(template).assign(price=np.arange(8.0))
    found = seqpred.predict(priced, frame, future=future)
    assert found["at"].astype(str).tolist() == template["at"]
    pd.testing.assert_frame_equal(seqpred.predict(priced, frame, future=future[::-1]), found)
    assert not seqpred.predict(priced, frame, future=future.assign(price=9.0))["forecast"].equals(found["forecast"])


def test_a_single_row_is_followed_at_the_usual_gap_in_training(model: seqpred.Model) -> None:
    found = seqpred.predict(model, events(series="a")[:1], steps=2)
    usual = model.covariates.columns[0].spread / SECOND
    gap = pd.to_datetime(found["at"]).diff().iloc[1].total_seconds()
    assert gap == pytest.approx(usual, abs=1)


def test_eval_scores_irregular_rows(model: seqpred.Model) -> None:
    scores = seqpred.evaluate(model, events(), windows=3).to_dict()
    assert scores["windows"][-1]["rows"] == 8
    assert scores["metrics"]["model"]["mase"] is not None


# ------------------------------------------------------------------ init and check


def csv(frame: pd.DataFrame) -> Source:
    return Source("events.csv", frame.to_csv(index=False).encode())


def test_init_chooses_irregular_if_no_step_describes_the_rows() -> None:
    text = init(csv(events()), "events.csv", {"data.target": "level"})
    assert yaml.safe_load(text)["data"]["frequency"] == "irregular"
    assert "frequency: irregular  # no fixed step" in text


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_gaps_in_a_grid_do_not_make_rows_irregular(kept: float) -> None:
    days = pd.date_range("2024-01-01", periods=600)
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"day": days, "y": draw.random(600)})[draw.random(600) < kept]
    assert yaml.safe_load(init(csv(frame), "y.csv", {}))["data"]["frequency"] == "P1D"


def test_a_few_misaligned_rows_are_an_error() -> None:
    hours = pd.date_range("2024-01-01", periods=200, freq="h").to_series().reset_index(drop=True)
    frame = pd.DataFrame({"at": hours.where(hours.index < 150, hours + pd.Timedelta(minutes=7)), "y": range(200)})
    with pytest.raises(DataError, match=r"events.csv:152: 2024-01-07 06:07:00 is not a whole number of steps"):
        init(csv(frame), "y.csv", {})


def test_check_reports_the_median_gap_of_irregular_rows() -> None:
    frame = events(series="a")
    found = check(tree(), frame).to_dict()
    assert found["step"]["step"] == "irregular"
    assert found["step"]["rows_off"] == 0
    assert found["step"]["median_distance"].startswith("PT")
    assert found["totals"] == {"absent": 0, "holes": 0, "repeats": 0, "empty": 0, "outliers": 0}
    twice = pd.concat([frame, frame[:3]])
    merged = {**tree(), "data": {**tree()["data"], "duplicates": "mean"}}
    assert check(merged, twice).to_dict()["totals"]["repeats"] == 3


def test_integer_times_may_be_irregular() -> None:
    frame = events(series="a")
    numbers = frame.assign(at=frame["at"].astype("datetime64[s]").astype(np.int64))
    panel = panel_of(numbers)
    assert panel.times(0, np.array([0, 149])).tolist() == [int(numbers["at"].iloc[i]) for i in (0, 149)]
    assert find_calendar(panel, 1) == ()


def test_rows_without_times_cannot_be_irregular() -> None:
    given = tree()
    with pytest.raises(DataError, match=r"there is no time column"):
        load_panel(open_source(events()), Config.from_tree({"data": {**given["data"], "time": None}}), lambda _: None)


def test_the_local_hour_of_irregular_rows_is_an_input() -> None:
    frame = events(series="a")
    given = Config.from_tree({"data": {**tree()["data"], "timezone": "Asia/Tokyo"}})
    aware = frame.assign(at=frame["at"].dt.tz_localize("UTC"))
    panel = load_panel(open_source(aware), given, lambda _: None)
    hours = (frame["at"].to_numpy().astype("datetime64[us]").astype(np.int64) + 9 * 3600 * SECOND) % DAY / DAY
    inputs = Covariates((), ("hour",)).encode(np.empty((len(hours), 0)), local_times(panel))[0]
    np.testing.assert_allclose(inputs[:, 0], np.sin(2 * np.pi * hours), atol=1e-5)


def test_a_written_forecast_is_read_back(model: seqpred.Model) -> None:
    text = seqpred.predict(model, csv(events())).to_csv(index=False)
    assert pd.to_datetime(pd.read_csv(io.StringIO(text))["at"]).notna().all()


def test_a_part_of_a_panel_keeps_the_times_of_its_rows() -> None:
    panel = panel_of(events())
    part = panel.part(np.array([1]), np.array([20]), np.array([50]))
    assert part.times(0, np.arange(30)).tolist() == panel.times(1, np.arange(20, 50)).tolist()
    assert part.origins.tolist() == panel.times(1, np.array([20])).tolist()
    assert panel.ends.tolist() == [int(panel.times(s, np.array([149]))[0]) for s in range(2)]


def test_a_stretch_of_a_series_has_the_times_of_its_rows() -> None:
    config = Config.from_tree({"data": {"target": "level", "id": "id", "time": "at", "frequency": "irregular"}})
    panel = load_panel(open_source(events()), config, lambda _: None)
    own = panel.stretch(1, 20, 50)
    rows = np.arange(30, dtype=np.int64)
    assert own.stamps is not None
    assert len(own.stamps) == len(own.values) == 30
    assert own.times(0, rows).tolist() == panel.times(1, rows + 20).tolist()


def test_chosen_series_keep_the_times_of_their_next_rows() -> None:
    panel = replace(panel_of(events(8)), coming=np.array([[10**18], [2 * 10**18]]))
    assert panel.choose(np.array([1])).times(0, np.array([8])).tolist() == [2 * 10**18]
    assert panel.between(1, 2).times(0, np.array([8])).tolist() == [2 * 10**18]
