"""Named time zones: no hour is lost or counted twice when clocks change, and the calendar is local."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqpred
from seqpred.calendar.zones import are_repeated, to_instants, to_local
from seqpred.commands.check import check
from seqpred.commands.load_panel import load_panel
from seqpred.config.schema import Config
from seqpred.errors import ConfigError, DataError
from seqpred.features.covariates import Covariates
from seqpred.features.fit_covariates import local_times
from seqpred.panel.panel import Panel
from seqpred.sources.source import Source
from tests.conftest import pandas_3

PROPERTY = settings(derandomize=True, deadline=None, max_examples=40)
PLACES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC"]
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1)
YEAR = 24 * 366


def instants(begin: datetime, rows: int, step: timedelta) -> list[datetime]:
    return [begin.replace(tzinfo=UTC) + i * step for i in range(rows)]


def csv(stamps: list[str]) -> bytes:
    return ("ds,y\n" + "".join(f"{stamp},{i}\n" for i, stamp in enumerate(stamps))).encode()


def panel(content: bytes | pd.DataFrame, zone: str = "auto", **data: object) -> Panel:
    config = Config.from_tree({"data": {"target": "y", "timezone": zone, **data}})
    return load_panel(Source("a.csv", content), config, lambda _: None)


def written(p: Panel) -> list[object]:
    return list(p.clock.write(p.times(0, np.arange(p.lengths[0]))))


# ------------------------------------------------------------------ the clocks


@PROPERTY
@given(st.sampled_from(PLACES), st.datetimes(datetime(1900, 1, 1), datetime(2150, 1, 1)))
def test_local_times_agree_with_the_standard_library_in_both_directions(zone: str, moment: datetime) -> None:
    there = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    time = np.array([(moment - EPOCH) // MICROSECOND])
    wall = to_local(zone, time)
    assert wall.tolist() == [(there.replace(tzinfo=None) - EPOCH) // MICROSECOND]
    assert to_instants(zone, wall, later=bool(there.fold)).tolist() == time.tolist()
    assert are_repeated(zone, wall).tolist() == [there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()]


# ------------------------------------------------------------------ rows without an offset


@settings(PROPERTY, max_examples=6)
@given(
    st.sampled_from([p for p in PLACES if "Lord_Howe" not in p]),
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from([timedelta(hours=1), timedelta(minutes=15), timedelta(minutes=30)]),
    st.booleans(),
)
def test_local_times_agree_with_their_offsets(zone: str, begin: datetime, step: timedelta, back: bool) -> None:
    # Lord Howe turns its clocks by half an hour, so that of hourly rows the second time may occur alone
    begin = begin.replace(minute=0, second=0, microsecond=0)
    there = [moment.astimezone(ZoneInfo(zone)) for moment in instants(begin, 24 * 190, step)]
    order = slice(None, None, -1) if back else slice(None)
    local = panel(csv([f"{t:%Y-%m-%d %H:%M}" for t in there][order]), zone)
    offset = panel(csv([t.isoformat() for t in there][order]), zone)
    assert np.isfinite(local.values).all()
    assert local.times(0, np.arange(9)).tolist() == offset.times(0, np.arange(9)).tolist()
    np.testing.assert_array_equal(local.values, offset.values)
    assert written(local) == [f"{t:%Y-%m-%d %H:%M}" for t in there]
    assert written(offset) == [t.isoformat() for t in there]


def test_local_hours_of_a_year_are_complete_with_the_zone_and_not_without_it() -> None:
    there = [m.astimezone(ZoneInfo("Europe/Berlin")) for m in instants(datetime(2024, 1, 1), YEAR, timedelta(hours=1))]
    content = csv([f"{t:%d.%m.%Y %H:%M}" for t in there])
    assert panel(content, "Europe/Berlin").lengths.tolist() == [YEAR]
    with pytest.raises(DataError, match=r"a.csv:7203: duplicate timestamp 27.10.2024 02:00"):
        panel(content)


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Europe/Berlin"])
def test_days_are_local_even_where_midnight_is_skipped(zone: str) -> None:
    days = [f"{datetime(2018, 10, 20) + timedelta(i)}" for i in range(30)]
    p = panel(csv(days), zone)
    assert (str(p.step), written(p)) == ("P1D", days)
    aware = [f"{d}{datetime.fromisoformat(d).replace(tzinfo=ZoneInfo(zone)).isoformat()[-6:]}" for d in days]
    assert written(panel(csv(aware), zone)) == aware


def test_the_days_of_a_file_in_utc_are_those_of_utc() -> None:
    days = [f"{datetime(2024, 3, 20) + timedelta(i):%Y-%m-%dT00:00Z}" for i in range(30)]
    assert written(panel(csv(days), "Europe/Berlin")) == days


def test_an_ambiguous_hour_that_occurs_once_is_the_first_with_a_note() -> None:
    p = panel(csv(["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 03:00"]), "Europe/Berlin")
    assert np.isnan(p.values[:, 0]).tolist() == [False, False, True, False]
    assert any("1 local times that occur twice in Europe/Berlin occur once here" in note for note in p.notes)


def test_a_skipped_hour_is_an_error_with_its_line() -> None:
    content = csv(["2024-03-31 01:00", "2024-03-31 02:00", "2024-03-31 03:00"])
    with pytest.raises(DataError, match=r"a.csv:3: '2024-03-31 02:00' does not exist in Europe/Berlin") as e:
        panel(content, "Europe/Berlin")
    assert "data.timezone" in str(e.value)
    assert panel(content, "UTC").lengths.tolist() == [3]


@pandas_3
def test_the_first_and_last_years_have_local_times() -> None:
    for first in ("0001-01-02", "9999-12-29"):
        stamps = [f"{first} {hour:02d}:00" for hour in range(3)]
        assert written(panel(csv(stamps), "Europe/Berlin")) == stamps


# ------------------------------------------------------------------ frames, and what can't be


def test_a_frame_and_its_forecasts_have_the_same_zone() -> None:
    stamps = pd.date_range("2024-10-26 20:00", periods=12, freq="h", tz="Europe/Berlin")
    p = panel(pd.DataFrame({"ds": stamps, "y": range(12)}))
    assert (p.clock.tz, p.dialect.timezone) == ("Europe/Berlin", "Europe/Berlin")
    assert written(p)[6:8] == ["2024-10-27 02:00:00+02:00", "2024-10-27 02:00:00+01:00"]
    fixed = pd.DataFrame({"ds": stamps.tz_convert(timezone(timedelta(hours=-3))), "y": range(12)})
    assert written(panel(fixed))[0] == "2024-10-26 15:00:00-03:00"


def test_whole_numbers_have_no_zone() -> None:
    with pytest.raises(DataError, match=r"data.timezone is Europe/Berlin, but the times are whole numbers"):
        panel(b"ds,y\n1,1\n2,2\n", "Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/Berln", "Europe", "../etc/passwd", "", "Mars"])
def test_an_unknown_zone_is_an_error_with_the_nearest_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no time zone has this name"):
        Config.from_tree({"data": {"target": "y", "timezone": name}})


# ------------------------------------------------------------------ what the network is expected


def test_the_calendar_inputs_use_the_local_hour() -> None:
    there = [m.astimezone(ZoneInfo("Europe/Berlin")) for m in instants(datetime(2024, 1, 1), YEAR, timedelta(hours=1))]
    hours = np.array([t.hour for t in there]) / 24
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M%z"):
        p = panel(csv([t.strftime(form) for t in there]), "Europe/Berlin")
        expected = Covariates((), ("hour",)).encode(np.empty((len(hours), 0)), local_times(p))[0]
        np.testing.assert_allclose(expected[:, 0], np.sin(2 * np.pi * hours), atol=1e-6)


def test_a_future_file_may_be_written_without_offsets(tmp_path_factory: pytest.TempPathFactory) -> None:
    stamps = pd.date_range("2024-10-24", periods=75, freq="h", tz="Europe/Berlin")  # to 02:00, the first time
    frame = pd.DataFrame({"ds": stamps, "y": np.arange(75) % 24 + np.arange(75) / 100, "p": 1.0})
    tree = {
        "data": {"target": "y", "covariates": {"known": ["p"], "calendar": ["hour"]}},
        "forecast": {"horizon": 3, "season": 24},
        "model": {"members": 1},
        "training": {"max_steps": 2, "threads": 1, "validation": 3},
    }
    model = seqpred.train(tree, frame, tmp_path_factory.mktemp("zones") / "m")
    ahead = pd.DataFrame({"ds": ["2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"], "p": [1.0, 2.0, 3.0]})
    aware = ahead.assign(ds=["2024-10-27T02:00+01:00", "2024-10-27T03:00+01:00", "2024-10-27T04:00+01:00"])
    found = seqpred.predict(model, frame, future=aware)
    assert str(found["ds"].iloc[0]) == "2024-10-27 02:00:00+01:00"
    with pytest.raises(DataError, match=r"no row for at 2024-10-27 04:00:00\+01:00"):
        seqpred.predict(model, frame, future=ahead)  # its first row is an hour of the history
    assert check(tree, frame).fault is None
