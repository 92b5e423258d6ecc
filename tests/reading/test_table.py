"""Reading tables: separators, quotes and dates of all kinds; errors name their line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from tests.conftest import columns_of, pandas_3

PROPERTY = settings(derandomize=True, deadline=None, max_examples=40)
PLAIN = "ds,y\n2024-01-01,1\n2024-01-02,2.5\n2024-01-03,-3\n"
VALUES = [1.0, 2.5, -3.0]


def read(
    content: str | bytes | pd.DataFrame, *targets: str, time: str | None = "auto", series: str | None = "auto"
) -> Table:
    """The table in a text, bytes or frame, by the same steps as every verb."""
    source = Source("sales.csv", content.encode() if isinstance(content, str) else content)
    columns = columns_of(source, time, series, targets or ("y",))
    return read_table(source, columns)


def fault(content: str | bytes | pd.DataFrame, *targets: str, **roles: Any) -> str:
    """The error message for an invalid text."""
    with pytest.raises(DataError) as e:
        read(content, *targets, **roles)
    return str(e.value)


def days(table: Table) -> list[str]:
    """The times as ISO dates, whatever the file's own form."""
    return [str(t) for t in table.times.astype("datetime64[us]").astype("datetime64[D]")]


# ------------------------------------------------------------------ one table in many forms

FORMS = {
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "bars": PLAIN.replace(",", "|").encode(),
    "a byte-order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "no newline at the end": PLAIN.rstrip("\n").encode(),
    "blank lines": PLAIN.replace("\n", "\n\n").encode(),
    "gzip": gzip.compress(PLAIN.encode()),
    "gzip with a byte-order mark and CRLF": gzip.compress(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode()),
    "quotes around every field": "".join(
        ",".join(f'"{f}"' for f in line.split(",")) + "\n" for line in PLAIN.splitlines()
    ).encode(),
    "columns the other way round": b"y,ds\n1,2024-01-01\n2.5,2024-01-02\n-3,2024-01-03\n",
    "a column of text between": b"ds,note,y\n2024-01-01,a,1\n2024-01-02,b,2.5\n2024-01-03,b,-3\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_file_format_gives_the_same_rows(form: str) -> None:
    table = read(FORMS[form])
    assert table.values[:, 0].tolist() == VALUES
    assert days(table) == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert table.names == [""]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_and_standard_input_give_the_same_rows(form: str, tmp_path: Path) -> None:
    path = tmp_path / "sales.data"  # what it is shows in its bytes, not in its name
    path.write_bytes(FORMS[form])
    for source in (open_source(str(path)), open_source(path), open_source("-", lambda: FORMS[form])):
        table = read_table(source, columns_of(source))
        assert table.values[:, 0].tolist() == VALUES


@pandas_3
@PROPERTY
@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=30))
def test_every_double_is_read_back_to_the_last_bit(values: list[float]) -> None:
    text = "t,y\n" + "".join(f"{i},{v!r}\n" for i, v in enumerate(values))
    assert read(text, time="t").values[:, 0].tolist() == values


@PROPERTY
@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"),
            min_size=1,
        )
        .map(str.strip)
        .filter(lambda s: s and not s.replace(".", "").replace("_", "").isalnum()),
        min_size=1,
        max_size=6,
        unique=True,
    )
)
def test_series_names_may_contain_quotes_and_separators(names: list[str]) -> None:
    rows = "".join('"' + n.replace('"', '""') + f'",{i},{i}\n' for n in names for i in range(2))
    assert read("id,ds,y\n" + rows).names == names


def test_a_quoted_field_may_contain_a_line_break_and_a_separator() -> None:
    table = read('id,ds,y\n"a, b\nc",1,1\n"a, b\nc",2,2\nd,1,3\nd,2,4\n')
    assert table.names == ["a, b\nc", "d"]
    assert table.values[:, 0].tolist() == [1, 2, 3, 4]


