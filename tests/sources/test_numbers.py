"""Numbers as people write them: one format for each column, and a question where two readings are plausible."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.number_columns import WordsError
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.numbers import NumberFormat, infer_format, split_cell
from seqpred.sources.source import Source


def read(cells: list[str], delimiter: str = ",", dates: str = "2024-01-{:02d}", **dialect: object) -> Table:
    quoted = [f'"{cell}"' for cell in cells]
    rows = [f"{dates.format(i)}{delimiter}{cell}\n" for i, cell in enumerate(quoted, start=1)]
    source = Source("a.csv", "".join([f"date{delimiter}y\n", *rows]).encode(), Dialect(**dialect))  # type: ignore[arg-type]
    assert {p.name: p.kind for p in profile_columns(source)}["y"] in ("number", "whole")
    return read_table(source, Columns(("date",), None, ("y",)))


def fault(cells: list[str], delimiter: str = ",", dates: str = "2024-01-{:02d}") -> str:
    with pytest.raises(DataError) as e:
        read(cells, delimiter, dates)
    return str(e.value)


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (["$5,306.00", "$40.50"], [5306, 40.5], "$"),
        (["$5,306", "$987"], [5306, 987], "$"),
        (["-$5", "$-6", "($7.50)"], [-5, -6, -7.5], "$"),
        (["R$ 5,50", "R$ 1.234,00"], [5.5, 1234], "R$"),
        (["CHF 1'200.50", "CHF 3"], [1200.5, 3], "CHF"),
        (["1.234,56 €", "12,00 €"], [1234.56, 12], "€"),
        (["Rs.500", "Rs. 600"], [500, 600], "Rs."),
        (["3.54%", "3.6 %"], [3.54, 3.6], "%"),
        (["106.12 kWh", "5 kWh"], [106.12, 5], "kWh"),
        (["5 m3/h", "6 m3/h"], [5, 6], "m3/h"),
        (["21.5°C", "-3°C"], [21.5, -3], "°C"),
        (["293 K", "294.5 K"], [293, 294.5], "K"),
        (["1.2K", "3.5M", "950"], [1200, 3.5e6, 950], ""),
        (["1,2 Mio. €", "0,5 Mrd. €"], [1.2e6, 5e8], "€"),
        (["(1,234.00)", "5.5"], [-1234, 5.5], ""),
        (["1,234.00-", "5.5"], [-1234, 5.5], ""),
        (["\u22125.5", "+6"], [-5.5, 6], ""),
        (["12,34,567.5", "8"], [1234567.5, 8], ""),
    ],
)
def test_a_column_of_one_format_is_read_with_a_note(cells: list[str], values: list[float], unit: str) -> None:
    table = read(cells)
    assert table.values[:, 0].tolist() == values
    assert table.source.dialect.unit == ({"y": unit} if unit else {})
    if unit or cells[0][-1] in "K-.)":
        assert f"column 'y': {cells[0]!r} is read as {values[0]:.15g}" in table.notes


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["$5", "$6", "7"], "a.csv:4: '7' in column 'y' is not a number like '$5'"),
        (
            [*(f"{i} kWh" for i in range(5, 15)), "7 MWh"],
            "a.csv:12: '7 MWh' in column 'y' is not a number like '5 kWh'",
        ),
        (["5%", "0.06", "7%"], "a.csv:3: '0.06' in column 'y' is not a number like '5%'"),
        (["5", "6", "€7"], "a.csv:4: '€7' in column 'y' is not a number"),
    ],
)
def test_a_cell_of_another_format_is_quoted(cells: list[str], message: str) -> None:
    assert fault(cells).startswith(message)


def test_the_unit_that_the_config_names_is_required() -> None:
    assert read(["5 MWh", "6 MWh"], unit={"y": "MWh"}).values[:, 0].tolist() == [5, 6]
    with pytest.raises(DataError, match="'5 MWh' in column 'y' is not a number"):
        read(["5 MWh", "6 MWh"], unit={"y": "kWh"})


@pytest.mark.parametrize(
    "text", ["", "x", "12:30", "2024-01-31", "1990Q1", "--5", "1-2", "5 --", "(5", "5)", "$5 kWh", "1 to 2"]
)
def test_a_cell_that_is_not_a_single_number_is_not_split(text: str) -> None:
    assert split_cell(text) is None


# ------------------------------------------------------------------ two readings


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["987", "1.234"], ";"),
        (["987", "1.234"], ","),
        (["1.007", "1.291", "1.373"], ";"),
        (["-987", "1.234", "-1.500"], ","),
        (["987", "1,234"], ";"),
        (["987", "1,234"], ","),
        (["1,007 kWh", "1,291 kWh"], ","),
    ],
)
def test_a_number_with_two_plausible_readings_is_an_error_that_names_the_key(cells: list[str], delimiter: str) -> None:
    assert "may have a decimal" in fault(cells, delimiter)
    assert "set data.decimal" in fault(cells, delimiter)
    shown = max(cells, key=len).split()[0]
    for decimal in (".", ","):
        value = NumberFormat(decimal).number(shown)
        assert value in read(cells, delimiter, decimal=decimal).values[:, 0]


def test_a_group_of_three_digits_is_ambiguous_in_a_file_of_dates_with_dots() -> None:
    assert "may have a decimal point" in fault(["1.007", "1.291"], "\t", "{:02d}.01.2024")


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["0.123", "1.234"], ";"),
        (["12.3", "12.345"], ";"),
        (["1.007", "1.291"], ","),
        (["12", "13", "12.125"], ";"),
        (["1", "2", "1.234"], ";"),
        (["5678", "1.234"], ";"),
        (["1234.500", "1.234"], ";"),
        (["1.234e2", "5.123"], ";"),
        (["100", "101", "99"], ";"),
    ],
)
def test_ordinary_fractions_are_not_ambiguous(cells: list[str], delimiter: str) -> None:
    assert read(cells, delimiter).values[:, 0].tolist() == [float(cell) for cell in cells]


def test_an_ambiguous_number_far_down_the_file_is_an_error() -> None:
    rows = "".join(f"{i};{100 + i % 800}\n" for i in range(60_000))
    source = Source("a.csv", f"t;y\n{rows}60000;1.234\n".encode())
    with pytest.raises(DataError, match=r"a\.csv:60002: '1\.234'"):
        read_table(source, Columns(("t",), None, ("y",)))


def test_a_year_in_another_column_does_not_resolve_an_ambiguous_number() -> None:
    source = Source("a.csv", b"t;year;y\n1;2023;987\n2;2024;1.234\n")
    with pytest.raises(DataError, match=r"'1\.234' in column 'y' may have a decimal point"):
        read_table(source, Columns(("t",), None, ("y",), past=("year",)))


# ------------------------------------------------------------------ words among numbers


@pytest.mark.parametrize("row", [0, 1, 30, 70])
@pytest.mark.parametrize("word", ["unavailable", "--", "closed"])
def test_a_word_among_numbers_has_the_same_error_in_every_row(row: int, word: str) -> None:
    cells = [str(i + 0.5) for i in range(80)]
    cells[row] = cells[75] = word
    with pytest.raises(WordsError) as e:
        read(cells, dates="{}")
    lines = f"(2 such rows: {row + 2}, 77)"
    hint = f"Set data.sentinels to ['{word}'] to treat these cells as missing, or fix them."
    assert str(e.value) == f"a.csv:{row + 2}: {word!r} in column 'y' is not a number {lines}. {hint}"
    assert e.value.are_missing == (word != "closed")
    table = read(cells, dates="{}", sentinels=(word,))
    assert int(np.isnan(table.values).sum()) == 2


# ------------------------------------------------------------------ any number


@settings(derandomize=True, deadline=None)
@given(
    st.decimals(-(10**9), 10**9, places=2),
    st.sampled_from([".", ","]),
    st.sampled_from(["", " ", "'", "\u202f"]),
    st.sampled_from(["{}", "${}", "{} kWh", "{}%", "€ {}"]),
)
def test_every_way_to_write_a_number_is_read_back(number: object, decimal: str, group: str, frame: str) -> None:
    digits = f"{number:,.2f}".replace(",", "_").replace(".", decimal).replace("_", group)
    cell = frame.format(digits)
    found = infer_format([cell], decimal)  # type: ignore[arg-type]
    assert math.isclose(found.number(cell), float(number), rel_tol=1e-12)  # type: ignore[arg-type]


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=12))
def test_any_text_has_a_number_or_nan(text: str) -> None:
    for decimal in NumberFormat.SIGNS:
        value = infer_format([text], decimal).number(text)
        assert isinstance(value, float)
