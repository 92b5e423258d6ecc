"""Find the season of a panel: from the calendar, or where its changes repeat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqpred.inspection.columns import guess_columns
from seqpred.inspection.seasons import _autocorrelation, find_anchor, find_season, sample
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import read_table
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from tests.conftest import DATA

Shared = Callable[[str], Path]


def panel_of(source: Source) -> Panel:
    """The panel of a source, its columns guessed."""
    return build_panel(read_table(source, guess_columns(profile_columns(source), source.name).columns))


def whole(values: np.ndarray) -> Panel:
    """A panel of values at 0, 1, 2, ..."""
    return panel_of(
        Source("t.csv", ("ds,y\n" + "".join(f"{i},{v!r}\n" for i, v in enumerate(values.tolist()))).encode())
    )


def dated(values: np.ndarray, step: str) -> Panel:
    """A panel of values at dates, one numpy unit of time apart."""
    times = np.datetime64("2020-01-01", step) + np.arange(len(values))
    rows = "".join(f"{t.astype('datetime64[s]')},{v!r}\n" for t, v in zip(times, values.tolist(), strict=True))
    return panel_of(Source("t.csv", ("ds,y\n" + rows).encode()))


def cycle(rows: int, season: int, seed: int = 3) -> np.ndarray:
    """A season of random shape, with noise and a trend."""
    rng = np.random.default_rng(seed)
    shape = rng.normal(0, 5, season)
    return np.tile(shape, rows // season + 1)[:rows] + 0.02 * np.arange(rows) + rng.normal(0, 1, rows)


def test_air_passengers_have_a_season_of_12_months(data: Path) -> None:
    panel = panel_of(open_source(data / "air_passengers.csv"))
    assert str(panel.step) == "P1M"
    assert find_season(panel) == 12


def test_a_yearly_season_needs_two_years() -> None:
    for months, season in ((23, 1), (24, 12)):
        assert find_season(dated(np.arange(months) % 7.0, "M")) == season


def test_sunspots_have_a_season_of_10_or_11_years(data: Path) -> None:
    assert find_season(panel_of(open_source(data / "sunspots_yearly.csv"))) in (10, 11)


def test_weekly_co2_has_a_season_of_52_weeks_through_its_gaps(data: Path) -> None:
    panel = panel_of(open_source(data / "co2_weekly_gaps.csv"))
    assert (str(panel.step), len(panel.values), int(np.isnan(panel.values).sum())) == ("P7D", 2284, 59)
    assert find_season(panel) == 52


@pytest.mark.parametrize("name", ["small", "m4"])
def test_hourly_series_have_a_season_of_24_without_any_date(name: str, shared: Shared) -> None:
    path = DATA / "series.csv.gz" if name == "small" else shared("data/m4_hourly_train.csv.gz")
    assert find_season(panel_of(open_source(path))) == 24


def test_hourly_dates_have_a_season_of_24() -> None:
    assert find_season(dated(cycle(400, 24), "h")) == 24


@pytest.mark.parametrize(("step", "season"), [("M", 12), ("W", 52), ("D", 7), ("h", 24)])
def test_dates_have_the_season_of_the_calendar(step: str, season: int) -> None:
    assert find_season(dated(cycle(4 * season + 9, season), step)) == season


@pytest.mark.parametrize("season", [4, 7, 12, 24, 48, 168])
def test_integer_times_have_the_season_at_which_values_repeat(season: int) -> None:
    assert find_season(whole(cycle(12 * season, season))) == season


@pytest.mark.parametrize("seed", range(8))
def test_a_smooth_cycle_is_found_and_not_a_multiple_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(600)
    assert find_season(whole(10 * np.sin(2 * np.pi * t / 24) + rng.normal(0, 1, 600))) == 24


@pytest.mark.parametrize("seed", range(20))
def test_a_random_walk_has_no_season(seed: int) -> None:
    assert find_season(whole(np.random.default_rng(seed).normal(size=400).cumsum())) == 1


@pytest.mark.parametrize("values", [np.full(60, 3.0), np.arange(60.0), np.array([1.0, 2.0, 4.0]), np.array([1.0])])
def test_a_constant_a_line_and_a_few_rows_have_no_season(values: np.ndarray) -> None:
    assert find_season(whole(values)) == 1


def test_a_calendar_season_needs_two_seasons_of_rows() -> None:
    assert find_season(dated(cycle(20, 12), "M")) == 1


def test_a_season_is_found_through_missing_values() -> None:
    values = cycle(600, 24)
    values[np.random.default_rng(1).random(600) < 0.1] = np.nan
    assert find_season(whole(values)) == 24


def test_the_anchor_of_a_season_is_the_season_and_of_a_random_walk_the_last_value() -> None:
    week = np.random.default_rng(0).normal(size=168)
    assert find_anchor(whole(np.tile(week, 8)), 24, 24) == (168, [1, 24, 168])
    anchor, lags = find_anchor(whole(cycle(600, 24)), 24, 24)
    assert anchor == 24
    assert {1, 24} <= set(lags)
    anchor, _ = find_anchor(whole(np.random.default_rng(0).normal(size=600).cumsum()), 1, 12)
    assert anchor == 1


def test_autocorrelation_does_not_depend_on_the_level() -> None:
    found = _autocorrelation(np.tile([1000.0, 1001.0], 60))
    np.testing.assert_allclose(found[:3], [1, -1, 1], atol=0.03)


def test_all_of_a_few_series_are_searched_for_seasons() -> None:
    rows = "".join(f"{s},{t},{t}\n" for s in "abc" for t in range(9))
    three = panel_of(Source("a.csv", f"id,ds,y\n{rows}".encode()))
    assert sample(three, three.lengths - 2).lengths.tolist() == [7, 7, 7]
