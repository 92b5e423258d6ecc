"""Stream = batch: forecasts row by row with carried state are those of the whole file, in any blocks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.commands.predict import compute_forecasts
from seqpred.errors import ConfigError, DataError, Fault
from seqpred.forecasting.model import Model
from seqpred.forecasting.row_session import Forecast
from seqpred.forecasting.stream import StreamingForecaster, StreamOptions
from seqpred.reading.waiting_lines import Line
from tests.conftest import growing
from tests.invariants.conftest import Train

FORWARD = list(itertools.product(["rnn", "lstm", "gru"], [1, 3]))
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TOLERANCE = 1e-6  # relative to the largest forecast of a series


def refuse(row: Fault) -> None:
    raise AssertionError(str(row))


def stream(model: Model, options: StreamOptions | None = None) -> StreamingForecaster:
    return StreamingForecaster(model, "rows", options or StreamOptions(), refuse)


def lines(frame: pd.DataFrame, header: bool = True) -> list[Line]:
    text = frame.to_csv(index=False, header=header)
    return [Line(i, line.encode()) for i, line in enumerate(text.splitlines(), start=1)]


def feed(
    forecaster: StreamingForecaster, given: Sequence[Line], sizes: Sequence[int], every_row: bool = True
) -> list[Forecast]:
    """All forecasts, the lines arriving so many at a time."""
    forecasts: list[Forecast] = []
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(given):
            return forecasts
        forecasts += forecaster.take(given[at : at + size], every_row)
        at += size
    return forecasts


def last_forecasts(forecaster: StreamingForecaster, forecasts: Sequence[Forecast]) -> dict[str, np.ndarray]:
    """[N, numbers] of the last forecast of each series, its targets one after another."""
    last = {forecaster.session.names[f.series]: f.quantiles for f in forecasts}
    return {name: forecaster.shown(q).reshape(-1, 1 + len(forecaster.quantiles)) for name, q in last.items()}


def assert_like_batch(
    model: Model, frame: pd.DataFrame, forecaster: StreamingForecaster, forecasts: Sequence[Forecast], **options: Any
) -> None:
    batch = pd.DataFrame(compute_forecasts(model, frame, **options).table())
    numbers = [c for c in batch.columns if c == "forecast" or c.startswith("q0")]
    groups = batch.groupby(model.config.data.id, sort=False) if model.config.data.id else [("", batch)]
    found = last_forecasts(forecaster, forecasts)
    for name, own in groups:
        expected = own[numbers].to_numpy()
        size = np.nanmax(np.abs(expected)) if np.isfinite(expected).any() else 1.0
        np.testing.assert_allclose(found[str(name)], expected, rtol=0, atol=TOLERANCE * size, err_msg=str(name))


@st.composite
def panels(draw: st.DrawFn) -> pd.DataFrame:
    """Interleaved series of unequal length with gaps, empty cells and late beginnings."""
    parts = []
    for i in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(2, 70))
        noise = np.random.default_rng(draw(st.integers(0, 1000)))
        days = pd.date_range("2024-01-01", periods=rows) + pd.Timedelta(days=draw(st.integers(0, 9)))
        values = growing(rows, 7) + noise.normal(size=rows)
        values[noise.random(rows) < draw(st.sampled_from([0.0, 0.2, 0.5]))] = np.nan
        part = pd.DataFrame({"id": f"s{i}", "day": days, "sales": values})
        gone = noise.random(rows) < draw(st.sampled_from([0.0, 0.2]))
        gone[[0, 1, -1]] = False
        parts.append(part[~gone])
    return pd.concat(parts).sort_values(["day", "id"], kind="stable").reset_index(drop=True)


@pytest.mark.parametrize(("cell", "depth"), FORWARD)
@given(frame=panels(), sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4), every_row=st.booleans())
@QUICK
def test_the_forecasts_of_a_stream_are_those_of_the_whole_file(
    train: Train, cell: str, depth: int, frame: pd.DataFrame, sizes: list[int], every_row: bool
) -> None:
    model = train(cell, depth)
    forecaster = stream(model)
    forecasts = feed(forecaster, lines(frame), sizes, every_row)
    assert len(forecasts) == len(frame) or not every_row
    assert_like_batch(model, frame, forecaster, forecasts)


@given(frame=panels(), cut=st.integers(1, 60), steps=st.integers(1, 20))
@QUICK
def test_every_forecast_is_that_of_a_file_that_ends_there_and_a_saved_state_continues(
    train: Train, tmp_path: Path, frame: pd.DataFrame, cut: int, steps: int
) -> None:
    model, options = train("lstm", 2), StreamOptions(steps=steps)
    before, after = frame[:cut], frame[cut:]
    forecaster = stream(model, options)
    forecasts = forecaster.take(lines(before))
    observed = before.groupby("id")["sales"].count()
    if observed.min() > 0:
        assert_like_batch(model, before, forecaster, forecasts, steps=steps)
    forecaster.save(tmp_path / "state")
    resumed = stream(model, options)
    resumed.load(tmp_path / "state")
    rest = resumed.take(lines(pd.concat([before, after])))
    assert resumed.session.late == len(before)
    whole = stream(model, options).take(lines(frame))[len(before) :]
    assert len(rest) == len(whole)
    for one, other in zip(rest, whole, strict=True):
        np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=TOLERANCE, equal_nan=True)


def test_both_runtimes_stream_the_same_forecasts(train: Train) -> None:
    frame = pd.DataFrame({"id": "a", "day": pd.date_range("2024-01-01", periods=30), "sales": np.arange(30.0) % 7})
    model = train("gru", 2)
    onnx, torch = (stream(Model(model.folder, name)).take(lines(frame)) for name in ("onnx", "torch"))
    for one, other in zip(onnx, torch, strict=True):
        np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=1e-5, atol=1e-5)


def test_a_bidirectional_network_reads_its_window_again_at_each_row(train: Train) -> None:
    frame = pd.DataFrame({"id": "a", "day": pd.date_range("2024-01-01", periods=40), "sales": np.arange(40.0) % 7})
    model = train("lstm", 1, True)
    with pytest.raises(ConfigError, match="bidirectional network has no state"):
        stream(model)
    forecaster = stream(model, StreamOptions(window=True))
    assert_like_batch(model, frame, forecaster, forecaster.take(lines(frame)))


@pytest.mark.parametrize("duplicates", ["mean", "last"])
def test_duplicates_that_revise_a_row_are_refused(tmp_path: Path, duplicates: str) -> None:
    config = {
        "data": {"target": "y", "duplicates": duplicates},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 3},
        "training": {"max_steps": 2},
    }
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=60), "y": growing(60)})
    model = seqpred.train(config, frame, tmp_path / "model")
    with pytest.raises(ConfigError, match=f"data.duplicates is {duplicates}.*cannot revise a forecast") as caught:
        stream(model)
    assert "duplicates: first" in caught.value.hint


def test_the_first_of_duplicate_rows_is_used_as_in_a_file(tmp_path: Path) -> None:
    config = {
        "data": {"target": "y", "duplicates": "first"},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 3},
        "training": {"max_steps": 2},
    }
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=60), "y": growing(60)})
    model = seqpred.train(config, frame, tmp_path / "model")
    twice = pd.concat([frame, frame[10:30].assign(y=99.0)]).sort_values("t", kind="stable")
    forecaster = stream(model)
    forecasts = feed(forecaster, lines(twice), [7])
    assert forecaster.session.late == 20
    assert_like_batch(model, twice, forecaster, forecasts)


MONTHS = pd.date_range("2010-01-31", periods=90, freq="ME")
HOURS = pd.date_range("2024-03-01", periods=240, freq="h")
BUSINESS = pd.bdate_range("2024-01-01", periods=120)


@pytest.mark.parametrize("times", [MONTHS, HOURS, BUSINESS], ids=["month ends", "hours", "business days"])
@pytest.mark.parametrize("calendar", [["day-of-year", "weekday", "hour"], "none"])
def test_streams_of_every_time_step_and_calendar_cycle_have_the_forecasts_of_the_file(
    tmp_path, times, calendar
) -> None:
    values = growing(len(times))
    frame = pd.DataFrame({"t": times, "y": values})
    config = {
        "data": {"target": "y", "covariates": {"calendar": calendar}},
        "model": {"hidden_size": 4, "depth": 1, "members": 1},
        "forecast": {"horizon": 5, "season": 12},
        "training": {"max_steps": 2, "validation": 5},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    frame = frame.drop(index=[40, 41, 60])
    forecaster = stream(model)
    assert_like_batch(model, frame, forecaster, feed(forecaster, lines(frame), [7]))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize(
    ("steps", "every_row", "holidays"), [(3, True, None), (8, True, "IE"), (8, False, None)], ids=str
)
def test_streams_with_covariates_of_every_role_and_several_targets_have_the_forecasts_of_the_file(
    tmp_path: Path, joint: bool, steps: int, every_row: bool, holidays: str | None
) -> None:
    noise = np.random.default_rng(3)
    parts = []
    for i, name in enumerate("ab"):
        rows = 90 + 20 * i
        parts.append(
            pd.DataFrame(
                {
                    "shop": name,
                    "day": pd.date_range("2024-01-01", periods=rows),
                    "in": growing(rows, 7),
                    "out": growing(rows, 7, 1),
                    "price": noise.normal(size=rows).round(2),
                    "holiday": noise.choice(["none", "fair", "feast"], rows),
                    "rain": noise.choice(["dry", "wet"], rows),
                    "size": 5.0 + i,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    roles = {"known": ["price", "holiday"], "past": ["rain"], "static": ["size"], "calendar": ["weekday"]}
    roles |= {"holidays": holidays}  # in Ireland, step 8 is Saint Patrick's Day
    config = {
        "data": {"target": ["in", "out"], "id": "shop", "covariates": roles},
        "model": {"hidden_size": 4, "joint": joint, "members": 2},
        "forecast": {"horizon": 3, "season": 7},
        "training": {"max_steps": 2, "validation": 3},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    seen = frame.groupby("shop").head(70)
    future = frame.groupby("shop").nth(range(70, 70 + steps))[["shop", "day", "price", "holiday"]]
    future.to_csv(tmp_path / "future.csv", index=False)
    forecaster = stream(model, StreamOptions(steps=steps, future=tmp_path / "future.csv"))
    forecasts = feed(forecaster, lines(seen), [11, 3], every_row)
    assert_like_batch(model, seen, forecaster, forecasts, steps=steps, future=future)


def test_a_stream_with_a_static_file_has_the_forecasts_of_the_whole_file(tmp_path) -> None:
    noise = np.random.default_rng(5)
    days = pd.date_range("2024-01-01", periods=80)
    parts = [pd.DataFrame({"shop": n, "day": days, "y": growing(80, 7) + noise.normal(size=80)}) for n in "cab"]
    frame = pd.concat(parts).sort_values("day", kind="stable").reset_index(drop=True)
    (tmp_path / "shops.csv").write_text("shop,kind,size\nb,city,4.5\na,farm,2\nz,city,3\n")
    static = {"static": ["kind", "size"], "static_file": str(tmp_path / "shops.csv")}
    config = {
        "data": {"target": "y", "id": "shop", "covariates": static},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 3, "season": 7},
        "training": {"max_steps": 2, "validation": 3},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    forecaster = stream(model, StreamOptions(steps=5))
    assert_like_batch(model, frame, forecaster, feed(forecaster, lines(frame), [7, 40]), steps=5)


def test_a_static_value_that_changes_is_reported_as_in_a_file(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=60)
    frame = pd.DataFrame({"t": days, "y": growing(60, 7), "size": 3.0})
    config = {
        "data": {"target": "y", "covariates": {"static": ["size"]}},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 3, "season": 7},
        "training": {"max_steps": 2},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    skipped: list[Fault] = []
    forecaster = StreamingForecaster(model, "rows", StreamOptions(), skipped.append)
    changed = frame.assign(size=[3.0] * 50 + [4.0] + [np.nan] * 9)
    assert len(feed(forecaster, lines(changed), [7])) == 59
    assert [row.line for row in skipped] == [52]
    assert "static column 'size' changes within its series" in str(skipped[0])
    with pytest.raises(DataError, match="static column 'size' changes within its series"):
        seqpred.predict(model, changed)


def test_streamed_categories_of_a_whole_day_have_the_forecasts_of_the_file(tmp_path: Path) -> None:
    """The day goes on over the end of the history and over the end of the horizon."""
    hours = pd.date_range("2024-01-01", periods=24 * 20, freq="h")
    fair = np.where((hours.hour == 0) & (hours.day % 3 == 0), "fair", "none")
    frame = pd.DataFrame({"t": hours, "y": growing(len(hours), 24) + 5.0 * (hours.day % 3 == 0), "fair": fair})
    config = {
        "data": {"target": "y", "covariates": {"known": ["fair"], "calendar": "none"}},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 5, "season": 24},
        "training": {"max_steps": 2},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    assert model.covariates.columns[0].daily
    end = 24 * 17 + 14
    seen, future = frame[:end], frame[end : end + 13][["t", "fair"]]
    future.to_csv(tmp_path / "future.csv", index=False)
    forecaster = stream(model, StreamOptions(steps=13, future=tmp_path / "future.csv"))
    forecasts = feed(forecaster, lines(seen), [50, 1])
    assert_like_batch(model, seen, forecaster, forecasts, steps=13, future=future)


@pytest.mark.parametrize("whole", [False, True], ids=["dates", "whole numbers"])
def test_streamed_irregular_rows_have_the_forecasts_of_the_file(tmp_path, whole) -> None:
    noise = np.random.default_rng(7)
    parts = []
    for name, rows in (("a", 120), ("b", 90)):
        at = np.cumsum(noise.exponential(3600, rows).astype(np.int64) + 1)
        times = at if whole else pd.Timestamp("2024-01-01") + pd.to_timedelta(at, unit="s")
        parts.append(pd.DataFrame({"id": name, "t": times, "y": growing(rows) + at / 1000 % 40}))
    frame = pd.concat(parts).sort_values("t", kind="stable").reset_index(drop=True)
    calendar = "none" if whole else ["hour", "weekday"]
    config = {
        "data": {"target": "y", "id": "id", "frequency": "irregular", "covariates": {"calendar": calendar}},
        "model": {"hidden_size": 4, "window": 16, "members": 1},
        "forecast": {"horizon": 4, "season": 1},
        "training": {"max_steps": 2, "validation": 4},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    half = len(frame) // 2
    forecaster = stream(model)
    feed(forecaster, lines(frame[:half]), [13, 1])
    forecaster.save(tmp_path / "state")
    resumed = stream(model)
    resumed.load(tmp_path / "state")
    forecasts = feed(resumed, lines(frame[half - 5 :]), [1, 20])
    assert resumed.session.late == 5
    assert_like_batch(model, frame, resumed, forecasts)
    assert resumed.session.times_ahead(forecasts[-1])[0] > forecasts[-1].time


@pytest.mark.parametrize("turned", ["2024-03-30", "2024-10-26"], ids=["skipped hour", "repeated hour"])
@pytest.mark.parametrize("step", ["h", "30min", "D"])
@pytest.mark.parametrize("offsets", [False, True], ids=["wall", "offsets"])
def test_streamed_timestamps_in_a_named_zone_have_the_forecasts_of_the_file(tmp_path, turned, step, offsets) -> None:
    times = pd.date_range(turned, periods=110, freq=step, tz="Europe/Berlin")
    values = growing(110, 24)
    shown = times.strftime("%Y-%m-%d %H:%M:%S%z") if offsets else times.strftime("%Y-%m-%d %H:%M:%S")
    frame = pd.DataFrame({"t": shown, "y": values})
    config = {
        "data": {"target": "y", "timezone": "Europe/Berlin", "covariates": {"calendar": ["hour", "weekday"]}},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 5, "season": 12},
        "training": {"max_steps": 2, "validation": 5},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    forecaster = stream(model, StreamOptions(steps=8))
    forecasts = feed(forecaster, lines(frame), [7, 1])
    assert len(forecasts) == len(frame)
    assert_like_batch(model, frame, forecaster, forecasts, steps=8)
    batch = pd.DataFrame(compute_forecasts(model, frame, steps=8).table())
    clock = forecaster.session.clock
    assert clock is not None
    assert clock.write(np.array(forecaster.session.times_ahead(forecasts[-1]))) == batch["t"].tolist()


def test_an_hour_that_the_clocks_skip_is_reported(tmp_path) -> None:
    times = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": times.strftime("%Y-%m-%d %H:%M:%S"), "y": np.arange(60) % 5})
    config = {
        "data": {"target": "y", "timezone": "Europe/Berlin"},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 2},
        "training": {"max_steps": 2, "validation": 2},
    }
    skipped: list[Fault] = []
    model = seqpred.train(config, frame, tmp_path / "model")
    forecaster = StreamingForecaster(model, "rows", StreamOptions(), skipped.append)
    text = ["t,y", "2024-03-31 01:00:00,1", "2024-03-31 02:30:00,1", "2024-03-31 03:00:00,1"]
    assert len(forecaster.take([Line(i, t.encode()) for i, t in enumerate(text, start=1)])) == 2
    reason = "the time 2024-03-31 02:30:00 does not exist in Europe/Berlin: the clocks there skip it"
    assert [str(row) for row in skipped] == [f"rows:3: {reason}"]
