"""Timestamps that are split over columns."""

from __future__ import annotations

import pytest

from seqpred.timestamps.column import infer_columns
from seqpred.timestamps.split import TimeColumn, UnreadablePartError, infer_parts

DATES, MONTHS, HOURS = ["2023-05-01", "2023-05-02"], list(range(1, 13)), list(range(24))


def parts(*columns: tuple[str, list[object]]) -> tuple[str, ...]:
    return infer_parts([TimeColumn(name, tuple(map(str, texts))) for name, texts in columns])


@pytest.mark.parametrize(
    ("columns", "patterns"),
    [
        ([("dteday", DATES), ("hr", HOURS)], ("%Y-%m-%d", "%-H")),
        ([("hr", HOURS), ("dteday", DATES)], ("%-H", "%Y-%m-%d")),
        ([("Date", DATES), ("Hour Ending", [f"{h:02d}:00" for h in range(1, 25)])], ("%Y-%m-%d", "%K:%M")),
        ([("Date", DATES), ("HE", list(range(1, 25)))], ("%Y-%m-%d", "%-K")),
        ([("Date", DATES), ("Hour", [f"HE{h:02d}" for h in range(1, 25)])], ("%Y-%m-%d", "HE%K")),
        ([("Date", DATES), ("Time", ["12:00 AM", "01:00 PM"])], ("%Y-%m-%d", "%I:%M %p")),
        ([("d", ["20041003"]), ("c", ["18:00:00"])], ("%Y%m%d", "%H:%M:%S")),
        ([("UTC_DATE", ["20230501"]), ("UTC_TIME", [f"{h:02d}00" for h in HOURS])], ("%Y%m%d", "%H%M")),
        ([("DATE", DATES), ("HHMM", [h * 100 for h in HOURS])], ("%Y-%m-%d", "%O")),
        ([("Datum", ["13.05.2023"]), ("Zeit", ["00:00-01:00", "01:00-02:00"])], ("%d.%m.%Y", "%H:%M-%{+3600s}%H:%M")),
        ([("Date", DATES), ("Hours", [f"{h:02d} - {h + 1:02d}" for h in HOURS])], ("%Y-%m-%d", "%H - %{+3600s}%K")),
        ([("day", DATES), ("settlement_period", list(range(1, 49)))], ("%Y-%m-%d", "%N{1800}")),
        ([("Year", [1990]), ("Month", ["January", "May"])], ("%Y", "%B")),
        ([("Year", [1990]), ("Month", MONTHS)], ("%Y", "%-m")),
        ([("a", [1990]), ("b", MONTHS)], ("%Y", "%-m")),
        ([("Year", [1990]), ("Quarter", [1, 2, 3, 4])], ("%Y", "%q")),
        ([("Year", [1990]), ("Quarter", ["Q1", "Q2"])], ("%Y", "Q%q")),
        ([("Year", [2019]), ("Week", list(range(1, 53)))], ("%G", "%-V")),
        ([("Year", [2019]), ("Week", ["W01", "W02"])], ("%G", "W%V")),
        ([("Year", [1990]), ("Period", ["M01", "M02"])], ("%Y", "M%m")),
        ([("Year", [1990]), ("Period", ["Q01", "Q02"])], ("%Y", "Q%2q")),
        ([("Year", [1990]), ("Period", ["S01", "S02"])], ("%Y", "S%2i")),
        ([("year", [2023]), ("month", [1, 2]), ("day", [1, 31]), ("hour", HOURS)], ("%Y", "%-m", "%-d", "%-H")),
        ([("Year", [2023]), ("DOY", [1, 365]), ("Hour", HOURS)], ("%Y", "%-j", "%-H")),
        ([("YEAR", ["58", "59"]), ("MONTH", MONTHS)], ("%y", "%-m")),
        ([("Jahr", [2023]), ("Monat", ["Januar", "Februar"])], None),
    ],
)
def test_each_column_gets_the_pattern_of_its_part(
    columns: list[tuple[str, list[object]]], patterns: tuple[str, ...] | None
) -> None:
    found = parts(*columns)
    assert patterns in (None, found)


def test_the_last_hour_of_a_day_is_midnight_of_the_next() -> None:
    rows = ["2023-05-01\t23", "2023-05-01\t24", "2023-05-02\t1"]
    found = infer_columns([("date", ["2023-05-01", "2023-05-02"]), ("hour", ["23", "24", "1"])], rows)
    assert found.readings.times.astype("datetime64[us]").astype(str).tolist() == [
        f"2023-05-{day}T{hour}:00:00.000000" for day, hour in (("01", 23), ("02", "00"), ("02", "01"))
    ]
    assert found.pattern.write(found.readings.times) == rows


@pytest.mark.parametrize(
    ("columns", "name", "words"),
    [
        ([("Year", [1990]), ("Period", ["M01", "M12", "M13"])], "Period", "not a month"),
        ([("Year", [1990]), ("Month", [0, 12])], "Month", "not a month"),
        ([("Date", DATES), ("x", ["north"])], "x", "not finer than the day"),
        ([("date", ["03/04/2023"]), ("hour", HOURS)], "date", "day first or month first"),
        ([("day", DATES), ("settlement_period", list(range(1, 51)))], "settlement_period", "48 slots"),
    ],
)
def test_the_error_for_an_invalid_part_of_a_timestamp_names_its_column(
    columns: list[tuple[str, list[object]]], name: str, words: str
) -> None:
    with pytest.raises(UnreadablePartError) as caught:
        parts(*columns)
    assert caught.value.column.name == name
    assert words in caught.value.message
