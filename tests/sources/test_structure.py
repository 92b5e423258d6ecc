"""Lines that are not rows are skipped with a note, or named in an error."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.footer import find_footer
from seqpred.sources.source import Source
from seqpred.sources.structure import Structure, StructureError, find_structure

ROWS = "".join(f"2024-01-{d:02d},{d}.5,{20 + d}\n" for d in range(1, 10))
TABLE = "date,load,temp\n" + ROWS


def source(text: str) -> Source:
    return Source("a.csv", text.encode())


@pytest.mark.parametrize(
    ("above", "note"),
    [
        ("Daily report\n", "line 1 is skipped: a title above the header on line 2"),
        ("Daily report\n\n\n", "line 1 is skipped: a title above the header on line 4"),
        ("Report of 2024-02-01,,\n,,\n", "lines 1 to 2 are skipped: a title above the header on line 3"),
        ("Station:,Berlin\nUnit:,MW\n", "lines 1 to 2 are skipped: a title above the header on line 3"),
        ("Exported,2024-02-01 08:00\n", "line 1 is skipped: a title above the header on line 2"),
        ("# by a logger\n# serial 42\n", "lines 1 to 2 are skipped: comments"),
        ("\n% by a program\n", "line 2 is skipped: a comment"),
    ],
)
def test_lines_above_the_header_are_skipped_with_a_note(above: str, note: str) -> None:
    found = source(above + TABLE)
    assert found.structure.names == ("date", "load", "temp")
    assert note in found.notes
    table = read_table(found, Columns(("date",), None, ("load", "temp")))
    assert table.values[:, 0].tolist() == [d + 0.5 for d in range(1, 10)]
    assert note in table.notes


def test_the_line_numbers_of_the_file_are_kept() -> None:
    text = "Daily report\n\n" + TABLE.replace("2024-01-05,5.5", "2024-01-05,five")
    with pytest.raises(DataError, match=r"a.csv:8: 'five'"):
        read_table(source(text), Columns(("date",), None, ("load",)))


def test_comments_between_rows_are_skipped_if_the_file_begins_with_one() -> None:
    text = "# logger\n" + TABLE.replace("2024-01-05", "# restarted, twice, today\n2024-01-05")
    assert len(read_table(source(text), Columns(("date",), None, ("load",))).times) == 9
    ids = "id,y\n#1,5\n#2,6\n"
    assert read_table(source(ids), Columns((), "id", ("y",))).names == ["#1", "#2"]


@pytest.mark.parametrize("line", ["# date,load,temp\n", "#date,load,temp\n", "# made by hand\n# date,load,temp\n"])
def test_a_header_behind_a_comment_sign_is_the_header(line: str) -> None:
    assert source(line + ROWS).structure.names == ("date", "load", "temp")


@pytest.mark.parametrize(
    "units", ["[UTC],MW,degC", ",kWh,°C", "yyyy-mm-dd,W/m^2,%", "date,number,number", "TS,Avg,Avg"]
)
def test_a_line_of_units_is_skipped_with_a_note(units: str) -> None:
    found = source(f"date,load,temp\n{units}\n{ROWS}")
    assert found.structure.skipped == {2}
    assert "line 2 is skipped: units below the header" in found.notes[0]


def test_the_four_header_lines_of_a_logger_are_read() -> None:
    lines = '"TOA5","CR1000","CR1000","1234","CPU:prog.CR1","55","Hourly"\n"TIMESTAMP","RECORD","AirT"\n'
    found = source(lines + '"TS","RN","Deg C"\n"","","Avg"\n' + ROWS)
    assert found.structure.names == ("TIMESTAMP", "RECORD", "AirT")
    assert found.structure.skipped == {1, 3, 4}


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\n', "SEP=;\r\n"])
def test_the_separator_line_of_excel_names_the_delimiter(line: str) -> None:
    structure = find_structure(line + TABLE.replace(",", ";"))
    assert (structure.delimiter, structure.header, structure.names) == (";", 2, ("date", "load", "temp"))


@pytest.mark.parametrize(
    "text",
    [ROWS, "5\n6\n7\n", "1.5,2.5\n2.5,3.5\n", "a,2024-01-01,5\nb,2024-01-01,6\n"],
    ids=["times", "one column", "numbers", "ids"],
)
def test_a_missing_header_is_reported(text: str) -> None:
    with pytest.raises(DataError, match=r"a\.csv:1: the header is missing: this line contains data"):
        _ = source(text).structure


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "y\n5\n6\n",
        "2019,2020\n5,6\n7,8\n",
        "0,1,2\n5,6,7\n",
        ",0\n2024-01-01,5\n",
        "Country,2019,2020,2021\nChad,1.5,2.5,3.5\nMali,1,2,3\n",
        "day,2023,2022\n1,1,2\n",
        "Page,2024-01-01,2024-01-02\nMain,5,6\n",
        "2024-01-01,2024-01-02\n5,6\n",
        "id,state,time\na,unavailable,2024-01-01\na,5,2024-01-02\n",
        "state\nunavailable\n5\n6\n",
        "word,other\nx,y\nz,x\n",
        "time,v,a\n2024-01-01,5,6\n",
        "name,value\nfoo,NA\nbar,5\n",
    ],
)
def test_an_ordinary_first_line_is_the_header(text: str) -> None:
    assert find_structure(text).is_plain
    assert find_structure(text).header == 1


def test_two_lines_that_can_both_be_the_header_are_named() -> None:
    with pytest.raises(StructureError, match="lines 1 and 2 can both be the header"):
        find_structure(",north,south\n,load,price\n" + ROWS)


def test_names_are_read_without_blanks_and_quotes_around_them() -> None:
    found = source('date, load , "a ""warm"" day"\n2024-01-01, 1, "2"\n2024-01-02, 3, "4"\n')
    assert found.structure.names == ("date", "load", 'a "warm" day')
    columns = Columns(("date",), None, ("load", 'a "warm" day'))
    assert read_table(found, columns).values.tolist() == [[1, 2], [3, 4]]


# ------------------------------------------------------------------ the end of a file


@pytest.mark.parametrize(
    ("below", "lines"),
    [
        ("Total,45,210\n", {11}),
        ("Grand total,45,210\n", {11}),
        ("Summe;45;210\n", {11}),
        ("Average,5,25\nMax,9,29\n", {11, 12}),
        (",,\n,,\n", {11, 12}),
        ("\nSource: the grid operator\n", {12}),
        ("* preliminary,,\n", {11}),
        ("Total,45,210\n,,\n", {11, 12}),
    ],
)
def test_a_footer_is_skipped_with_a_note(below: str, lines: set[int]) -> None:
    text = TABLE + below
    text = text.replace(",", ";") if ";" in below else text
    found = source(text)
    assert found.footer.lines == lines
    table = read_table(found, Columns(("date",), None, ("load",)))
    assert len(table.times) == 9
    assert any("skipped" in note for note in table.notes)


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        TABLE + "soon,3,4\n",
        TABLE + "2024-01-10,,\n",
        TABLE + "2024-01-10,closed,5\n",
        "store,date,y\nA,2024-01-01,1\nTotal,2024-01-01,2\n",
        "Country,2019,2020\nChad,1,2\nTotal,3,4\n",
        "state\n5\n6\nunavailable\n",
    ],
)
def test_a_last_row_that_may_be_data_is_kept(text: str) -> None:
    assert not find_footer(text, ",").records


def test_rows_in_order_end_before_the_total() -> None:
    text = "month,y\nJan-49,1\nFeb-49,2\nTotal,3\n"
    assert read_table(source(text), Columns((), None, ("y",))).values[:, 0].tolist() == [1, 2]


# ------------------------------------------------------------------ any text

lines = st.lists(
    st.sampled_from(["a,b,c", "1,2,3", "2024-01-01,5,x", "#", ",,", "", '"', "Total,1", "kWh,%"]), max_size=8
)


@settings(derandomize=True, deadline=None)
@given(lines, st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_text_has_a_structure_or_an_error_and_keeps_its_lines(lines: list[str], end: str) -> None:
    text = "".join(line + end for line in lines)
    try:
        structure = find_structure(text)
    except StructureError as e:
        event(str(e)[:12])
        structure = Structure(skipped=frozenset([e.line]))
    assert structure.rows(text).count(end) == len(lines)
    assert Structure().rows(text) == text


def test_lines_without_a_value_between_rows_are_skipped_with_a_note() -> None:
    text = TABLE.replace("2024-01-05", ",,\n2024-01-05").replace("2024-01-08", ",,\n2024-01-08")
    table = read_table(source(text), Columns(("date",), None, ("load",)))
    assert len(table.times) == 9
    assert "2 lines without a value are skipped" in table.notes
    with pytest.raises(DataError, match=r"a\.csv:13: 'x'"):
        read_table(source(text + "2024-01-10,x,5\n"), Columns(("date",), None, ("load",)))
    order = read_table(source("y,z\n1,2\n,\n3,4\n"), Columns((), None, ("y",)))
    assert len(order.times) == 3


@pytest.mark.parametrize("text", ["#\n", "#\n---\n", "|---|\n", "---\n" * 9])
def test_a_file_of_comments_and_rules_has_no_rows(text: str) -> None:
    with pytest.raises(DataError):
        read_table(source(text), Columns((), None, ("y",)))


def test_a_long_line_of_dashes_is_examined_at_once() -> None:
    structure = find_structure("-" * 60_000 + "x,y\n" + "1,2\n" * 9)
    assert structure.skipped == frozenset()
