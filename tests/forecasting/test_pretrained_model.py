"""The pretrained network as a model: any horizon, season and quantiles, in a file and in a stream alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.arrays import Float
from seqpred.commands.pretrained import pretrained_for
from seqpred.errors import ConfigError, DataError
from seqpred.forecasting.stream import StreamingForecaster, StreamOptions
from seqpred.pretrained.weights import pretrained_cells
from seqpred.reading.waiting_lines import Line
from seqpred.runtime.classical_head import FORECASTS
from seqpred.sources.opening import open_source

MONTHS = pd.date_range("2015-01-01", periods=70, freq="MS").strftime("%Y-%m-%d")
SALES = np.round(100 + np.arange(70) + 20 * np.sin(np.arange(70) * np.pi / 6), 1)


def sales(rows: int = 70) -> pd.DataFrame:
    return pd.DataFrame({"month": MONTHS[:rows], "sales": SALES[:rows]})


def test_a_forecast_follows_the_trend_and_the_season() -> None:
    found = seqpred.forecast(sales(58))
    assert len(found) == 12 - 3  # at most a sixth of the rows
    assert np.abs(found["forecast"].to_numpy() - SALES[58:67]).max() < 4
    assert (found["q0.1"] < found["q0.9"]).all()


@pytest.mark.parametrize("cell", pretrained_cells())
def test_a_longer_horizon_has_the_same_first_steps(cell: str) -> None:
    short, long = (seqpred.forecast(sales(), horizon=n, overrides={"model.cell": cell}) for n in (3, 120))
    assert len(long) == 120
    assert np.allclose(long.iloc[:3, 2:].astype(float), short.iloc[:, 2:].astype(float))
    assert np.isfinite(long.iloc[:, 2:].to_numpy(float)).all()


def test_any_quantiles_can_be_requested() -> None:
    found = seqpred.forecast(sales(), quantiles=[0.001, 0.33, 0.999])
    assert list(found.columns) == ["month", "step", "forecast", "q0.001", "q0.33", "q0.999"]
    assert (found["q0.001"] < found["q0.33"]).all()
    assert (found["forecast"] < found["q0.999"]).all()


def test_the_name_pretrained_is_a_model_in_predict_evaluate_and_compare() -> None:
    expected = seqpred.forecast(sales(), horizon=11)
    pd.testing.assert_frame_equal(seqpred.predict("pretrained", sales(), steps=11), expected)
    scores = seqpred.evaluate("pretrained", sales(), windows=2).to_dict()
    assert scores["windows_unseen"] == 2
    assert scores["metrics"]["model"]["mase"] < scores["metrics"]["naive"]["mase"]
    models = seqpred.compare(["pretrained"], sales()).to_dict()["models"]
    assert [model["name"] for model in models] == ["pretrained"]
    assert models[0]["parameters"] > 1000


def test_the_explanation_adds_up_to_the_forecast_and_its_correction_is_the_shift() -> None:
    found = seqpred.explain("pretrained", sales()).components
    np.testing.assert_allclose(sum(part for _, part in found.contributions()), found.forecast, rtol=1e-6)
    np.testing.assert_allclose(found.shares.sum(1), 1)
    assert (found.correction != 0).all()
    assert np.abs(found.rounding).max() < 1e-6 * np.abs(found.forecast).max()
    assert len(found.names) == FORECASTS
    assert found.shares.max() < 1


def test_every_unseen_window_with_two_seasons_of_history_is_scored() -> None:
    assert len(seqpred.evaluate("pretrained", sales(66)).windows) == 3  # a multiple of the horizon, 11
    assert seqpred.compare(["pretrained"], sales(66)).windows == 3


def test_the_pretrained_network_is_not_loaded_as_a_folder() -> None:
    with pytest.raises(ConfigError, match=r"with the data, as in `seqpred.predict\('pretrained', data\)`"):
        seqpred.load("pretrained")


def test_a_stream_has_the_forecasts_of_the_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    sales().to_csv(file, index=False)
    model = pretrained_for(open_source(str(file)), {"forecast.horizon": 4})
    stream = StreamingForecaster(model, "rows", StreamOptions(), print)
    lines = [Line(i, text.encode()) for i, text in enumerate(file.read_text().splitlines(keepends=True), 1)]
    streamed = [forecast for begin in range(0, len(lines), 9) for forecast in stream.take(lines[begin : begin + 9])]
    for rows in (30, 70):
        batch = seqpred.predict(model, sales(rows))
        assert np.allclose(batch["forecast"], streamed[rows - 1].quantiles[0][:, 4], rtol=1e-5)


def test_a_stream_without_a_fixed_step_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "irregular.csv"
    days = np.cumsum(np.random.default_rng(1).integers(1, 60, 40))
    stamps = (pd.Timestamp("2024-01-01") + pd.to_timedelta(days * 7.3, unit="h")).strftime("%Y-%m-%d %H:%M:%S")
    pd.DataFrame({"when": stamps, "y": days % 7}).to_csv(file, index=False)
    assert len(seqpred.forecast(str(file), horizon=2)) == 2
    with pytest.raises(ConfigError, match="cannot stream rows without a fixed time step"):
        StreamingForecaster(pretrained_for(open_source(str(file)), {}), "rows", StreamOptions(), print)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [(2, "no season: fewer than 24 rows"), (24, "season 12, horizon 4"), (70, "season 12, horizon 11")],
)
def test_the_season_and_the_horizon_are_reported(rows: int, reason: str) -> None:
    notes: list[str] = []
    seqpred.forecast(sales(rows), notify=lambda note: notes.append(str(note)))
    assert reason in notes[0]


def test_a_season_that_is_too_long_is_reported() -> None:
    notes: list[str] = []
    keys = {"forecast.season": 500}
    found = seqpred.forecast(sales(), horizon=2, overrides=keys, notify=lambda note: notes.append(str(note)))
    assert "season 500 is longer than 400 rows and ignored" in notes[0]
    assert np.isfinite(found["forecast"]).all()


def test_a_constant_series_is_forecast_by_its_value() -> None:
    found = seqpred.forecast(pd.DataFrame({"y": [5.0] * 30}), horizon=9)
    assert np.allclose(found["forecast"], 5)


def test_a_single_value_is_repeated() -> None:
    assert seqpred.forecast(pd.DataFrame({"y": [7.0]}), horizon=3)["forecast"].tolist() == [7.0] * 3


def test_data_without_a_forecast_is_an_error() -> None:
    with pytest.raises(DataError, match="column 'y' has no value"):
        seqpred.forecast(pd.DataFrame({"y": [np.nan] * 9}), overrides={"data.target": "y"})
    with pytest.raises(DataError, match="one timestamp has no time step"):
        seqpred.forecast(sales(1))
    with pytest.raises(ConfigError, match="needs data"):
        seqpred.predict("pretrained")


def test_series_of_any_length_can_be_mixed() -> None:
    rng = np.random.default_rng(1)
    parts = [pd.DataFrame({"id": name, "y": rng.normal(size=rows)}) for name, rows in (("a", 1), ("b", 9), ("c", 90))]
    found = seqpred.forecast(pd.concat(parts), horizon=3, overrides={"data.id": "id", "forecast.season": 12})
    assert found["id"].tolist() == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert np.isfinite(found["forecast"]).all()


def test_the_blend_of_the_pretrained_network_is_a_mean_of_classical_forecasts() -> None:
    counts = np.random.default_rng(1).poisson(3, 90)
    table = pd.DataFrame({"year": np.arange(1900, 1990), "inventions": counts})
    metrics = seqpred.evaluate("pretrained", table, windows=3).to_dict()["metrics"]
    assert metrics["blend"]["mase"] < 1.3 * metrics["naive"]["mase"]
    assert metrics["model"]["mase"] < metrics["blend"]["mase"]


def quantiles_of(tracks: list[Float], cycle: int = 1, cell: str = "lstm") -> Float:
    """The quantiles of several series, [S, N, Q]."""
    parts = [pd.DataFrame({"id": f"s{i:02}", "t": np.arange(len(y)), "y": y}) for i, y in enumerate(tracks)]
    keys = {"data.id": "id", "data.time": "t", "data.target": "y", "forecast.season": cycle, "forecast.minimum": None}
    found = seqpred.forecast(pd.concat(parts), horizon=6, overrides={**keys, "model.cell": cell})
    return found.loc[:, "q0.1":"q0.9"].to_numpy(float).reshape(len(tracks), 6, -1)


@given(st.integers(0, 2**31), st.integers(3, 80), st.sampled_from([1, 4, 12]), st.sampled_from(pretrained_cells()))
@settings(max_examples=12, deadline=None)
def test_a_forecast_far_from_0_does_not_depend_on_how_far(seed: int, rows: int, cycle: int, cell: str) -> None:
    rng = np.random.default_rng(seed)
    track = rng.normal(size=rows) + rng.choice([0, 0.5]) * rng.normal(size=rows).cumsum()
    for levels in ((1e4, 1e5, 1e8), (-1e3, -1e5, -1e8)):
        found = quantiles_of([level + track for level in levels], cycle, cell)
        moved = found - np.array(levels)[:, None, None]
        assert np.allclose(moved, moved[:1], atol=0.02 * np.ptp(track))


@pytest.mark.parametrize("cell", pretrained_cells())
def test_negative_values_have_intervals_as_values_around_0(cell: str) -> None:
    rng = np.random.default_rng(1)
    tracks = [rng.normal(size=60) for _ in range(10)]
    around, negative = (quantiles_of([level + y for y in tracks], cell=cell) for level in (0.0, -100.0))
    widths = [float((q[..., -1] - q[..., 0]).mean()) for q in (around, negative)]
    assert widths[1] < 1.5 * widths[0]
    assert np.abs(negative[..., 4] + 100).mean() < 0.7


@given(st.floats(-12, -1), st.lists(st.floats(1, 1.5), min_size=1, max_size=9), st.sampled_from(pretrained_cells()))
@example(-3.0, [1.0], "lstm")
@example(-2.0, [2.0, 1.5, 4 / 3], "lstm")
@settings(max_examples=20, deadline=None)
def test_a_first_value_close_to_0_is_no_growth_that_continues(size: float, factors: list[float], cell: str) -> None:
    later = np.cumprod([100, *factors])
    (found,) = quantiles_of([np.array([100 * 10**size, *later])], cell=cell)
    assert found[0, 4] < 2 * later[-1]


@given(
    st.integers(30, 120),
    st.lists(st.integers(-3, 3), min_size=1, max_size=5),
    st.sampled_from([1, 4]),
    st.sampled_from(pretrained_cells()),
)
@example(100, [1, 3, 2], 1, "lstm")
@settings(max_examples=20, deadline=None)
def test_the_first_changes_after_a_standstill_are_no_pattern(
    rows: int, changes: list[int], cycle: int, cell: str
) -> None:
    track = 10.0 + np.array([*[0] * rows, *changes])
    (found,) = quantiles_of([track], cycle, cell)
    if cycle == 1:
        assert np.abs(np.diff(found[:, 4])).max() <= 0.5 * np.ptp(track)
    assert track.min() - np.ptp(track) <= found[:, 4].min()
    assert found[:, 4].max() <= track.max() + np.ptp(track)


@given(st.integers(4, 24), st.sampled_from([0.0, 1e-12, 1e-9, 1e-6]), st.sampled_from(pretrained_cells()))
@example(12, 0.0, "lstm")
@settings(max_examples=12, deadline=None)
def test_a_season_is_repeated_even_if_it_hardly_changes(cycle: int, noise: float, cell: str) -> None:
    """A sine is not the same in every season, because numbers are rounded."""
    track = 10 + 3 * np.sin(2 * np.pi * np.arange(5 * cycle + 6) / cycle)
    noisy = track + noise * np.random.default_rng(cycle).normal(size=len(track))
    (found,) = quantiles_of([noisy[:-6]], cycle, cell)
    assert np.abs(found[:, 4] - track[-6:]).max() < 0.5
