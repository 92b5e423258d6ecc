"""Timestamp patterns: what is written is read back, for a column and for a single text alike."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.timestamps.fields import EPOCH, day_number, first_iso_day
from seqpred.timestamps.pattern import compile_pattern

# A pattern, and the resolution of what it writes.
PATTERNS = {
    "%Y-%m-%d": "day",
    "%-d.%-m.%Y": "day",
    "%m/%d/%Y": "day",
    "%d-%b-%y": "short",
    "%b-%y": "short month",
    "%A, %B %o, %Y": "day",
    "%d %b{janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc.} %Y": "day",
    "%Y-%j": "day",
    "%G-W%V-%u": "day",
    "%G-W%V": "week",
    "%Y-%m": "month",
    "%YM%m": "month",
    "%YQ%q": "quarter",
    "Q%q %Y": "quarter",
    "%Y-S%i": "half",
    "%Y": "year",
    "%Y/%{+12mo}%y": "year",
    "%Y-%m-%d %H:%M:%S": "second",
    "%Y-%m-%dT%H:%M:%S[.%f]": "microsecond",
    "%Y-%m-%d[ %H:%M[:%S[.%f]]]": "microsecond",
    "%m/%d/%Y %I:%M:%S %p": "second",
    "%d/%m/%Y %-I:%M %p{a.m.|p.m.}": "minute",
    "%Y%m%dT%H%M%S": "second",
    "%d-%m-%Y %H.%M.%S": "second",
    "%Y-%m-%d %K:%M": "minute",
    "%Y-%m-%d\t%K": "hour",
    "%Y-%m-%d\t%N{1800}": "half hour",
    "%Y\t%b\t%d": "day",
    "%d.%m.%Y %H:%M - %{+3600s}%d.%m.%Y %H:%M": "minute",
    "%Y-%m-%d/%{+1mo-86400s}%Y-%m-%d": "month",
    "%s": "second",
    "%3s": "millisecond",
    "%6s": "microsecond",
    "%9s": "microsecond",
    "%J": "second",
}


def at_resolution(stamp: datetime, resolution: str) -> datetime:
    """The first moment of the day, month and so on."""
    unit = resolution.removeprefix("short ").replace("short", "day")
    midnight = stamp.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "microsecond": stamp,
        "millisecond": stamp.replace(microsecond=stamp.microsecond // 1000 * 1000),
        "second": stamp.replace(microsecond=0),
        "minute": stamp.replace(second=0, microsecond=0),
        "half hour": stamp.replace(minute=stamp.minute // 30 * 30, second=0, microsecond=0),
        "hour": stamp.replace(minute=0, second=0, microsecond=0),
        "day": midnight,
        "week": midnight - timedelta(days=stamp.weekday()),
        "month": midnight.replace(day=1),
        "quarter": midnight.replace(day=1, month=(stamp.month - 1) // 3 * 3 + 1),
        "half": midnight.replace(day=1, month=(stamp.month - 1) // 6 * 6 + 1),
        "year": midnight.replace(day=1, month=1),
    }
    return starts[unit]


def microseconds(stamp: datetime) -> int:
    return (stamp - EPOCH) // timedelta(microseconds=1)


@settings(max_examples=30, deadline=None)
@given(stamps=st.lists(st.datetimes(datetime(1940, 1, 8), datetime(2038, 12, 1)), min_size=1, max_size=5))
@pytest.mark.parametrize("text", PATTERNS)
def test_a_pattern_reads_back_what_it_writes(text: str, stamps: list[datetime]) -> None:
    pattern = compile_pattern(text)
    times = [microseconds(at_resolution(stamp, PATTERNS[text])) for stamp in stamps]
    written = pattern.write(times)
    found = pattern.read(written)
    assert not found.bad.any(), written
    assert found.times.tolist() == times, written
    assert [pattern.read_one(cell) for cell in written] == [(time, 0) for time in times]


@settings(max_examples=200, deadline=None)
@given(
    text=st.sampled_from(sorted(PATTERNS)),
    cell=st.one_of(
        st.from_regex(r"[0-9]{1,4}[-/. :TQWM]{0,1}[0-9]{0,2}[-/. :]{0,1}[0-9]{0,4}", fullmatch=True), st.text()
    ),
)
def test_a_column_and_a_single_text_are_read_alike(text: str, cell: str) -> None:
    pattern = compile_pattern(text)
    found = pattern.read([cell])
    try:
        time, offset = pattern.read_one(cell)
    except ValueError:
        assert found.bad[0]
    else:
        assert not found.bad[0]
        assert (int(found.times[0]), int(found.offsets[0])) == (time, offset)


@given(st.dates())
def test_day_numbers_are_those_of_the_standard_library(day: object) -> None:
    assert isinstance(day, type(datetime(1970, 1, 1).date()))
    assert day_number(day.year, day.month, day.day) == (day - EPOCH.date()).days
    year, week, weekday = day.isocalendar()
    assert first_iso_day(year) + 7 * (week - 1) + weekday - 1 == (day - EPOCH.date()).days


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("%Y-%m-%d", "2023-02-29"),
        ("%Y-%m-%d", "0000-01-01"),
        ("%Y-%m-%d", "2023-1-1x"),
        ("%Y-%m-%d %H:%M", "2023-01-01 24:01"),
        ("%Y-%m-%d %H:%M", "2023-01-01 23:60"),
        ("%d/%m/%Y %I:%M %p", "01/01/2023 13:00 PM"),
        ("%G-W%V", "2023-W53"),
        ("%Y-%j", "2023-366"),
        ("%YQ%q", "2023Q5"),
        ("%a %d/%m/%Y", "Tue 02/01/2023"),
        ("%Y%m%d", "202311"),
    ],
)
def test_a_day_or_time_that_does_not_exist_is_not_read(text: str, cell: str) -> None:
    pattern = compile_pattern(text)
    assert pattern.read([cell]).bad.tolist() == [True]
    with pytest.raises(ValueError, match="is not a time of the form"):
        pattern.read_one(cell)


@pytest.mark.parametrize(
    ("text", "cell", "expected"),
    [
        ("%Y-%m-%d %H:%M", "2023-01-31 24:00", "2023-02-01T00:00"),
        ("%d-%b-%y", "30-DEC-22", "2022-12-30T00:00"),
        ("%d-%b-%y", "1-févr.-49", "1949-02-01T00:00"),
        ("%m/%d/%Y %I:%M %p", "05/01/2023 12:00 am", "2023-05-01T00:00"),
        ("%Y-%m-%dT%H:%M:%S.%f", "2023-05-01T00:00:00.123456789", "2023-05-01T00:00:00.123456"),
        ("%J", "44000.0416666667", "2020-06-18T01:00"),
        ("%4J", "44000.0417", "2020-06-18T01:00"),
        ("%-9s", "1672531200", None),
        ("%s", "-86400", "1969-12-31T00:00"),
    ],
)
def test_texts_are_read_by_their_pattern_or_the_pattern_is_rejected(text: str, cell: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="directive"):
            compile_pattern(text)
        return
    found = compile_pattern(text).read([cell]).times
    assert found.astype("datetime64[us]")[0] == np.datetime64(expected)


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("Z", 0),
        ("+02", 120),
        ("+0530", 330),
        ("-03:30", -210),
        ("UTC", 0),
        ("GMT+2", 120),
        ("CEST", 120),
        ("EST", -300),
    ],
)
def test_offsets_are_read_in_all_their_forms(zone: str, minutes: int) -> None:
    pattern = compile_pattern("%Y-%m-%d %H:%M%z")
    cell = f"2023-05-01 00:00{zone}"
    assert pattern.read([cell]).offsets.tolist() == [minutes * 60_000_000]
    assert pattern.zone_of(cell) == zone


def test_a_pattern_without_a_year_or_with_an_open_bracket_is_rejected() -> None:
    for text in ("%d/%m", "%Y[", "%Y]", "%Y-%?"):
        with pytest.raises(ValueError, match=r"year|'\[|'\]|directive"):
            _ = compile_pattern(text).parts
