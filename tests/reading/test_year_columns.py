"""One column per year: the day of each cell."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from seqpred.errors import DataError
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.reading.year_columns import unfold_years
from seqpred.sources.dialect import Dialect
from seqpred.sources.source import Source
from tests.conftest import columns_of


def panel(text: str, *years: str, layout: Any = "years", series: str | None = None) -> Panel:
    source = Source("y.csv", text.encode(), Dialect(layout=layout))
    columns = columns_of(source, series=series, targets=years)
    return build_panel(unfold_years(read_table(source, columns)))


def days(year: int, count: int = 365) -> list[date]:
    return [date(year, 1, 1) + timedelta(d) for d in range(count)]


def test_a_cell_is_the_same_date_in_its_own_year() -> None:
    rows = "".join(f"{d},{i},{i + 1000}\n" for i, d in enumerate(days(2023)))
    found = panel(f"day,2023,2022\n{rows}", "2023", "2022")
    assert found.columns.targets == ("value",)
    assert found.values[:, 0].tolist() == [*range(1000, 1365), *range(365)]
    assert found.clock.write(found.times(0, np.array([0, 364, 365]))) == ["2022-01-01", "2022-12-31", "2023-01-01"]


def test_a_cell_is_the_same_weekday_in_its_own_year() -> None:
    rows = "".join(f"{d},{i},{i + 1000}\n" for i, d in enumerate(days(2023, 364)))
    found = panel(f"day,2023,2022\n{rows}", "2023", "2022", layout="weekday-years")
    assert found.clock.write(found.times(0, np.array([0, 364]))) == ["2022-01-02", "2023-01-01"]
    assert not np.isnan(found.values).any()


def test_empty_cells_at_both_ends_are_skipped_and_counted_and_inner_ones_kept() -> None:
    rows = "".join(f"{d},{i if i < 100 else ''},{i if i not in (0, 200) else ''}\n" for i, d in enumerate(days(2023)))
    found = panel(f"day,2023,2022\n{rows}", "2023", "2022")
    assert len(found.values) == 364 + 100
    assert any(note.startswith("266 empty cells") for note in found.notes)
    assert np.flatnonzero(np.isnan(found.values[:, 0])).tolist() == [199]


def test_29_february_must_be_empty_in_other_years() -> None:
    rows = [f"{d},{i},{'' if (d.month, d.day) == (2, 29) else i}\n" for i, d in enumerate(days(2024, 366))]
    assert not np.isnan(panel("day,2024,2023\n" + "".join(rows), "2024", "2023").values).any()
    rows[59] = "2024-02-29,59,59\n"
    with pytest.raises(DataError, match=r"y\.csv:61: 29 February"):
        panel("day,2024,2023\n" + "".join(rows), "2024", "2023")


@pytest.mark.parametrize(
    ("text", "years", "expected"),
    [
        ("day,2023,x\n2023-01-01,1,2\n", ("2023", "x"), "'x' is not a year"),
        ("day,2023,2022\n1,1,2\n", ("2023", "2022"), "the times are not dates"),
    ],
)
def test_other_tables_are_rejected_with_a_reason(text: str, years: tuple[str, ...], expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        panel(text, *years)
