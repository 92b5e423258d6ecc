"""Files as people write them: duplicates, gaps, sentinels, date orders, decimal signs, encodings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.dialect import Dialect
from seqpred.sources.numbers import NumberFormat, infer_decimal
from seqpred.sources.source import Source
from seqpred.training.dataset import interpolated
from tests.conftest import columns_of, pandas_3

NAN = float("nan")


def panel(
    text: str | bytes,
    *targets: str,
    time: Any = "auto",
    series: str | None = None,
    duplicates: Any = "error",
    missing: Any = "mask",
    **dialect: Any,
) -> Panel:
    """The panel in a text, in a dialect."""
    source = Source("sales.csv", text.encode() if isinstance(text, str) else text, Dialect(**dialect))
    columns = columns_of(source, time, series, targets or ("y",))
    return build_panel(read_table(source, columns), duplicates=duplicates, missing=missing)


def fault(text: str | bytes, *targets: str, **how: Any) -> str:
    """The error message for an invalid text."""
    with pytest.raises(DataError) as e:
        panel(text, *targets, **how)
    return str(e.value)


def ahead(found: Panel) -> list[list[str]] | list[list[int]]:
    """The next time, as the columns of the data would hold it."""
    return found.clock.write_columns(found.times(0, found.lengths[:1]))


# ------------------------------------------------------------------ repeated times

REPEATS = "ds,y\n2,5\n1,1\n1,\n1,3\n3,7\n"


@pytest.mark.parametrize(("how", "value"), [("mean", 2.0), ("first", 1.0), ("last", 3.0)])
def test_rows_with_a_duplicate_timestamp_are_merged(how: str, value: float) -> None:
    found = panel(REPEATS, duplicates=how)
    assert found.values[:, 0].tolist() == [value, 5, 7]
    assert any(note.startswith("2 duplicate timestamps: ") for note in found.notes)


def test_duplicates_are_merged_only_within_a_series() -> None:
    found = panel("id,ds,y\nb,1,1\na,1,9\nb,1,3\na,2,5\nb,2,4\n", series="id", duplicates="mean")
    assert found.names == ["b", "a"]
    assert found.values[:, 0].tolist() == [2, 4, 9, 5]


def test_duplicates_without_a_value_stay_empty() -> None:
    assert np.isnan(panel("ds,y\n1,\n1,\n2,5\n", duplicates="mean").values[0, 0])


def test_the_error_for_duplicates_names_the_lines_and_the_key() -> None:
    message = fault(REPEATS)
    assert message.startswith("sales.csv:4: duplicate timestamp 1 (2 duplicates: 4, 5)")
    assert "data.duplicates" in message


def test_line_numbers_are_correct_after_a_merge() -> None:
    rows = "".join(f"2024-01-0{d} 00:00,{d}\n" for d in (1, 1, 2, 3, 4, 5))
    assert fault(f"ds,y\n{rows}2024-01-05 07:00,9\n", duplicates="first").startswith("sales.csv:8: 2024-01-05 07:00")


# ------------------------------------------------------------------ gaps


def test_missing_error_rejects_empty_cells_with_their_lines() -> None:
    assert fault("ds,y\n1,1\n2,\n3,3\n4,\n", missing="error").startswith(
        "sales.csv:3: the cell of a target is empty (2 such rows: 3, 5)"
    )


def test_missing_error_rejects_missing_rows_with_their_timestamps() -> None:
    message = fault("ds,y\n2024-01-01,1\n2024-01-02,3\n2024-01-05,3\n", missing="error")
    assert "2 rows are missing, the first at 2024-01-03, 2024-01-04" in message
    assert "data.missing" in message


def test_missing_error_accepts_complete_data() -> None:
    assert len(panel("ds,y\n1,1\n2,2\n", missing="error").values) == 2


def test_interpolation_uses_only_known_values_of_the_training_split() -> None:
    values = np.array([NAN, 1, NAN, 3, NAN, NAN, 9, NAN])
    assert np.array_equal(interpolated(values, 5), [NAN, 1, 2, 3, NAN, NAN, 9, NAN], equal_nan=True)
    assert np.array_equal(interpolated(values, 7), [NAN, 1, 2, 3, 5, 7, 9, NAN], equal_nan=True)
    assert np.isnan(interpolated(np.full(3, NAN), 3)).all()


# ------------------------------------------------------------------ sentinels


@pytest.mark.parametrize("sentinels", [(-200,), (-200.0,), ("-200",), ("-200", "none")])
def test_numeric_sentinels_are_missing_values(sentinels: tuple[float | str, ...]) -> None:
    found = panel("ds,y,z\n1,1,-200\n2,-200,5\n3,-200,6\n", "y", "z", sentinels=sentinels)
    assert np.isnan(found.values).tolist() == [[False, True], [True, False], [True, False]]
    assert any(note.startswith("3 cells are sentinels (-200") for note in found.notes)


def test_text_sentinels_are_missing_values() -> None:
    found = panel("ds,y\n1,1\n2,-\n3, - \n4,closed\n", sentinels=("-", "closed"))
    assert np.isnan(found.values[:, 0]).tolist() == [False, True, True, True]


def test_text_far_down_the_file_is_reported_with_the_sentinels_key() -> None:
    message = fault("ds,y\n" + "".join(f"{i},{i}\n" for i in range(5000)) + "5000,shut\n")
    assert message.startswith("sales.csv:5002: 'shut' in column 'y' is not a number")
    assert "data.sentinels" in message


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e200"])
def test_an_infinite_value_is_reported_with_its_line(cell: str) -> None:
    assert "sales.csv:3: " in fault(f"ds,y\n1,1\n2,{cell}\n")


# ------------------------------------------------------------------ times


def test_a_date_column_and_a_clock_column_are_one_timestamp_and_written_as_two_columns() -> None:
    found = panel("Date,y,Time\n31/12/2004,1,22:00\n31/12/2004,2,23:00\n")
    assert found.columns.time == ("Date", "Time")
    assert (str(found.step), found.clock.date_order) == ("PT1H", "day-first")
    assert found.clock.write(found.times(0, np.array([0]))) == ["31/12/2004 22:00"]
    assert ahead(found)[1] == ["00:00"]


def test_a_year_column_and_a_month_column_are_one_timestamp_and_written_as_two_columns() -> None:
    found = panel("y,yr,mo\n1,2004,11\n2,2004,12\n")
    assert found.columns.time == ("yr", "mo")
    assert str(found.step) == "P1M"
    assert ahead(found) == [["2005"], ["01"]]
    assert ahead(panel("y,year,month\n1,2004,09\n2,2004,10\n")) == [["2004"], ["11"]]


def test_a_year_column_alone_or_next_to_dates_is_not_part_of_a_timestamp() -> None:
    assert panel("year,hour,y\n2004,11,1\n2005,12,2\n").columns.time == ("year",)
    assert panel("year,month,ds,y\n2004,1,2004-01-01,1\n2004,2,2004-02-01,2\n").columns.time == ("ds",)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("2024-01-01,2024-01-01,1\n", ("sales.csv:2: '2024-01-01' in column 'b' is not finer than the day",)),
        ("2024-01-01,09:00,1\n2024-01-01,25:00,2\n", ("'09:00' in column 'b' is not finer than the day",)),
        ("2024-01-01,09:00,1\n2024-01-01,,2\n", ("sales.csv:3: column 'b' is empty",)),
        ("2024,1,1\n24,2,2\n", ("sales.csv:3: '24' in column 'a' is not a timestamp of the form %Y, unlike '2024'",)),
        ("2024,01,1\n2024,002,2\n", ("sales.csv:3: '2024 002' in columns 'a', 'b' is not a timestamp", "no such day")),
        ("2024,1,1\n2024,,2\n", ("sales.csv:3: column 'b' is empty",)),
    ],
)
def test_conflicting_time_columns_are_rejected(rows: str, expected: tuple[str, ...]) -> None:
    message = fault(f"a,b,y\n{rows}", time=["a", "b"])
    assert all(t in message for t in expected), message


AMBIGUOUS = "ds,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n"


def test_ambiguous_dates_error_names_the_date_order_key() -> None:
    assert "data.date_order" in fault(AMBIGUOUS)


@pytest.mark.parametrize(("order", "step"), [("day-first", "P1D"), ("month-first", "P1M")])
def test_the_configured_date_order_is_used(order: str, step: str) -> None:
    found = panel(AMBIGUOUS, date_order=order)
    assert (str(found.step), found.clock.date_order) == (step, order)


def test_a_date_that_contradicts_the_date_order_is_rejected() -> None:
    message = fault("ds,y\n25/12/2023,1\n26/12/2023,2\n", time="ds", date_order="month-first")
    assert "sales.csv:2: '25/12/2023'" in message
    assert "data.date_order" in message


@pytest.mark.parametrize(
    ("dates", "after"),
    [
        (("30/04/2005", "1/05/2005", "2/05/2005"), "3/05/2005"),
        (("11/29/2023", "11/30/2023", "12/1/2023"), "12/2/2023"),
        (("12/29/2023", "12/30/2023", "12/31/2023"), "01/01/2024"),
        (("2024-1-9", "2024-1-10", "2024-1-11"), "2024-1-12"),
    ],
)
def test_unpadded_dates_are_read_and_written_unpadded(dates: tuple[str, ...], after: str) -> None:
    found = panel("ds,y\n" + "".join(f"{d},{i}\n" for i, d in enumerate(dates)))
    assert str(found.step) == "P1D"
    assert ahead(found) == [[after]]


@pytest.mark.parametrize("time", ["auto", "ds"])
@pytest.mark.parametrize(("before", "bad"), [("2023-02-", "2023-02-30"), ("/04/2023", "31/04/2023")])
def test_a_day_that_does_not_exist_is_reported_for_given_and_inferred_columns(time: str, before: str, bad: str) -> None:
    days = [f"{before}{day}" if before[-1] == "-" else f"{day}{before}" for day in (26, 27, 28)]
    message = fault("ds,y\n" + "".join(f"{day},1\n" for day in [*days, bad]), time=time)
    assert f"sales.csv:5: {bad!r}" in message
    assert "there is no such day" in message


@pandas_3
@pytest.mark.parametrize(("first", "second"), [("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")])
def test_the_first_and_the_last_year_are_read(first: str, second: str) -> None:
    found = panel(f"ds,y\n{first},1\n{second},2\n")
    assert found.clock.write(found.times(0, np.arange(2))) == [first, second]


def test_mixed_offsets_are_converted_to_utc_with_a_note() -> None:
    found = panel("ds,y\n2024-01-01T00:00Z,1\n2024-01-01T03:00+02:00,2\n2024-01-01T02:00Z,3\n")
    assert found.clock.zone == "+00:00"
    assert any("2 offsets from UTC (Z, +02:00)" in note for note in found.notes)
    assert found.clock.complete(Dialect()).timezone == "UTC"  # later rows may have one of the offsets only


def test_mixed_offsets_of_one_local_hour_are_read_as_local_time_with_a_note() -> None:
    found = panel("ds,y\n2024-03-30T00:00+01:00,1\n2024-03-31T00:00+01:00,2\n2024-04-01T00:00+02:00,3\n")
    assert found.lengths.tolist() == [3]
    assert any("2 offsets from UTC (+01:00, +02:00)" in note for note in found.notes)


def test_a_missing_offset_is_reported_with_its_line() -> None:
    assert "sales.csv:3: '2024-01-01T01:00'" in fault("ds,y\n2024-01-01T00:00Z,1\n2024-01-01T01:00,2\n", time="ds")


# ------------------------------------------------------------------ ids


def test_blanks_around_ids_are_stripped_and_differences_in_case_noted() -> None:
    found = panel("id,ds,y\na ,1,1\na,2,2\nB,1,3\nb,1,4\n", series="id")
    assert found.names == ["a", "B", "b"]
    assert any("'a '" in note for note in found.notes)
    assert any("'B' and 'b'" in note for note in found.notes)


# ------------------------------------------------------------------ decimal signs

NUMBERS = {
    "2,426,758": 2426758.0,
    "1.234,56": 1234.56,
    "0,5": 0.5,
    "-1,5": -1.5,
    "1 234,5": 1234.5,
    "1\u00a0234,5": 1234.5,
    "1'234.5": 1234.5,
    "12,345.6": 12345.6,
    "1,5e3": 1500.0,
}


@pytest.mark.parametrize(("cell", "value"), NUMBERS.items(), ids=[ascii(n) for n in NUMBERS])
def test_a_number_is_read_in_the_format_of_its_column(cell: str, value: float) -> None:
    found = panel(f"ds;y\n1;{cell}\n2;7\n")
    assert found.values[:, 0].tolist() == [value, 7]
    assert any("data.decimal" in note for note in found.notes)
    assert found.dialect.decimal in (".", ",")


def test_the_decimal_sign_of_one_column_applies_to_all_columns() -> None:
    found = panel("ds;y;z\n1;1,5;2.345\n2;2,5;1\n", "y", "z")
    assert found.values.tolist() == [[1.5, 2345], [2.5, 1]]


def test_two_plausible_readings_are_reported_with_the_key() -> None:
    message = fault("ds;y\n1;7\n2;1,234\n")
    assert "sales.csv:3: '1,234'" in message
    assert "data.decimal" in message
    assert panel("ds;y\n1;7\n2;1,234\n", decimal=",").values[1, 0] == 1.234
    assert panel("ds;y\n1;7\n2;1,234\n", decimal=".").values[1, 0] == 1234


@pytest.mark.parametrize("cell", ["1,23,4", "1,2.3.4", "12.34,5.6", "--1", "1 2"])
def test_text_that_is_not_a_number_is_reported(cell: str) -> None:
    assert "is not a number" in fault(f"ds;y\n1;2\n2;{cell}\n")


@settings(derandomize=True, deadline=None)
@given(st.integers(-(10**12), 10**12), st.sampled_from([".", ","]))
def test_grouped_thousands_are_read_back(number: int, decimal: str) -> None:
    cell = f"{number:,}".replace(",", "." if decimal == "," else ",")
    assert NumberFormat(decimal).number(cell) == number  # type: ignore[arg-type]
    if abs(number) >= 1_000_000:
        assert infer_decimal({"y": [cell]}) == decimal


# ------------------------------------------------------------------ encodings

LETTERS = "ds,café\n1,1\n2,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_are_read(encoding: str) -> None:
    setting = "auto" if encoding in ("utf-8", "utf-8-sig", "utf-16") else encoding
    assert panel(LETTERS.encode(encoding), "café", encoding=setting).values[:, 0].tolist() == [1, 2]


def test_wrong_encoding_error_names_the_key() -> None:
    assert "data.encoding: cp1252" in fault(LETTERS.encode("cp1252"), "café")


def test_an_invalid_cell_is_reported_before_ambiguous_commas() -> None:
    assert infer_decimal({"y": ["1,2", "1,234", "1.5", "1.2"]}) == "."
