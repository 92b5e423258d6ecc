"""Static covariates from a separate file: they affect forecasts, and invalid files are rejected."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.outside import TINY, Run, call, wave

CONFIG = """\
data: {target: sales, id: shop, time: day, covariates: {static: [region, size], static_file: shops.csv}}
forecast: {horizon: 3}
model: {start: blank}
"""
STATICS = "shop,region,size\n007,north,3\nB,south,4.5\nC,north,1\n"


def sales(*shops: str) -> str:
    first = datetime.date(2024, 1, 1)
    rows = [f"{s},{first + datetime.timedelta(i)},{wave(i)}" for s in shops for i in range(60)]
    return "\n".join(["shop,day,sales", *rows]) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of three shops and a model trained on it."""
    place = tmp_path_factory.mktemp("statics")
    for name, text in (("c.yaml", CONFIG), ("sales.csv", sales("007", "B", "C")), ("shops.csv", STATICS)):
        (place / name).write_text(text)
    done = call(place, ["train", "c.yaml", "--data", "sales.csv", "--out", "m", *TINY])
    assert done.code == 0, done.err
    assert "no row" not in done.err
    return place


def forecasts(place: Path, statics: str, data: str = "sales.csv") -> list[str]:
    (place / "shops.csv").write_text(statics)
    done = call(place, ["predict", "m", data, "--steps", "1"])
    assert done.code == 0, done.err
    return [*done.out.splitlines()[1:], done.err]


def test_static_value_affects_only_the_forecast_of_its_series(place: Path) -> None:
    before = forecasts(place, STATICS)
    assert forecasts(place, STATICS.replace("B,south,4.5", "B,north,9")) != before
    after = forecasts(place, STATICS.replace("B,south,4.5", "B,north,9"))
    assert [a == b for a, b in zip(after[:3], before[:3], strict=True)] == [True, False, True]
    turned = "".join([STATICS.splitlines(True)[i] for i in (0, 3, 1, 2)])
    assert forecasts(place, turned) == before


def test_new_series_without_a_static_row_is_noted_and_forecast(place: Path) -> None:
    (place / "new.csv").write_text(sales("B", "D"))
    *rows, message = forecasts(place, STATICS, "new.csv")
    assert [row.split(",")[0] for row in rows] == ["B", "D"]
    assert "1 of 2 series have no row in shops.csv ('D')" in message
    assert "shops.csv:2: 2 of 3 rows belong to no series of the data ('007', 'C')" in message
    unseen = forecasts(place, STATICS + "D,,\n", "new.csv")
    assert unseen[:2] == rows


def test_eval_rereads_the_static_file(place: Path) -> None:
    (place / "shops.csv").write_text(STATICS)
    assert call(place, ["eval", "m", "sales.csv", "--json"]).code == 0
    (place / "shops.csv").unlink()
    done = call(place, ["eval", "m", "sales.csv", "--json"])
    assert done.code == 3
    assert "shops.csv: no such file" in done.err
    assert "data.covariates.static_file" in done.err


FAULTS = {
    "an empty file": ("", "shops.csv: is empty"),
    "a header alone": ("shop,region,size\n", "shops.csv: has a header but no rows"),
    "no id column": ("store,region,size\nB,x,1\n", "shops.csv: no column 'shop'"),
    "no such column": ("shop,regoin,size\nB,x,1\n", "shops.csv: no column 'region'. Did you mean 'regoin'?"),
    "an id twice": (f"{STATICS}B,x,1\nB,y,2\n", "shops.csv:5: duplicate row of series 'B' (2 such rows: 5, 6)"),
    "an id that is empty": (f"{STATICS},x,1\n", "shops.csv:5: column 'shop' is empty"),
    "another file": ("shop,region,size\nX,x,1\n", "shops.csv: has none of the 3 series of sales.csv, such as '007'"),
    "an infinite number": (f"{STATICS}D,x,inf\n", "shops.csv:5: inf in column 'size' is infinite"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_static_file_error_gives_the_line(
    name: str, write: Callable[..., Path], refused: Callable[..., str]
) -> None:
    statics, expected = FAULTS[name]
    for file, text in (("c.yaml", CONFIG), ("sales.csv", sales("007", "B", "C")), ("shops.csv", statics)):
        write(file, text)
    assert expected in refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m")


def test_note_on_ids_without_a_static_row_gives_the_nearest_id(write: Callable[..., Path], run: Run) -> None:
    write("c.yaml", CONFIG)
    write("sales.csv", sales("007", "B", "C"))
    write("shops.csv", STATICS.replace("B,", "b,"))
    done = run("train", "c.yaml", "--data", "sales.csv", "--out", "m", *TINY)
    assert done.code == 0, done.err
    remedy = "Add a row for each series, with its id in 'shop' as in the data"
    assert f"1 of 3 series have no row in shops.csv ('B'). Did you mean 'b'? {remedy}" in " ".join(done.err.split())
    assert "'region' is empty for 1 of 3 series" in done.err


def test_static_file_requires_static_columns_and_an_id_column(
    write: Callable[..., Path], refused: Callable[..., str]
) -> None:
    write("sales.csv", sales("B"))
    write("shops.csv", STATICS)
    write("c.yaml", CONFIG.replace("static: [region, size], ", ""))
    assert "no static column" in refused(2, "train", "c.yaml", "--data", "sales.csv", "--out", "m")
    write("c.yaml", CONFIG.replace("id: shop", "id: null"))
    assert "the data has no id column" in refused(3, "train", "c.yaml", "--data", "sales.csv", "--out", "m")
