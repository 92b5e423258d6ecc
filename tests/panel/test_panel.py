"""Rows become series on a regular grid: sorted, with NaN in gaps, and with a fingerprint of the data."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.calendar import infer
from seqpred.errors import DataError
from seqpred.panel import build
from seqpred.panel import panel as panels
from seqpred.panel.build import build_panel
from seqpred.panel.panel import Panel
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source
from tests.conftest import columns_of, pandas_3

PROPERTY = settings(derandomize=True, deadline=None, max_examples=40)
NAN = float("nan")


def panel(
    content: str | bytes | pd.DataFrame, *targets: str, frequency: str = "auto", time: str | None = "auto"
) -> Panel:
    """The panel of a text, bytes or frame, built as every command does."""
    source = Source("sales.csv", content.encode() if isinstance(content, str) else content)
    columns = columns_of(source, time, targets=targets or ("y",))
    return build_panel(read_table(source, columns), frequency)


def fault(content: str, **roles: str) -> str:
    """The error for rows that are not on a grid."""
    with pytest.raises(DataError) as e:
        panel(content, **roles)
    return str(e.value)


def text(rows: list[tuple[object, ...]], header: str = "id,ds,y") -> str:
    """A CSV of these rows."""
    return header + "\n" + "".join(",".join("" if f is None else str(f) for f in row) + "\n" for row in rows)


def written(p: Panel, series: int = 0) -> list[str] | list[int]:
    """The timestamps of a series, as the data writes them."""
    return p.clock.write(p.times(series, np.arange(p.lengths[series])))


ROWS = [("b", "2024-01-01", 1.5), ("b", "2024-01-02", 2), ("b", "2024-01-04", 4)]
ROWS += [("a", "2023-12-31", -7), ("a", "2024-01-01", None), ("a", "2024-01-02", 0.1)]

# ------------------------------------------------------------------ the grid


def test_series_of_unequal_length_and_origin_have_their_own_times() -> None:
    p = panel(text(ROWS))
    assert p.names == ["b", "a"]
    assert p.lengths.tolist() == [4, 3]
    np.testing.assert_array_equal(p.track(0, 0), [1.5, 2, NAN, 4])
    np.testing.assert_array_equal(p.track(1, 0), [-7, NAN, 0.1])
    assert written(p, 0) == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    assert written(p, 1) == ["2023-12-31", "2024-01-01", "2024-01-02"]


def test_missing_rows_and_empty_cells_are_counted_separately() -> None:
    assert panel(text(ROWS)).notes == (
        "1 of 7 rows on the time grid are missing",
        "1 of 7 cells of 'y' are empty: excluded from training and scores, forward-filled in the inputs",
    )
    assert panel(text(ROWS[:2])).notes == ()


def test_empty_cells_of_a_covariate_are_missing_in_the_inputs() -> None:
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=4), "y": 1.0, "x": [1.0, NAN, 3.0, 4.0]})
    columns = Columns(("ds",), None, ("y",), known=("x",))
    assert build_panel(read_table(Source("a frame", frame), columns)).notes == (
        "1 of 4 cells of 'x' are empty: missing in the inputs",
    )


def test_series_without_a_value_are_counted() -> None:
    empty = [("c", f"2024-01-0{day}", None) for day in (1, 2)]
    assert panel(text(ROWS[:2] + empty)).notes[0] == "'y' is empty for 1 of 2 series: no forecast"


@PROPERTY
@given(st.sets(st.integers(0, 60), min_size=4), st.randoms(use_true_random=False))
def test_every_value_is_at_its_time_whatever_the_order_and_the_missing_rows(days: set[int], random: object) -> None:
    rows = [(np.datetime64("2024-02-20") + d, d) for d in days]
    random.shuffle(rows)  # type: ignore[attr-defined]
    p = panel(text(rows, "ds,y"), frequency="P1D")
    first = min(days)
    expected = [float(d) if d in days else NAN for d in range(first, max(days) + 1)]
    np.testing.assert_array_equal(p.track(0, 0), expected)
    assert written(p) == [str(np.datetime64("2024-02-20") + d) for d in range(first, max(days) + 1)]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2024-01-31", "2024-02-29", "2024-04-30"], ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (["2024-01-15", "2024-02-15", "2024-04-15"], ["2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15"]),
        (["1849-01-01", "1850-01-01", "1852-01-01"], ["1849-01-01", "1850-01-01", "1851-01-01", "1852-01-01"]),
    ],
)
def test_a_missing_date_is_filled_in(dates: list[str], expected: list[str]) -> None:
    p = panel(text([(d, i) for i, d in enumerate(dates)], "ds,y"))
    assert written(p) == expected
    assert np.flatnonzero(np.isnan(p.track(0, 0))).tolist() == [2]


def test_a_weekend_is_not_a_gap_in_business_days_but_a_holiday_is() -> None:
    days = [np.datetime64("2024-01-01") + i for i in range(28)]
    work = [d for d in days if np.is_busday(d) and d != np.datetime64("2024-01-10")]
    p = panel(text([(d, 1 + i) for i, d in enumerate(work)], "ds,y"))
    assert str(p.step) == "business-day"
    assert p.lengths.tolist() == [20]
    assert written(p)[int(np.flatnonzero(np.isnan(p.track(0, 0)))[0])] == "2024-01-10"


def test_daily_rows_stay_daily_when_clocks_change() -> None:
    zones = ["+01:00"] * 2 + ["+02:00"] * 3  # Berlin, 2024-03-30 to 2024-04-03
    rows = [(f"{np.datetime64('2024-03-30') + i}T00:00:00{z}", i) for i, z in enumerate(zones)]
    p = panel(text(rows, "ds,y"))
    assert p.track(0, 0).tolist() == [0, 1, 2, 3, 4]


def test_a_change_of_the_step_is_noted_with_its_line() -> None:
    days = [(f"{np.datetime64('2024-01-01') + i} 00:00", i) for i in range(40)]
    hours = [(f"2024-02-10 {h:02d}:00", h) for h in range(24)] + [(f"2024-02-11 {h:02d}:00", h) for h in range(24)]
    p = panel(text(days + hours, "ds,y"))
    assert str(p.step) == "PT1H"
    assert p.notes[-1] == "the step is P1D up to 2024-02-10 00:00 (sales.csv:42) and PT1H from there on"


def test_rows_without_a_time_column_are_in_order() -> None:
    p = panel(text([(5,), (3,), (9,)], "y"))
    assert p.track(0, 0).tolist() == [5, 3, 9]
    p = panel(text([("a", 1), ("a", 2), ("b", 5), ("b", 6), ("b", 7)], "id,y"), time=None)
    assert [p.track(s, 0).tolist() for s in (0, 1)] == [[1, 2], [5, 6, 7]]


def test_interleaved_series_without_a_time_column_have_no_gaps() -> None:
    rows = [("a", 1), ("b", 5), ("a", 2), ("b", 6), ("a", 3), ("a", 4), ("b", 7)]
    p = panel(text(rows, "id,y"), time=None)
    assert p.lengths.tolist() == [4, 3]
    assert [p.track(s, 0).tolist() for s in (0, 1)] == [[1, 2, 3, 4], [5, 6, 7]]


def test_a_single_row_is_a_series_of_one() -> None:
    p = panel("ds,y\n2024-01-01,1\n")
    assert p.lengths.tolist() == [1]


def test_a_given_frequency_makes_the_grid() -> None:
    p = panel("ds,y\n2024-01-01,1\n2024-01-03,3\n2024-01-05,5\n", frequency="P1D")
    np.testing.assert_array_equal(p.track(0, 0), [1, NAN, 3, NAN, 5])
    p = panel("ds,y\n0,1\n10,3\n20,5\n", frequency="5")
    np.testing.assert_array_equal(p.track(0, 0), [1, NAN, 3, NAN, 5])


# ------------------------------------------------------------------ what is refused


def test_a_duplicate_timestamp_is_an_error_with_its_line_and_series() -> None:
    message = fault("id,ds,y\na,1,1\na,2,2\nb,1,1\nb,2,2\na,2,5\n")
    assert message.startswith("sales.csv:6: duplicate timestamp 2 of series 'a' (1 duplicate: 6)")


def test_duplicates_in_unsorted_rows_are_reported_with_their_first_lines() -> None:
    message = fault("ds,y\n3,1\n1,2\n3,3\n2,4\n1,5\n2,6\n1,7\n")
    assert message.startswith("sales.csv:4: duplicate timestamp 3 (4 duplicates: 4, 6, 7, ...)")
    assert "data.id" in message


def test_a_misaligned_row_is_an_error_with_its_line() -> None:
    rows = [f"2024-01-{d:02d} 00:00" for d in range(1, 11)]
    rows[5] = "2024-01-06 00:30"
    message = fault(text([(r, 1) for r in rows], "ds,y"))
    assert message.startswith("sales.csv:7: 2024-01-06 00:30 is not a whole number of steps of P1D")
    assert "(1 such rows; 90.0 % are on the grid)" in message


def test_the_line_of_a_misaligned_row_is_that_of_the_unsorted_file() -> None:
    assert fault("ds,y\n50,1\n40,2\n30,3\n20,4\n13,5\n10,6\n0,7\n").startswith("sales.csv:6: 13 is not a whole number")


def test_a_step_far_too_fine_for_the_rows_is_rejected_before_memory_is_allocated() -> None:
    message = fault("ds,y\n2000-01-01 00:00:00,1\n2000-01-01 00:00:01,2\n2024-01-01 00:00:00,3\n")
    assert "rows would be missing" in message


@pytest.mark.parametrize(("frequency", "culprit"), [("daily", "'daily' is not a step"), ("3", "data.frequency is 3")])
def test_a_frequency_that_does_not_fit_is_rejected(frequency: str, culprit: str) -> None:
    assert culprit in fault("ds,y\n2024-01-01,1\n2024-01-02,2\n", frequency=frequency)


# ------------------------------------------------------------------ views and cuts


def test_a_cut_panel_contains_no_later_rows() -> None:
    p = panel(text(ROWS))
    cut = p.cut(np.array([2, 99]))
    assert cut.lengths.tolist() == [2, 3]
    np.testing.assert_array_equal(cut.values[:, 0], [1.5, 2, -7, NAN, 0.1])
    assert not np.shares_memory(cut.values, p.values)
    assert written(cut, 1) == written(p, 1)


def test_chosen_series_keep_names_times_and_values() -> None:
    p = panel(text(ROWS))
    (chosen,) = [p.choose(np.array([1]))]
    assert chosen.names == ["a"]
    np.testing.assert_array_equal(chosen.track(0, 0), p.track(1, 0))
    assert written(chosen) == written(p, 1)


def test_tracks_are_counted_by_targets_within_series() -> None:
    p = panel("id,ds,u,v\na,1,1,2\na,2,3,4\nb,1,5,6\nb,2,7,8\n", "u", "v")
    assert [p.track(s, c).tolist() for s, c in p.tracks()] == [[1, 3], [2, 4], [5, 7], [6, 8]]


# ------------------------------------------------------------------ the fingerprint

rng = np.random.default_rng(5)
FRAME = pd.DataFrame(
    {
        "id": np.repeat(["b", "a"], [50, 30]),
        "ds": [*pd.date_range("2024-01-01", periods=50), *pd.date_range("2023-11-05", periods=30)],
        "y": rng.normal(0, 1e3, 80),
    }
)
FRAME.loc[7, "y"] = np.nan
CSV = FRAME.to_csv(index=False)
SAME = {
    "gzip": gzip.compress(CSV.encode()),
    "semicolons": CSV.replace(",", ";"),
    "CRLF and a byte-order mark": "\ufeff" + CSV.replace("\n", "\r\n"),
    "dates in another form": FRAME.to_csv(index=False, date_format="%d.%m.%Y"),
    "hours and minutes": FRAME.to_csv(index=False, date_format="%Y-%m-%dT%H:%M"),
    "a frame": FRAME,
    "a frame of text": FRAME.assign(ds=FRAME["ds"].astype(str)),
    "a frame of categories": FRAME.assign(id=FRAME["id"].astype("category")),
    "a column more": FRAME.assign(note="x").to_csv(index=False),
    "rows the other way round within a series": FRAME.sort_values(["id", "ds"], ascending=[False, False]).to_csv(
        index=False
    ),
}


@pandas_3
@pytest.mark.parametrize("form", SAME)
def test_the_fingerprint_does_not_depend_on_the_format_of_the_file(form: str) -> None:
    assert panel(SAME[form]).fingerprint() == panel(CSV).fingerprint()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_rows_have_the_same_fingerprint(seed: int) -> None:
    one = FRAME[FRAME["id"] == "a"]
    assert panel(one.sample(frac=1, random_state=seed)).fingerprint() == panel(one).fingerprint()
    assert panel(FRAME.sample(frac=1, random_state=seed)).fingerprint() == panel(FRAME).fingerprint()


def test_missing_rows_and_empty_cells_have_the_same_fingerprint() -> None:
    other = FRAME.copy()
    other.loc[7, "y"] = -np.float64("nan")
    assert panel(other).fingerprint() == panel(FRAME).fingerprint()


def test_the_fingerprint_changes_with_a_value_a_time_a_name_and_a_row() -> None:
    value = FRAME.assign(y=FRAME["y"].where(FRAME.index != 40, FRAME["y"] + 1e-9))
    time = FRAME.assign(ds=FRAME["ds"] + pd.Timedelta(days=1))
    name = FRAME.assign(id=FRAME["id"].replace("a", "c"))
    found = [panel(f).fingerprint() for f in (FRAME, value, time, name, FRAME[:-1])]
    assert len(set(found)) == 5


@PROPERTY
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=24), st.booleans())
def test_the_panel_does_not_depend_on_the_size_of_blocks(rows: list[tuple[str, int]], in_order: bool) -> None:
    found: list[object] = []
    rows = sorted(set(rows)) if in_order else rows
    frame = pd.DataFrame({"id": [i for i, _ in rows], "ds": [t for _, t in rows], "y": range(len(rows))})
    for size in (2, 3, 1 << 16):
        with pytest.MonkeyPatch.context() as patch:
            for module in (build, infer, panels):
                patch.setattr(module, "BLOCK", size)
            try:
                made = panel(frame)
                found.append((str(made.step), made.lengths.tolist(), made.fingerprint()))
            except DataError as e:
                found.append(str(e))
    assert found[0] == found[1] == found[2]


def test_short_series_are_processed_several_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "PIECE", 50)
    p = panel(text([(f"s{s}", i, i) for s in range(20) for i in range(10)]))
    found = [(first, len(piece.names)) for first, _, piece in p.pieces()]
    assert [first for first, _ in found] == [sum(count for _, count in found[:k]) for k in range(len(found))]
    assert 3 <= len(found) <= 5


def test_a_long_series_is_processed_in_pieces_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "PIECE", 10)
    lengths = (10, 25, 5, 4)
    p = panel(text([(f"s{s}", t, t) for s, rows in enumerate(lengths) for t in range(rows)]))
    found = [(first, row, len(piece.values), len(piece.names)) for first, row, piece in p.pieces()]
    assert found == [(0, 0, 10, 1), (1, 0, 10, 1), (1, 10, 10, 1), (1, 20, 5, 1), (2, 0, 5, 1), (3, 0, 4, 1)]


def test_up_to_fifty_missing_rows_per_present_one_are_accepted() -> None:
    def grid_of(last: int) -> Panel:
        return panel(text([(t, 1.5) for t in [*range(99), last]], header="ds,y"))

    assert grid_of(5999).lengths.tolist() == [6000]
    with pytest.raises(DataError, match="5901 of 6001 rows would be missing"):
        grid_of(6000)


# ------------------------------------------------------------------ the step of a trained model


def stamps(start: str, step: str, rows: int = 12) -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.date_range(start, periods=rows, freq=step), "y": range(rows)})


@pytest.mark.parametrize(
    ("trained", "step", "message"),
    [
        ("P1M", "7D", "the model was trained on months (P1M), and the file contains weeks (P7D)"),
        ("P1M", "D", "the model was trained on months (P1M), and the file contains days (P1D)"),
        ("P1D", "MS", "the model was trained on days (P1D), and the file contains months (P1M)"),
        ("PT1H", "D", "the model was trained on hours (PT1H), and the file contains days (P1D)"),
        ("PT1H", "15min", "the model was trained on hours (PT1H), and the file contains steps of PT15M"),
        (
            "business-day",
            "D",
            "the model was trained on business days, and the file contains days (P1D)",
        ),
    ],
)
def test_another_step_than_the_model_was_trained_on_is_explained(trained: str, step: str, message: str) -> None:
    source = Source("new.csv", stamps("2024-01-01", step))
    table = read_table(source, columns_of(source))
    with pytest.raises(DataError) as e:
        build_panel(table, trained, is_trained=True)
    assert str(e.value).startswith(f"new.csv: {message}. Provide data with a step of {trained}")


def test_gaps_are_not_mistaken_for_another_step() -> None:
    frame = stamps("2024-01-01", "D", 40)
    for kept in (frame.iloc[[0, 1, 2, 30, 31, 32, 33]], frame.iloc[[0, 9, 11, 30]], frame.iloc[[0, 30]]):
        source = Source("new.csv", kept)
        build_panel(read_table(source, columns_of(source)), "P1D", is_trained=True)
