"""Each fault of a data file gets one sentence: where, what was found, what to do; and leaves nothing behind."""

from __future__ import annotations

import datetime
import gzip
import json

import pytest

CONFIG = "data: {target: y}\nforecast: {horizon: 2}\ntraining: {max_steps: 1}\n"


def days(values: list[object]) -> str:
    """A daily CSV."""
    first = datetime.date(2024, 1, 1)
    return "\n".join(["ds,y", *(f"{first + datetime.timedelta(i)},{v}" for i, v in enumerate(values))]) + "\n"


@pytest.fixture
def faulty(refused, write):
    """Trains on a file that must be refused; gives what is said."""

    def train(content, name="sales.csv", config=CONFIG, code=3):
        write("c.yaml", config)
        write(name, content)
        return refused(code, "train", "c.yaml", "--data", name, "--out", "m")

    return train


@pytest.mark.parametrize("command", [["init"], ["train", "c.yaml", "--out", "m", "--data"]], ids=lambda c: c[0])
def test_a_missing_file_is_named_with_its_nearest_neighbour(refused, write, command):
    write("c.yaml", CONFIG)
    write("sales.csv", days([1, 2]))
    said = refused(3, *command, "slaes.csv")
    assert "slaes.csv: no such file" in said
    assert "'sales.csv'" in said


def test_a_folder_in_place_of_a_file_is_told(refused, tmp_path):
    (tmp_path / "sales").mkdir()
    assert "sales: is a folder" in refused(3, "init", "sales")


def test_a_refused_file_leaves_no_folder_for_models_behind(refused, write):
    write("c.yaml", CONFIG)
    refused(3, "train", "c.yaml", "--data", "none.csv")
    refused(3, "train", "c.yaml", "--data", "none.csv", "--out", "a/b/m")


def test_an_empty_file_is_told_to_need_a_header(faulty):
    said = faulty("")
    assert "sales.csv: is empty" in said
    assert "header" in said


def test_empty_standard_input_is_told_by_its_name(refused, write):
    write("c.yaml", CONFIG)
    assert "standard input: is empty" in refused(3, "train", "c.yaml", "--out", "m", "--data", "-")


def test_a_header_without_rows_is_told(faulty):
    assert "sales.csv: has a header but no rows" in faulty("ds,y\n")


def test_an_absent_column_is_told_with_the_nearest_name(faulty):
    said = faulty(days([1, 2]).replace("y\n", "Sales\n", 1), config="data: {target: salse}\n")
    assert "sales.csv: no column 'salse'" in said
    assert "Did you mean 'Sales'?" in said


def test_an_absent_column_given_to_init_is_told_with_the_nearest_name(refused, write):
    write("sales.csv", "day,units\n2024-01-01,1\n2024-01-02,2\n")
    said = refused(3, "init", "sales.csv", "--target", "unit")
    assert "no column 'unit'" in said
    assert "'units'" in said


def test_text_in_the_target_is_told_with_its_value_and_its_first_three_lines(faulty):
    values: list[object] = list(range(40))
    values[5] = values[9] = values[20] = values[30] = "n.v."
    said = faulty(days(values))
    assert "sales.csv:7: 'n.v.' in column 'y' is not a number" in said
    assert "4 such rows: 7, 11, 22, ..." in said


def test_a_line_number_counts_blank_lines_and_quoted_line_breaks(faulty):
    content = 'ds,note,y\n\n2024-01-01,"two\nlines",1\n2024-01-02,,2\n\n\n2024-01-03,,"x"\n2024-01-04,,bad\n'
    said = faulty(content)
    assert "sales.csv:8: 'x'" in said
    assert "2 such rows: 8, 9" in said


def test_a_line_number_counts_lines_of_blanks_only(faulty):
    assert "sales.csv:5: 'x'" in faulty("ds,y\n2024-01-01,1\n   \n2024-01-02,2\n2024-01-03,x\n")


def test_a_line_number_is_right_in_a_compressed_file_with_windows_line_ends(faulty):
    content = gzip.compress(days([1, 2, "x"]).replace("\n", "\r\n").encode("utf-8-sig"))
    assert "sales.csv.gz:4: 'x'" in faulty(content, "sales.csv.gz")


def test_a_line_number_is_right_on_standard_input(refused, write):
    write("c.yaml", CONFIG)
    said = refused(3, "train", "c.yaml", "--out", "m", "--data", "-", stdin=days([1, 2, "x"]))
    assert "standard input:4: 'x'" in said


