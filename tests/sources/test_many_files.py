"""Files that match a pattern are one table."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import DataError
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import Table, read_table
from seqpred.sources import pieces
from seqpred.sources.opening import open_source
from seqpred.sources.source import Source
from seqpred.spool import large as large_files
from tests.reading.test_plain import COLUMNS, files, outcome
from tests.spool.test_cache import CONFIG, assert_same, both, rows, small

__all__ = ["small"]


def split(folder: Path, lines: list[str], cuts: list[int]) -> Path:
    """Split the lines into files that repeat the header; returns a pattern that matches them."""
    header, *rest = lines
    for i, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(rest)], strict=True)):
        (folder / f"part{i}.csv").write_text("\n".join([header, *rest[low:high]]) + "\n")
    return folder / "part*.csv"


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=files(), cut=st.integers(0, 8))
def test_a_table_in_two_files_equals_the_table_in_one_file(text: str, cut: int, tmp_path: Path) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines()
    if '"' in text or len(lines) < 2:
        return  # a line break in quotes ends no row
    (tmp_path / "whole.csv").write_text("\n".join(lines) + "\n")
    pattern = split(tmp_path, lines, [min(cut, len(lines) - 1)])
    one, two = outcome(open_source(tmp_path / "whole.csv")), outcome(open_source(pattern))
    assert isinstance(one, Table) == isinstance(two, Table), (one, two)
    if isinstance(one, Table) and isinstance(two, Table):
        assert (one.names, one.clock, one.words) == (two.names, two.clock, two.words)
        for name in ("codes", "times", "values"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_errors_name_the_file_of_the_row(tmp_path: Path) -> None:
    text = "ds,y\n" + "".join(f"2024-01-{d:02d},{d}\n" for d in range(1, 21))
    lines = text.splitlines()
    lines[14] = "2024-01-14,x"
    pattern = split(tmp_path, lines, [5, 5, 12])
    with pytest.raises(DataError, match=r"part3\.csv:3: 'x' in column 'y' is not a number"):
        read_table(open_source(pattern), COLUMNS.__class__(("ds",), None, ("y",)))


@pytest.mark.parametrize(
    ("header", "found"), [("ds,z", "no column 'y', which"), ("ds,y,z", "column 'z' is not in"), ("", "is empty")]
)
def test_files_with_different_columns_are_rejected_by_name(header: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ds,y\n2024-01-01,1\n")
    (tmp_path / "b.csv").write_text(f"{header}\n2024-01-02,1\n" if header else "")
    with pytest.raises(DataError, match=found) as fault:
        profile_columns(open_source(tmp_path / "*.csv"))
    assert fault.value.message.startswith(str(tmp_path / "b.csv"))


def test_columns_may_be_in_any_order_and_files_of_any_format(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"] * 20, "ds": np.repeat(pd.date_range("2024-01-01", periods=20), 2)})
    frame["y"] = np.arange(40) / 2
    frame[:10].to_csv(tmp_path / "1.csv", index=False)
    frame[10:20][["y", "id", "ds"]].to_csv(tmp_path / "2.csv", index=False, sep=";")
    (tmp_path / "3.csv").write_bytes(gzip.compress(frame[20:30].to_csv(index=False).encode()))
    frame[30:].assign(ds=frame["ds"].dt.strftime("%Y-%m-%d")).to_parquet(tmp_path / "4.parquet")
    for i in (0, 20):
        frame[i : i + 20].to_parquet(tmp_path / f"part{i}.parquet")
    config = Config.from_tree({"data": {"id": "id", "time": "ds", "target": "y"}})
    frame.to_csv(tmp_path / "whole", index=False)
    whole = load_panel(open_source(tmp_path / "whole"), config, lambda _: None)
    for pattern in ("?.*", "part*.parquet"):
        panel = load_panel(open_source(tmp_path / pattern), config, lambda _: None)
        assert panel.fingerprint() == whole.fingerprint()


def test_a_pattern_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="no file matches"):
        open_source(tmp_path / "*.csv")
    with pytest.raises(DataError, match="several as"):
        open_source(tmp_path)


def test_a_file_name_may_look_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "sales[1].csv").write_text("y\n1\n2\n")
    assert open_source(tmp_path / "sales[1].csv").content == tmp_path / "sales[1].csv"


@pytest.mark.parametrize("cuts", [[100, 180], [30, 30, 60, 90, 120, 150]])
def test_many_large_files_are_cached_as_one(cuts: list[int], small: Path) -> None:
    lines = rows().to_csv(index=False).splitlines()
    pattern = split(small, lines, cuts)
    stored, read, notes = both(pattern, CONFIG)
    assert "stored once" in "".join(map(str, notes))
    assert_same(stored, read)
    lines[150] = "s3,2024-02-30,1"
    split(small, lines, cuts)
    places = []
    for large in (1, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(large_files, "LARGE", large)
            with pytest.raises(DataError) as fault:
                load_panel(open_source(pattern), CONFIG, lambda _: None)
        places.append(fault.value.message.split(": ")[0])
    assert places[0] == places[1]
    assert places[0].split(":")[0].endswith(".csv")


def test_small_files_are_read_together_and_large_ones_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqpred.sources.pieces.PIECE", 100)
    for name, count in {"a": 40, "b": 8, "bare": 0, "c": 8, "d": 8, "e": 40}.items():  # one has a header alone
        (tmp_path / f"{name}.csv").write_text("y\n" + "1.5\n" * count)
    source = open_source(str(tmp_path / "*.csv"))
    assert [[part.name for part in group.parts] for group in pieces._groups(source)] == [
        [str(tmp_path / "a.csv")],
        [str(tmp_path / "b.csv"), str(tmp_path / "c.csv")],
        [str(tmp_path / "d.csv")],
        [str(tmp_path / "e.csv")],
    ]


def test_line_numbers_of_a_piece_include_the_lines_before_it() -> None:
    piece = Source("a.csv", b"y\n1\n2\n", skipped=10)
    assert [piece.where(row) for row in (0, 1, 9)] == ["a.csv:12", "a.csv:13", "a.csv:21"]