def test_a_trailing_separator_in_each_row_does_not_shift_the_columns() -> None:
    table = read("ds,y\n2024-01-01,1,\n2024-01-02,2.5,\n2024-01-03,-3,\n")
    assert table.values[:, 0].tolist() == VALUES
    assert days(table) == ["2024-01-01", "2024-01-02", "2024-01-03"]
    source = Source("sales.csv", b"ds,y\n2024-01-01,1,\n2024-01-02,2.5,\n")
    assert [(s.name, s.kind) for s in profile_columns(source)] == [("ds", "time"), ("y", "number")]


def test_empty_cells_are_missing_values() -> None:
    for empty in ("", "NA", "NaN", "null", '""'):
        values = read(f"ds,y\n1,1\n2,{empty}\n3,3\n").values[:, 0]
        np.testing.assert_array_equal(values, [1, np.nan, 3])


def test_several_targets_are_read_in_the_requested_order() -> None:
    assert read("ds,a,b\n1,2,3\n2,4,6\n", "b", "a").values.tolist() == [[3, 2], [6, 4]]


def test_duplicate_column_names_are_rejected() -> None:
    with pytest.raises(DataError, match="two columns are called 'y'"):
        read("ds,y,y\n1,2,3\n2,4,6\n", "y")


# ------------------------------------------------------------------ series


def test_numeric_ids_keep_their_text() -> None:
    assert read("id,ds,y\n7,1,1\n7,2,2\n12,1,3\n12,2,4\n").names == ["7", "12"]


def test_leading_zeros_of_an_id_are_kept() -> None:
    assert read("id,ds,y\n007,1,1\n007,2,2\n012,1,3\n012,2,4\n").names == ["007", "012"]


def test_ids_that_differ_only_in_leading_zeros_are_different_series() -> None:
    table = read("id,ds,y\n01,1,1\n01,2,2\n1,1,3\n1,2,4\n")
    assert table.names == ["01", "1"]
    assert table.codes.tolist() == [0, 0, 1, 1]


def test_ids_with_a_decimal_point_keep_their_text() -> None:
    assert read("id,ds,y\n1.10,1,1\n1.10,2,2\n1.1,1,3\n1.1,2,4\n", series="id").names == ["1.10", "1.1"]


@pytest.mark.parametrize("name", ["NA", "None", "null", "nan"])
def test_a_series_may_be_named_like_a_missing_value(name: str) -> None:
    assert read(f"id,ds,y\n{name},1,1\n{name},2,2\nDE,1,3\nDE,2,4\n", series="id").names == [name, "DE"]


def test_an_empty_id_is_an_error_with_its_line() -> None:
    message = fault("id,ds,y\na,1,1\n,2,2\na,3,3\n,4,4\n", series="id")
    assert message.startswith("sales.csv:3: column 'id' is empty (2 such rows: 3, 5)")


def test_series_are_in_order_of_appearance() -> None:
    table = read("id,ds,y\nz,1,1\na,1,2\nz,2,3\na,2,4\n")
    assert table.names == ["z", "a"]
    assert table.codes.tolist() == [0, 1, 0, 1]


# ------------------------------------------------------------------ faults and their lines


def test_text_in_the_target_is_reported_with_the_first_three_lines_and_a_count() -> None:
    message = fault("ds,y\n1,1\n2,x\n3,3\n4,y\n5,z\n6,w\n")
    assert message.startswith("sales.csv:3: 'x' in column 'y' is not a number (4 such rows: 3, 5, 6, ...)")


def test_one_bad_cell_is_reported_without_a_count() -> None:
    message = fault("ds,y\n1,1\n2,12 units\n")
    assert message.startswith("sales.csv:3: '12 units' in column 'y' is not a number. ")


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_line_numbers_are_those_of_an_editor_after_quoted_line_breaks_and_blank_lines(break_: str) -> None:
    text = 'ds,note,y\n1,"two\nlines",1\n\n\n2,plain,2\n3,"a\nb\nc",3\n4,plain,x\n'
    assert fault(text.replace("\n", break_)).startswith("sales.csv:10: 'x'")


