"""What one sees in a file: the columns others use are guessed, and seasons are found where there are any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqpred.errors import DataError
from seqpred.inspection.columns import (
    _autocorrelation,
    check_changing,
    choose_columns,
    find_anchor,
    find_season,
    guess_columns,
    guess_id,
    guess_time,
    sample,
)
from seqpred.panel.panel import Panel, build_panel
from seqpred.reading.table import ColumnProfile, profile_columns, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source, open_source

Shared = Callable[[str], Path]


def guess(text: str) -> Columns:
    """The columns that one sees in a text."""
    source = Source("sales.csv", text.encode())
    return guess_columns(profile_columns(source), source.name).columns


def panel_of(source: Source) -> Panel:
    """The panel that `init` would see."""
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
    """A season that is no sine, with noise and a trend."""
    rng = np.random.default_rng(seed)
    shape = rng.normal(0, 5, season)
    return np.tile(shape, rows // season + 1)[:rows] + 0.02 * np.arange(rows) + rng.normal(0, 1, rows)


# ------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    "names", ["unique_id,ds,y", "item_id,timestamp,target", "series_id,date,value", "sku,week,sales"]
)
def test_the_names_that_others_use_are_understood(names: str) -> None:
    series, time, target = names.split(",")
    rows = "".join(f"{s},2024-01-{d:02d},{d}.5\n" for s in "ab" for d in range(1, 15, 7))
    assert guess(f"{names}\n{rows}") == Columns((time,), series, (target,))


def test_names_are_understood_in_capitals_and_in_any_order() -> None:
    assert guess("Value,Date,ID\n1.5,2024-01-01,7\n2,2024-01-02,7\n3,2024-01-01,8\n4,2024-01-02,8\n") == Columns(
        ("Date",), "ID", ("Value",)
    )


def test_columns_without_a_known_name_are_told_by_what_they_hold() -> None:
    rows = "".join(f"{s},2024-01-{d:02d},{d}.5\n" for s in ("north", "south") for d in (1, 2, 3))
    assert guess("region,tag,menge\n" + rows) == Columns(("tag",), "region", ("menge",))


def test_a_wide_table_has_every_column_of_numbers_as_a_target() -> None:
    text = "date,HUFL,note,OT\n2024-01-01,1.5,a,3\n2024-01-02,2,b,4\n2024-01-03,2,c,5\n"
    assert guess(text) == Columns(("date",), None, ("HUFL", "OT"))


def test_a_lone_column_of_numbers_is_a_series_in_order() -> None:
    assert guess("passengers\n112\n118\n132\n") == Columns((), None, ("passengers",))


def test_a_year_counts_as_time_only_beside_something_to_forecast() -> None:
    assert guess("year,spots\n1700,5.5\n1701,11\n1702,16\n") == Columns(("year",), None, ("spots",))


def test_a_column_of_dates_is_the_time_rather_than_a_whole_number_called_hour() -> None:
    text = "".join(f"2024-01-{d:02d} {h:02d}:00,{h},{d + h}\n" for d in (1, 2) for h in range(24))
    assert guess("Datum,hour,load\n" + text).time == ("Datum",)


def test_no_column_of_numbers_is_an_error_that_lists_what_there_is() -> None:
    with pytest.raises(
        DataError, match=r"sales\.csv: no column of numbers to forecast; there are: ds \(time\), a \(text\)"
    ):
        guess("ds,a\n2024-01-01,x\n2024-01-02,y\n")


def test_each_guess_has_a_reason() -> None:
    source = Source("sales.csv", b"date,HUFL,OT\n2024-01-01,1.5,3\n2024-01-02,2,4\n")
    reasons = guess_columns(profile_columns(source), source.name).reasons
    assert set(reasons) == {"time", "id", "target"}
    assert all(reasons.values())


def test_what_a_config_names_is_taken_before_what_is_guessed() -> None:
    source = Source(
        "sales.csv", b"ds,day,shop,y\n2024-01-01,1,a,3\n2024-01-02,2,a,4\n2024-01-01,1,b,3\n2024-01-02,2,b,4\n"
    )
    profiles = profile_columns(source)
    assert choose_columns(profiles, "x", "day", "shop", ["y"]) == Columns(("day",), "shop", ("y",))
    assert choose_columns(profiles, "x", "auto", "auto", ["y"]) == Columns(("ds",), "shop", ("y",))
    assert choose_columns(profiles, "x", None, None, ["y"]) == Columns((), None, ("y",))


@pytest.mark.parametrize("name", ["ETT", "air", "co2", "sunspots", "m4"])
def test_the_columns_of_known_files_are_found(name: str, shared: Shared) -> None:
    file, expected = {
        "ETT": ("etth1.csv.gz", Columns(("date",), None, ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"))),
        "air": ("air_passengers.csv", Columns(("ds",), None, ("y",))),
        "co2": ("co2_weekly_gaps.csv", Columns(("ds",), None, ("y",))),
        "sunspots": ("sunspots_yearly.csv", Columns(("ds",), None, ("y",))),
        "m4": ("m4_hourly_test.csv", Columns(("ds",), "unique_id", ("y",))),
    }[name]
    source = open_source(shared(f"data/{file}"))
    assert guess_columns(profile_columns(source), source.name).columns == expected


# ------------------------------------------------------------------ seasons


def test_air_passengers_have_a_season_of_12_months(shared: Shared) -> None:
    panel = panel_of(open_source(shared("data/air_passengers.csv")))
    assert str(panel.step) == "P1M"
    assert find_season(panel) == 12


def test_two_whole_years_are_needed_to_have_the_seasons_of_one() -> None:
    for months, told in ((23, 1), (24, 12)):
        assert find_season(dated(np.arange(months) % 7.0, "M")) == told


def test_sunspots_have_a_season_of_10_or_11_years(shared: Shared) -> None:
    assert find_season(panel_of(open_source(shared("data/sunspots_yearly.csv")))) in (10, 11)


def test_weekly_co2_has_a_season_of_52_weeks_through_its_gaps(shared: Shared) -> None:
    panel = panel_of(open_source(shared("data/co2_weekly_gaps.csv")))
    assert (str(panel.step), len(panel.values), int(np.isnan(panel.values).sum())) == ("P7D", 2284, 59)
    assert find_season(panel) == 52


def test_hourly_m4_has_a_season_of_24_without_any_date(shared: Shared) -> None:
    assert find_season(panel_of(open_source(shared("data/m4_hourly_train.csv.gz")))) == 24


def test_hourly_dates_have_a_season_of_24() -> None:
    assert find_season(dated(cycle(400, 24), "h")) == 24


@pytest.mark.parametrize(("step", "season"), [("M", 12), ("W", 52), ("D", 7), ("h", 24)])
def test_a_calendar_has_its_season(step: str, season: int) -> None:
    assert find_season(dated(cycle(4 * season + 9, season), step)) == season


@pytest.mark.parametrize("season", [4, 7, 12, 24, 48, 168])
def test_whole_numbers_have_the_season_at_which_they_repeat(season: int) -> None:
    assert find_season(whole(cycle(12 * season, season))) == season


@pytest.mark.parametrize("seed", range(8))
def test_a_smooth_cycle_is_found_whole_and_not_twice(seed: int) -> None:
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


# ------------------------------------------------------------------ nothing to learn


def test_a_constant_series_is_refused_with_its_value() -> None:
    with pytest.raises(DataError, match=r"t\.csv: column 'y' is constant \(3\.5 in every row\)"):
        check_changing(whole(np.array([3.5, 3.5, np.nan, 3.5])))


def test_a_column_without_a_value_is_refused() -> None:
    source = Source("t.csv", b"ds,y\n1,\n2,\n3,\n")
    panel = build_panel(read_table(source, Columns(("ds",), None, ("y",))))
    with pytest.raises(DataError, match=r"t\.csv: column 'y' has no value"):
        check_changing(panel)


def test_one_series_that_changes_is_enough() -> None:
    panel = panel_of(Source("t.csv", b"id,ds,y\na,1,5\na,2,5\nb,1,1\nb,2,2\n"))
    check_changing(panel)


def test_other_columns_of_dates_are_named_beside_the_one_chosen() -> None:
    columns = [
        ColumnProfile("created", "time", 9, 9),
        ColumnProfile("updated", "time", 9, 9),
        ColumnProfile("y", "number", 9, 9),
    ]
    assert guess_time(columns) == ("created", "the first column of dates (updated might be it, too)")


def test_values_that_swing_about_a_far_level_are_correlated_as_they_swing() -> None:
    found = _autocorrelation(np.tile([1000.0, 1001.0], 60))
    np.testing.assert_allclose(found[:3], [1, -1, 1], atol=0.03)


def test_a_column_whose_values_never_come_again_names_no_series() -> None:
    rows = 300
    assert guess_id([ColumnProfile("id", "text", rows - 1, rows)], ())[0] == "id"
    assert guess_id([ColumnProfile("id", "text", len(range(rows)), rows)], ())[0] is None


def test_seasons_are_looked_for_in_all_of_a_few_series() -> None:
    rows = "".join(f"{s},{t},{t}\n" for s in "abc" for t in range(9))
    three = panel_of(Source("a.csv", f"id,ds,y\n{rows}".encode()))
    assert sample(three, three.lengths - 2).lengths.tolist() == [7, 7, 7]
