"""What `check` finds in each series: gaps, empty cells, duplicates, outliers, constant stretches."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.calendar.step import Step
from seqpred.inspection.findings import LISTED, describe_columns
from seqpred.inspection.grid_report import report_grid, requested_step
from seqpred.inspection.survey import Survey, survey
from seqpred.panel.build import build_panel
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import Table, read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from seqpred.timestamps.format import TimestampFormat
from tests.conftest import columns_of, seasonal

PROPERTY = settings(derandomize=True, deadline=None, max_examples=60)
NAN = float("nan")


def numbered(*series: dict[int, float] | npt.NDArray[np.float64]) -> Table:
    """A table of series with integer times: a value at each time."""
    parts = [dict(enumerate(s)) if isinstance(s, np.ndarray) else s for s in series]
    return Table(
        Source("sales.csv", b""),
        Columns("ds", "id", ("y",)),
        TimestampFormat("integer"),
        [f"s{i}" for i in range(len(parts))],
        np.repeat(np.arange(len(parts)), [len(p) for p in parts]),
        np.array([t for p in parts for t in p], np.int64),
        np.array([[v] for p in parts for v in p.values()], float),
    )


def surveyed(*series: dict[int, float] | npt.NDArray[np.float64]) -> Survey:
    table = numbered(*series)
    return survey(build_panel(table, "1"), table)


def read(content: str, *targets: str) -> Table:
    source = Source("sales.csv", content.encode())
    return read_table(source, columns_of(source, targets=targets or ("y",)))


def outliers(values: npt.NDArray[np.float64]) -> list[int]:
    """The number of outliers of a series and the row of the farthest; empty if there are none."""
    found = surveyed(values)
    return [] if found.farthest[0, 0] < 0 else [int(found.outliers[0, 0]), int(found.farthest[0, 0])]


# ------------------------------------------------------------------ holes, cells, repeats


def test_missing_rows_are_distinguished_from_empty_cells() -> None:
    found = surveyed({0: 1, 1: NAN, 2: 3, 5: 4, 7: 5})
    assert found.missing.tolist() == [3]
    assert found.gaps.tolist() == [2]
    assert found.longest_gap.tolist() == [2]
    assert found.empty.tolist() == [[1]]


cells = st.sampled_from(["absent", "empty", "0", "1"])


@PROPERTY
@given(st.lists(st.lists(cells, max_size=30), min_size=1, max_size=6))
def test_counts_match_the_rows_and_cells_that_were_removed(drawn: list[list[str]]) -> None:
    laid = [["1", *series, "1"] for series in drawn]  # a series begins and ends with a row that is there
    tables = [{t: NAN if c == "empty" else float(c) for t, c in enumerate(series) if c != "absent"} for series in laid]
    found = surveyed(*tables)
    for s, series in enumerate(laid):
        runs = [(key, len(list(run))) for key, run in itertools.groupby(series)]
        holes = [n for key, n in runs if key == "absent"]
        assert found.missing[s] == sum(holes)
        assert found.gaps[s] == len(holes)
        assert found.longest_gap[s] == max(holes, default=0)
        assert found.empty[s, 0] == series.count("empty")
        assert found.longest_constant[s, 0] == max(n for key, n in runs if key in ("0", "1"))
        assert found.constant[s, 0] == ("0" not in series)


def test_duplicate_timestamps_are_counted_in_their_series() -> None:
    once = numbered(np.arange(4.0), np.arange(5.0))
    extra = [7, 7, 5]
    twice = replace(once, codes=np.append(once.codes, [1, 1, 0]), times=np.append(once.times, np.array(extra) % 4))
    found = survey(build_panel(once), twice)
    assert found.duplicates.tolist() == [1, 2]
    assert report_grid(twice).duplicates == 3


def test_empty_cells_alone_are_neither_constant_nor_outliers() -> None:
    found = surveyed(np.full(6, NAN), np.arange(6.0))
    assert found.longest_constant.ravel().tolist() == [0, 1]
    assert found.empty.ravel().tolist() == [6, 0]
    assert found.farthest.ravel().tolist() == [-1, -1]
    assert found.constant.ravel().tolist() == [True, False]


# ------------------------------------------------------------------ outliers


@pytest.mark.parametrize("row", [0, 1, 30, 57, 118, 119])
@pytest.mark.parametrize("value", [-200.0, 0.0, 1e6])
def test_a_single_spike_is_the_only_outlier_wherever_it_is(row: int, value: float) -> None:
    values = seasonal(120)
    values[row] = value
    assert outliers(values) == [1, row]


def test_a_spike_is_an_outlier_where_most_values_are_equal() -> None:
    values = np.where(np.arange(100) % 5 == 0, 10.0 + np.arange(100) % 3, 0.0)
    values[52] = 5000.0
    assert outliers(values) == [1, 52]


def test_all_sentinels_are_outliers() -> None:
    values = seasonal(120)
    values[20:40] = -200
    found = surveyed(values)
    assert found.outliers[0, 0] == 20
    assert 20 <= found.farthest[0, 0] < 40


QUIET = {
    "a season": seasonal(240),
    "a steep trend": np.exp(np.arange(100) / 20) * (1 + 0.01 * seasonal(100)),
    "a new level": np.repeat([10.0, 13.0], 100) + np.random.default_rng(1).normal(0, 0.5, 200),
    "noise": np.random.default_rng(2).normal(0, 1, 2000),
    "long tails": np.random.default_rng(3).exponential(1, 500),
    "sales now and then": np.random.default_rng(4).binomial(1, 0.1, 300) * np.random.default_rng(5).poisson(3, 300),
    "a peak each season": np.where(np.arange(120) % 12 == 5, 40.0, 0) + np.random.default_rng(6).normal(0, 5, 120),
    "one value": np.full(50, 3.0),
    "two rows": np.array([1.0, 1000.0]),
}


@pytest.mark.parametrize("name", QUIET)
def test_usual_values_are_not_outliers(name: str) -> None:
    assert outliers(QUIET[name].astype(float)) == []


def test_a_spike_is_found_in_a_trend_that_exceeds_it() -> None:
    values = np.arange(200.0) + np.random.default_rng(0).normal(0, 1, 200)
    values[50] += 60
    assert outliers(values) == [1, 50]


def test_a_spike_is_found_in_fewer_than_three_seasons() -> None:
    short = np.arange(30.0) + np.random.default_rng(0).normal(0, 0.1, 30)
    short[9] += 20
    found = surveyed(seasonal(240), short)
    assert (found.season, found.outliers[:, 0].tolist(), found.farthest[1, 0]) == (12, [0, 1], 9)


@PROPERTY
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.booleans())
def test_outliers_depend_on_neither_unit_nor_sign(seed: int, unit: float, zero: float, turned: bool) -> None:
    values = np.random.default_rng(seed).standard_t(1.5, 80).round(3)
    other = (-unit if turned else unit) * values + zero * unit
    assert surveyed(values).outliers.tolist() == surveyed(other).outliers.tolist()


# ------------------------------------------------------------------ several series


@PROPERTY
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(0, 10**6))
def test_the_counts_of_a_series_do_not_depend_on_other_series(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = [np.where(rng.random(n) < 0.2, NAN, rng.integers(0, 9, n)) for n in lengths]
    together, names = surveyed(*series), ("empty", "longest_constant", "constant")
    for s, values in enumerate(series):
        alone = surveyed(values)
        assert all(getattr(together, n)[s].tolist() == getattr(alone, n)[0].tolist() for n in names)


def test_the_worst_tracks_come_first_and_flawless_ones_are_excluded() -> None:
    found = surveyed(np.arange(9.0), np.array([1, NAN, 3, NAN, 5]), np.array([1, NAN, 3, 4, 5]))
    assert found.worst(5) == [1, 2]
    assert found.worst(1) == [1]
    assert found.totals() == {"absent": 0, "holes": 0, "repeats": 0, "empty": 3, "outliers": 0}


def test_a_track_is_described_with_its_span_and_its_farthest_outlier() -> None:
    values = seasonal(96)
    values[40] = 999
    found = surveyed(np.arange(3.0), values).track(1)
    assert (found["series"], found["target"], found["rows"], found["first"], found["last"]) == ("s1", "y", 96, 0, 95)
    assert (found["outliers"], found["farthest_outlier"]) == (1, {"time": 40, "value": 999.0})
    json.dumps(found, allow_nan=False)


def test_a_series_has_a_season_only_if_its_values_repeat() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 96)
    found = surveyed(seasonal(96), noise)
    assert [found.track(k)["season"] for k in (0, 1)] == [12, 1]


def test_a_season_close_to_that_of_the_panel_is_the_same() -> None:
    """A season of 51 weeks counts as the 52 of the calendar; one of 26 does not."""
    weeks = pd.date_range("2015-01-04", periods=320, freq="7D").astype(str)
    for rows, found in ((51, 52), (26, 26)):
        values = np.tile(np.random.default_rng(1).normal(size=rows), 13)[:320]
        table = read("ds,y\n" + "".join(f"{day},{value}\n" for day, value in zip(weeks, values, strict=True)))
        assert survey(build_panel(table), table).track(0)["season"] == found


def test_each_target_is_surveyed_and_covariates_are_not() -> None:
    table = read("ds,a,b,c\n" + "".join(f"{i},{i},{'' if i % 2 else 5},7\n" for i in range(10)), "a", "b", "c")
    panel = build_panel(table)
    found = survey(replace(panel, roles=("target", "target", "known")), table)
    assert found.empty.tolist() == [[0, 5]]
    assert found.constant.tolist() == [[False, True]]


def test_many_series_are_surveyed_at_once() -> None:
    count, rows = 3 * LISTED, 30
    values = np.tile(np.arange(rows) % 7.0, (count, 1))
    values[1234, 11] = NAN
    found = surveyed(*values)
    assert found.worst(3) == [1234]
    assert found.empty.sum() == 1


# ------------------------------------------------------------------ times and columns


def test_misaligned_rows_are_counted_and_the_first_are_named() -> None:
    days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    stamps = [f"{d} 00:00" for d in days]
    stamps[3] = "2024-01-04 00:07"
    found = report_grid(read("ds,y\n" + "".join(f"{t},1\n" for t in stamps)))
    assert str(found.step) == "P1D"
    assert found.share_on_grid == pytest.approx(0.8)
    assert found.first_misaligned == [{"where": "sales.csv:5", "time": "2024-01-04 00:07"}]
    assert found.span == ("2024-01-01 00:00", "2024-01-05 00:00")


def test_rows_are_compared_with_the_requested_step() -> None:
    table = read("ds,y\n" + "".join(f"2024-01-{d:02d},1\n" for d in range(1, 11)))
    assert report_grid(table).share_on_grid == 1
    assert report_grid(table, "P7D").share_on_grid == pytest.approx(0.2)
    assert str(report_grid(table, "3").step) == "P1D"  # refused later: the times are dates


def test_every_column_is_described_with_its_role_or_as_unused() -> None:
    source = Source("sales.csv", b"ds,shop,y,note\n2024-01-01,a,1.5,x\n2024-01-02,a,2,x\n")
    profiles = profile_columns(source)
    found = describe_columns(profiles, Columns("ds", "shop", ("y",)), {"time": "its name"})
    assert [(c["name"], c["role"]) for c in found] == [
        ("ds", "time"),
        ("shop", "id"),
        ("y", "target"),
        ("note", "unused"),
    ]
    assert [c["why"] for c in found] == ["its name", None, None, None]
    assert {c["role"] for c in describe_columns(profiles, None, {})} == {None}


def test_a_requested_step_is_used_if_it_fits_the_times() -> None:
    steps = ("irregular", "2", "PT1H", "soon")
    assert [requested_step(text, dated=False) for text in steps] == [Step("irregular", 1), Step("row", 2), None, None]
    assert [requested_step(text, dated=True) for text in steps] == [
        Step("irregular", 1),
        None,
        Step.parse("PT1H"),
        None,
    ]
