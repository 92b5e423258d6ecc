"""Covariates: scales and categories from the training rows, inputs of the network, and no use of the future."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import seqpred
from seqpred.calendar.step import DAY
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.evaluation.backtest import TrackForecast
from seqpred.features.calendar_cycles import find_calendar
from seqpred.features.covariates import Covariate, Covariates
from seqpred.features.fit_covariates import apply_covariates, encode_categories, fit_covariates, local_times
from seqpred.network.heads import KnownAhead
from seqpred.panel.panel import Panel
from seqpred.sources.opening import open_source

ROWS = 120


def shops(rows: int = ROWS) -> pd.DataFrame:
    """Two shops whose sales a promotion lifts and a feast halves."""
    draw = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=rows)
    frames = []
    for shop, kind in (("A", "big"), ("B", "small")):
        promo, feast = draw.random(rows) < 0.2, draw.random(rows) < 0.1
        sales = 50 + 5 * np.sin(np.arange(rows) * 2 * np.pi / 7) + 20 * promo - 25 * feast + draw.normal(0, 0.5, rows)
        covariates = {
            "promo": promo.astype(float),
            "feast": np.where(feast, "Feast", ""),
            "wind": draw.normal(size=rows),
        }
        frames.append(pd.DataFrame({"shop": shop, "day": days, "sales": sales, **covariates, "kind": kind}))
    return pd.concat(frames, ignore_index=True)


ROLES = {"known": ["promo", "feast"], "past": ["wind"], "static": ["kind"]}


def config(**changes: Any) -> dict[str, Any]:
    small = {"hidden_size": 8, "window": 21, "anchor": 7, "members": 1, "start": "blank"}
    return {
        "data": {"target": "sales", "id": "shop", "time": "day", "covariates": ROLES},
        "model": {**small, **changes},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 20, "batch_size": 8, "threads": 1, "learning_rate": 0.01, "validation": 7},
    }


def panel_of(frame: pd.DataFrame, roles: dict[str, list[str]] | None = None) -> Panel:
    data = {"target": "sales", "id": "shop", "time": "day", "covariates": ROLES if roles is None else roles}
    return load_panel(open_source(frame), Config.from_tree({"data": data}), lambda _: None)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqpred.Model:
    return seqpred.train(config(), shops(), tmp_path_factory.mktemp("covariates") / "m")


def future(frame: pd.DataFrame) -> pd.DataFrame:
    """The last seven days of each shop, without what is not known ahead."""
    last = frame.groupby("shop").cumcount() >= len(frame) // 2 - 7
    return frame.loc[last, ["shop", "day", "promo", "feast"]]


def history(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame.groupby("shop").cumcount() < len(frame) // 2 - 7]


# ------------------------------------------------------------------ scales and categories


def test_scales_and_categories_depend_only_on_the_training_rows() -> None:
    frame = shops()
    panel, cuts = panel_of(frame), np.array([60, 60])
    fitted = fit_covariates(panel, cuts, ())
    late = frame["day"] >= frame["day"].min() + pd.Timedelta(days=60)
    spoilt = frame.assign(
        promo=frame["promo"].where(~late, 1e9), feast=frame["feast"].where(~late, "New"), wind=frame["wind"]
    )
    assert fit_covariates(panel_of(spoilt), cuts, ()) == fitted
    promo, feast, wind, kind = fitted.columns
    early = frame[~late]
    assert promo == Covariate("promo", "known", None, early["promo"].mean(), early["promo"].std(ddof=0))
    assert feast.words == ("", "Feast")
    assert kind.words == ("big", "small")
    assert wind.spread == pytest.approx(early["wind"].std(ddof=0))


def test_unknown_categories_have_code_0_and_are_reported() -> None:
    column = Covariate("feast", "known", ("", "Feast"))
    codes, unseen = encode_categories(np.array([0.0, 1, 2, np.nan]), ["Fair", "", "Feast"], column)
    assert codes.tolist()[:3] == [0, 1, 2]
    assert np.isnan(codes[3])
    assert unseen == ["Fair"]


def test_a_static_value_applies_from_its_first_row_on() -> None:
    """Earlier rows do not know it: else their inputs would depend on a later row."""
    frame = shops().drop(index=[5, 6])
    frame["size"] = np.where(frame["shop"] == "A", 5.0, 7.0)
    frame.loc[frame["day"] < frame["day"].min() + pd.Timedelta(days=9), "size"] = np.nan
    panel = panel_of(frame, {"static": ["kind", "size"]})
    applied = apply_covariates(panel, fit_covariates(panel, panel.lengths, ()))
    assert (applied.rows(0)[:, -2] == 1).all()
    for s, size in enumerate((5.0, 7.0)):
        np.testing.assert_array_equal(applied.rows(s)[:, -1], [np.nan] * 9 + [size] * (ROWS - 9))


def test_a_static_column_that_changes_is_refused_with_its_series_and_time() -> None:
    frame = shops()
    frame.loc[10, "kind"] = "small"
    panel = panel_of(frame)
    with pytest.raises(DataError, match=r"'kind' changes within series 'A' at 2024-01-11") as e:
        apply_covariates(panel, fit_covariates(panel, panel.lengths, ()))
    assert "past or known" in e.value.hint


def hourly_fair(days: int = 20) -> pd.DataFrame:
    """Hourly rows; a category at the first row of every seventh day."""
    hours = pd.date_range("2024-01-01", periods=24 * days, freq="h")
    word = np.where((hours.hour == 0) & (hours.day % 7 == 0), "Fair", "None")
    return pd.DataFrame({"shop": "A", "day": hours, "sales": np.arange(24.0 * days), "fair": word})


def test_a_category_that_changes_only_at_midnight_applies_to_its_whole_day() -> None:
    frame = hourly_fair()
    panel = panel_of(frame, {"known": ["fair"]})
    fitted = fit_covariates(panel, panel.lengths, ())
    assert fitted.columns[0].daily
    codes = apply_covariates(panel, fitted).values[:, -1]
    assert (codes == np.where(frame["day"].dt.day % 7 == 0, 1, 2)).all()
    frame.loc[30, "fair"] = "Fair"  # at six in the morning: its rows are hours
    panel = panel_of(frame, {"known": ["fair"]})
    assert not fit_covariates(panel, panel.lengths, ()).columns[0].daily


def test_whether_a_category_applies_to_its_whole_day_is_inferred_from_the_training_split() -> None:
    frame, cut = hourly_fair(), np.array([24 * 16])
    panel = panel_of(frame, {"known": ["fair"]})
    frame.loc[24 * 17 + 6, "fair"] = "Fair"
    changed = panel_of(frame, {"known": ["fair"]})
    assert fit_covariates(changed, cut, ()) == fit_covariates(panel, cut, ())


def held(covariates: Covariates, values: list[float], times: np.ndarray, sizes: list[int]) -> list[float]:
    """One column after `Covariates.hold`, in blocks of these sizes."""
    memory, found, row = covariates.start_held(1), [], 0
    for size in sizes:
        block = np.array(values[row : row + size])[None, :, None]
        own, memory = covariates.hold(memory, block, times[None, row : row + size], np.array([size]))
        found += own[0, :, 0].tolist()
        row += size
    return found


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [3, 2]])
def test_a_day_without_its_first_row_keeps_the_values_of_its_rows(sizes: list[int]) -> None:
    times = np.array([0, DAY // 2, DAY + DAY // 2, 2 * DAY, 2 * DAY + DAY // 2])
    daily = Covariates((Covariate("x", "known", ("a", "b", "c"), daily=True),))
    assert held(daily, [2.0, 1, 1, 3, 1], times, sizes) == [2, 2, 1, 3, 3]


@pytest.mark.parametrize("sizes", [[5], [1, 1, 1, 1, 1], [2, 3], [3, 2]])
def test_a_static_value_is_carried_from_block_to_block(sizes: list[int]) -> None:
    static = Covariates((Covariate("x", "static"),))
    found = held(static, [np.nan, 4.0, np.nan, 4.0, np.nan], np.zeros(5, np.int64), sizes)
    np.testing.assert_array_equal(found, [np.nan, 4, 4, 4, 4])


# ------------------------------------------------------------------ inputs of the network


def test_a_number_becomes_its_compressed_distance_from_the_mean_and_whether_it_is_present() -> None:
    covariates = Covariates((Covariate("wind", "past", None, 1.0, 2.0),))
    numbers, codes = covariates.encode(np.array([[4.0], [np.nan], [-5.0]]))
    np.testing.assert_allclose(numbers, [[np.log1p(1.5), 1], [0, 0], [-np.log1p(3), 1]], rtol=1e-6)
    assert codes.shape == (3, 0)


def test_without_covariates_nothing_is_added_to_a_row() -> None:
    numbers, codes = Covariates().encode(np.empty((2, 5, 0)))
    assert (numbers.shape, codes.shape) == ((2, 5, 0), (2, 5, 0))


def test_known_covariates_come_last_among_numbers_and_among_codes() -> None:
    columns = (Covariate("k", "known"), Covariate("w", "known", ("a",)), Covariate("p", "past"))
    covariates = Covariates((*columns, Covariate("s", "static", ("x", "y"))))
    numbers, codes = covariates.encode(np.array([[1.0, 1.0, 3.0, 2.0]]))
    assert codes.tolist() == [[2.0, 1.0]]
    known = covariates.known_part(numbers, codes)
    np.testing.assert_allclose(known, [[np.log1p(1.0), 1, 1]], rtol=1e-6)


def test_the_calendar_is_that_of_the_step_and_of_the_span() -> None:
    def cycles(rows: int, step: str, lag: int = 1) -> tuple[str, ...]:
        days = pd.date_range("2024-01-01", periods=rows, freq=step)
        return find_calendar(
            panel_of(pd.DataFrame({"shop": "A", "day": days, "sales": np.arange(rows) % 5.0}), {}), lag
        )

    assert cycles(100, "h") == ("hour",)
    assert cycles(24 * 22, "h") == ("hour", "weekday")
    assert cycles(24 * 22, "h", lag=24) == ("weekday",)
    assert cycles(24 * 22, "h", lag=168) == ()
    assert cycles(100, "D") == ("weekday",)
    assert cycles(1200, "D") == ("weekday", "day-of-year")
    assert cycles(1200, "D", lag=7) == ("day-of-year",)
    assert cycles(300, "W", lag=52) == ()
    assert cycles(48, "MS") == ("day-of-year",)
    assert cycles(48, "MS", lag=12) == ()
    assert cycles(30, "YS") == ()


def test_the_calendar_repeats_with_its_cycle() -> None:
    days = pd.date_range("2023-01-01", periods=28)
    panel = panel_of(pd.DataFrame({"shop": "A", "day": days, "sales": np.arange(28) % 5.0}), {})
    numbers, _ = Covariates((), ("weekday",)).encode(np.empty((28, 0)), local_times(panel))
    assert numbers.shape == (28, 6)
    np.testing.assert_allclose(numbers[7:], numbers[:-7], atol=1e-6)
    assert len(np.unique(numbers[:7].round(5), axis=0)) == 7


@pytest.mark.parametrize(("anchor", "horizon", "positions"), [(1, 3, 4), (5, 3, 4), (3, 7, 2), (4, 4, 1)])
def test_what_is_known_ahead_is_compared_with_the_row_that_the_forecast_corrects(
    anchor: int, horizon: int, positions: int
) -> None:
    torch.manual_seed(0)
    known = KnownAhead(2, 5, horizon, 3, anchor)
    state, around = torch.randn(2, positions, 5), torch.randn(2, anchor - 1 + positions + horizon, 2)
    quantiles = known(state, around)
    for p in range(positions):
        row = anchor - 1 + p  # of the position, in `around`
        for k in range(1, horizon + 1):
            corrected = row - anchor + 1 + (k - 1) % anchor
            found = torch.tanh(known.step(around[:, row + k]) + known.anchor_row(around[:, corrected]))
            mixed = known.mix(state[:, p]).unflatten(-1, (3, known.width)) @ found[..., None]
            torch.testing.assert_close(quantiles[:, p, :, k - 1], mixed[..., 0])


# ------------------------------------------------------------------ forecasts


def evaluated_quantiles(model: Any, frame: pd.DataFrame) -> list[np.ndarray]:
    """The quantiles [N, Q] of each track in the last window that `evaluate` scores."""
    found: list[TrackForecast] = []
    seqpred.evaluate(model, frame, windows=1, observe=lambda _: found.append)
    return [track.cases["model"].quantiles for track in found]


def test_forecasts_follow_what_is_known_and_are_those_of_eval(model: Any) -> None:
    frame = shops()
    known = future(frame)
    plain = seqpred.predict(model, history(frame), future=known)
    lifted = seqpred.predict(model, history(frame), future=known.assign(promo=1 - known["promo"]))
    assert not np.allclose(plain["forecast"], lifted["forecast"])
    medians = np.concatenate([q[:, 4] for q in evaluated_quantiles(model, frame)])
    assert medians.tolist() == plain["forecast"].tolist()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_nothing_but_the_known_covariates_reaches_a_forecast_from_later_rows(
    tmp_path: Path, bidirectional: bool
) -> None:
    model = seqpred.train(config(bidirectional=bidirectional), shops(), tmp_path / "m")
    frame = shops()
    late = frame["day"] > frame["day"].max() - pd.Timedelta(days=7)
    seen = []
    for altered in (frame, frame.assign(sales=frame["sales"].where(~late, 1e6), wind=frame["wind"].where(~late, -1e6))):
        seen.append(evaluated_quantiles(model, altered))
    np.testing.assert_array_equal(seen[0], seen[1])


def test_forecasts_beyond_the_horizon_use_what_is_known_there(model: Any) -> None:
    frame = shops()
    early = frame[frame.groupby("shop").cumcount() < ROWS - 14]
    later = frame[frame.groupby("shop").cumcount() >= ROWS - 14][["shop", "day", "promo", "feast"]]
    first = seqpred.predict(model, early, future=later, steps=14)
    changed = later.assign(promo=later["promo"].where(later.groupby("shop").cumcount() < 7, 1 - later["promo"]))
    second = seqpred.predict(model, early, future=changed, steps=14)
    same = first["forecast"] == second["forecast"]
    assert same[first["step"] <= 7].all()
    assert not same[first["step"] > 7].all()


def test_the_rows_of_a_future_file_may_be_in_any_order(model: Any) -> None:
    frame = shops()
    known = future(frame)
    mixed = known.sample(frac=1, random_state=1)
    assert seqpred.predict(model, history(frame), future=mixed).equals(
        seqpred.predict(model, history(frame), future=known)
    )


def test_joint_targets_change_each_others_forecasts(tmp_path: Path) -> None:
    frame = shops().query("shop == 'A'")
    tree = config(joint=True)
    tree["data"] = {"target": ["sales", "wind"], "time": "day", "id": None}
    model = seqpred.train(tree, frame, tmp_path / "m")
    plain = seqpred.predict(model, frame)
    other = seqpred.predict(model, frame.assign(wind=frame["wind"] * np.linspace(1, 9, ROWS)))
    sales = plain["target"] == "sales"
    assert not np.allclose(plain["forecast"][sales], other["forecast"][sales])


# ------------------------------------------------------------------ mistakes


def error_of(model: Any, known: Any, steps: int = 7) -> str:
    with pytest.raises(DataError) as e:
        seqpred.predict(model, history(shops()), future=known, steps=steps)
    return str(e.value)


def test_mistakes_in_a_future_file_are_reported(model: Any) -> None:
    known = future(shops())
    assert "the model needs 'promo', 'feast'" in error_of(model, None)
    assert "series 'A' at 2024-04-23" in error_of(model, None)
    assert "no column 'feast'" in error_of(model, known.drop(columns="feast"))
    missing = error_of(model, known.drop(index=known.index[2]))
    assert "no row for series 'A' at 2024-04-25" in missing
    assert "--write-future" in missing
    assert "series 'C' is not in the history" in error_of(model, known.assign(shop="C"))
    assert "contains the target 'sales'" in error_of(model, known.assign(sales=1.0))
    assert "'much' in column 'promo' is not a number" in error_of(model, known.assign(promo="much"))
    assert "duplicate timestamp" in error_of(model, pd.concat([known, known.iloc[:1]]))


def test_unused_rows_and_unknown_categories_are_reported(model: Any) -> None:
    frame, notes = shops(), list[str]()
    early = frame[frame.groupby("shop").cumcount() < ROWS - 7]
    known = frame[["shop", "day", "promo", "feast"]].copy()
    known.loc[ROWS - 3, "feast"] = "Fair"
    known.loc[ROWS - 2, "promo"] = np.nan
    seqpred.predict(model, early, future=known, steps=5, notify=lambda note: notes.append(str(note)))
    reported = " ".join(notes)
    assert "226 of 240 rows are in the history and ignored" in reported
    assert "4 of 240 rows are beyond the steps and ignored" in reported
    assert "'Fair' in 'feast' does not occur in the training data" in reported


def test_a_new_category_or_another_type_in_the_history_is_reported(model: Any) -> None:
    frame, notes = shops(), list[str]()
    known = future(frame)
    odd = history(frame)
    odd.loc[4, "feast"] = "Fair"
    seqpred.predict(model, odd, future=known, notify=lambda note: notes.append(str(note)))
    assert any("'feast' contains 'Fair', absent from the training data" in note for note in notes)
    with pytest.raises(DataError, match="'strong' in column 'wind' is not a number"):
        seqpred.predict(model, history(frame).assign(wind="strong"), future=known)
    with pytest.raises(DataError, match="no column 'wind'"):
        seqpred.predict(model, history(frame).drop(columns="wind"), future=known)


def test_mean_and_spread_are_of_all_pieces_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpred.panel.panel.PIECE", 3)
    wind = np.array([1.0, 2, 3, 10, 20, 30, 40, 50])
    frame = pd.DataFrame({"shop": list("AAABBBBB"), "y": range(8), "wind": wind})
    config = Config.from_tree({"data": {"id": "shop", "target": "y", "covariates": {"past": ["wind"]}}})
    panel = load_panel(open_source(frame), config, lambda _: None)
    (fitted,) = fit_covariates(panel, panel.lengths, []).columns
    np.testing.assert_allclose((fitted.mean, fitted.spread), (wind.mean(), wind.std()))


def test_the_hour_is_encoded_as_waves_of_a_day_its_half_and_its_third() -> None:
    times = np.array([0, 3, 4, 6], np.int64) * (DAY // 24)
    numbers, _ = Covariates(calendar=("hour",)).encode(np.empty((4, 0)), times)
    turns = np.outer([0, 1 / 8, 1 / 6, 1 / 4], [1, 2, 3]) * 2 * np.pi
    np.testing.assert_allclose(numbers, np.hstack([np.sin(turns), np.cos(turns)]), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "moment", "place"),
    [
        ("weekday", "2024-01-04T12:00", 3.5 / 7),  # a Thursday
        ("day-of-month", "2024-02-16T00:00", 15 / 29),
        ("day-of-year", "2023-12-31T06:00", 364 / 365),
    ],
)
def test_a_time_is_encoded_as_its_place_in_the_week_month_or_year(name: str, moment: str, place: float) -> None:
    times = np.array([np.datetime64(moment, "us").astype(np.int64)])
    numbers, _ = Covariates(calendar=(name,)).encode(np.empty((1, 0)), times)
    np.testing.assert_allclose(numbers[0, 0], np.sin(2 * np.pi * place), atol=1e-6)
    np.testing.assert_allclose(numbers[0, numbers.shape[1] // 2], np.cos(2 * np.pi * place), atol=1e-6)


def test_the_lag_of_four_quarters_spans_the_year() -> None:
    days = pd.date_range("1990-01-01", periods=60, freq="QS").strftime("%Y-%m-%d")
    frame = pd.DataFrame({"day": days, "y": np.arange(60.0)})
    panel = load_panel(open_source(frame), Config.from_tree({"data": {"target": "y"}}), lambda _: None)
    assert find_calendar(panel, 4) == ()
    assert "day-of-year" in find_calendar(panel, 3)
