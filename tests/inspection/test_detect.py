"""Detecting how a file is written: nothing unusual in plain files, and a reason for every decision."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.errors import DataError
from seqpred.inspection.detect import detect, is_text
from seqpred.sources.source import Source
from tests.conftest import seasonal


def find(text: str | bytes, **given: Any) -> dict[str, Any]:
    """The decisions other than the time and id columns."""
    source = Source("sales.csv", text.encode() if isinstance(text, str) else text)
    found = detect(source, {f"data.{k}": v for k, v in given.items()})
    assert {k.removeprefix("data.") for k in found.keys} - set(given) <= set(found.reasons)
    assert all(found.reasons.values())
    return {k.removeprefix("data."): v for k, v in found.keys.items() if k not in ("data.time", "data.id")}


def column(values: np.ndarray, header: str = "ds,y") -> str:
    return f"{header}\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))


def test_only_the_target_is_detected_in_a_plain_file() -> None:
    assert find(column(seasonal(60))) == {"target": "y"}


# ------------------------------------------------------------------ sentinels


@pytest.mark.parametrize("sign", [-1, -200, -999, -9999])
def test_a_customary_sentinel_far_from_all_values_is_found(sign: int) -> None:
    values = seasonal(200) + 1000
    values[::20] = sign
    assert find(column(values))["sentinels"] == [sign]


@pytest.mark.parametrize(
    "values",
    [
        np.where(np.arange(200) == 5, -999, seasonal(200)),  # an outlier, once
        np.where(np.arange(200) % 20 == 0, -47, seasonal(200)),  # often, but no custom
        np.arange(200) % 41 - 20,  # -1 among its like
        np.where(np.arange(200) % 3 == 0, -1, np.arange(200) % 2),  # a sign of its own: -1, 0, 1
        seasonal(200) * 100 - 3000 + 0 * np.arange(200),  # far below 0, all of it
        np.where(np.arange(200) % 20 == 0, -1, seasonal(200) - 12),  # not far enough
        np.where(np.arange(200) % 20 == 0, -200, 1000 + np.arange(200) * 20),  # nearer than the others to one another
        np.where(np.arange(200) % 20 == 0, -9, np.arange(200.0) ** 4 / 1e7),  # far below the median, and no -99
    ],
    ids=["once", "no custom", "among its like", "three values", "all negative", "near", "wide", "small"],
)
def test_a_possible_value_is_not_a_sentinel(values: np.ndarray) -> None:
    assert "sentinels" not in find(column(values))


def test_a_plausible_value_of_another_column_is_not_a_sentinel() -> None:
    frame = pd.DataFrame({"a": seasonal(200), "b": 7 * np.arange(200) % 200 - 250.0})
    frame.loc[::20, "a"] = -200
    assert "sentinels" not in find(frame.to_csv(index=False))


@pytest.mark.parametrize("mark", ["-", "?", "--", "...", "unavailable", "I/O Timeout"])
@pytest.mark.parametrize("rows", [3, 2500])
def test_a_mark_for_missing_values_is_found(mark: str, rows: int) -> None:
    """Both in the rows that are profiled and after them."""
    found = find(column(np.array([*range(rows), mark, 1, f" {mark}", 6], object)))
    assert (found["sentinels"], found["target"]) == ([mark], "y")


def test_several_words_for_missing_values_are_found() -> None:
    found = find(column(np.array([*range(40), "?", 1, "unknown", "unavailable", "?"], object)))
    assert found["sentinels"] == ["?", "unknown", "unavailable"]


@pytest.mark.parametrize("cells", [["x", "x"], ["?", "x"], ["5?", "5?"], ["_a", "_a"]])
def test_other_texts_among_numbers_are_errors(cells: list[str]) -> None:
    with pytest.raises(DataError, match="is not a number"):
        find(column(np.array([*range(2500), *cells], object)))


def test_a_mark_that_is_not_in_the_given_sentinels_is_an_error() -> None:
    text = column(np.array([*range(9), "?", "?"], object))
    with pytest.raises(DataError, match=r"'\?' in column 'y' is not a number \(2 such rows: 11, 12\)"):
        find(text, sentinels=["-"], target="y")


# ------------------------------------------------------------------ repeats


def test_equal_duplicates_are_merged_by_the_first_and_others_by_the_mean() -> None:
    rows = [f"{i},{i % 7}\n" for i in range(20)]
    assert find("ds,y\n" + "".join([*rows, "3,3\n"]))["duplicates"] == "first"
    assert find("ds,y\n" + "".join([*rows, "3,4\n"]))["duplicates"] == "mean"


def test_duplicates_that_may_be_several_series_are_not_merged() -> None:
    rows = [f"{i},{s},p,{i + k}\n" for k, s in enumerate("ab") for i in range(20)]
    assert "duplicates" not in find("ds,shop,product,y\n" + "".join(rows), id=None)


# ------------------------------------------------------------------ columns, encoding, layout


def key_columns(frame: pd.DataFrame) -> tuple[Any, Any, Any]:
    """The detected time, id and target."""
    keys = detect(Source("sales.csv", frame.to_csv(index=False).encode()), {}).keys
    return keys["data.time"], keys["data.id"], keys["data.target"]


def test_a_text_that_makes_timestamps_unique_is_the_id() -> None:
    """Even if all rows that are profiled belong to one series, and another text does not help."""
    day = pd.date_range("2000-01-01", periods=2500).astype(str)
    shops = [
        pd.DataFrame(
            {"sky": np.where(np.arange(2500) % 3, "wet", "dry"), "day": day, "shop": s, "units": seasonal(2500)}
        )
        for s in "abc"
    ]
    assert key_columns(pd.concat(shops)) == ("day", "shop", "units")
    assert key_columns(shops[0]) == ("day", None, "units")


def test_an_integer_that_makes_timestamps_unique_is_the_id() -> None:
    day = pd.date_range("2000-01-01", periods=50).astype(str)
    frame = pd.concat([pd.DataFrame({"day": day, "place": k, "units": seasonal(50) + k}) for k in range(4)])
    assert key_columns(frame) == ("day", "place", "units")
    frame["row"] = np.arange(200)  # distinguishes them as well, but is not a series
    assert key_columns(frame[["row", "day", "place", "units"]]) == ("day", "place", "units")


def test_duplicates_that_no_column_makes_unique_have_no_id() -> None:
    frame = pd.DataFrame({"day": ["2024-01-01", "2024-01-02"] * 20, "kind": "a", "sort": "b", "y": range(40)})
    assert key_columns(frame) == ("day", None, "y")


def test_unique_timestamps_precede_duplicate_dates() -> None:
    hour = pd.date_range("2024-01-01", periods=200, freq="h")
    frame = pd.DataFrame({"date": hour.strftime("%Y-%m-%d"), "at": hour.astype(str), "y": seasonal(200)})
    assert key_columns(frame) == ("at", None, "y")
    frame["kind"] = np.where(np.arange(200) % 2, "a", "b")
    assert key_columns(frame)[0] == "date"


def test_invoice_numbers_are_not_dates() -> None:
    frame = pd.DataFrame(
        {"no": [f"{k}" for k in range(489434, 489474)], "day": pd.date_range("2024-01-01", periods=40)}
    )
    frame.loc[10, "no"] = "C489444"
    assert key_columns(frame.assign(y=seasonal(40)))[0] == "day"


def test_a_word_in_the_name_of_a_column_makes_it_the_target() -> None:
    day = pd.date_range("2024-01-01", periods=40)
    frame = pd.DataFrame({"day": day, "kind": "a", "Weekly_Sales": seasonal(40), "rate": seasonal(40, 9)})
    assert key_columns(frame)[2] == "Weekly_Sales"


def test_the_last_numeric_column_of_a_table_with_text_is_the_target() -> None:
    rows = "".join(f"2024-01-{i:02d},{'ab'[i % 2]},{'cde'[i % 3]},{i},{i * i}\n" for i in range(1, 29))
    assert find(f"day,sky,wind,temp,cars\n{rows}")["target"] == "cars"


def test_cp1252_is_detected() -> None:
    rows = column(seasonal(60), "ds,caf\u00e9")
    assert find(rows.encode("cp1252"))["encoding"] == "cp1252"
    assert "encoding" not in find(rows.encode("utf-8"))
    assert "encoding" not in find(rows.encode("utf-16"))


def test_columns_of_years_are_aligned_so_that_no_day_is_missing() -> None:
    day = pd.date_range("2021-01-01", "2023-12-31", freq="D")
    truth = pd.Series(seasonal(len(day), 7), day)
    rows = pd.date_range("2023-01-01", "2023-12-31", freq="D")
    dates = pd.DataFrame(
        {"Date": rows} | {str(y): [truth[d.replace(year=y)] for d in rows] for y in (2023, 2022, 2021)}
    )
    assert find(dates.to_csv(index=False))["layout"] == "years"
    rows = rows[:364]
    weeks = {str(y): [truth.get(d - pd.Timedelta(364 * (2023 - y), "D")) for d in rows] for y in (2023, 2022, 2021)}
    found = find(pd.DataFrame({"Date": rows} | weeks).to_csv(index=False))
    assert (found["layout"], found["target"]) == ("weekday-years", ["2023", "2022", "2021"])
    why = detect(Source("y.csv", pd.DataFrame({"Date": rows} | weeks).to_csv(index=False).encode()), {}).reasons
    assert "the same weekday in each year leaves 0 days missing, the same date " in why["layout"]


def test_other_integers_as_column_names_are_not_years() -> None:
    rows = "".join(f"2024-01-{i:02d},{i},{i * i % 17}\n" for i in range(1, 29))
    assert "layout" not in find(f"day,2024,2020\n{rows}")
    assert "layout" not in find(f"day,in,out\n{rows}")


def test_a_damaged_file_does_not_fail_the_detection_of_its_encoding() -> None:
    assert is_text(Source("a.csv.gz", gzip.compress(column(seasonal(600)).encode())[:200]), "utf-8")


# ------------------------------------------------------------------ clocks that are turned


def hours(zone: str, days: int = 366) -> list[str]:
    """The local time of every hour of 2024."""
    return list(pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC").tz_convert(zone).strftime(WALL))


WALL = "%Y-%m-%d %H:%M"


def of_hours(times: list[str]) -> str:
    return "ds,y\n" + "".join(f"{t},{v}\n" for t, v in zip(times, seasonal(len(times), 24), strict=True))


@pytest.mark.parametrize(("zone", "expected"), [("Europe/Paris", "Europe/Berlin"), ("America/New_York",) * 2])
def test_clock_changes_are_reported_with_a_matching_zone(zone: str, expected: str) -> None:
    found = detect(Source("a.csv", of_hours(hours(zone)).encode()), {})
    assert found.keys["data.duplicates"] == "mean"
    assert f"`timezone: {expected}`" in found.reasons["duplicates"]


@pytest.mark.parametrize("change", ["another repeat", "no hole", "half a year"])
def test_other_duplicates_are_not_treated_as_clock_changes(change: str) -> None:
    times = hours("Europe/Berlin")
    if change == "another repeat":
        times.insert(100, times[100])
    elif change == "no hole":
        times.insert(times.index("2024-03-31 03:00"), "2024-03-31 02:00")
    else:
        times = times[4000:]
    assert "timezone" not in detect(Source("a.csv", of_hours(times).encode()), {}).reasons["duplicates"]


@pytest.mark.parametrize("column", ["JD", "time"])
def test_rows_are_in_order_if_the_time_is_set_to_null(column: str) -> None:
    cells = [2459582.5 + i if column == "JD" else f"{i % 24:02d}:00" for i in range(60)]
    text = f"{column},y\n" + "".join(f"{cell},{i % 7}\n" for i, cell in enumerate(cells))
    with pytest.raises(DataError, match="set it to null"):
        find(text)
    found = detect(Source("sales.csv", text.encode()), {"data.time": None}).keys
    assert (found["data.time"], found["data.target"]) == (None, "y")


@pytest.mark.parametrize("first", [1_000_000_001, 20240103, 1999])
def test_a_target_that_is_named_is_no_time_column(first: int) -> None:
    data = pd.DataFrame({"t": [1, 2, 3, 4], "amount": first + np.array([0, 7, 3, 2])})
    found = seqpred.forecast(data, horizon=2, overrides={"data.target": "amount"})
    assert found["forecast"].between(first - 20, first + 20).all()
