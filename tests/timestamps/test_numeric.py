"""Numeric timestamps are distinguished from counters by their range and their step."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.timestamps.format import may_be_timestamps
from seqpred.timestamps.numeric import infer_numeric
from seqpred.timestamps.pattern import compile_pattern
from seqpred.timestamps.unreadable import UnreadableError
from tests.timestamps.test_pattern import at_resolution, microseconds

HOUR = timedelta(hours=1)
KINDS = {
    "%Y%m%d": ("day", timedelta(days=1)),
    "%Y%m%d%H": ("hour", HOUR),
    "%Y%m%d%H%M": ("minute", HOUR / 4),
    "%Y%m%d%H%M%S": ("second", HOUR / 60),
    "%Y%j": ("day", timedelta(days=1)),
    "%s": ("second", HOUR),
    "%3s": ("millisecond", HOUR / 3600),
    "%6s": ("microsecond", HOUR / 3600),
    "%9s": ("microsecond", HOUR),
    "%J": ("day", timedelta(days=1)),
}


@settings(max_examples=15, deadline=None)
@given(start=st.datetimes(datetime(2001, 10, 1), datetime(2030, 1, 1)), rows=st.integers(2, 80))
@pytest.mark.parametrize("text", KINDS)
def test_regular_timestamps_written_as_numbers_are_read_back(text: str, start: datetime, rows: int) -> None:
    resolution, step = KINDS[text]
    times = [microseconds(at_resolution(start + i * step, resolution)) for i in range(rows)]
    cells = list(dict.fromkeys(compile_pattern(text).write(times)))
    found = infer_numeric(cells, "time")
    assert found is not None
    assert found.readings.times.tolist() == list(dict.fromkeys(times)), (found.pattern.text, cells[:2])
    assert found.notes, "a choice is reported"


@settings(max_examples=200, deadline=None)
@given(first=st.integers(0, 10**7), step=st.integers(1, 50), rows=st.integers(3, 400))
def test_counters_are_not_read_as_timestamps(first: int, step: int, rows: int) -> None:
    numbers = [first + i * step for i in range(rows)]
    found = infer_numeric([str(number) for number in numbers])
    if found is not None:  # all of them are dates, as 200001 to 200012 are
        assert not found.readings.bad.any()
        assert may_be_timestamps(numbers[0], numbers[-1])


@pytest.mark.parametrize(
    ("cells", "unit", "pattern"),
    [
        ([f"{y}{m:02d}" for y in (1990, 1991) for m in range(1, 13)], None, "%Y%m"),
        ([f"{y}{w:02d}" for y in (2019, 2021) for w in range(1, 53)], None, "%G%V"),
        (["201901", "201902", "201903"], "week", "%G%V"),
        ([f"{y}{q}" for y in (2019, 2020, 2021) for q in range(1, 5)], "quarter", "%Y%q"),
        (["44000", "44001", "44002"], "date", "%J"),
        (["44000", "44001", "44002"], None, None),
        (["44000", "44000.0416666667", "44000.0833333333"], "date", "%10J"),
        (["1949", "1949.08333333333", "1949.16666666667", "1949.25"], "time", "%11D"),
        (["1949.00", "1949.25", "1949.50", "1949.75", "1950.00"], "time", "%2D"),
        (["1990.09", "1990.10", "1990.11"], "month", "%Y.%m"),
        (["1990.09", "1990.1", "1990.11"], "month", None),
        (["1672531200.0", "1672534800.0"], "time", "%s.%1f"),
        (["13012023", "14012023"], "date", "%d%m%Y"),
        (["1990", "1991"], "year", None),
        (["1", "2", "3"], "time", None),
        (["0.0", "0.1"], "time", None),
        (["200001", "200007", "200093"], None, None),
    ],
)
def test_numbers_are_read_as_times_according_to_their_digits_column_name_and_step(
    cells: list[str], unit: str, pattern: str | None
) -> None:
    found = infer_numeric(cells, unit)  # type: ignore[arg-type]
    assert (found and found.pattern.text) == pattern


def test_eight_digits_that_can_be_day_first_and_month_first_are_ambiguous() -> None:
    with pytest.raises(UnreadableError, match="day first or month first"):
        infer_numeric(["01022023", "02022023", "03022023"], "date")
