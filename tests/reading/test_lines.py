"""Lines as they arrive, complete or in pieces, and their rows; malformed rows are reported."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import os
from pathlib import Path

import pytest

from seqpred.calendar.step import Step
from seqpred.errors import DataError, Fault
from seqpred.reading.lines import LineParser, Row, RowFormat
from seqpred.reading.waiting_lines import MAX_LINE, MAX_READ, Line, waiting_lines
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect

COLUMNS = Columns(("t",), "id", ("y",), past=("sky",))


def rows_of(*lines: bytes, step: str = "P1D", dialect: Dialect | None = None) -> tuple[list[Row], list[str]]:
    skipped: list[Fault] = []
    row_format = RowFormat(COLUMNS, dialect or Dialect(), {"sky": ("clear", "rain")}, Step.parse(step))
    parser = LineParser("rows", row_format, skipped.append)
    rows = parser.parse([Line(i, line) for i, line in enumerate(lines, start=1)])
    assert parser.malformed == len(skipped)
    return rows, [str(row) for row in skipped]


HEADER = b"t,id,sky,y"


def test_a_row_has_its_series_its_time_and_codes():
    rows, messages = rows_of(
        HEADER, b"1970-01-02,a,rain,3", b"1970-01-03, b ,snow,\r", b"", b'1970-01-04,"a,b",clear,1e2'
    )
    assert messages == []
    assert [(r.line, r.name, r.time, r.values[1]) for r in rows] == [
        (2, "a", 86_400_000_000, 2.0),
        (3, "b", 2 * 86_400_000_000, 0.0),
        (5, "a,b", 3 * 86_400_000_000, 1.0),
    ]
    assert [rows[0].values[0], rows[2].values[0]] == [3.0, 100.0]
    assert math.isnan(rows[1].values[0])


@pytest.mark.parametrize(
    "before",
    [
        [b"Export of 3 May", b"", HEADER],
        [b"# a logger", b"# serial: 7", HEADER],
        [b"# a logger", b"# t,id,sky,y"],
        [b"sep=,", HEADER],
        [b'"TOA5","station","CR1000"', HEADER],
        [b"\xef\xbb\xbfExport", HEADER],
        [b"Export,,,", b",,,", HEADER],
    ],
    ids=["title", "comments", "header in a comment", "sep=", "TOA5", "byte-order mark", "title with delimiters"],
)
def test_titles_and_comments_before_the_header_are_skipped(before):
    rows, messages = rows_of(*before, b"1970-01-02,a,rain,3", b"1970-01-03,a,rain,4")
    assert messages == []
    assert [row.values[0] for row in rows] == [3.0, 4.0]


@pytest.mark.parametrize(
    "before",
    [
        [b't,id,sky,"y', b'sold"'],
        [b'"Export of 3 May', b't,id,sky,"y', b'sold"'],
        [b't,id,sky,y,"a', b"", b'note"'],
        [b'"t",id,sky,"y', b'sold"'],
    ],
    ids=["column", "title with a quote", "column that is not used", "quoted column before it"],
)
def test_a_header_may_contain_line_breaks_in_quotes(before):
    name = "y" if any(b"note" in line for line in before) else "y\nsold"
    row_format = RowFormat(Columns(("t",), None, (name,)), Dialect(), {}, Step.parse("P1D"))
    lines = [*before, b"1970-01-02,a,rain,3,", b"1970-01-03,a,rain,4,"]
    rows = LineParser("rows", row_format, lambda _: None).parse([Line(i, line) for i, line in enumerate(lines)])
    assert [row.values for row in rows] == [[3.0], [4.0]]


def test_a_quote_that_is_not_closed_on_its_line_is_explained():
    _, messages = rows_of(HEADER, b'1970-01-02,"a,rain,3')
    assert messages == ["rows:2: the quotes of the line do not match (in a stream, a row is one line)"]


def test_comments_between_rows_are_skipped_if_the_stream_begins_with_one():
    rows, messages = rows_of(b"# a logger", HEADER, b"1970-01-02,a,rain,3", b"# restarted", b"1970-01-03,a,rain,4")
    assert messages == []
    assert len(rows) == 2


@pytest.mark.parametrize("header", [b"t,id,y", b"t;y", b"when,id,sky,y", b"1970-01-02,a,rain,3"])
def test_a_header_without_a_column_is_an_error_at_once(header):
    with pytest.raises(DataError, match="rows:1: no column"):
        rows_of(header)


@pytest.mark.parametrize(
    "line",
    [
        b"1970-01-02,a,rain,x",
        b"1970-01-02,a,rain,1_000",
        b"1970-01-02,a,rain,inf",
        b"1970-01-02,a,rain",
        b"1970-01-02,a,rain,1,2",
        b"1970-01-02,,rain,1",
        b",a,rain,1",
        b"1970-02-31,a,rain,1",
        b"10000-01-01,a,rain,1",
        b"19700103,a,rain,1",
        b"1970-W01-3,a,rain,1",
        b"1970-01-03-01-07,a,rain,1",
        b"1970-01-03T00,a,rain,1",
        b'1970-01-02,"a,rain,1',
        b"1970-01-02,a\0,rain,1",
        b"1970-01-02,\xff,rain,1",
    ],
)
def test_a_malformed_row_is_reported_with_its_line(line: bytes):
    rows, messages = rows_of(HEADER, b"1970-01-01,a,rain,1", line, b"1970-01-03,a,rain,1")
    assert [r.line for r in rows] == [2, 4]
    assert len(messages) == 1
    assert messages[0].startswith("rows:3: ")


@pytest.mark.parametrize("line", [b"[" * 5000, b"1", b'{"t": 5', b'{"id": "a"}', b'{"t": "a", "id": "a", "y": 1}'])
def test_a_line_that_is_not_an_object_with_the_columns_is_skipped(line: bytes):
    whole = b'{"t": 4, "id": 7, "sky": null, "y": 2.5}'
    rows, messages = rows_of(whole, line, whole, step="1")
    assert [(r.name, r.time, r.values) for r in rows] == [("7", 4, [2.5, 0.0])] * 2
    assert len(messages) == 1


@pytest.mark.parametrize("time", [b"inf", b"nan", b"1e30", b"1.5"])
def test_a_time_that_is_not_a_whole_number_is_skipped(time: bytes):
    rows, messages = rows_of(HEADER, b"1,a,rain,1", time + b",a,rain,1", step="1")
    assert (len(rows), len(messages)) == (1, 1)


def test_rows_are_parsed_in_the_dialect_of_the_model():
    rows, messages = rows_of(
        b"t;id;sky;y",
        b"31/12/1970;a;;1.234,5",
        b"01/02/1971;a;;-200",
        dialect=Dialect(decimal=",", date_order="day-first", sentinels=(-200,)),
    )
    assert messages == []
    assert rows[0].values[0] == 1234.5
    assert math.isnan(rows[1].values[0])
    assert rows[1].time - rows[0].time == 32 * 86_400_000_000


def test_complete_lines_are_returned_without_waiting_for_more():
    out, into = os.pipe()
    stop, ring = os.pipe()
    lines = waiting_lines(out, stop)
    os.write(into, b"one\ntw")
    assert next(lines) == [Line(1, b"one")]
    os.write(into, b"o\nthree\n")
    assert next(lines) == [Line(2, b"two"), Line(3, b"three")]
    os.write(into, b"fou")
    assert next(lines) == []
    os.write(ring, b".")
    assert list(lines) == []  # the incomplete fourth line is dropped
    for descriptor in (out, into, stop, ring):
        os.close(descriptor)


def test_a_line_that_is_too_long_is_dropped_and_one_without_a_line_break_is_marked(tmp_path):
    path = tmp_path / "rows"
    path.write_bytes(b"a\n" + b"9" * (3 * MAX_LINE) + b"\nb")
    with path.open("rb") as file:
        lines = [line for some in waiting_lines(file.fileno()) for line in some]
    assert lines == [Line(1, b"a"), Line(2, None), Line(3, b"b", ended=False)]


def lines_in(place: Path, content: bytes) -> list[list[Line]]:
    (place / "rows").write_bytes(content)
    with (place / "rows").open("rb") as file:
        return list(waiting_lines(file.fileno(), source="my rows"))


COMPRESS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("packing", COMPRESS)
def test_several_compressed_files_one_after_another_are_one_stream(tmp_path, packing):
    compress = COMPRESS[packing]
    packed = compress(b"t,y\n1,") + compress(b"2\n3,4\n") + (bytes(9) if packing == "gzip" else b"")
    found = [line.content for lines in lines_in(tmp_path, packed) for line in lines]
    assert found == [b"t,y", b"1,2", b"3,4"]


@pytest.mark.parametrize("size", [MAX_READ - 1, MAX_READ, MAX_READ + 1, 3 * MAX_READ])
@pytest.mark.parametrize("packing", COMPRESS)
def test_a_compressed_stream_is_read_completely_in_parts_of_bounded_size(tmp_path, packing, size):
    text = (bytes(63) + b"\n") * (size // 64) + b"\n" * (size % 64)
    parts = [[line.content for line in lines] for lines in lines_in(tmp_path, COMPRESS[packing](text))]
    assert b"".join(content + b"\n" for lines in parts for content in lines) == text
    assert max(sum(len(content) + 1 for content in lines) for lines in parts) <= MAX_READ + 64


@pytest.mark.parametrize("how", ["cut off", "altered"])
@pytest.mark.parametrize("packing", COMPRESS)
def test_a_damaged_compressed_stream_is_an_error(tmp_path, packing, how):
    whole = COMPRESS[packing](bytes(range(256)) * 9)
    damaged = whole[:-9] if how == "cut off" else whole[:-60] + b"\xff" * 20 + whole[-40:]
    with pytest.raises(DataError, match=f"damaged {packing} stream"):
        lines_in(tmp_path, damaged)


OTHER_STREAMS = {b"\x28\xb5\x2f\xfd": "zstdcat", b"PK\x03\x04": "unzip -p", b"PAR1": "Omit", b"\xff\xfet\0": "iconv"}


@pytest.mark.parametrize(("beginning", "remedy"), OTHER_STREAMS.items(), ids=["zstd", "zip", "Parquet", "UTF-16"])
def test_streams_that_are_not_lines_of_text_are_rejected_with_a_remedy(tmp_path, beginning, remedy):
    with pytest.raises(DataError, match="cannot be read row by row") as caught:
        lines_in(tmp_path, beginning + bytes(20))
    assert remedy in caught.value.hint
    assert ("'my rows' | seqpred" in caught.value.hint) == (remedy != "Omit")
    assert caught.value.message.startswith("my rows: is ")