def test_line_numbers_are_correct_in_gzip_and_after_a_byte_order_mark() -> None:
    assert fault(gzip.compress(b"\xef\xbb\xbfds;y\n1;1\n2;x\n")).startswith("sales.csv:3: 'x'")


def test_errors_in_a_frame_give_rows_instead_of_lines() -> None:
    message = fault(pd.DataFrame({"ds": [1, 2, 3], "y": ["1", "x", "3"]}))
    assert message.startswith("sales.csv, row 1: 'x' in column 'y'")


def test_a_row_with_too_many_fields_is_rejected() -> None:
    message = fault("ds,y\n1,1\n2,2\n3,3,4\n4,4\n")
    assert message.startswith("sales.csv:4: 3 fields where the header has 2")


@pytest.mark.parametrize("header", ["ds,y," + "c," * 10_000, "ds,y," + "c" * 1_000_000], ids=["columns", "letters"])
def test_an_endless_header_is_rejected(header: str) -> None:
    assert fault(f"{header}\n1,2\n").startswith(
        "sales.csv: its first line has more than 1,000,000 characters or 10,000"
    )


@pandas_3
@pytest.mark.parametrize("value", ["inf", "-inf", "1e999", "1e101"])
def test_infinite_values_are_rejected_with_their_line(value: str) -> None:
    assert fault(f"ds,y\n1,1\n2,{value}\n").startswith(f"sales.csv:3: {float(value):g} in column 'y' is infinite")


def test_an_integer_too_large_for_a_double_is_infinite() -> None:
    cells = pd.DataFrame({"ds": [1, 2, 3, 4], "y": [1, 10**400, "2.5", "1,000"]})
    assert fault(cells).startswith("sales.csv, row 1: inf in column 'y' is infinite")


def test_an_empty_file_and_a_header_without_rows_have_different_errors() -> None:
    assert "is empty" in fault("")
    assert "is empty" in fault("\n\n")
    assert "a header but no rows" in fault("ds,y\n")


def test_a_missing_column_error_gives_the_nearest_name() -> None:
    message = fault("date,units_sold\n1,1\n2,2\n", "unit_sold")
    assert "no column 'unit_sold'" in message
    assert "'units_sold'" in message


def test_one_column_in_two_roles_is_rejected() -> None:
    assert "'ds' has two roles" in fault("ds,y\n1,1\n2,2\n", "ds", time="ds")


def test_text_that_is_not_utf8_error_gives_the_conversion_command() -> None:
    message = fault(b"ds,y\n1,1\n2,2\n" + "3,é\n".encode("latin1"))
    assert "is not UTF-8" in message
    assert "iconv" in message


