"""Profiles of plain files without pandas are those that pandas gives."""

from __future__ import annotations

import pytest

from seqpred.reading import column_profile
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.plain import SMALL
from seqpred.sources.opening import open_source
from tests.conftest import DATA, ROOT

FILES = sorted([*DATA.glob("*.csv"), *(ROOT / "data").glob("*.csv"), *(ROOT / "tests/field/files").glob("*.csv")])
TEXTS = [
    "y\n1\n2\n\n",
    "a,y\n0,1\n1,\n2,3\n",
    "a,y\nx,1.0\ny,2\nx,1\n",
    "when,y\n2024-01-01 10:00,1\n2024-01-01 11:00,NA\n",
    "month,y\nJan,1\nFeb,2\nMar,3\n",
    "n,y\n1,1e3\n2,2\n3,-4\n",
    'a,y\n"1",2\n',
    "a;y\n1;2,5\n2;3,5\n",
    "a,y\n12-a4,1\n13-b5,1\n14-c6,1\n",
]


def compare(monkeypatch: pytest.MonkeyPatch, name: str) -> bool:
    """Whether a file is plain; its profile is then compared with that of pandas."""
    source = open_source(name)
    if column_profile.first_cells(source, 2000) is None:
        return False
    found = profile_columns(source)
    monkeypatch.setattr(column_profile, "first_cells", lambda *_: None)
    assert found == profile_columns(open_source(name))
    monkeypatch.undo()
    return True


def test_all_plain_files_have_the_same_profile_with_and_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(compare(monkeypatch, str(path)) for path in FILES) > 20


@pytest.mark.parametrize("text", TEXTS)
def test_small_texts_have_the_same_profile_with_and_without_pandas(monkeypatch, tmp_path, text: str) -> None:
    path = tmp_path / "small.csv"
    path.write_text(text)
    compare(monkeypatch, str(path))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_large_texts_have_the_same_profile_with_and_without_pandas(monkeypatch, tmp_path, end: str) -> None:
    path = tmp_path / "large.csv"
    rows = [f"2024-01-{1 + i % 28:02},{'north' if i < 1990 else 'south'},{i},{i / 8}" for i in range(15_000)]
    path.write_bytes(end.join(["day,shop,n,y", "", *rows, 'a,"late, quoted",cell,x', ""]).encode())
    assert path.stat().st_size > SMALL
    assert compare(monkeypatch, str(path))


def test_a_large_text_with_long_rows_is_profiled_by_pandas(monkeypatch, tmp_path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(["a,y", *(f"{i},{'0' * 300}1" for i in range(3000))]))
    assert not compare(monkeypatch, str(path))
    assert [column.rows for column in profile_columns(open_source(str(path)))] == [2000, 2000]
