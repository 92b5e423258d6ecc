"""The fast reader of plain files gives the same rows as the general one, or leaves the file to it."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.reading import plain
from seqpred.reading import table as reading
from seqpred.reading.arrow_cells import parse_instants
from seqpred.reading.plain import read_plain
from seqpred.reading.plain_cells import NotPlainError
from seqpred.reading.table import Table, read_table
from seqpred.reading.thorough import Thorough, read_thoroughly
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import EMPTY, Dialect
from seqpred.sources.source import Source
from tests.conftest import pandas_3

COLUMNS = Columns(("ds",), "id", ("y",), past=("note",))
PLAIN = "id,ds,y,note\nb,2024-01-01,1,x\nb,2024-01-02,,z\na,2024-01-01,2.5,x\n"

ids = st.one_of(
    st.sampled_from(["a", "A", "007", "7", "1e5", "NA", "True", " a", "", '"a,b"', '"a\nb"', "é"]), st.text()
)
numbers = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(
        [*EMPTY, "+1", " 1", "1 ", "1.", ".5", "1,5", '"1,500"', "NAN", "inf", "1e400", "True", "0x1", "-99"]
    ),
)
ISO_FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S")
OTHER_FORMS = ("%Y-%m", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M+02:00", "%b %Y")
FORMS = (*ISO_FORMS, "%Y%m%d", "%d/%m/%Y", *OTHER_FORMS)
odd_times = st.sampled_from(
    ["2024-01-01", "2024-01-01 00:00", "2024-02-30", "2024-01-01 000000", "", "5", " 7", "0000-01-01"]
)
words = st.sampled_from(["x", " x", "", "NA", "1", "é", '"x"'])


@st.composite
def files(draw: st.DrawFn) -> str:
    """CSV texts, most of them plain, some with a cell or a line that no plain file has."""
    form, line_end = draw(st.sampled_from(FORMS)), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    plain_times = st.datetimes().map(
        lambda t: f"{t.year:04d}" + t.strftime(form)[4:] if form[1] == "Y" else t.strftime(form)
    )
    times = draw(st.sampled_from([plain_times, st.integers(-5, 10**8).map(str), plain_times | odd_times]))
    cells = (
        draw(st.sampled_from([ids, st.sampled_from("abAB")])),
        times,
        draw(st.sampled_from([numbers, st.floats(-9, 9).map(repr)])),
    )
    rows = draw(st.lists(st.tuples(*cells, words).map(",".join), min_size=1, max_size=8))
    if draw(st.booleans()):
        rows.insert(
            draw(st.integers(0, len(rows))),
            draw(st.sampled_from(["", " ", "a,2024-01-01,1", "a,2024-01-01,1,x,", '"'])),
        )
    return line_end.join(["id,ds,y,note", *rows]) + draw(st.sampled_from(["", line_end]))


def outcome(source: Source, columns: Columns = COLUMNS) -> Table | str:
    """The result of reading: the rows, or the error message."""
    try:
        return read_table(source, columns, {"note"})
    except DataError as e:
        return str(e)


def assert_same(one: Table | str, other: Table | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    for name in ("codes", "times", "values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert replace(one, codes=0, times=0, values=0) == replace(other, codes=0, times=0, values=0)  # type: ignore[arg-type]


@pandas_3
@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    files(),
    st.sampled_from([(), (-99.0,)]),
    st.sampled_from([COLUMNS, replace(COLUMNS, time=()), replace(COLUMNS, id=None)]),
)
def test_all_readers_give_the_same_rows_and_errors(text: str, sentinels: tuple[float, ...], columns: Columns) -> None:
    source = Source("sales.csv", text.encode(errors="surrogatepass"), Dialect(sentinels=sentinels))
    small = outcome(source, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "SMALL", 0)
        large = outcome(source, columns)
        patch.setattr(reading, "read_plain", lambda *_: None)
        thorough = outcome(source, columns)
    assert_same(small, thorough)
    assert_same(large, thorough)


@pytest.mark.parametrize(
    "content",
    [PLAIN.encode(), gzip.compress(PLAIN.encode()), b"\xef\xbb\xbf" + PLAIN.encode()],
    ids=["plain", "gzip", "with a mark"],
)
@pytest.mark.parametrize("time", ["2024-01-01", "2024-01-01 00:00", "2024-01-01T00:00:00", "5"])
@pytest.mark.parametrize("small", [0, plain.SMALL], ids=["large", "small"])
def test_a_plain_file_is_read_by_the_fast_reader(monkeypatch, content: bytes, time: str, small: int) -> None:
    monkeypatch.setattr(plain, "SMALL", small)
    assert read_plain(Source("sales.csv", content), COLUMNS, {"note"})
    rows = f"id,ds,y,note\na,{time},1,x\nb,{time},2,x\n"
    assert read_plain(Source("sales.csv", rows.encode()), COLUMNS, {"note"})


@pytest.mark.parametrize("form", [*OTHER_FORMS, "%Y%m%d", "%s"])
def test_timestamps_in_other_forms_are_read_by_the_fast_reader(form: str) -> None:
    days = [datetime(2024, month, 15, tzinfo=UTC) for month in range(1, 10)]
    times = [f"{day.timestamp():.0f}" if form == "%s" else day.strftime(form) for day in days]
    rows = "".join(f"{time},{i}\n" for i, time in enumerate(times))
    source = Source("sales.csv", f"ds,y\n{rows}".encode())
    columns = Columns(("ds",), None, ("y",))
    found, expected = read_plain(source, columns, ()), read_thoroughly(source, columns, ())
    assert found is not None
    assert isinstance(expected, Thorough)
    assert (found.clock, found.notes) == (expected.parts.clock, expected.parts.notes)
    assert found.times.tolist() == expected.parts.times.tolist()


@pytest.mark.parametrize("other", ["2024-01-01 00:00:30", "2024-01-01", "2024-01-01T00:00"])
def test_a_large_file_with_mixed_timestamp_formats_is_read_by_the_general_reader(other: str) -> None:
    texts = ["2024-01-01 00:00", "2024-01-01 00:01"]
    assert len(parse_instants(pa.array(texts), texts[0])) == 2
    with pytest.raises(NotPlainError):
        parse_instants(pa.array([*texts, other]), texts[0])
