"""The same rows from every container, and files that are not tables."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from seqpred.errors import DataError
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import Table, read_table
from seqpred.sources import containers, opening
from seqpred.sources.columns import Columns
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source

FRAME = pd.DataFrame({"date": [f"2024-01-{d:02d}" for d in range(1, 10)], "y": np.arange(9) + 0.5})
TEXT = FRAME.to_csv(index=False).encode()
COLUMNS = Columns(("date",), None, ("y",))


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data).to_pybytes()
    return packed


def parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


def as_feather(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    feather.write_feather(frame, content)
    return content.getvalue()


def excel(rows: list[list[object]], *others: str) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    for name in others:
        book.create_sheet(name)["B2"] = 1
    book.create_sheet("empty")
    book.save(content)
    return content.getvalue()


JSON_LINES = FRAME.to_json(orient="records", lines=True).encode()
JSON_RECORDS = FRAME.to_json(orient="records").encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zip": lambda data: zipped({"sales.csv": data, "__MACOSX/._sales.csv": b"x"}),
}


def read(content: bytes) -> Table:
    return read_table(Source("a", content), COLUMNS)


def fault(content: bytes) -> str:
    with pytest.raises(DataError) as e:
        read(content)
    return str(e.value)


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize(
    "content", [TEXT, JSON_LINES, JSON_RECORDS, parquet(FRAME)], ids=["csv", "jsonl", "json", "parquet"]
)
def test_a_compressed_file_is_read_like_the_file_in_it(packing: str, content: bytes) -> None:
    table = read(PACKERS[packing](content))
    np.testing.assert_array_equal(table.values, read(TEXT).values)
    np.testing.assert_array_equal(table.times, read(TEXT).times)


@pytest.mark.parametrize("content", [JSON_LINES, JSON_RECORDS, parquet(FRAME), as_feather(FRAME)])
def test_a_file_of_another_format_has_the_same_rows(content: bytes) -> None:
    np.testing.assert_array_equal(read(content).values, read(TEXT).values)
    assert [p.name for p in profile_columns(Source("a", content))] == ["date", "y"]


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd", "zip"])
def test_a_file_that_is_cut_off_is_reported(packing: str) -> None:
    packed = PACKERS[packing](os.urandom(3000).hex().encode() + b"\n")
    assert "cannot be read" in fault(packed[: len(packed) // 2])


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd", "zip"])
def test_a_decompression_bomb_is_refused(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_UNPACKED", 1 << 16)
    monkeypatch.setattr(containers, "MAX_RATIO", 2)
    packed = zipped({"a": b""}) if packing == "zip" else PACKERS[packing](TEXT + b"\n" * (1 << 18))
    if packing == "zip":
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", TEXT + b"\n" * (1 << 18))
        packed = content.getvalue()
    assert "decompresses to hundreds of times its size. If you trust the file, decompress it with" in fault(packed)


def test_the_error_for_an_archive_of_several_files_names_them() -> None:
    assert "contains 2 files (a.csv, b.csv)" in fault(zipped({"a.csv": TEXT, "b.csv": TEXT}))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "an old Excel workbook"),
        (b"SQLite format 3\0" + bytes(600), "an SQLite database"),
        (b"%PDF-1.7\n" + bytes(600), "a PDF document"),
        (b"  <!DOCTYPE html>\n<html></html>", "an HTML page"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive"),
    ],
)
def test_the_error_for_a_file_that_is_not_a_table_names_its_kind(content: bytes, found: str) -> None:
    assert f"is {found}" in fault(content)
    assert f"is {found}" in fault(gzip.compress(content))


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (b"SQLite format 3\0" + bytes(600), "sqlite3 -header -csv 'my file' "),
        (b'{"data": [{"date": "2024-01-01", "y": 1}]}', "jq -c '.data[]' 'my file' "),
        (b"date  y\n2024-01-01  1\n2024-01-02  2\n2024-01-03  3\n", "{$1=$1} 1' 'my file' > 'my file'.csv"),
    ],
    ids=["SQLite", "JSON", "columns separated by blanks"],
)
def test_a_command_that_a_message_suggests_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my file").write_bytes(content)
    with pytest.raises(DataError) as e:
        read_table(open_source("my file"), COLUMNS)
    assert command in e.value.hint


# ------------------------------------------------------------------ JSON


def test_a_key_that_an_object_lacks_is_an_empty_cell() -> None:
    rows = [{"date": "2024-01-01", "y": 1}, {"date": "2024-01-02"}, {"date": "2024-01-03", "y": None}]
    table = read("\n".join(map(json.dumps, rows)).encode())
    assert np.isnan(table.values[:, 0]).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"date": "2024-01-01", "y": 1}\n{"date": \n', "a:2: is not JSON"),
        (b'{"date": "2024-01-01", "y": 1}\n5\n', "a:2: is a JSON int, not an object"),
        (b'[{"date": "2024-01-01", "y": 1}, 5]', "a, row 1: is a JSON int, not an object"),
        (b'[{"date": "2024-01-01", "y": 1}', "a: is not JSON"),
        (b"{" + b'"a":{' * 100_000, "nested too deeply"),
        (
            b'{"date": "2024-01-01", "y": 1}\n{"date": "2024-01-02", "y": "x"}\n',
            "a:2: 'x' in column 'y' is not a number",
        ),
    ],
)
def test_malformed_json_is_reported_with_its_line(content: bytes, found: str) -> None:
    assert found in fault(content)


# ------------------------------------------------------------------ nested columns, Excel


def test_nested_columns_are_ignored_with_a_note() -> None:
    frame = FRAME.assign(tags=[["a", "b"]] * 9, more=[{"k": 1}] * 9)
    for content in (parquet(frame), frame.to_json(orient="records").encode()):
        source = Source("a", content)
        kinds = {p.name: p.kind for p in profile_columns(source)}
        assert kinds == {"date": "time", "y": "number", "tags": "nested", "more": "nested"}
        table = read_table(source, COLUMNS)
        assert "nested columns are ignored: 'tags', 'more'" in table.notes
        with pytest.raises(DataError, match="column 'tags' is nested"):
            read_table(source, Columns(("date",), None, ("tags",)))


def test_a_period_index_is_a_column_of_timestamps() -> None:
    index = pd.period_range("2024-01", periods=6, freq="M", name="month")
    source = open_source(pd.DataFrame({"y": np.arange(6.0)}, index))
    assert [(p.name, p.kind) for p in profile_columns(source)] == [("month", "time"), ("y", "number")]
    table = read_table(source, Columns(("month",), None, ("y",)))
    assert table.clock.write(table.times[:2]) == ["2024-01-01", "2024-02-01"]


def test_the_first_sheet_of_a_workbook_is_read_as_a_text_is() -> None:
    dates = pd.date_range("2024-01-01", periods=9).to_pydatetime()
    rows: list[list[object]] = [["Daily report"], [], ["date", "y"], *[[d, i + 0.5] for i, d in enumerate(dates)]]
    source = Source("a.xlsx", excel([*rows, ["Total", 40.5]]))
    table = read_table(source, COLUMNS)
    np.testing.assert_array_equal(table.values, read(TEXT).values)
    np.testing.assert_array_equal(table.times, read(TEXT).times)
    assert "lines 1 to 2 are skipped: a title above the header on line 3" in table.notes


@pytest.mark.parametrize("title", [[], [["Daily report"], []]])
def test_worksheets_that_are_not_read_are_named(title: list[list[object]]) -> None:
    rows: list[list[object]] = [*title, ["t", "y"], [1, 2], [2, 3]]
    columns = Columns(("t",), None, ("y",))
    assert not any("worksheet" in note for note in read_table(Source("a.xlsx", excel(rows)), columns).notes)
    table = read_table(Source("a.xlsx", excel(rows, "2023", "2024")), columns)
    assert "worksheet 'Sheet' is read, and not '2023', '2024'" in table.notes


def test_a_number_in_a_workbook_has_one_reading() -> None:
    source = Source("a.xlsx", excel([["t", "y"], [1, 987], [2, 1.234]]))
    assert read_table(source, Columns(("t",), None, ("y",))).values[:, 0].tolist() == [987, 1.234]


def test_the_extra_for_workbooks_is_named_if_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = excel([["t", "y"], [1, 2]])
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    assert "pip install 'seqpred[excel]'" in fault(content)


# ------------------------------------------------------------------ NUL bytes, pipes, patterns


@pytest.mark.parametrize("line", [2, 7, 4000])
def test_a_nul_byte_is_reported_with_its_line(line: int) -> None:
    lines = b"id,date,y\n" + b"a,2024-01-01,5\n" * 20_000
    rows = lines.split(b"\n")
    rows[line - 1] = b"a\0b,2024-01-01,5"
    with pytest.raises(DataError, match=f"a:{line}: the line contains a NUL byte"):
        read_table(Source("a", b"\n".join(rows)), Columns(("date",), None, ("y",)))


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT * 5000,))
    writer.start()
    source = open_source(pipe)
    writer.join()
    assert source.content == TEXT * 5000
    assert source.name == str(pipe)


def test_the_wait_for_a_writer_can_be_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")

    class Poll:
        """A wait during which the user presses Ctrl-C."""

        def register(self, *_: object) -> None: ...

        def poll(self, milliseconds: float) -> list[object]:
            assert milliseconds < 1000
            raise KeyboardInterrupt

    monkeypatch.setattr(opening.select, "poll", Poll)
    with pytest.raises(KeyboardInterrupt):
        open_source(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["https://example.org/a.csv", "s3://bucket/a.csv"])
def test_the_error_for_a_url_shows_how_to_download_it(name: str) -> None:
    with pytest.raises(DataError, match=r"is a URL\. Download it first"):
        open_source(name)


def test_a_device_is_refused() -> None:
    with pytest.raises(DataError, match="is a device"):
        open_source("/dev/zero")


def test_a_pattern_searches_a_bounded_number_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/.hidden/d.csv", "x/y/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    found = open_source(f"{tmp_path}/**/*.csv").content
    assert found == tuple(tmp_path / name for name in ("a.csv", "x/b.csv", "x/y/c.csv"))
    assert open_source(f"{tmp_path}/**/y/*.csv").content == (tmp_path / "x/y/c.csv",)
    monkeypatch.setattr(opening, "MAX_FOLDERS", 2)
    with pytest.raises(DataError, match=r"covers more than 2 folders\. Name a folder further down"):
        open_source(f"{tmp_path}/**/*.csv")
    monkeypatch.setattr(opening, "MAX_FILES", 0)
    with pytest.raises(DataError, match="matches more than 0 files"):
        open_source(f"{tmp_path}/*.csv")


def test_periods_in_a_parquet_file_are_timestamps() -> None:
    index = pd.period_range("2024-01", periods=6, freq="M", name="month")
    source = Source("a", parquet(pd.DataFrame({"y": np.arange(6.0)}, index)))
    table = read_table(source, Columns(("month",), None, ("y",)))
    assert table.clock.write(table.times[:2]) == ["2024-01-01", "2024-02-01"]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (json.dumps({"data": [{"date": "2024-01-01", "y": 1}]}), "jq -c '.data[]' FILE > rows.jsonl"),
        (FRAME.to_json(), "orient='records'"),
    ],
)
def test_the_error_for_json_that_is_one_object_shows_how_to_extract_its_rows(content: str, hint: str) -> None:
    assert hint in fault(content.encode())


@pytest.mark.parametrize(
    ("content", "where"),
    [(b'{"id": "a", "y": 1}\n{"id": "\\ud800", "y": 1}\n', ":2"), (b'[{"y": 1}, {"\\udfff": 1}]', "row 1")],
)
def test_a_lone_surrogate_in_json_is_an_error_with_its_place(content: bytes, where: str) -> None:
    message = fault(content)
    assert "contains a lone surrogate, which is not a character" in message
    assert where in message


@pytest.mark.parametrize("names", [["id", "y"], ["id", "y\ud800"]])
def test_a_lone_surrogate_in_a_data_frame_is_an_error(names: list[str]) -> None:
    frame = pd.DataFrame({"id": pd.Series(["a\ud800" if names[1] == "y" else "a"], dtype=object), "y": [1.0]})
    frame.columns = pd.Index(names, dtype=object)
    with pytest.raises(DataError, match="lone surrogate"):
        open_source(frame)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(gzip.compress(b"ds,y\n2024-01-01,1\n", mtime=0), mtime=0), "is compressed twice (gzip)"),
        (b"<stata_dta><header><release>118", "is a Stata file"),
        (b"$FL2@(#) SPSS DATA FILE", "is an SPSS file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer to a file in Git LFS"),
    ],
)
def test_the_error_for_a_file_of_another_program_names_its_kind(content: bytes, found: str) -> None:
    assert found in fault(content)
