"""Known covariates on the command line: write a template, fill it in, predict with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.outside import TINY, call, listing

CONFIG = """\
data:
  path: sales.csv
  target: units
  id: shop
  covariates: {known: [promo, feast], past: [wind], static: [kind]}
forecast: {horizon: 7}
"""


def rows() -> list[str]:
    found = []
    for shop, kind in (("A", "big"), ("B", "small")):
        for day in range(84):
            promo, feast = int(day % 5 == 0), "Fair" if day % 11 == 0 else ""
            units = 50 + 5 * (day % 7) + 20 * promo - 25 * bool(feast)
            stamp = _date(day)
            found.append(f"{shop},{stamp},{units},{promo},{feast},{day % 3},{kind}")
    return found


def _date(day: int) -> str:
    from datetime import date, timedelta

    return (date(2024, 1, 1) + timedelta(day)).isoformat()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("future")
    (place / "sales.csv").write_text("\n".join(["shop,day,units,promo,feast,wind,kind", *rows()]) + "\n")
    (place / "sales.yaml").write_text(CONFIG)
    done = call(place, ["train", "sales.yaml", *TINY])
    assert done.code == 0, done.err
    return place


def filled(template: str, promo: str = "1") -> str:
    head, *lines = template.splitlines()
    return "\n".join([head, *(line.replace(",,", f",{promo},") for line in lines)]) + "\n"


def test_template_lists_every_future_row_and_is_accepted_when_filled_in(place: Path) -> None:
    done = call(place, ["predict", "runs/sales", "sales.csv", "--write-future", "future.csv"])
    assert (done.code, done.out) == (0, "")
    template = (place / "future.csv").read_text()
    cells = list(csv.DictReader(io.StringIO(template)))
    assert list(cells[0]) == ["shop", "day", "promo", "feast"]
    assert [(c["shop"], c["day"]) for c in cells] == [(s, _date(84 + d)) for s in "AB" for d in range(7)]
    (place / "future.csv").write_text(filled(template))
    forecast = call(place, ["predict", "runs/sales", "sales.csv", "--future", "future.csv"])
    assert forecast.code == 0, forecast.err
    assert len(forecast.out.splitlines()) == 15
    piped = call(place, ["predict", "runs/sales", "sales.csv", "--future", "-"], filled(template))
    assert piped.out == forecast.out
    other = call(place, ["predict", "runs/sales", "sales.csv", "--future", "-"], filled(template, "0"))
    assert other.out != forecast.out


def test_missing_future_file_error_names_the_options(place: Path) -> None:
    done = call(place, ["predict", "runs/sales", "sales.csv"])
    assert (done.code, done.out) == (3, "")
    assert "needs 'promo', 'feast'" in done.err
    assert "--write-future" in done.err


def test_missing_future_row_error_gives_id_and_timestamp(place: Path) -> None:
    call(place, ["predict", "runs/sales", "sales.csv", "--write-future", "all.csv"])
    lines = filled((place / "all.csv").read_text()).splitlines()
    done = call(place, ["predict", "runs/sales", "sales.csv", "--future", "-"], "\n".join([*lines[:9], *lines[10:]]))
    assert (done.code, done.out) == (3, "")
    assert f"standard input: no row for series 'B' at {_date(85)}" in done.err


def test_data_and_future_file_cannot_both_be_standard_input(place: Path) -> None:
    before = listing(place)
    done = call(place, ["predict", "runs/sales", "-", "--future", "-"], "x")
    assert (done.code, done.out) == (2, "")
    assert "cannot both be standard input" in done.err
    assert listing(place) == before


def test_template_requires_known_covariates(place: Path) -> None:
    done = call(place, ["train", "sales.yaml", "--set", "data.covariates.known=[]", "--out", "runs/plain", *TINY])
    assert done.code == 0, done.err
    done = call(place, ["predict", "runs/plain", "sales.csv", "--write-future", "none.csv"])
    assert done.code == 2
    assert "no known covariates" in done.err
    assert not (place / "none.csv").exists()
    (place / "some.csv").write_text("shop,day,promo\n")
    done = call(place, ["predict", "runs/plain", "sales.csv", "--future", "some.csv"])
    assert done.code == 0
    assert "the future file is ignored" in done.err


def test_init_writes_covariates_from_the_command_line(place: Path) -> None:
    done = call(place, ["init", "sales.csv", "--target", "units", "--set", "data.covariates.known=[promo]"])
    assert done.code == 0, done.err
    assert "known: [promo]" in done.out


@pytest.mark.parametrize("form", ["tsv", "json", "jsonl", "parquet"])
def test_a_template_has_the_format_of_its_name(place: Path, form: str) -> None:
    name = f"future.{form}"
    assert call(place, ["predict", "runs/sales", "sales.csv", "--write-future", name]).code == 0
    done = call(place, ["predict", "runs/sales", "sales.csv", "--future", name])
    assert done.code == 0, done.err
    assert "14 of 14 cells of 'promo' are empty" in done.err


@pytest.mark.parametrize("option", ["--output", "--state", "--future"])
def test_a_template_excludes_a_forecast(refused: Callable[..., str], option: str) -> None:
    assert "no forecast" in refused(2, "predict", "m", "sales.csv", "--write-future", "f.csv", option, "g.csv")
