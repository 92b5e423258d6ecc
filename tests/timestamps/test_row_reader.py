"""A stream reads timestamps as a file with the same rows does."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.calendar.step import Step
from seqpred.sources.dialect import USUAL, Dialect
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.infer import infer_pattern
from seqpred.timestamps.pattern import compile_pattern
from seqpred.timestamps.row_reader import TimestampReader
from seqpred.timestamps.unreadable import UnreadableError
from tests.timestamps.test_infer import COLUMNS, STEPS
from tests.timestamps.test_pattern import PATTERNS, at_resolution, microseconds

HOURLY, DAILY, MONTHLY, WEEKLY = (Step.parse(text) for text in ("PT1H", "P1D", "P1M", "P7D"))


def reader(step: Step = HOURLY, dialect: Dialect = USUAL, names: tuple[str, ...] = ("ds",)) -> TimestampReader:
    return TimestampReader(names, dialect, step)


@settings(max_examples=15, deadline=None)
@given(start=st.datetimes(datetime(1990, 1, 1), datetime(2020, 1, 1)))
@pytest.mark.parametrize("text", sorted(COLUMNS - {"%Y:%q"}))
def test_rows_are_read_like_the_column_or_reported(text: str, start: datetime) -> None:
    resolution = PATTERNS[text]
    step = STEPS.get(resolution, timedelta(days=32))
    times = [microseconds(at_resolution(start + i * step, resolution)) for i in range(12)]
    cells = compile_pattern(text).write(times)
    try:
        infer_pattern(list(dict.fromkeys(cells)))
    except UnreadableError:
        return
    rows = reader(DAILY)
    try:
        first = rows.read([cells[0]])[0]
    except ValueError:
        return
    assert first == times[0]
    for cell, time in zip(cells[1:], times[1:], strict=True):
        try:
            assert rows.read([cell])[0] == time
        except ValueError:
            return


def test_a_later_row_may_show_a_part_that_the_first_one_lacks() -> None:
    rows = reader()
    found = [rows.read([cell])[0] for cell in ("2023-05-01", "2023-05-01 01:00:00", "2023-05-01 01:00:00.500000")]
    assert [time - found[0] for time in found] == [0, 3_600_000_000, 3_600_500_000]
    assert rows.format == TimestampFormat("%Y-%m-%d[ %H:%M:%S[.%f]]") or rows.format is not None


def test_a_number_is_read_as_a_time_according_to_the_step() -> None:
    assert reader(MONTHLY).read(["201905"])[0] == microseconds(datetime(2019, 5, 1))
    assert reader(WEEKLY).read(["201905"])[0] == microseconds(datetime(2019, 1, 28))
    assert reader(Step("row", 1)).read(["201905"])[0] == 201905
    assert reader(HOURLY).read(["2023050113"])[0] == microseconds(datetime(2023, 5, 1, 13))
    assert reader(HOURLY).read(["1672531200"])[0] == microseconds(datetime(2023, 1, 1))


def test_a_date_that_can_be_read_in_two_ways_is_reported_unless_its_order_is_set() -> None:
    with pytest.raises(ValueError, match="day first or month first"):
        reader(DAILY).read(["03/04/2023"])
    assert reader(DAILY, Dialect(date_order="day-first")).read(["03/04/2023"])[0] == microseconds(datetime(2023, 4, 3))


def test_several_columns_are_one_timestamp() -> None:
    rows = reader(names=("date", "hour"))
    assert rows.read(["2023-05-01", "23"])[0] == microseconds(datetime(2023, 5, 1, 23))
    assert rows.read(["2023-05-01", "24"])[0] == microseconds(datetime(2023, 5, 2))


def test_a_malformed_row_is_reported_with_the_format_of_the_others() -> None:
    rows = reader(DAILY)
    rows.read(["2023-05-01"])
    with pytest.raises(ValueError, match="'soon' is not a time of the form %Y-%m-%d"):
        rows.read(["soon"])
