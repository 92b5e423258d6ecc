"""Timestamps as offices, utilities, statistics agencies, loggers and spreadsheets export them, read to the instant."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest

from seqpred.errors import DataError
from seqpred.inspection.columns import guess_columns
from seqpred.reading.column_profile import profile_columns
from seqpred.reading.table import Table, read_table
from seqpred.sources.source import Source

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EPOCH, EXCEL = datetime(1970, 1, 1), datetime(1899, 12, 30)
DAYS = [datetime(2022, 1, 3) + i * DAY for i in range(120)]
HOURS = [datetime(2023, 5, 1) + i * HOUR for i in range(340)]
QUARTERS_OF_HOURS = [datetime(2023, 5, 1) + i * HOUR / 4 for i in range(1300)]
WEEKS = [datetime(2019, 1, 7) + 7 * i * DAY for i in range(130)]
MONTHS = [datetime(1990 + i // 12, i % 12 + 1, 1) for i in range(120)]
QUARTERS = MONTHS[::3]
HALVES = MONTHS[::6]
YEARS = [datetime(year, 1, 1) for year in range(1960, 2020)]


MONTH_NAMES = """
    German Januar Februar März April Mai Juni Juli August September Oktober November Dezember
    German-short Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez
    French janvier février mars avril mai juin juillet août septembre octobre novembre décembre
    French-short janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.
    Spanish enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    Italian-short gen feb mar apr mag giu lug ago set ott nov dic
    Portuguese-short jan fev mar abr mai jun jul ago set out nov dez
    Dutch januari februari maart april mei juni juli augustus september oktober november december
