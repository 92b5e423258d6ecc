"""What `init` finds: only what is there, each with its reason."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqpred.data.discovery import discover, is_text
from seqpred.data.sources import Source
from tests.conftest import seasonal


def find(text: str | bytes, **said: Any) -> dict[str, Any]:
    """What is decided beside the columns."""
    source = Source("sales.csv", text.encode() if isinstance(text, str) else text)
    found = discover(source, {f"data.{k}": v for k, v in said.items()})
    assert {k.removeprefix("data.") for k in found.keys} <= set(found.reasons)
    assert all(found.reasons.values())
    return {k.removeprefix("data."): v for k, v in found.keys.items() if k not in ("data.time", "data.id")}


def column(values: np.ndarray, header: str = "ds,y") -> str:
    return f"{header}\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))


def test_tidy_data_need_nothing() -> None:
    assert find(column(seasonal(60))) == {"target": "y"}


# ------------------------------------------------------------------ sentinels


@pytest.mark.parametrize("sign", [-1, -200, -999, -9999])
def test_a_customary_value_far_outside_is_found(sign: int) -> None:
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
    ],
    ids=["once", "no custom", "among its like", "three values", "all negative", "near"],
)
def test_what_may_be_a_value_is_left_alone(values: np.ndarray) -> None:
    assert "sentinels" not in find(column(values))


def test_a_value_that_another_column_really_holds_is_left_alone() -> None:
    frame = pd.DataFrame({"a": seasonal(200), "b": np.arange(200) - 250.0})
    frame.loc[::20, "a"] = -200
    assert "sentinels" not in find(frame.to_csv(index=False))


def test_a_dash_among_numbers_is_found() -> None:
    assert find("ds,y\n1,5\n2,-\n3,6\n")["sentinels"] == ["-"]


# ------------------------------------------------------------------ repeats


def test_repeats_that_agree_take_the_first_and_others_the_mean() -> None:
    rows = [f"{i},{i % 7}\n" for i in range(20)]
    assert find("ds,y\n" + "".join([*rows, "3,3\n"]))["duplicates"] == "first"
    assert find("ds,y\n" + "".join([*rows, "3,4\n"]))["duplicates"] == "mean"


def test_repeats_that_are_series_of_their_own_are_not_merged() -> None:
    rows = [f"{i},{s},p,{i + k}\n" for k, s in enumerate("ab") for i in range(20)]
    assert "duplicates" not in find("ds,shop,product,y\n" + "".join(rows), id=None)


# ------------------------------------------------------------------ columns, encoding, layout


def test_the_last_number_beside_text_is_the_target() -> None:
    rows = "".join(f"2024-01-{i:02d},{'ab'[i % 2]},{'cde'[i % 3]},{i},{i * i}\n" for i in range(1, 29))
    assert find(f"day,sky,wind,temp,cars\n{rows}")["target"] == "cars"


def test_cp1252_is_found() -> None:
    rows = column(seasonal(60), "ds,caf\u00e9")
    assert find(rows.encode("cp1252"))["encoding"] == "cp1252"
    assert "encoding" not in find(rows.encode("utf-8"))
    assert "encoding" not in find(rows.encode("utf-16"))


def test_years_side_by_side_are_found_and_aligned_by_what_leaves_no_hole() -> None:
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
    why = discover(Source("y.csv", pd.DataFrame({"Date": rows} | weeks).to_csv(index=False).encode()), {}).reasons
    beginning, _, weeks_told = why["layout"].partition("; ")
    assert "the same weekday in each year leaves no day out against " in beginning
    assert " 0 by the same date" not in beginning
    assert " against " in weeks_told


def test_other_whole_numbers_are_no_years() -> None:
    rows = "".join(f"2024-01-{i:02d},{i},{i * i % 17}\n" for i in range(1, 29))
    assert "layout" not in find(f"day,2024,2020\n{rows}")
    assert "layout" not in find(f"day,in,out\n{rows}")


def test_a_damaged_file_is_left_to_the_reader_that_has_the_words() -> None:
    assert is_text(Source("a.csv.gz", gzip.compress(column(seasonal(600)).encode())[:200]), "utf-8")


# ------------------------------------------------------------------ clocks that are turned


def hours(zone: str, days: int = 366) -> list[str]:
    """What the clock on the wall shows in each hour of 2024."""
    return list(pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC").tz_convert(zone).strftime(WALL))


WALL = "%Y-%m-%d %H:%M"


def of_hours(times: list[str]) -> str:
    return "ds,y\n" + "".join(f"{t},{v}\n" for t, v in zip(times, seasonal(len(times), 24), strict=True))


@pytest.mark.parametrize(("zone", "told"), [("Europe/Paris", "Europe/Berlin"), ("America/New_York",) * 2])
def test_clocks_that_are_turned_are_told_with_a_zone_that_does_it(zone: str, told: str) -> None:
    found = discover(Source("a.csv", of_hours(hours(zone)).encode()), {})
    assert found.keys["data.duplicates"] == "mean"
    assert f"`timezone: {told}`" in found.reasons["duplicates"]


@pytest.mark.parametrize("change", ["another repeat", "no hole", "half a year"])
def test_other_repeats_are_not_taken_for_turned_clocks(change: str) -> None:
    times = hours("Europe/Berlin")
    if change == "another repeat":
        times.insert(100, times[100])
    elif change == "no hole":
        times.insert(times.index("2024-03-31 03:00"), "2024-03-31 02:00")
    else:
        times = times[4000:]
    assert "timezone" not in discover(Source("a.csv", of_hours(times).encode()), {}).reasons["duplicates"]
