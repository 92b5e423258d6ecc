"""The time, id and target columns are guessed from names and values; what the config names comes first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqpred.config.data_section import DataSection
from seqpred.errors import DataError
from seqpred.inspection.columns import Guess, choose_columns, find_id, guess_columns, guess_id, guess_targets
from seqpred.inspection.times import guess_times
from seqpred.reading.column_profile import ColumnProfile, Kind, profile_columns
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from tests.conftest import ROOT

Shared = Callable[[str], Path]


def guess(text: str) -> Columns:
    """The columns guessed for a CSV."""
    source = Source("sales.csv", text.encode())
    return guess_columns(profile_columns(source), source.name).columns


def numbers(*names: str, kind: Kind = "number") -> list[ColumnProfile]:
    """Numeric columns of nine different values."""
    return [ColumnProfile(name, kind, 9, 9) for name in names]


@pytest.mark.parametrize(
    "names", ["unique_id,ds,y", "item_id,timestamp,target", "series_id,date,value", "sku,week,sales", "Series ID,ds,y"]
)
def test_names_used_by_other_libraries_are_recognized(names: str) -> None:
    series, time, target = names.split(",")
    rows = "".join(f"{s},2024-01-{d:02d},{d}.5\n" for s in "ab" for d in range(1, 15, 7))
    assert guess(f"{names}\n{rows}") == Columns((time,), series, (target,))


def test_names_are_recognized_in_capitals_and_in_any_order() -> None:
    assert guess("Value,Date,ID\n1.5,2024-01-01,7\n2,2024-01-02,7\n3,2024-01-01,8\n4,2024-01-02,8\n") == Columns(
        ("Date",), "ID", ("Value",)
    )


def test_columns_with_unknown_names_are_recognized_by_their_values() -> None:
    rows = "".join(f"{s},2024-01-{d:02d},{d}.5\n" for s in ("north", "south") for d in (1, 2, 3))
    assert guess("region,tag,zahl\n" + rows) == Columns(("tag",), "region", ("zahl",))


def test_every_numeric_column_of_a_wide_table_is_a_target() -> None:
    text = "date,HUFL,note,OT\n2024-01-01,1.5,a,3\n2024-01-02,2,b,4\n2024-01-03,2,c,5\n"
    assert guess(text) == Columns(("date",), None, ("HUFL", "OT"))


def test_a_single_numeric_column_is_a_series_in_order() -> None:
    assert guess("passengers\n112\n118\n132\n") == Columns((), None, ("passengers",))


def test_a_year_is_the_time_if_there_is_something_to_forecast() -> None:
    assert guess("year,spots\n1700,5.5\n1701,11\n1702,16\n") == Columns(("year",), None, ("spots",))


def test_a_column_of_dates_precedes_an_integer_column_called_hour() -> None:
    text = "".join(f"2024-01-{d:02d} {h:02d}:00,{h},{d + h}\n" for d in (1, 2) for h in range(24))
    assert guess("Datum,hour,load\n" + text).time == ("Datum",)


def test_no_numeric_column_is_an_error_that_lists_the_columns() -> None:
    with pytest.raises(
        DataError,
        match=r"sales\.csv: no numeric column to forecast; the columns are ds \(time\), a \(text, such as 'x'\)",
    ):
        guess("ds,a\n2024-01-01,x\n2024-01-02,y\n")


def test_a_flow_called_q_is_not_a_quarter() -> None:
    rows = "".join(f"2024-01-{d:02d},{1200 + 7 * d % 300}.{3 * d % 10}\n" for d in range(1, 30))
    assert guess(f"date,q\n{rows}") == Columns(("date",), None, ("q",))


def test_a_column_of_numbers_with_a_few_other_cells_is_reported_when_another_is_chosen() -> None:
    rows = "".join(f"2024-01-{d:02d},{'<' * (d % 4 == 0)}{d * d},{d % 5}\n" for d in range(1, 30))
    source = Source("sales.csv", f"date,conc,flow\n{rows}".encode())
    choice = guess_columns(profile_columns(source), source.name).choices["target"]
    assert choice.names == ("flow",)
    assert "'conc' is text: it contains '<16'" in choice.reason


def test_every_inferred_role_has_a_reason() -> None:
    source = Source("sales.csv", b"date,HUFL,OT\n2024-01-01,1.5,3\n2024-01-02,2,4\n")
    choices = guess_columns(profile_columns(source), source.name).choices
    assert set(choices) == {"time", "id", "target"}
    assert all(choice.reason for choice in choices.values())


LOADS = Columns(("date",), None, ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"))
SERIES = Columns(("ds",), "unique_id", ("y",))
KNOWN = {
    "data/air_passengers.csv": Columns(("ds",), None, ("y",)),
    "data/co2_weekly_gaps.csv": Columns(("ds",), None, ("y",)),
    "data/sunspots_yearly.csv": Columns(("ds",), None, ("y",)),
    "tests/data/transformer.csv.gz": LOADS,
    "tests/data/series.csv.gz": SERIES,
    "shared/etth1.csv.gz": LOADS,
    "shared/m4_hourly_test.csv": SERIES,
}


@pytest.mark.parametrize(("file", "expected"), KNOWN.items())
def test_the_columns_of_known_files_are_found(file: str, expected: Columns, shared: Shared) -> None:
    folder, name = file.rsplit("/", 1)
    source = open_source(shared(f"data/{name}") if folder == "shared" else ROOT / file)
    assert guess_columns(profile_columns(source), source.name).columns == expected


# ------------------------------------------------------------------ time


def test_other_columns_of_timestamps_are_listed_as_alternatives() -> None:
    columns = [
        ColumnProfile("created", "time", 9, 9),
        ColumnProfile("updated", "time", 9, 9),
        *numbers("y"),
    ]
    choice = guess_times(columns)
    assert (choice.names, choice.others) == (("created",), ("updated",))
    note = Guess(Columns(choice.names, None, ("y",)), {"time": choice}).note
    assert note == "time column 'created' (the first column of timestamps; or updated)"


# ------------------------------------------------------------------ id


def test_a_column_without_repeated_values_is_not_an_id() -> None:
    rows = 300
    assert guess_id([ColumnProfile("id", "text", rows - 1, rows)], ()).names == ("id",)
    assert guess_id([ColumnProfile("id", "text", len(range(rows)), rows)], ()).names == ()


def test_a_part_of_a_date_is_not_an_id() -> None:
    months = [ColumnProfile("month", "text", 12, 300), ColumnProfile("ds", "time", 25, 300), *numbers("y")]
    assert guess_id(months, ("ds",)).names == ()


def test_the_id_is_the_column_that_makes_timestamps_unique() -> None:
    rows = "".join(f"2024-01-{d:02d},{d % 7},{shop},wet,{d}\n" for shop in (4, 5) for d in range(1, 29))
    source = Source("sales.csv", b"day,weekday,shop,sky,y\n" + rows.encode())
    table = read_table(source, Columns(("day",), None, ("y",)))
    assert find_id(table, profile_columns(source)) == "shop"


# ------------------------------------------------------------------ target


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (["units", "price", "temperature"], "units"),
        (["temperature", "Price"], "Price"),
        (["Open", "High", "Low", "Close", "Adj Close", "Volume"], "Close"),
        (["temp", "hum", "casual", "registered", "cnt"], "cnt"),
        (["Size", "Weekly_Sales", "Unemployment"], "Weekly_Sales"),
        (["total_load_mw", "temperature"], "total_load_mw"),
        (["qty", "revenue", "y"], "y"),
    ],
)
def test_a_conventional_name_precedes_the_last_column(names: list[str], target: str) -> None:
    choice = guess_targets(numbers(*names), is_long=False)
    assert choice is not None
    assert choice.names == (target,)
    assert set(choice.others) == {*names} - {target}


def test_several_columns_with_the_same_word_are_all_targets() -> None:
    choice = guess_targets(numbers("salesNorth", "sales_south"), is_long=False)
    assert choice is not None
    assert choice.names == ("salesNorth", "sales_south")


def test_calendar_parts_row_numbers_and_constants_are_not_targets() -> None:
    profiles = [
        *numbers("north", "south"),
        *numbers("Month", "weekday", "day_of_year", "is_holiday", kind="whole"),
        ColumnProfile("row", "whole", 9, 9, counted=True),
        ColumnProfile("version", "number", 1, 9),
    ]
    choice = guess_targets(profiles, is_long=False)
    assert choice is not None
    assert choice.names == ("north", "south")
    long = guess_targets(profiles, is_long=True)
    assert long is not None
    assert long.names == ("south",)


def test_a_constant_is_the_target_if_nothing_else_is_numeric() -> None:
    choice = guess_targets([ColumnProfile("z", "number", 1, 9)], is_long=False)
    assert choice is not None
    assert choice.names == ("z",)


# ------------------------------------------------------------------ the config's columns


def test_columns_named_in_the_config_precede_guesses() -> None:
    source = Source(
        "sales.csv", b"ds,day,shop,y\n2024-01-01,1,a,3\n2024-01-02,2,a,4\n2024-01-01,1,b,3\n2024-01-02,2,b,4\n"
    )
    profiles = profile_columns(source)
    for time, series, expected in (
        ("day", "shop", Columns(("day",), "shop", ("y",))),
        ("auto", "auto", Columns(("ds",), "shop", ("y",))),
        (None, None, Columns((), None, ("y",))),
    ):
        guess = choose_columns(profiles, "x", DataSection(time=time, id=series, target="y"))
        assert guess.columns == expected
        assert set(guess.choices) == ({"time", "id"} if time == "auto" else set())


@pytest.mark.parametrize("name", ["step", "forecast", "q0.1"])
def test_a_column_named_like_one_of_the_forecast_is_rejected_as_id(name: str) -> None:
    profiles = [ColumnProfile(name, "text", 2, 9), *numbers("y")]
    with pytest.raises(DataError, match=f"x: column '{name}' has the name of a forecast column"):
        choose_columns(profiles, "x", DataSection(id=name, target="y"))