"""
NAMES = {line.split()[0]: line.split()[1:] for line in MONTH_NAMES.strip().splitlines()}


class Kind(NamedTuple):
    """A way to write timestamps: a function from a time to the cells of its columns, and the times to write."""

    write: Callable[[datetime], str | Sequence[object]]
    stamps: Sequence[datetime]
    columns: Sequence[str] = ("date",)
    beside: Sequence[str] = ()  # columns with a constant before them


def form(pattern: str) -> Callable[[datetime], str]:
    return lambda stamp: stamp.strftime(pattern)


def iso(stamp: datetime) -> tuple[int, int]:
    year, week, _ = stamp.isocalendar()
    return year, week


def seconds(stamp: datetime) -> int:
    return (stamp - EPOCH) // timedelta(seconds=1)


def quarter(stamp: datetime) -> int:
    return (stamp.month + 2) // 3


def ending(stamp: datetime) -> tuple[datetime, int]:
    """The date and hour of an hour ending, from 1 to 24."""
    start = stamp - HOUR
    return start, start.hour + 1


KINDS = {
    "US dates of a spreadsheet": Kind(lambda t: f"{t.month}/{t.day}/{t.year}", DAYS),
    "US times of a spreadsheet": Kind(lambda t: f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02d}", HOURS),
    "US times with AM and PM": Kind(lambda t: f"{t.month}/{t.day}/{t.year} {t.hour % 12 or 12}:00 {t:%p}", HOURS),
    "times with a.m. and p.m.": Kind(lambda t: f"{t:%d/%m/%Y %I:%M} {'ap'[t.hour // 12]}.m.", HOURS),
    "times of a browser": Kind(form("%m/%d/%Y, %I:%M:%S\u202f%p"), HOURS),
    "stock prices, newest first": Kind(form("%b %d, %Y"), DAYS[::-1]),
    "stock prices with short years": Kind(form("%m/%d/%y"), DAYS[::-1]),
    "30-Dec-22": Kind(form("%d-%b-%y"), DAYS),
    "dots and short years": Kind(form("%d.%m.%y"), DAYS),
    "underscores": Kind(form("%Y_%m_%d"), DAYS),
    "SAS dates": Kind(lambda t: t.strftime("%d%b%Y").upper(), DAYS),
    "SAS times": Kind(lambda t: t.strftime("%d%b%Y:%H:%M:%S").upper(), HOURS),
    "Oracle times": Kind(lambda t: t.strftime("%d-%b-%y %I.%M.%S.000000000 %p").upper(), HOURS),
    "SQL Server times": Kind(form("%b %e %Y %I:%M%p"), HOURS),
    "web server log": Kind(form("%d/%b/%Y:%H:%M:%S +0000"), HOURS),
    "ctime": Kind(lambda t: t.ctime(), HOURS),
    "mail header": Kind(form("%a, %d %b %Y %H:%M:%S GMT"), HOURS),
    "JavaScript": Kind(form("%a %b %d %Y %H:%M:%S GMT+0200 (Central European Summer Time)"), HOURS),
    "Java with a zone": Kind(form("%Y-%m-%dT%H:%M+02:00[Europe/Berlin]"), HOURS),
    "Java without zero seconds": Kind(
        lambda t: t.isoformat().removesuffix(":00"), [HOURS[0] + i * HOUR / 120 for i in range(200)]
    ),
    "weekday before the date": Kind(form("%a %m/%d/%Y"), DAYS),
    "long dates": Kind(form("%A, %B %d, %Y"), DAYS),
    "Finnish times": Kind(lambda t: f"{t.day}.{t.month}.{t.year} {t.hour}.{t.minute:02d}", HOURS, ("aika",)),
    "French times": Kind(form("%d/%m/%Y %Hh%M"), HOURS),
    "German times": Kind(form("%d.%m.%Y %H:%M Uhr"), HOURS, ("Zeit",)),
    "no-break space": Kind(form("%d.%m.%Y\u00a0%H:%M"), HOURS),
    "time before the date": Kind(form("%H:%M %d/%m/%Y"), HOURS),
    "nanoseconds": Kind(form("%Y-%m-%dT%H:%M:%S.000000000Z"), HOURS, ("_time",)),
    "short offset": Kind(form("%Y-%m-%d %H:%M:%S.000000+00"), HOURS),
    "hour without minutes": Kind(form("%Y-%m-%dT%H"), HOURS, ("Time",)),
    "compact with a blank": Kind(form("%Y%m%d %H%M"), HOURS),
    "compact with an underscore": Kind(form("%Y%m%d_%H%M%S"), HOURS),
    "compact with a T": Kind(form("%Y%m%dT%H%M"), HOURS),
    "compact with T and Z": Kind(form("%Y%m%dT%H%MZ"), HOURS),
    "compact hour with T and Z": Kind(form("%Y%m%dT%HZ"), HOURS, ("period",)),
    "phone": Kind(lambda t: f"{t.month}/{t.day}/{t:%y}, {t.hour % 12 or 12}:{t:%M %p}", HOURS),
    "24:00 at the end of a day": Kind(
        lambda t: f"{t - DAY:%d/%m/%Y} 24:00" if t.hour == 0 else f"{t:%d/%m/%Y %H:%M}", HOURS[1:]
    ),
    "midnights of R": Kind(lambda t: f"{t:%Y-%m-%d}" if t.hour == 0 else f"{t:%Y-%m-%d %H:%M:%S}", HOURS),
    "Japanese months": Kind(lambda t: f"{t.year}年{t.month}月", MONTHS, ("年月",)),
    "German months": Kind(lambda t: f"{NAMES['German'][t.month - 1]} {t.year}", MONTHS, ("Monat",)),
    "German short months": Kind(lambda t: f"{t:%d}. {NAMES['German-short'][t.month - 1]} {t.year}", DAYS, ("Datum",)),
    "French months": Kind(lambda t: f"{t.day} {NAMES['French'][t.month - 1]} {t.year}", DAYS),
    "French short months": Kind(lambda t: f"{t.day} {NAMES['French-short'][t.month - 1]} {t.year}", DAYS),
    "Spanish months": Kind(lambda t: f"{t.day} de {NAMES['Spanish'][t.month - 1]} de {t.year}", DAYS, ("fecha",)),
    "Italian short months": Kind(lambda t: f"{NAMES['Italian-short'][t.month - 1]}-{t:%y}", MONTHS, ("mese",)),
    "Portuguese short months": Kind(lambda t: f"{NAMES['Portuguese-short'][t.month - 1]}/{t.year}", MONTHS, ("mês",)),
    "Dutch months": Kind(lambda t: f"{t.day} {NAMES['Dutch'][t.month - 1]} {t.year}", DAYS, ("datum",)),
    "ONS months": Kind(lambda t: f"{t:%Y %b}".upper(), MONTHS, ("Title",)),
    "IMF months": Kind(lambda t: f"{t.year}M{t.month}", MONTHS, ("Period",)),
    "EViews months": Kind(form("%Y:%m"), MONTHS, ("obs",)),
    "month and year": Kind(form("%m/%Y"), MONTHS, ("Month",)),
    "Jan-49": Kind(form("%b-%y"), MONTHS, ("Month",)),
    "49-Jan": Kind(form("%y-%b"), MONTHS, ("Month",)),
    "Month 1949-01": Kind(form("Month %Y-%m"), MONTHS, ("Month",)),
    "2019 Q1": Kind(lambda t: f"{t.year} Q{quarter(t)}", QUARTERS, ("Period",)),
    "Q1-2019": Kind(lambda t: f"Q{quarter(t)}-{t.year}", QUARTERS, ("TIME",)),
    "1Q19": Kind(lambda t: f"{quarter(t)}Q{t:%y}", QUARTERS, ("Quarter",)),
    "2019-T1": Kind(lambda t: f"{t.year}-T{quarter(t)}", QUARTERS, ("Période",)),
    "1. Quartal 2019": Kind(lambda t: f"{quarter(t)}. Quartal {t.year}", QUARTERS, ("Quartal",)),
    "2019:1": Kind(lambda t: f"{t.year}:{quarter(t)}", QUARTERS, ("obs",)),
    "2019-S1": Kind(lambda t: f"{t.year}-S{1 + t.month // 7}", HALVES, ("TIME_PERIOD",)),
    "2019/20": Kind(lambda t: f"{t.year}/{(t.year + 1) % 100:02d}", YEARS, ("Year",)),
    "2019-W05": Kind(lambda t: "{}-W{:02d}".format(*iso(t)), WEEKS, ("week",)),
    "2019-W05-1": Kind(lambda t: "{}-W{:02d}-1".format(*iso(t)), WEEKS, ("week",)),
    "2019 W05": Kind(lambda t: "{} W{:02d}".format(*iso(t)), WEEKS, ("Week",)),
    "KW05/2019": Kind(lambda t: f"KW{iso(t)[1]:02d}/{iso(t)[0]}", WEEKS, ("Woche",)),
    "Week 5, 2019": Kind(lambda t: f"Week {iso(t)[1]}, {iso(t)[0]}", WEEKS, ("Week",)),
    "2019-05 of a week": Kind(lambda t: "{}-{:02d}".format(*iso(t)), WEEKS, ("week",)),
    "201905 of a week": Kind(lambda t: "{}{:02d}".format(*iso(t)), WEEKS, ("yearweek",)),
    "week ending": Kind(form("Week ending %d/%m/%Y"), WEEKS, ("Week",)),
    "day of the year": Kind(form("%Y-%j"), DAYS),
    "week of a search engine": Kind(lambda t: f"{t:%Y-%m-%d} - {t + 6 * DAY:%Y-%m-%d}", WEEKS, ("Week",)),
    "market time unit": Kind(lambda t: f"{t:%d.%m.%Y %H:%M} - {t + HOUR:%d.%m.%Y %H:%M}", HOURS, ("MTU (CET/CEST)",)),
    "market time unit of 15 minutes": Kind(
        lambda t: f"{t:%d/%m/%Y %H:%M:%S} - {t + HOUR / 4:%d/%m/%Y %H:%M:%S}", QUARTERS_OF_HOURS, ("MTU (UTC)",)
    ),
    "ISO intervals": Kind(lambda t: f"{t:%Y-%m-%dT%H:%MZ}/{t + HOUR:%Y-%m-%dT%H:%MZ}", HOURS, ("interval",)),
    "interval with one date": Kind(lambda t: f"{t:%Y-%m-%d %H:%M}-{t + HOUR:%H:%M}", HOURS, ("time",)),
    "YYYYMM": Kind(form("%Y%m"), MONTHS, ("month",)),
    "YYYYMMDD": Kind(form("%Y%m%d"), DAYS),
    "YYYYMMDDHH": Kind(form("%Y%m%d%H"), HOURS, ("time",)),
    "YYYYMMDDHHMM": Kind(form("%Y%m%d%H%M"), HOURS, ("time",)),
    "YYYYDDD": Kind(form("%Y%j"), DAYS),
    "DDMMYYYY": Kind(form("%d%m%Y"), DAYS),
    "epoch seconds": Kind(lambda t: str(seconds(t)), HOURS, ("timestamp",)),
    "epoch seconds with a point": Kind(lambda t: f"{seconds(t)}.0", HOURS, ("time",)),
    "epoch milliseconds": Kind(lambda t: f"{seconds(t)}000", HOURS, ("timestamp",)),
    "epoch microseconds": Kind(lambda t: f"{seconds(t)}000000", HOURS, ("ts",)),
    "epoch nanoseconds": Kind(lambda t: f"{seconds(t)}000000000", HOURS, ("time",)),
    "Excel days": Kind(lambda t: str((t - EXCEL).days), DAYS),
    "Excel times": Kind(lambda t: f"{(t - EXCEL) / DAY:.10f}".rstrip("0").rstrip("."), HOURS, ("Timestamp",)),
    "decimal years of R": Kind(lambda t: f"{t.year + (t.month - 1) / 12:.15g}", MONTHS, ("time",)),
    "date and hour": Kind(lambda t: (f"{t:%Y-%m-%d}", t.hour), HOURS, ("dteday", "hr")),
    "date and hour ending": Kind(lambda t: (f"{ending(t)[0]:%m/%d/%Y}", ending(t)[1]), HOURS[1:], ("Date", "HE")),
    "date and hour ending as a clock": Kind(
        lambda t: (f"{ending(t)[0]:%m/%d/%Y}", f"{ending(t)[1]:02d}:00"), HOURS[1:], ("Delivery Date", "Hour Ending")
    ),
    "date and HE01": Kind(lambda t: (f"{ending(t)[0]:%Y-%m-%d}", f"HE{ending(t)[1]:02d}"), HOURS[1:], ("Date", "Hour")),
    "compact date and hour": Kind(
        lambda t: (f"{ending(t)[0]:%Y%m%d}", ending(t)[1]), HOURS[1:], ("YYYYMMDD", "HH"), ("STN",)
    ),
    "date and start time": Kind(lambda t: (f"{t:%Y-%m-%d}", f"{t:%H:%M}"), HOURS, ("DATE", "START TIME"), ("TYPE",)),
    "date and 12-hour clock": Kind(lambda t: (f"{t:%d/%m/%Y}", f"{t:%I:%M %p}"), HOURS, ("Date", "Time")),
    "date and HHMM": Kind(lambda t: (f"{t:%Y%m%d}", f"{t:%H%M}"), HOURS, ("UTC_DATE", "UTC_TIME")),
    "date and HHMMSS": Kind(lambda t: (f"{t:%Y%m%d}", f"{t:%H%M%S}"), HOURS, ("<DATE>", "<TIME>")),
    "date and interval": Kind(
        lambda t: (f"{t:%d.%m.%Y}", f"{t:%H:%M}-{t + HOUR / 4:%H:%M}"), QUARTERS_OF_HOURS, ("Datum", "Uhrzeit")
    ),
    "date and settlement period": Kind(
        lambda t: (f"{t:%d-%b-%Y}".upper(), 2 * t.hour + t.minute // 30 + 1),
        QUARTERS_OF_HOURS[::2],
        ("SETTLEMENT_DATE", "SETTLEMENT_PERIOD"),
    ),
    "date and hours from and to": Kind(
        lambda t: (f"{t:%d-%m-%Y}", f"{t:%H} - {t + HOUR:%H}"), HOURS, ("Date", "Hours")
    ),
    "buoy": Kind(
        lambda t: (t.year, f"{t:%m}", f"{t:%d}", f"{t:%H}", f"{t:%M}"),
        QUARTERS_OF_HOURS[::2],
        ("YYYY", "MM", "DD", "hh", "mm"),
    ),
    "satellite": Kind(lambda t: (t.year, t.month, t.day, t.hour), HOURS, ("YEAR", "MO", "DY", "HR")),
    "year, month and day": Kind(lambda t: (t.year, t.month, t.day), DAYS, ("year", "month", "day")),
    "year to hour": Kind(lambda t: (t.year, t.month, t.day, t.hour), HOURS, ("year", "month", "day", "hour")),
    "year, month, day and clock": Kind(
        lambda t: (t.year, t.month, t.day, f"{t:%H:%M}"), HOURS, ("Year", "Month", "Day", "Time")
    ),
    "year, day of the year and hour": Kind(lambda t: (t.year, f"{t:%-j}", t.hour), HOURS, ("Year", "DOY", "Hour")),
    "year, day and HHMM of a logger": Kind(
        lambda t: (t.year, f"{t:%-j}", 100 * t.hour), HOURS, ("Year", "JDay", "HHMM")
    ),
    "year and name of the month": Kind(lambda t: (t.year, f"{t:%B}"), MONTHS, ("Year", "Month")),
    "Spanish year and month": Kind(lambda t: (t.year, NAMES["Spanish"][t.month - 1]), MONTHS, ("Año", "Mes")),
    "year and quarter": Kind(lambda t: (t.year, quarter(t)), QUARTERS, ("Year", "Quarter")),
    "year and Q1": Kind(lambda t: (t.year, f"Q{quarter(t)}"), QUARTERS, ("Year", "Qtr")),
    "year and week": Kind(iso, WEEKS, ("YEAR", "WEEK"), ("REGION",)),
    "BLS months": Kind(lambda t: (t.year, f"M{t:%m}"), MONTHS, ("year", "period"), ("series_id",)),
    "BLS quarters": Kind(lambda t: (t.year, f"Q0{quarter(t)}"), QUARTERS, ("year", "period"), ("series_id",)),
}


def source_of(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Source:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return Source("data.csv", text.getvalue().encode())


def read(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """The table with the columns that are guessed."""
    source = source_of(header, rows)
    return read_table(source, guess_columns(profile_columns(source), source.name).columns)


@pytest.mark.parametrize("name", KINDS)
def test_timestamps_are_read_to_the_instant_and_written_as_they_were(name: str) -> None:
    kind = KINDS[name]
    cells = [(found,) if isinstance(found := kind.write(stamp), str) else tuple(found) for stamp in kind.stamps]
    rows = [["x"] * len(kind.beside) + [*own, round(100 + i * 7 % 13 + i / 9, 3)] for i, own in enumerate(cells)]
    table = read([*kind.beside, *kind.columns, "value"], rows)
    assert set(table.columns.time) == set(kind.columns)
    assert table.columns.targets == ("value",)
    expected = np.array(kind.stamps, "datetime64[us]").astype(np.int64)
    assert (table.clock.local(table.times) == expected).all()
    order = [kind.columns.index(column) for column in table.columns.time]
    written = list(zip(*table.clock.write_columns(table.times), strict=True))
    if name != "nanoseconds" and "R" not in name.split() and "point" not in name:
        assert written == [tuple(str(own[place]) for place in order) for own in cells]


def sales(name: str, cells: Sequence[str]) -> Table:
    return read([name, "sales"], [[cell, i % 7] for i, cell in enumerate(cells)])


@pytest.mark.parametrize(
    ("name", "cells", "words"),
    [
        ("Month", ["Jan", "Feb", "Mar"] * 20, "'Jan' has no year"),
        ("week", [f"Week {i}" for i in range(1, 53)], "'Week 1' has no year"),
        ("date", [f"{day:%d/%m}" for day in DAYS], "'03/01' is neither a timestamp with a year"),
        ("date", [f"{day:%d/%m/%Y}" for day in DAYS[:9]], "may be day first or month first"),
        (
            "period",
            [f"{year}-{p:02d}" for year in range(2000, 2010) for p in range(1, 14)],
            "'2000-13' in column 'period' is not",
        ),
        ("date", [f"{i % 28 + 1} thermidor 1795" for i in range(99)], "'thermidor' is neither a month nor a weekday"),
        ("дата", [f"{day.day} мая {day.year}" for day in DAYS], "is not a timestamp"),
        ("period", [f"phase{i}" for i in range(99)], "looks like timestamps"),
        ("time", [f"{i / 100:.2f}" for i in range(99)], "neither a timestamp nor a whole number"),
    ],
)
def test_a_column_that_looks_like_timestamps_is_never_ignored(name: str, cells: Sequence[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        sales(name, cells)


@pytest.mark.parametrize("cells", [[str(i) for i in range(1, 99)], [str(year) for year in range(1900, 1999)]])
def test_counters_and_years_stay_whole_numbers(cells: Sequence[str]) -> None:
    table = sales("t", cells)
    assert not table.clock.dated
    assert table.times.tolist() == [int(cell) for cell in cells]
