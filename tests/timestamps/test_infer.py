"""Inference of timestamp patterns: a column is read as it was written, or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.timestamps.infer import infer_pattern
from seqpred.timestamps.pattern import compile_pattern
from seqpred.timestamps.unreadable import UnreadableError
from tests.timestamps.test_pattern import PATTERNS, at_resolution, microseconds

NUMERIC = {"%s", "%3s", "%6s", "%9s", "%J", "%Y"}  # see test_numeric
COLUMNS = {text for text in PATTERNS if "\t" not in text} - NUMERIC - {"%Y/%{+12mo}%y"}  # 2001/02 is a month, too
STEPS = {"microsecond": timedelta(milliseconds=500), "second": timedelta(minutes=17), "minute": timedelta(hours=1)}


@settings(max_examples=20, deadline=None)
@given(start=st.datetimes(datetime(1990, 1, 1), datetime(2020, 1, 1)), rows=st.integers(1, 60), data=st.data())
@pytest.mark.parametrize("text", sorted(COLUMNS))
def test_a_column_is_read_as_it_was_written_or_reported(
    text: str, start: datetime, rows: int, data: st.DataObject
) -> None:
    resolution = PATTERNS[text]
    step = data.draw(st.sampled_from([STEPS.get(resolution, timedelta(days=1)), timedelta(days=1), timedelta(days=45)]))
    times = [microseconds(at_resolution(start + i * step, resolution)) for i in range(rows)]
    cells = list(dict.fromkeys(compile_pattern(text).write(times)))
    try:
        found = infer_pattern(cells)
    except UnreadableError:
        return
    assert found.readings.times.tolist() == list(dict.fromkeys(times)), (found.pattern.text, cells[:3])
    assert found.pattern.write(found.readings.times) == cells, found.pattern.text


def days(form: str, rows: int = 40, start: datetime = datetime(2022, 1, 3), **step: float) -> list[str]:
    """Texts of a column, a day apart by default."""
    return [(start + i * timedelta(**(step or {"days": 1}))).strftime(form) for i in range(rows)]


@pytest.mark.parametrize(
    ("cells", "pattern"),
    [
        (["30-Dec-22", "29-Dec-22"], "%d-%b-%y"),
        (["Jan-49", "Feb-49", "Mar-49"], "%b-%y"),
        (["49-Jan", "49-Feb", "49-Mar"], "%y-%b"),
        (["Month 1949-01", "Month 1949-02"], "Month %Y-%m"),
        (["1990Q1", "1990Q2"], "%YQ%q"),
        (["1Q19", "2Q19"], "%qQ%y"),
        (["Q1'19", "Q2'19"], "Q%q'%y"),
        (["T1 2019", "T2 2019"], "T%q %Y"),
        (["1. Quartal 2019", "2. Quartal 2019"], "%q. Quartal %Y"),
        (["2019-W05", "2019-W06"], "%G-W%V"),
        (["2019W05-1", "2019W06-1"], "%GW%V-%u"),
        (["KW 5/2019", "KW 6/2019"], "KW %-V/%G"),
        (["1990M01", "1990M02"], "%YM%m"),
        (["2019-S1", "2019-S2"], "%Y-S%i"),
        (["2019/20", "2020/21", "2021/22"], "%Y/%{+12mo}%y"),
        (["20240131T0500Z", "20240131T0600Z"], "%Y%m%dT%H%M%z"),
        (["2024-01-31 05:00:00+02", "2024-01-31 06:00:00+02"], "%Y-%m-%d %H:%M:%S%z"),
        (["2024-01-31 05:00:00 UTC"], "%Y-%m-%d %H:%M:%S %z"),
        (["Mon May  1 00:00:00 2023", "Wed May 10 00:00:00 2023"], "%a %b %e %H:%M:%S %Y"),
        (["01/May/2023:00:00:00 +0000"], "%d/%b/%Y:%H:%M:%S %z"),
        (["13.5.2023 0.00", "3.5.2023 10.00"], "%-d.%-m.%Y %-H.%M"),
        (["2023-05-01", "2023-05-01 01:00:00"], "%Y-%m-%d[ %H:%M:%S]"),
        (["2023-05-01T00:00", "2023-05-01T00:00:30"], "%Y-%m-%dT%H:%M[:%S]"),
        (["2023-05-01T00:00:00", "2023-05-01T00:00:00.500000"], "%Y-%m-%dT%H:%M:%S[.%f]"),
        (["2023-05-01T00:00:00.000Z", "2023-05-01T00:00:00.500Z"], "%Y-%m-%dT%H:%M:%S.%3f%z"),
        (["2023-05-01 23:00", "2023-05-01 24:00"], "%Y-%m-%d %K:%M"),
        (["13 de enero de 2022", "1 de mayo de 2022"], None),
        (["mar. 3 mai 2022", "mer. 4 mai 2022"], None),
        (["01JAN2022", "02JAN2022"], None),
        (["2022年1月1日", "2022年1月12日"], "%Y年%-m月%-d日"),
        (["01.05.2023 00:00 - 01.05.2023 01:00", "13.05.2023 01:00 - 13.05.2023 02:00"], None),
        (["2023-01-01/2023-01-31", "2023-02-01/2023-02-28"], "%Y-%m-%d/%{+1mo-86400s}%Y-%m-%d"),
        (["1/13/2023 1 PM", "1/13/2023 2 PM"], "%-m/%-d/%Y %-I %p"),
        (days("%d/%m/%y"), "%d/%m/%y"),
        (days("%y-%m-%d"), "%y-%m-%d"),
        ([f"{y}:{q}" for y in range(1990, 1999) for q in range(1, 5)], "%Y:%q"),
        ([f"{y}-{w:02d}" for y in (2018, 2019) for w in range(1, 53)], "%G-%V"),
    ],
)
def test_common_timestamp_formats_are_recognized_and_written_back(cells: list[str], pattern: str | None) -> None:
    found = infer_pattern(cells)
    assert pattern in (None, found.pattern.text)
    zones = [found.pattern.zone_of(cell) for cell in cells]
    assert found.pattern.write(found.readings.times, zones) == cells


@pytest.mark.parametrize(
    ("cells", "place", "words"),
    [
        (["03/04/2005", "05/06/2005"], 0, "day first or month first"),
        (["03-04-05", "05-06-05"], 0, "day first or month first"),
        (days("%y-%m-%d", 9), 0, "year first"),
        ([*days("%Y-%m-%d"), "31.12.2024"], 40, "unlike '2022-01-03'"),
        ([*days("%Y-%m-%d"), "2024-02-30"], 40, "no such day"),
        ([*days("%d/%m/%Y"), "12/31/2024"], 40, "no such day"),
        (["1-Jan", "2-Jan", "3-Jan"], 0, "no year"),
        (["03-Jan", "04-Jan", "05-Jan"], 0, "no year"),
        (["14:00", "15:00"], 0, "with a year"),
        ([f"{y}-{p:02d}" for y in (2018, 2019) for p in range(1, 14)], 12, "no such day"),
        (["north", "south"], 0, "neither a timestamp nor a whole number"),
        (["A1001", "A1002"], 0, "'A' is neither a month nor a weekday"),
        (["SKU-2019-01"], 0, "'SKU' is neither a month nor a weekday"),
        (["01-Jan-30", "01-Jan-36", "01-Jan-42"], 0, "two centuries"),
        (["2023-05-01", "2023-05-02", "2023-05-02 00:00:00"], 0, "no time of day"),
        (["4 Brumaire 1990"], 0, "'Brumaire' is neither a month nor a weekday"),
    ],
)
def test_the_error_for_an_unreadable_timestamp_quotes_the_text_that_prevents_it(
    cells: list[str], place: int, words: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        infer_pattern(cells)
    assert words in caught.value.message
    assert caught.value.places[0] == place
    assert caught.value.hint


def test_the_order_of_day_and_month_is_a_setting() -> None:
    cells = ["03/04/05", "05/06/05"]
    texts = {order: infer_pattern(cells, order).pattern.text for order in ("day-first", "month-first", "year-first")}
    assert texts == {"day-first": "%d/%m/%y", "month-first": "%m/%d/%y", "year-first": "%y/%m/%d"}
    with pytest.raises(UnreadableError, match="month first"):
        infer_pattern(["31/12/2024"], "month-first")


def test_weeks_and_months_are_distinguished_by_the_name_of_the_column() -> None:
    cells = ["2019-01", "2019-02", "2019-03"]
    assert infer_pattern(cells).pattern.text == "%Y-%m"
    assert infer_pattern(cells, hint="week").pattern.text == "%G-%V"


def test_choices_in_reading_timestamps_are_reported_in_notes() -> None:
    assert infer_pattern(["30-Dec-22"]).notes == ("two-digit years are read as 1940 to 2039",)
    assert "'2023-05-01', are read as 00:00" in infer_pattern(["2023-05-01", "2023-05-01 01:00:00"]).notes[0]