def test_a_truncated_or_corrupt_gzip_file_is_a_data_error() -> None:
    whole = gzip.compress(("ds,y\n" + "".join(f"{i},{np.sin(i)}\n" for i in range(2000))).encode())
    faulty = [whole[: len(whole) // 2], whole[:12]]
    for place in (30, 2000, len(whole) // 2, len(whole) - 6):
        altered = bytearray(whole)
        altered[place] ^= 0xFF
        faulty.append(bytes(altered))
    for content in faulty:
        assert "sales.csv" in fault(content)


def test_a_missing_file_error_gives_the_nearest_name_and_a_mixed_folder_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(PLAIN)
    with pytest.raises(DataError, match=r"sale\.csv: no such file. Did you mean 'sales.csv'"):
        open_source(tmp_path / "sale.csv")
    (tmp_path / "README.md").touch()
    with pytest.raises(DataError, match="is a folder with files of several kinds"):
        open_source(tmp_path)
    with pytest.raises(DataError, match="data is a int"):
        open_source(3)


# ------------------------------------------------------------------ dates

MARCH = ["2024-02-01", "2024-03-13"]


@pytest.mark.parametrize(
    "texts",
    [
        ("2024-02-01", "2024-03-13"),
        ("2024/02/01", "2024/03/13"),
        ("01.02.2024", "13.03.2024"),
        ("1.2.2024", "13.3.2024"),
        ("01/02/2024", "13/03/2024"),
        ("02/01/2024", "03/13/2024"),
        ("2/1/2024", "3/13/2024"),
        ("01-02-2024", "13-03-2024"),
        ("02-01-2024", "03-13-2024"),
        ("20240201", "20240313"),
        ("1 Feb 2024", "13 Mar 2024"),
        ('"Feb 1, 2024"', '"Mar 13, 2024"'),
        ("2024-02-01 00:00", "2024-03-13 00:00"),
        ("2024-02-01 00:00:00", "2024-03-13 00:00:00"),
        ("2024-02-01T00:00", "2024-03-13T00:00"),
        ("2024-02-01T00:00:00", "2024-03-13T00:00:00"),
        ("2024-02-01T00:00:00.000", "2024-03-13T00:00:00.000"),
        ("2024-02-01T00:00:00Z", "2024-03-13T00:00:00Z"),
        (" 2024-02-01", " 2024-03-13"),
    ],
)
def test_dates_in_common_formats_are_parsed(texts: tuple[str, str]) -> None:
    table = read("ds,y\n" + "".join(f"{t},{i}\n" for i, t in enumerate(texts)))
    assert days(table) == MARCH
    assert table.clock.dated


def test_months_and_years_alone_are_their_first_days() -> None:
    assert days(read("ds,y\n2024-02,1\n2024-03,2\n")) == ["2024-02-01", "2024-03-01"]
    assert days(read("ds,y\nFeb 2024,1\nMar 2024,2\n")) == ["2024-02-01", "2024-03-01"]
    assert read("ds,y\n1700,1\n1701,2\n").times.tolist() == [1700, 1701]


def test_offsets_are_removed_so_that_hours_are_consecutive_when_clocks_change() -> None:
    table = read("ds,y\n2024-03-31T01:00:00+01:00,1\n2024-03-31T03:00:00+02:00,2\n2024-03-31T04:00:00+02:00,3\n")
    assert np.diff(table.times).tolist() == [3_600_000_000] * 2
    assert str(table.times.astype("datetime64[us]")[0]) == "2024-03-31T00:00:00.000000"


@pytest.mark.parametrize("mark", ["/", "-"])
def test_day_or_month_first_is_inferred_from_the_whole_column(mark: str) -> None:
    rows = [f"{d:02d}{mark}01{mark}2024" for d in range(1, 32)]
    assert days(read("ds,y\n" + "".join(f"{r},1\n" for r in rows)))[:2] == ["2024-01-01", "2024-01-02"]
    rows = [f"01{mark}{d:02d}{mark}2024" for d in range(1, 32)]
    assert days(read("ds,y\n" + "".join(f"{r},1\n" for r in rows)))[:2] == ["2024-01-01", "2024-01-02"]


@pandas_3
def test_the_row_that_determines_the_date_order_may_be_far_down_the_file() -> None:
    rows = [f"{m}/{1 + i % 12}/{2000 + i // 12}" for i in range(3000) for m in (1 + i % 3,)]
    table = read("ds,y\n" + "".join(f"{r},1\n" for r in [*rows, "4/30/2300"]))
    assert days(table)[1] == "2000-02-02"
    assert days(table)[-1] == "2300-04-30"


@pytest.mark.parametrize("mark", ["/", "-"])
def test_ambiguous_day_first_or_month_first_dates_are_rejected(mark: str) -> None:
    message = fault(f"ds,y\n01{mark}02{mark}2024,1\n02{mark}02{mark}2024,2\n03{mark}02{mark}2024,3\n")
    assert message.startswith(f"sales.csv:2: '01{mark}02{mark}2024' in column 'ds' may be day first or month first")


def test_one_date_of_another_format_is_reported_with_its_line() -> None:
    message = fault("ds,y\n2024-01-01,1\n2024-01-02,2\nsoon,3\n", time="ds")
    assert message.startswith("sales.csv:4: 'soon' in column 'ds' is not a timestamp of the form %Y-%m-%d")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("2024" + "9" * 3000, "2024" + "9" * 36), ("-2024-01-03", "-2024-01-03"), ("3 " * 900, ("3 " * 20))],
)
def test_text_that_only_starts_like_a_date_is_rejected_quickly(cell: str, shown: str) -> None:
    message = fault(f"ds,y\n2024-01-01,1\n2024-01-02,2\n{cell},3\n", time="ds")
    assert message.startswith(f"sales.csv:4: {shown!r} in column 'ds' is not a timestamp of the form %Y-%m-%d")
    assert f"{shown!r} in column 'ds' is neither a timestamp" in fault(f"ds,y\n{cell},1\n{cell},2\n", time="ds")


def test_a_time_column_of_words_is_rejected() -> None:
    assert "'soon' in column 'ds' is neither a timestamp nor a whole number" in fault(
        "ds,y\nsoon,1\nlate,2\n", time="ds"
    )


def test_a_day_that_does_not_exist_is_an_error_and_not_another_day() -> None:
    assert "2023-02-29" in fault("ds,y\n2023-02-28,1\n2023-02-29,2\n", time="ds")


def test_an_empty_time_is_an_error_with_its_line() -> None:
    assert fault("ds,y\n2024-01-01,1\n,2\n", time="ds").startswith("sales.csv:3: column 'ds' is empty")


def test_integers_that_are_not_dates_stay_integers() -> None:
    table = read("ds,y\n20240230,1\n20240231,2\n")
    assert table.clock.pattern == "integer"
    assert read("ds,y\n20240201,1\n20240202,2\n").clock.pattern == "%Y%m%d"


# ------------------------------------------------------------------ frames


@pytest.mark.parametrize(
    "stamps",
    [
        pd.to_datetime(MARCH),
        pd.to_datetime(MARCH).astype("datetime64[s]"),
        pd.to_datetime(MARCH).astype("datetime64[ns]"),
        pd.to_datetime(MARCH).tz_localize("UTC"),
        [d.date() for d in pd.to_datetime(MARCH)],
        MARCH,
    ],
    ids=["datetime", "seconds", "nanoseconds", "UTC", "date objects", "text"],
)
def test_dates_in_a_frame_may_have_any_type(stamps: Any) -> None:
    assert days(read(pd.DataFrame({"ds": stamps, "y": [1.0, 2.0]}))) == MARCH


def test_a_frame_is_not_modified() -> None:
    frame = pd.DataFrame(
        {"id": [1, 1, 2], "ds": pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-01"]), "y": [1, 2, 3]}
    )
    before = frame.copy(deep=True)
    read(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_frame_may_have_any_index_and_nullable_values() -> None:
    frame = pd.DataFrame({"ds": [1, 2, 3], "y": pd.array([1, None, 3], "Int64")}, index=[9, 9, 4])
    np.testing.assert_array_equal(read(frame).values[:, 0], [1, np.nan, 3])


def test_the_columns_of_a_frame_may_be_named_by_numbers() -> None:
    frame = pd.DataFrame({"ds": [1, 2, 3], 2019: [1.0, 2.0, 4.0]})
    assert read(frame, "2019").values[:, 0].tolist() == [1, 2, 4]


def test_duplicate_column_names_in_a_frame_are_rejected() -> None:
    fault(pd.DataFrame([[1, 2, 3], [2, 3, 4]], columns=["ds", "y", "y"]))


@pytest.mark.parametrize(("cells", "kind"), [("3,NA,5", "whole"), ("2.6,NA,1.7", "number"), ("2.4,NA,1.3", "number")])
def test_numbers_with_gaps_are_integers_only_if_all_of_them_are(cells: str, kind: str) -> None:
    content = "ds,y\n" + "".join(f"2024-01-0{i},{cell}\n" for i, cell in enumerate(cells.split(","), start=1))
    assert profile_columns(Source("a.csv", content.encode()))[1].kind == kind


@pytest.mark.parametrize("form", ["frame", "parquet", "csv"])
@pytest.mark.parametrize("name", ["ds", None])
def test_an_index_of_times_is_a_column(form: str, name: str | None, tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.DatetimeIndex(MARCH, name=name))
    path = tmp_path / f"t.{form}"
    if form != "frame":
        (frame.to_parquet if form == "parquet" else frame.to_csv)(path)
    source = open_source(frame if form == "frame" else str(path))
    table = read_table(source, columns_of(source, series=None))
    assert table.columns.time == (name or ("Unnamed: 0" if form == "csv" else "index"),)
    assert days(table) == MARCH


@pytest.mark.parametrize(
    "kind", ["timestamp[ns][pyarrow]", "timestamp[us, tz=Europe/Berlin][pyarrow]", "date32[pyarrow]"]
)
@pytest.mark.parametrize("is_index", [False, True])
def test_dates_that_arrow_stores_are_timestamps(kind: str, is_index: bool) -> None:
    zone = "Europe/Berlin" if "tz" in kind else None
    whole = pd.DataFrame({"ds": pd.DatetimeIndex(MARCH, tz=zone), "y": [1, 2]}, index=[7, 5])
    frame = whole.astype({"ds": kind, "y": "int64[pyarrow]"})
    found, expected = (read(f.set_index("ds") if is_index else f) for f in (frame, whole))
    assert found.times.tolist() == expected.times.tolist()
    assert found.clock.tz == zone
    assert found.values[:, 0].tolist() == [1, 2]


def test_a_multi_index_is_two_columns_and_a_default_index_is_none() -> None:
    times = pd.DatetimeIndex(MARCH, name="ds")
    frame = pd.concat({"a": pd.DataFrame({"y": [1.0, 2.0]}, index=times)}, names=["shop"])
    assert [s.name for s in profile_columns(open_source(frame))] == ["shop", "ds", "y"]
    assert [s.name for s in profile_columns(open_source(frame.reset_index().sample(2)))] == ["shop", "ds", "y"]
    assert [s.name for s in profile_columns(open_source(frame.reset_index().set_index("ds", drop=False)))] == [
        "shop",
        "ds",
        "y",
    ]


def test_unnamed_columns_are_named_by_their_position() -> None:
    text = ",ds,,y\n0,2024-01-01,5,1\n1,2024-01-02,6,2\n"
    assert [s.name for s in profile_columns(Source("a.csv", text.encode()))] == ["Unnamed: 0", "ds", "Unnamed: 2", "y"]
    assert read(text, "Unnamed: 2", "y").values.tolist() == [[5, 1], [6, 2]]
    assert read(text.replace("5", '"5"'), "Unnamed: 2", "y").values.tolist() == [[5, 1], [6, 2]]
    assert "no column 'x'" in fault(text, "x")


def test_a_column_of_row_numbers_is_recognized() -> None:
    text = "row,one,gap,down,y\n0,1,1,3,5\n1,2,2,2,6\n2,3,4,1,5\n"
    assert [s.name for s in profile_columns(Source("a.csv", text.encode())) if s.counted] == ["row", "one"]


def test_daily_timestamps_with_one_hour_in_utc_are_days_of_utc() -> None:
    """Midnights of UTC in a column with the zone of Berlin are local times of 1:00 and 2:00."""
    days = pd.date_range("2022-03-20", periods=20, freq="D", tz="UTC").tz_convert("Europe/Berlin")
    source = open_source(pd.DataFrame({"ds": days, "y": np.arange(20.0)}))
    table = read_table(source, Columns(("ds",), None, ("y",)))
    assert any("days are UTC's" in note for note in table.notes)
    assert table.clock.write(table.times[7:9]) == ["2022-03-27 00:00:00Z", "2022-03-28 00:00:00Z"]
    hours = pd.date_range("2022-03-20", periods=20, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    table = read_table(open_source(pd.DataFrame({"ds": hours, "y": np.arange(20.0)})), table.columns)
    assert table.notes == ()
