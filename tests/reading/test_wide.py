"""Tables with timestamps as column names: recognised, unfolded into rows, read by every command."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml

from seqpred.commands.check import check
from seqpred.commands.init import init
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.inspection.wide_layout import is_wide
from seqpred.panel.panel import Panel
from seqpred.reading import wide
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.time_headers import find_part_headers, find_time_headers
from seqpred.sources.source import Source
from tests.cli.outside import TINY, call

DAYS = [f"2024-01-{d:02d}" for d in range(1, 31)]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def table(header: list[str], rows: list[list[Any]], delimiter: str = ",") -> Source:
    lines = [delimiter.join(map(str, row)) for row in [header, *rows]]
    return Source("wide.csv", ("\n".join(lines) + "\n").encode())


def config(**data: Any) -> Config:
    return Config.from_tree({"data": {"layout": "wide", "target": "value", **data}})


def panel(source: Source, **data: Any) -> Panel:
    return load_panel(source, config(**data), lambda _: None)


def found(source: Source) -> dict[str, Any]:
    """The data section of the config that `init` writes."""
    keys: dict[str, Any] = yaml.safe_load(init(source, "wide.csv", {}))["data"]
    return keys


def values(count: int, start: int = 0) -> list[int]:
    return [100 + start + i % 7 + i for i in range(count)]


PAGES = table(["Page", *DAYS], [["a_en", *values(30)], ["b_en", *values(30, 9)]])
CASES = table(
    ["Province/State", "Country/Region", "Lat", "Long", *(f"{m}/{d}/24" for m in (1, 2) for d in range(1, 30))],
    [
        ["", "Chad", "15.4", "18.7", *values(58)],
        ["Hubei", "China", "30.9", "112.2", *values(58)],
        ["Beijing", "China", "40.1", "116.4", *values(58, 5)],
    ],
)
YEARS = Source(
    "wide.csv",
    (
        '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n'
        + '"Country Name","Country Code","Indicator Name",'
        + ",".join(f'"{year}"' for year in range(1960, 2000))
        + ",\n"
        + "".join(
            f'"{name}","{name[:3].upper()}","GDP","",' + ",".join(f'"{v}.5"' for v in values(38, i)) + ',"",\n'
            for i, name in enumerate(["Aruba", "Chad", "Mali"])
        )
    ).encode(),
)
MATRIX = table(["Year", *MONTHS, "Total"], [[y, *values(12, y - 1990), 1300] for y in range(1990, 1994)])
SALES = table(
    ["id", "item_id", "store_id", *(f"d_{i}" for i in range(1, 41))],
    [[f"{i}_{s}", i, s, *values(40, k)] for k, (i, s) in enumerate((i, s) for i in "AB" for s in ("x", "y"))],
)


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        (PAGES, {"id": "Page", "time": "time", "frequency": "P1D"}),
        (CASES, {"id": "Province/State + Country/Region", "frequency": "P1D", "date_order": "month-first"}),
        (YEARS, {"id": "Country Name", "frequency": "1"}),
        (MATRIX, {"id": None, "time": ["Year", "Month"], "frequency": "P1M"}),
        (SALES, {"id": "id", "covariates": {"static": ["item_id", "store_id"]}, "frequency": "1"}),
    ],
    ids=["web traffic", "cases by province", "indicators by year", "year by month", "sales by day"],
)
def test_init_recognizes_a_wide_table(source: Source, keys: dict[str, Any]) -> None:
    data = found(source)
    assert (data["layout"], data["target"]) == ("wide", "value")
    assert {key: data.get(key) for key in keys} == keys


def test_each_cell_becomes_a_row() -> None:
    pages = panel(PAGES)
    assert pages.names == ["a_en", "b_en"]
    assert (pages.columns.time, pages.columns.id, pages.columns.targets) == (("time",), "Page", ("value",))
    assert pages.track(0, 0).tolist() == values(30)
    assert pages.track(1, 0).tolist() == values(30, 9)
    assert pages.clock.write(pages.times(0, np.array([0, 29, 30]))) == ["2024-01-01", "2024-01-30", "2024-01-31"]


def test_rows_of_one_year_follow_one_another() -> None:
    matrix = panel(MATRIX)
    assert matrix.track(0, 0).tolist() == [v for y in range(4) for v in values(12, y)]
    assert matrix.clock.write_columns(matrix.times(0, np.array([48]))) == [["1994"], ["Jan"]]
    countries = table(["Land", "Jahr", *MONTHS], [[c, y, *values(12, y)] for y in (1990, 1991) for c in "AB"])
    both = panel(countries)
    assert (both.names, both.columns.id, both.lengths.tolist()) == (["A", "B"], "Land", [24, 24])


@pytest.mark.parametrize(
    ("headers", "step"),
    [([f"H{h}" for h in range(1, 25)], "PT1H"), ([f"{h:02d}:{m}" for h in range(24) for m in ("00", "30")], "PT30M")],
)
def test_hours_of_a_date_become_rows(headers: list[str], step: str) -> None:
    hours = table(["Date", *headers], [[day, *values(len(headers), i)] for i, day in enumerate(DAYS)])
    assert found(hours)["time"] == ["Date", "Hour" if step == "PT1H" else "Clock"]
    read = panel(hours)
    assert (str(read.step), read.lengths.tolist()) == (step, [30 * len(headers)])
    assert read.track(0, 0)[: len(headers)].tolist() == values(len(headers))


def test_day_columns_become_rows_and_days_that_do_not_exist_are_skipped() -> None:
    rows = [
        [2023, month, *[d if d <= days else "" for d in range(1, 32)]] for month, days in ((1, 31), (2, 28), (3, 31))
    ]
    read = panel(table(["Year", "Month", *(str(d) for d in range(1, 32))], rows))
    assert (read.columns.time, str(read.step), read.lengths.tolist()) == (("Year", "Month", "Day"), "P1D", [90])
    assert read.track(0, 0)[[30, 31, 58, 59]].tolist() == [31, 1, 28, 1]


def test_joined_ids_are_joined_by_commas_and_empty_parts_skipped() -> None:
    assert panel(CASES).names == ["Chad", "Hubei, China", "Beijing, China"]


def test_static_columns_are_read_once_for_each_series() -> None:
    sales = panel(SALES, covariates={"static": ["item_id", "store_id"]})
    assert sales.words == {"item_id": ("A", "B"), "store_id": ("x", "y")}
    assert [sales.values[sales.offsets[s], 1:].tolist() for s in range(4)] == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_empty_cells_at_the_ends_of_a_series_are_skipped_and_empty_series_too() -> None:
    rows = [["a", "", "", 5, "", 6, ""], ["b", 1, 2, 3, 4, 5, 6], ["c", *[""] * 6]]
    source = table(["id", *DAYS[:6]], rows)
    notes: list[str] = []
    read = load_panel(source, config(), lambda note: notes.append(str(note)))
    assert read.names == ["a", "b"]
    assert read.lengths.tolist() == [3, 6]
    assert any("1 of 3 series have no value and are skipped: 'c'" in note for note in notes)
    assert any("6 columns are named by timestamps, '2024-01-01' to '2024-01-06'" in note for note in notes)


def test_many_series_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[f"s{i}", *values(30, i)] for i in range(20)] + [["last", *[""] * 30]]
    whole = panel(table(["id", *DAYS], rows))
    monkeypatch.setattr(wide, "PART", 90)
    parts = panel(table(["id", *DAYS], rows))
    assert parts.names == whole.names == [f"s{i}" for i in range(20)]
    np.testing.assert_array_equal(parts.values, whole.values)
    assert parts.notes == whole.notes


def test_a_unit_applies_to_all_columns_of_a_wide_table() -> None:
    source = table(["id", *DAYS[:4]], [["a", "$5", "$6", "$7", "$8"], ["b", "$1", "$2", "$3", "$4"]])
    read = panel(source)
    assert read.track(0, 0).tolist() == [5, 6, 7, 8]
    assert read.dialect.unit == {"value": "$"}
    assert panel(source, unit={"value": "$"}).track(1, 0).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("source", "data", "message"),
    [
        (table(["id", "a", "b"], [["x", 1, 2]]), {}, "no columns are named by timestamps"),
        (table(["id", *DAYS], [["x", *values(30)], ["x", *values(30)]]), {"id": "id"}, "duplicate row of series 'x'"),
        (
            table(["id", *DAYS], [["x", *values(30)], ["", *values(30)]]),
            {"id": "id"},
            "wide.csv:3: column 'id'",
        ),
        (table(DAYS, [values(30), values(30)]), {}, "2 rows have no id"),
        (PAGES, {"id": "Pages"}, "Did you mean 'Page'"),
        (PAGES, {"covariates": {"past": ["Page"]}}, "every cell is a value of one target"),
        (table(["id", "1/2/24", "1/3/24", "1/4/24"], [["a", 1, 2, 3]]), {}, "data.date_order"),
        (
            table(["id", *DAYS[:3]], [["a", 1, "five", 3]]),
            {},
            "wide.csv:2: 'five' in column '2024-01-02'",
        ),
    ],
)
def test_a_table_that_is_not_wide_is_reported(source: Source, data: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as e:
        panel(source, **data)
    assert message in str(e.value)


@pytest.mark.parametrize(
    "source",
    [
        table(["date", "2023", "2022"], [["1/1", 5, 6], ["1/2", 7, 8]]),
        table(["id", "v1", "v2", "v3"], [["a", 1, 2, 3], ["b", 4, 5, 6]]),
        table(["day", "Jan", "Feb", "Mar"], [["2024-01-01", 1, 2, 3], ["2024-01-02", 4, 5, 6]]),
        table(["2019", "2020", "2021"], [[1, 2, 3], [4, 5, 6]]),
        table(["ds", *DAYS], [["2024-01-01", *values(30)], ["2024-01-02", *values(30)]]),
    ],
)
def test_other_tables_are_not_wide(source: Source) -> None:
    assert not is_wide(profile_columns(source))


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (["x", "X1960", "X1961", "X1962"], ("1960", "1961", "1962")),
        (["x", "2024-01", "2024-02", "2024-03"], ("2024-01", "2024-02", "2024-03")),
        (["x", "202401", "202402", "202403"], ("202401", "202402", "202403")),
        (["x", "Jan 2024", "Feb 2024", "Mar 2024", "Total"], ("Jan 2024", "Feb 2024", "Mar 2024")),
        (["x", "2024Q1", "2024Q2", "2024Q3"], ("2024Q1", "2024Q2", "2024Q3")),
    ],
)
def test_timestamps_in_names_are_found(names: list[str], texts: tuple[str, ...]) -> None:
    headers = find_time_headers(names)
    assert headers is not None
    assert headers.texts == texts


def test_parts_of_a_year_in_names_are_found() -> None:
    parts = {"month": [*MONTHS, "Total"], "quarter": ["Q1", "Q2", "Q3", "Q4"], "week": [f"W{w}" for w in range(1, 53)]}
    assert [getattr(find_part_headers(names, "year"), "part", None) for names in parts.values()] == list(parts)
    assert find_part_headers(["Januar", "Februar", "März"], "year") is not None
    assert find_part_headers(["Q1", "Q2"], "year") is None
    assert find_part_headers([str(h) for h in range(1, 24)], "day") is None


def test_check_shows_the_named_columns_as_values(tmp_path: Any) -> None:
    (tmp_path / "pages.csv").write_bytes(PAGES.content)  # type: ignore[arg-type]
    roles = {c["name"]: c["role"] for c in check(tmp_path / "pages.csv").columns}
    assert roles == {"Page": "id", **dict.fromkeys(DAYS, "value")}


def test_a_wide_table_goes_through_all_commands(tmp_path: Any) -> None:
    assert isinstance(CASES.content, bytes)
    (tmp_path / "cases.csv").write_bytes(CASES.content)
    done = call(tmp_path, ["init", "cases.csv"])
    assert done.code == 0, done.err
    (tmp_path / "cases.yaml").write_text(done.out)
    assert call(tmp_path, ["train", "cases.yaml", "--out", "m", *TINY]).code == 0
    lines = call(tmp_path, ["predict", "m", "--steps", "2"]).out.splitlines()
    assert lines[0].startswith("Province/State + Country/Region,time,step,forecast,")
    assert [line.split(",")[:2] for line in lines[1:3]] == [["Chad", "3/1/24"], ["Chad", "3/2/24"]]
    assert lines[3].startswith('"Hubei, China",3/1/24,1,')
    shown = call(tmp_path, ["check", "cases.yaml"]).out
    assert "1/1/24" in shown
    assert "value" in shown
    row = "Province/State + Country/Region,time,value\nChad,3/1/24,150\n"
    streamed = call(tmp_path, ["predict", "m", "-", "--stream", "--steps", "1"], stdin=row).out.splitlines()
    assert streamed[1].startswith("Chad,3/2/24,1,")