def test_a_fault_behind_a_very_long_field_is_still_told(faulty):
    content = f'ds,note,y\n2024-01-01,"{"long " * 40_000}",1\n2024-01-02,,x\n'
    assert "sales.csv:3: 'x'" in faulty(content)


def test_an_infinite_value_is_told(faulty):
    assert "sales.csv:3: an infinite value in column 'y'" in faulty(days([1, "inf", 3]))


def test_too_few_rows_are_told_with_how_many_there_are_and_how_many_are_needed(faulty):
    said = faulty(days([3, 1, 4, 1, 5]), config="data: {target: y}\nforecast: {horizon: 12}\n")
    assert "sales.csv" in said
    assert "5 rows" in said
    assert "need" in said
    assert "forecast.horizon" in said


def test_a_constant_series_is_told_with_its_value(faulty):
    said = faulty(days([7] * 60))
    assert "sales.csv: column 'y' is constant" in said
    assert "(7 in every row)" in said


def test_a_target_without_any_value_is_told(faulty):
    assert "column 'y' has no value" in faulty(days([""] * 60))


def test_a_repeated_time_is_told_with_its_lines(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n2024-01-03,4\n")
    assert "sales.csv:4: the time 2024-01-02 stands twice" in said
    assert "data.id" in said


def test_a_time_off_the_step_is_told(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n2024-01-03T06:00,3\n".replace("T06:00", ""))
    assert "sales.csv:5" in said
    rows = "\n".join(f"2024-01-{i:02d} 00:00,{i}" for i in range(1, 20))
    said = faulty(f"ds,y\n{rows}\n2024-01-20 07:00,20\n")
    assert "sales.csv:21: 2024-01-20 07:00" in said
    assert "data.frequency" in said


def test_a_time_that_is_no_date_is_told_with_its_line(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,2\nsoon,3\n", config="data: {target: y, time: ds}\n")
    assert "sales.csv:4: 'soon' in column 'ds'" in said


def test_an_empty_time_is_told_with_its_line(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,2\n,3\n", config="data: {target: y, time: ds}\n")
    assert "sales.csv:4" in said
    assert "'ds' is empty" in said


def test_dates_that_may_be_day_first_or_month_first_are_not_guessed(faulty):
    said = faulty("ds,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n", config="data: {target: y, time: ds}\n")
    assert "sales.csv:2: '01/02/2024'" in said
    assert "day first or month first" in said


def test_one_row_with_a_field_too_many_is_told_with_its_line(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,2,3\n2024-01-03,4\n")
    assert "sales.csv:3: 3 fields where the header has 2" in said


def test_rows_that_all_have_a_field_too_many_are_not_shifted_into_other_columns(faulty):
    said = faulty("ds,y\n" + "".join(f"2024-01-{i:02d},{i},5\n" for i in range(1, 29)))
    assert "sales.csv:2: 3 fields where the header has 2" in said


def test_bytes_that_are_no_utf8_are_told_with_the_remedy(faulty):
    said = faulty("ds,y\n2024-01-01,1\n2024-01-02,é\n".encode("latin-1"))
    assert "sales.csv: is not UTF-8 (byte 0xe9" in said
    assert "iconv" in said


@pytest.mark.parametrize("fault", ["cut", "altered"])
def test_a_damaged_compressed_file_is_told(faulty, fault):
    whole = bytearray(gzip.compress(days(list(range(400))).encode()))
    if fault == "altered":
        whole[12:200] = bytes(b ^ 0x5A for b in whole[12:200])
    content = bytes(whole[: len(whole) // 2]) if fault == "cut" else bytes(whole)
    assert "sales.csv.gz: can't be read" in faulty(content, "sales.csv.gz")


def test_a_binary_file_is_no_bug_of_ours(faulty):
    assert "sales.csv" in faulty(bytes(range(256)) * 8)


def test_with_json_a_data_error_is_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days([1, "x", 3]))
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))
    assert list(error) == ["error"]
    assert list(error["error"]) == ["code", "message", "hint"]
    assert error["error"]["code"] == 3
    assert error["error"]["message"].startswith("sales.csv:3: 'x'")
    assert error["error"]["hint"]


def test_with_json_an_error_after_notes_is_still_one_object_on_stderr(refused, write):
    write("c.yaml", CONFIG)
    write("sales.csv", days([7] * 60).replace("2024-01-09,7\n", ""))  # a gap, which is worth a note
    error = json.loads(refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m", "--json"))["error"]
    assert "constant" in error["message"]
