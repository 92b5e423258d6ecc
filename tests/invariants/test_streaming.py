"""Stream = batch: the forecasts made row by row, the state carried, are those made from the whole file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.commands.predict import forecast_table
from seqpred.errors import Fault
from seqpred.forecasting.model import Model
from seqpred.forecasting.rows import Line
from seqpred.forecasting.session_file import read_state, write_state
from seqpred.forecasting.stream import Answer, Asked, Stream
from tests.conftest import growing
from tests.invariants.conftest import Train

FORWARD = list(itertools.product(["rnn", "lstm", "gru"], [1, 3]))
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refuse(message: str) -> None:
    raise AssertionError(message)


def stream(model: Model, asked: Asked | None = None) -> Stream:
    return Stream(model, "rows", asked or Asked(), refuse)


def lines(frame: pd.DataFrame, header: bool = True) -> list[Line]:
    text = frame.to_csv(index=False, header=header)
    return [Line(i, line.encode()) for i, line in enumerate(text.splitlines(), start=1)]


def fed(following: Stream, given_lines: Sequence[Line], pieces: Sequence[int]) -> list[Answer]:
    """All answers, the lines coming so many at a time."""
    answers, at = [], 0
    for size in itertools.cycle(pieces):
        if at >= len(given_lines):
            return answers
        answers += following.take(given_lines[at : at + size])
        at += size
    return answers


def last_answers(following: Stream, answers: Sequence[Answer]) -> dict[str, np.ndarray]:
    """[N, numbers] of the last answer to each series, its targets one after the other."""
    last = {following.follower.names[a.place]: a.quantiles for a in answers}
    return {name: following.shown(q).reshape(-1, 1 + len(following.wanted)) for name, q in last.items()}


def assert_like_batch(model: Model, frame: pd.DataFrame, following: Stream, answers: Sequence[Answer], **how: Any):
    batch = pd.DataFrame(forecast_table(model, frame, **how))
    numbers = [c for c in batch.columns if c == "forecast" or c.startswith("q0")]
    groups = batch.groupby(model.config.data.id, sort=False) if model.config.data.id else [("", batch)]
    said = last_answers(following, answers)
    for name, own in groups:
        wanted = own[numbers].to_numpy()
        scale = max(1.0, np.nanmax(np.abs(wanted))) if np.isfinite(wanted).any() else 1.0
        np.testing.assert_allclose(said[str(name)] / scale, wanted / scale, atol=1e-5, err_msg=str(name))


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
@given(frame=panels(), pieces=st.lists(st.integers(1, 40), min_size=1, max_size=4))
@QUICK
def test_the_forecasts_of_a_stream_are_those_of_the_whole_file(train: Train, cell, depth, frame, pieces) -> None:
    model = train(cell, depth)
    following = stream(model)
    answers = fed(following, lines(frame), pieces)
    assert len(answers) == len(frame)
    assert_like_batch(model, frame, following, answers)


@given(frame=panels(), cut=st.integers(1, 60), steps=st.integers(1, 20))
@QUICK
def test_any_row_is_answered_as_if_the_file_ended_there_and_state_goes_on(train: Train, tmp_path, frame, cut, steps):
    model = train("lstm", 2)
    before, after = frame[:cut], frame[cut:]
    following = stream(model, Asked(steps=steps))
    answers = following.take(lines(before))
    counted = before.groupby("id")["sales"].count()
    if len(before.groupby("id")) and before["sales"].notna().any() and counted.min() > 0:
        assert_like_batch(model, before, following, answers, steps=steps)
    write_state(tmp_path / "state", following.follower, following.rows.clock, following.fingerprint)
    again = stream(model, Asked(steps=steps))
    again.rows.clock = read_state(tmp_path / "state", again.follower, again.fingerprint)
    rest = again.take(lines(pd.concat([before, after])))
    assert again.late == len(before)
    whole = stream(model, Asked(steps=steps)).take(lines(frame))[len(before) :]
    assert len(rest) == len(whole)
    for one, other in zip(rest, whole, strict=True):
        np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=1e-5, equal_nan=True)


def test_the_torch_runtime_answers_alike(train: Train) -> None:
    frame = pd.DataFrame({"id": "a", "day": pd.date_range("2024-01-01", periods=30), "sales": np.arange(30.0) % 7})
    model = train("gru", 2)
    onnx, torch = (stream(Model(model.folder, name)).take(lines(frame)) for name in ("onnx", "torch"))
    for one, other in zip(onnx, torch, strict=True):
        np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=1e-5, atol=1e-5)


def test_a_network_of_both_directions_reads_its_window_at_each_row(train: Train) -> None:
    frame = pd.DataFrame({"id": "a", "day": pd.date_range("2024-01-01", periods=40), "sales": np.arange(40.0) % 7})
    model = train("lstm", 1, True)
    with pytest.raises(seqpred.errors.ConfigError, match="both directions"):
        stream(model)
    following = stream(model, Asked(window=True))
    assert_like_batch(model, frame, following, following.take(lines(frame)))


MONTHS = pd.date_range("2010-01-31", periods=90, freq="ME")
HOURS = pd.date_range("2024-03-01", periods=240, freq="h")
BUSINESS = pd.bdate_range("2024-01-01", periods=120)


@pytest.mark.parametrize("times", [MONTHS, HOURS, BUSINESS], ids=["month ends", "hours", "business days"])
@pytest.mark.parametrize("calendar", [["day-of-year", "weekday", "hour"], "none"])
def test_steps_of_the_calendar_and_its_cycles(tmp_path, times, calendar) -> None:
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
    following = stream(model)
    assert_like_batch(model, frame, following, fed(following, lines(frame), [7]))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("steps", [3, 8])
def test_covariates_of_every_role_and_several_targets(tmp_path, joint, steps) -> None:
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
    told = {"known": ["price", "holiday"], "past": ["rain"], "static": ["size"], "calendar": ["weekday"]}
    config = {
        "data": {"target": ["in", "out"], "id": "shop", "covariates": told},
        "model": {"hidden_size": 4, "joint": joint, "members": 2},
        "forecast": {"horizon": 3, "season": 7},
        "training": {"max_steps": 2, "validation": 3},
    }
    model = seqpred.train(config, frame, tmp_path / "model")
    seen = frame.groupby("shop").head(70)
    future = frame.groupby("shop").nth(range(70, 70 + steps))[["shop", "day", "price", "holiday"]]
    future.to_csv(tmp_path / "future.csv", index=False)
    following = stream(model, Asked(steps=steps, future=tmp_path / "future.csv"))
    answers = fed(following, lines(seen), [11, 3])
    assert_like_batch(model, seen, following, answers, steps=steps, future=future)


def test_static_columns_in_a_file_of_their_own(tmp_path) -> None:
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
    following = stream(model, Asked(steps=5))
    assert_like_batch(model, frame, following, fed(following, lines(frame), [7, 40]), steps=5)


@pytest.mark.parametrize("whole", [False, True], ids=["dates", "whole numbers"])
def test_rows_without_a_step(tmp_path, whole) -> None:
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
    following = stream(model)
    fed(following, lines(frame[:half]), [13, 1])
    write_state(tmp_path / "state", following.follower, following.rows.clock, following.fingerprint)
    again = stream(model)
    again.rows.clock = read_state(tmp_path / "state", again.follower, again.fingerprint)
    answers = fed(again, lines(frame[half - 5 :]), [1, 20])
    assert again.late == 5
    assert_like_batch(model, frame, again, answers)
    last = answers[-1]
    assert again.follower.times_ahead(last.place, last.rows, last.time)[0] > last.time


@pytest.mark.parametrize("turned", ["2024-03-30", "2024-10-26"], ids=["skipped hour", "repeated hour"])
@pytest.mark.parametrize("step", ["h", "30min", "D"])
@pytest.mark.parametrize("offsets", [False, True], ids=["wall", "offsets"])
def test_the_clock_of_a_named_zone(tmp_path, turned, step, offsets) -> None:
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
    following = stream(model, Asked(steps=8))
    answers = fed(following, lines(frame), [7, 1])
    assert len(answers) == len(frame)
    assert_like_batch(model, frame, following, answers, steps=8)
    last = answers[-1]
    times_ahead = following.follower.times_ahead(last.place, last.rows, last.time)
    batch = pd.DataFrame(forecast_table(model, frame, steps=8))
    assert following.rows.clock is not None
    assert following.rows.clock.write(np.array(times_ahead)) == batch["t"].tolist()


def test_an_hour_that_the_clocks_skip_is_no_time(tmp_path) -> None:
    times = pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": times.strftime("%Y-%m-%d %H:%M:%S"), "y": np.arange(60) % 5})
    config = {
        "data": {"target": "y", "timezone": "Europe/Berlin"},
        "model": {"hidden_size": 4, "members": 1},
        "forecast": {"horizon": 2},
        "training": {"max_steps": 2, "validation": 2},
    }
    told: list[Fault] = []
    following = Stream(seqpred.train(config, frame, tmp_path / "model"), "rows", Asked(), told.append)
    text = ["t,y", "2024-03-31 01:00:00,1", "2024-03-31 02:30:00,1", "2024-03-31 03:00:00,1"]
    answers = following.take([Line(i, t.encode()) for i, t in enumerate(text, start=1)])
    assert len(answers) == 2
    assert [str(fault) for fault in told] == [
        "rows:3: the time 2024-03-31 02:30:00 does not exist in Europe/Berlin: the clocks there skip it"
    ]
