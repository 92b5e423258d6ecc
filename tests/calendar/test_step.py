"""Time steps: parsing, writing, arithmetic and inference."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.calendar.infer import infer_step, is_explained
from seqpred.calendar.step import DAY, SECOND, Step, usual_seasons
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat

PROPERTY = settings(derandomize=True, deadline=None, max_examples=50)
HOUR = 3600 * SECOND

durations = st.one_of(
    st.integers(1, 10 * 365 * DAY),
    st.sampled_from([1, SECOND, 60 * SECOND, 900 * SECOND, HOUR, DAY, 7 * DAY, DAY + 1, 90 * SECOND]),
)
steps = st.one_of(
    st.builds(Step, st.just("row"), st.integers(1, 10**9)),
    st.builds(Step, st.just("microsecond"), durations),
    st.builds(Step, st.sampled_from(["month", "month-end"]), st.integers(1, 120)),
    st.just(Step("business-day", 1)),
)


def stamp(*when: int) -> int:
    """Microseconds since 1970 of a date and clock time."""
    return (dt.datetime(*when) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)


def last_day(year: int, month: int) -> int:
    """The last day of a month, by the standard library."""
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    return (following - dt.timedelta(days=1)).day


@st.composite
def grids(draw: st.DrawFn) -> tuple[Step, int]:
    """A step and an origin on its grid."""
    step = draw(steps)
    if step.unit == "row":
        return step, draw(st.integers(-(10**6), 10**6))
    day = draw(st.dates(dt.date(1700, 1, 1), dt.date(2100, 12, 31)))
    if step.unit == "month-end":
        day = day.replace(day=last_day(day.year, day.month))
    while step.unit == "business-day" and day.weekday() > 4:
        day += dt.timedelta(days=1)
    return step, stamp(day.year, day.month, day.day) + draw(st.integers(0, DAY - 1))


def infer(times: list[int], dated: bool = True) -> Step | None:
    """The step of one series."""
    return infer_step(np.array(times, np.int64), np.arange(len(times)) == 0, dated)


# ------------------------------------------------------------------ round trips


@PROPERTY
@given(steps)
def test_a_step_is_parsed_back_from_its_text(step: Step) -> None:
    assert Step.parse(str(step)) == step


@PROPERTY
@given(grids(), st.integers(0, 10**6))
def test_each_time_may_have_its_own_origin(grid: tuple[Step, int], seed: int) -> None:
    step, first = grid
    rng = np.random.default_rng(seed)
    origins = step.times(first, rng.integers(0, 50, 20))
    times = step.times(first, rng.integers(50, 99, 20)) + rng.integers(0, 2, 20)
    position, on_step = step.positions(times, origins)
    alone = [step.positions(times[i : i + 1], int(origins[i])) for i in range(20)]
    assert position.tolist() == [int(p[0]) for p, _ in alone]
    assert on_step.tolist() == [bool(on[0]) for _, on in alone]


@PROPERTY
@given(grids(), st.lists(st.integers(0, 200), min_size=1, max_size=20))
def test_the_positions_of_the_times_at_k_steps_are_k(grid: tuple[Step, int], ks: list[int]) -> None:
    step, origin = grid
    wanted = np.array(ks, np.int64)
    positions, on_step = step.positions(step.times(origin, wanted), origin)
    assert positions.tolist() == ks
    assert on_step.all()


@PROPERTY
@given(grids(), st.integers(0, 50))
def test_times_increase_with_their_positions_from_the_origin(grid: tuple[Step, int], k: int) -> None:
    step, origin = grid
    times = step.times(origin, np.arange(k + 2))
    assert times[0] == origin
    assert (np.diff(times) > 0).all()


@PROPERTY
@given(grids(), st.integers(1, 40))
def test_a_time_close_to_the_grid_is_not_on_it(grid: tuple[Step, int], k: int) -> None:
    step, origin = grid
    if step.count == 1 and step.unit in ("row", "microsecond"):
        return  # every whole number is on it
    _, on_step = step.positions(step.times(origin, np.array([k])) + 1, origin)
    assert not on_step.any()


@PROPERTY
@given(st.dates(dt.date(1700, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 24), st.integers(0, 100))
def test_months_keep_their_day_or_use_the_last_one(day: dt.date, count: int, k: int) -> None:
    month = day.month - 1 + count * k
    year, month = day.year + month // 12, month % 12 + 1
    expected = stamp(year, month, min(day.day, last_day(year, month)), 5, 30)
    found = Step("month", count).times(stamp(day.year, day.month, day.day, 5, 30), np.array([k]))
    assert found.tolist() == [expected]


@PROPERTY
@given(st.integers(1700, 2100), st.integers(1, 12), st.integers(1, 24), st.integers(0, 100))
def test_month_ends_fall_on_the_last_day_of_each_month(year: int, month: int, count: int, k: int) -> None:
    later = month - 1 + count * k
    then = (year + later // 12, later % 12 + 1)
    found = Step("month-end", count).times(stamp(year, month, last_day(year, month)), np.array([k]))
    assert found.tolist() == [stamp(*then, last_day(*then))]


@PROPERTY
@given(st.dates(dt.date(1950, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 60))
def test_business_days_are_counted_as_on_a_calendar(day: dt.date, k: int) -> None:
    while day.weekday() > 4:
        day += dt.timedelta(days=1)
    found = Step("business-day", 1).times(stamp(day.year, day.month, day.day), np.array([k]))
    then = day
    for _ in range(k):
        then += dt.timedelta(days=3 if then.weekday() == 4 else 1)
    assert found.tolist() == [stamp(then.year, then.month, then.day)]


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P0D", "P0M", "0", "-1", "1.5", "D", "hourly", "P1", "P1M-start", "\u0661"]
)
def test_an_invalid_step_is_quoted_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a step such as") as e:
        Step.parse(text)
    assert repr(text) in str(e.value)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("PT15M", Step("microsecond", 900 * SECOND)),
        ("PT0.5S", Step("microsecond", SECOND // 2)),
        ("P1W", Step("microsecond", 7 * DAY)),
        ("P1DT12H", Step("microsecond", DAY + 12 * HOUR)),
        ("P1M", Step("month", 1)),
        ("PT1M", Step("microsecond", 60 * SECOND)),
        ("P1Y6M", Step("month", 18)),
        ("P3M-end", Step("month-end", 3)),
        ("24", Step("row", 24)),
    ],
)
def test_equivalent_notations_of_a_step_are_parsed(text: str, step: Step) -> None:
    assert Step.parse(text) == step


# ------------------------------------------------------------------ the step is found


def every(step: int, count: int = 60, start: int = stamp(2021, 3, 1)) -> list[int]:
    """Evenly spaced times."""
    return [start + i * step for i in range(count)]


def monthly(day: int, months: int = 1, count: int = 30) -> list[int]:
    """Months with a row on this day, or on the last one of shorter months."""
    found = []
    for i in range(0, count * months, months):
        year, month = 2019 + i // 12, i % 12 + 1
        found.append(stamp(year, month, min(day, last_day(year, month))))
    return found


WORKDAYS = [t for t in every(DAY, 120) if (t // DAY + 3) % 7 < 5]
CALENDARS = {
    "hourly": (every(HOUR), "PT1H"),
    "every quarter of an hour": (every(900 * SECOND), "PT15M"),
    "half a second": (every(SECOND // 2), "PT0.5S"),
    "daily": (every(DAY), "P1D"),
    "weekly": (every(7 * DAY), "P7D"),
    "every four weeks": (every(28 * DAY), "P28D"),
    "monthly on day 1": (monthly(1), "P1M"),
    "monthly on day 15": (monthly(15), "P1M"),
    "monthly on day 28": (monthly(28), "P1M"),
    "monthly on day 30": (monthly(30), "P1M"),
    "monthly on the last day": (monthly(31), "P1M-end"),
    "quarterly on day 1": (monthly(1, 3), "P3M"),
    "quarterly on the last day": (monthly(31, 3), "P3M-end"),
    "yearly": (monthly(1, 12), "P1Y"),
    "business days": (WORKDAYS, "business-day"),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_the_step_of_a_usual_calendar_is_found(name: str) -> None:
    times, expected = CALENDARS[name]
    step = infer(times)
    assert str(step) == expected


@pytest.mark.parametrize("name", CALENDARS)
def test_the_step_is_found_despite_gaps_and_every_row_is_on_its_grid(name: str) -> None:
    times, expected = CALENDARS[name]
    kept = [t for i, t in enumerate(times) if i % 7 != 4 and not 12 <= i < 15]
    step = infer(kept)
    assert str(step) == expected
    assert step is not None
    positions, on_step = step.positions(np.array(kept), kept[0])
    assert on_step.all()
    assert positions.tolist() == [times.index(t) for t in kept]


@pytest.mark.parametrize("name", CALENDARS)
def test_the_inferred_step_continues_the_calendar_beyond_the_last_row(name: str) -> None:
    times, _ = CALENDARS[name]
    step = infer(times[:-3])
    assert step is not None
    assert step.times(times[0], np.arange(len(times))).tolist() == times


def test_yearly_rows_on_the_last_day_stay_on_it() -> None:
    step = infer([stamp(y, 12, 31) for y in range(1990, 2010)])
    assert step is not None
    assert step.times(stamp(1990, 12, 31), np.array([30])).tolist() == [stamp(2020, 12, 31)]


def test_the_step_of_integers_is_their_most_frequent_gap() -> None:
    assert infer(list(range(1700, 1800)), dated=False) == Step("row", 1)
    assert infer([0, 10, 20, 30, 50, 60, 90], dated=False) == Step("row", 10)


def test_integers_have_no_calendar_even_if_a_month_of_microseconds_apart() -> None:
    assert infer(every(31 * DAY), dated=False) == Step("row", 31 * DAY)


def test_the_gap_between_two_series_is_not_a_step() -> None:
    times = np.array([*every(DAY, 3), *every(DAY, 3, stamp(1999, 1, 1))], np.int64)
    starts = np.array([True, False, False] * 2)
    assert infer_step(times, starts, True) == Step("microsecond", DAY)


def test_series_on_different_days_of_the_month_share_a_monthly_step() -> None:
    times = np.array([*monthly(1), *monthly(15)], np.int64)
    starts = np.arange(60) % 30 == 0
    assert infer_step(times, starts, True) == Step("month", 1)


def test_single_rows_have_no_step() -> None:
    assert infer([stamp(2020, 1, 1)]) is None
    assert infer_step(np.array([1, 2], np.int64), np.array([True, True]), False) is None


def test_six_days_a_week_are_not_business_days() -> None:
    assert infer([t for t in every(DAY, 120) if (t // DAY + 3) % 7 < 6]) == Step("microsecond", DAY)


@pytest.mark.parametrize(
    ("text", "seasons"),
    [
        ("PT1H", [24, 168]),
        ("PT15M", [96, 672]),
        ("P1D", [7, 365]),
        ("P7D", [52]),
        ("P1M", [12]),
        ("P3M-end", [4]),
        ("business-day", [5, 261]),
        ("P1Y", []),
        ("1", []),
    ],
)
def test_the_usual_seasons_are_day_week_and_year(text: str, seasons: list[int]) -> None:
    assert usual_seasons(Step.parse(text)) == seasons


# ------------------------------------------------------------------ times are written as they came

FORMS = [
    "2024-01-31",
    "2024-01-31 05:00:00",
    "2024-01-31T05:00:00",
    "2024-01-31T05:00",
    "2024-01-31T05:00:00.250000",
    "31.01.2024",
    "31/01/2024",
    "01/31/2024",
    "2024-01",
    "Jan 2024",
    "31 Jan 2024",
    "1848-01-31",
    "20240131",
    1848,
    -7,
    "2024-01-31T05:00:00Z",
    "2024-01-31 05:00:00+00:00",
    "2024-01-31T05:00:00+0200",
]


def read_times(text: str) -> tuple[TimestampFormat, np.ndarray]:
    """The clock and the times of a one-row file."""
    table = read_table(Source("t.csv", f"ds,y\n{text},1\n".encode()), Columns(("ds",), None, ("y",)))
    return table.clock, table.times


@pytest.mark.parametrize("text", FORMS)
def test_a_written_time_is_read_back_as_the_same_instant(text: str | int) -> None:
    clock, times = read_times(str(text))
    (written,) = clock.write(times)
    again, same = read_times(str(written))
    assert same.tolist() == times.tolist()
    assert again.pattern == clock.pattern, f"{text} was written as {written}: in another form"


def test_plain_dates_are_written_exactly_as_they_were() -> None:
    for text in FORMS[:15]:
        clock, times = read_times(str(text))
        assert clock.write(times) == [text]


@pytest.mark.parametrize(("distance", "explained"), [(1, True), (10, True), (11, False), (30, False)])
def test_a_step_fits_rows_that_are_a_few_steps_apart(distance: int, explained: bool) -> None:
    times = np.arange(40, dtype=np.int64) * distance
    assert is_explained(Step("row", 1), times, times == 0) is explained
