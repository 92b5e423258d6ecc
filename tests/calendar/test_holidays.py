"""Holidays as inputs: the table of a region, what a forecast knows of them, and the messages for unknown regions."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqpred
from seqpred.calendar.holidays import YEARS_AHEAD, Holidays, find_holidays
from seqpred.calendar.step import DAY
from seqpred.errors import ConfigError, DataError

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def shop(days: int = 200, end: str = "2024-12-20", freq: str = "D") -> pd.DataFrame:
    """Sales with a weekly cycle that drop on Irish holidays."""
    stamps = pd.date_range(end=end, periods=days, freq=freq)
    closed = np.isin(
        [(t.date() - EPOCH).days for t in stamps], find_holidays("IE", 54 * 365 * DAY, 54 * 365 * DAY).days
    )
    sales = 100 + 10 * np.sin(2 * np.pi * np.arange(days) / 7) - 60 * closed
    return pd.DataFrame({"day": stamps, "sales": sales + np.random.default_rng(0).normal(size=days)})


def config(holidays: str | None = "IE") -> dict[str, Any]:
    return {
        "data": {"target": "sales", "time": "day", "covariates": {"holidays": holidays, "calendar": "none"}},
        "model": {"hidden_size": 4, "members": 1, "window": 14},
        "forecast": {"horizon": 7, "season": 7},
        "training": {"max_steps": 2, "validation": 7},
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqpred.Model:
    return seqpred.train(config(), shop(), tmp_path_factory.mktemp("holidays") / "m")


def test_the_table_of_a_region_contains_its_public_holidays() -> None:
    """Public holidays of Bavaria and Berlin in 2024 according to their laws on holidays (Feiertagsgesetz)."""
    bavaria, berlin = (
        find_holidays(region, day("2024-05-01") * DAY, day("2024-06-01") * DAY) for region in ("DE-BY", "DE-BE")
    )
    assert day("2024-05-30") in bavaria.days  # Corpus Christi
    assert day("2024-05-30") not in berlin.days
    assert day("2024-03-08") in berlin.days  # International Women's Day
    assert day("2024-03-08") not in bavaria.days
    assert bavaria.span == f"2023 to {2024 + YEARS_AHEAD}"


def test_every_hour_of_a_day_has_the_indicators_of_its_day() -> None:
    table = Holidays("US", 0, 30, (10,))
    hours = np.arange(8 * 24, 13 * 24) * (DAY // 24)
    holiday, before, after = table.encode(hours).reshape(5, 24, 3).transpose(2, 0, 1)
    assert holiday.all(axis=1).tolist() == [False, False, True, False, False]
    assert before.all(axis=1).tolist() == [False, True, False, False, False]
    assert after.all(axis=1).tolist() == [False, False, False, True, False]


def test_a_forecast_depends_on_the_holidays_after_it_and_not_on_the_package(
    model: seqpred.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = shop()
    monkeypatch.setitem(sys.modules, "holidays", None)
    forecast = seqpred.predict(model, rows)["forecast"]
    table = model.covariates.holidays
    assert table is not None
    assert day("2024-12-25") in table.days
    past = replace(table, days=tuple(d for d in table.days if d < day("2024-12-20")))
    changed = seqpred.load(model.folder.path)
    changed.__dict__["covariates"] = replace(model.covariates, holidays=past)
    assert not np.allclose(forecast, seqpred.predict(changed, rows)["forecast"], rtol=1e-6)


def test_a_forecast_beyond_the_stored_years_is_an_error(model: seqpred.Model) -> None:
    with pytest.raises(DataError, match=r"holidays of IE from 2023 to 2044 only"):
        seqpred.predict(model, shop(end="2045-02-01"))


def test_altered_holidays_are_a_damaged_folder() -> None:
    stored = Holidays("US", 0, 30, (10,)).as_data()
    assert Holidays.from_data(stored) == Holidays("US", 0, 30, (10,))
    for change in ({"days": ["x"]}, {"first": 1e9}, {"region": 3}, {"last": 10**12}):
        with pytest.raises(ValueError, match="holiday"):
            Holidays.from_data(stored | change)


@pytest.mark.parametrize(
    ("region", "freq", "message", "hint"),
    [
        ("XX", "D", "there is no calendar for 'XX'", "AW, AX, AZ, BA, BB, BD, BE, ..."),
        ("DE-BB2", "D", "DE has no calendar for the subdivision 'BB2'", "Did you mean 'BB'?"),
        ("usa", "D", "is 'usa': not the code of a country", "such as US"),
        (False, "D", "YAML reads this as false", '"NO" in quotes for Norway'),
        ("US", "7D", "at most a day; the step is P7D", "Remove the key"),
    ],
)
def test_unknown_regions_and_long_steps_are_refused(
    tmp_path: Path, region: Any, freq: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as e:
        seqpred.train(config(region), shop(freq=freq), tmp_path / "m")
    assert message in e.value.message
    assert hint in e.value.hint


def test_the_extra_is_named_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ConfigError, match=r"pip install 'seqpred\[holidays\]'"):
        find_holidays("US", 0, 0)
