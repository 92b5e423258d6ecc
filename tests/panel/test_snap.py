"""Almost regular timestamps: the error names a remedy, and the remedy works."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.errors import DataError
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import Dialect
from seqpred.sources.source import Source

DAY = timedelta(days=1)


def weeks_with_holidays() -> list[datetime]:
    """Two of 200 weeks end on a Thursday, since the Friday is a holiday."""
    fridays = [datetime(2018, 1, 5) + 7 * i * DAY for i in range(200)]
    return [day - DAY if i in (20, 120) else day for i, day in enumerate(fridays)]


def fiscal_months() -> list[datetime]:
    """The last days of periods of 4, 4 and 5 weeks, with a week more every sixth year."""
    days, weeks = [datetime(2016, 1, 30)], (4, 4, 5)
    for i in range(60):
        extra = 7 * DAY if i == 34 else timedelta(0)
        days.append(days[-1] + 7 * weeks[(i + 1) % 3] * DAY + extra)
    return days


def paydays() -> list[datetime]:
    """The first and the fifteenth of each month."""
    return [datetime(2015 + i // 24, i // 2 % 12 + 1, (1, 15)[i % 2]) for i in range(120)]


def jittering_logger() -> list[datetime]:
    rng = np.random.default_rng(1)
    seconds = rng.integers(-20, 21, 300)
    return [datetime(2024, 1, 1) + timedelta(minutes=10 * i, seconds=int(s)) for i, s in enumerate(seconds)]


def panel_of(days: list[datetime], frequency: str = "auto", snap: str | None = None) -> Panel:
    rows = "".join(f"{day:%Y-%m-%d %H:%M:%S},{i}\n" for i, day in enumerate(days))
    source = Source("sales.csv", f"ds,y\n{rows}".encode(), Dialect(snap=snap))
    return build_panel(read_table(source, Columns(("ds",), None, ("y",))), frequency)


def remedy(days: list[datetime]) -> dict[str, str]:
    """The keys that the error for misaligned rows names."""
    with pytest.raises(DataError, match="is not a whole number of steps") as caught:
        panel_of(days)
    assert "irregular" in str(caught.value.hint)
    assert caught.value.hint is not None
    before = caught.value.hint.partition(", or data.frequency: irregular")[0]
    return dict(re.findall(r"data\.(\w+): (\S+)", before))


@pytest.mark.parametrize(
    ("days", "step"),
    [(weeks_with_holidays(), "P7D"), (jittering_logger(), "PT10M"), (fiscal_months(), "P1M")],
    ids=["weeks", "logger", "fiscal months"],
)
def test_the_error_names_a_tolerance_that_makes_the_rows_readable(days: list[datetime], step: str) -> None:
    keys = remedy(days)
    panel = panel_of(days, keys.get("frequency", "auto"), keys["snap"])
    assert str(panel.step) == step
    assert panel.values[:, 0].tolist() == list(range(len(days))), "no row is lost or moved to another place"


def test_where_no_step_is_near_enough_irregular_is_the_remedy() -> None:
    days = paydays()
    assert "snap" not in remedy(days)
    panel = panel_of(days, "irregular")
    assert panel.times(0, np.arange(2)).astype("datetime64[us]").tolist() == days[:2]


@settings(max_examples=50, deadline=None)
@given(data=st.data(), rows=st.integers(3, 60), step=st.sampled_from(["PT1H", "P1D", "P7D"]))
def test_rows_within_the_tolerance_keep_their_order_and_their_gaps(data: st.DataObject, rows: int, step: str) -> None:
    hours = {"PT1H": 1, "P1D": 24, "P7D": 168}[step]
    most = hours * 3600 // 5
    off = data.draw(st.lists(st.integers(0, most), min_size=rows, max_size=rows))
    gaps = data.draw(st.lists(st.integers(1, 3), min_size=rows, max_size=rows))
    positions = np.cumsum(gaps) - gaps[0]
    start = datetime(2024, 1, 1)
    days = [start + timedelta(hours=int(p) * hours, seconds=s) for p, s in zip(positions, off, strict=True)]
    panel = panel_of(days, step, f"PT{most + 1}S")
    known = np.flatnonzero(np.isfinite(panel.values[:, 0]))
    assert known.tolist() == positions.tolist()


@pytest.mark.parametrize(
    ("frequency", "snap", "words"),
    [
        ("P7D", "P4D", "half the step"),
        ("P7D", "soon", "data.snap is 'soon'"),
        ("P7D", "P1M", "data.snap is 'P1M'"),
        ("irregular", "P1D", "the rows have no step"),
    ],
)
def test_an_unusable_tolerance_is_an_error(frequency: str, snap: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        panel_of(weeks_with_holidays(), frequency, snap)


def test_two_rows_that_are_moved_to_the_same_time_are_reported() -> None:
    days = weeks_with_holidays()
    with pytest.raises(DataError, match=r"sales.csv:4: 2018-01-13 00:00:00 is moved to the same time as 2018-01-12"):
        panel_of([*days[:2], days[1] + DAY, *days[2:]], "P7D", "P1D")
