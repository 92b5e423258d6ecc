"""Writes the files in this folder: synthetic data, as messy as published files are. `python tests/data/make.py`."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LOADS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")


def write(name: str, lines: Iterator[str]) -> None:
    content = ("\n".join(lines) + "\n").encode()
    path = HERE / name
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def traffic(hours: int = 1600) -> Iterator[str]:
    """Hourly traffic with repeated timestamps, absent hours, and `None` where no holiday begins at midnight.

    One row per weather report: 240 rows repeat the timestamp and the traffic of the row before, some of them the whole
    row. 160 hours are absent, 120 of them in one hole. A few temperatures are 0 K.
    """
    rng = np.random.default_rng(1)
    yield "holiday,temp,rain_1h,clouds_all,weather_main,weather_description,date_time,traffic_volume"
    absent = {*range(700, 820), *rng.choice(np.arange(50, 650), 40, replace=False).tolist()}
    there = [h for h in range(hours) if h not in absent]
    repeated = set(rng.choice(there, 240, replace=False).tolist())
    for hour in there:
        at = datetime(2017, 11, 6) + timedelta(hours=hour)
        holiday = "Fair Day" if at.day == 10 and at.hour == 0 else "None"
        commuters = 3000 * np.exp(-((at.hour - 8) ** 2) / 8) + 3500 * np.exp(-((at.hour - 17) ** 2) / 10)
        volume = round((600 + commuters * (0.5 if at.weekday() > 4 else 1)) * rng.uniform(0.9, 1.1))
        temp = 0 if rng.random() < 0.004 else round(280 + 6 * np.sin(hour / 24 * 2 * np.pi) + rng.normal(), 2)
        rain = 9831.3 if hour == 1234 else 0.0
        clouds = rng.integers(0, 91)
        for weather in rng.choice(["Clear,clear sky", "Rain,light rain", "Rain,drizzle"], 1 + (hour in repeated)):
            yield f"{holiday},{temp},{rain},{clouds},{weather},{at},{volume}"


def air_quality(hours: int = 1500) -> Iterator[str]:
    """Hourly sensors with a day-first date in one column, the time of day in another, and -200 for missing."""
    rng = np.random.default_rng(2)
    yield "Date,Time,CO_GT,NMHC_GT,C6H6_GT,T,RH"
    for hour in range(hours):
        at = datetime(2004, 3, 10, 18) + timedelta(hours=hour)
        level = 2 + np.sin(at.hour / 24 * 2 * np.pi) + rng.normal(0, 0.3)
        off = rng.random() < 0.04  # all sensors
        cells = [f"{level:.1f}", f"{60 * level:.0f}", f"{5 * level:.1f}", f"{15 + 4 * level:.1f}", f"{50 - level:.1f}"]
        missing = [off or rng.random() < share for share in (0.15, 0.9, 0, 0, 0)]
        values = ("-200" if gone else cell for cell, gone in zip(cells, missing, strict=True))
        yield f"{at.day}/{at.month:02d}/{at.year},{at:%H:%M:%S},{','.join(values)}"


def throughput() -> Iterator[str]:
    """Daily counts with one column per year, newest row first, month-first dates and separators of thousands.

    Each column holds the day of the same week and weekday. The current year ends in November: 54 empty cells.
    """
    rng = np.random.default_rng(3)
    years = (2023, 2022, 2021)
    yield ",".join(["Date", *map(str, years)])
    for back in range(364):
        at = date(2023, 11, 6) - timedelta(back)
        if at.year < 2023:
            at = date(2022, 12, 31) - timedelta((date(2022, 12, 31) - at).days)
        cells = []
        for column, year in enumerate(years):
            value = 2_000_000 - 150_000 * column + 250_000 * np.sin(at.weekday()) + rng.normal(0, 50_000)
            cells.append("" if year == 2023 and at.year < 2023 else f'"{value:,.0f}"')
        yield f"{at.month}/{at.day}/{at.year},{','.join(cells)}"


def transformer(hours: int = 1200) -> Iterator[str]:
    """Seven hourly columns of numbers to forecast, the last of them a temperature."""
    rng = np.random.default_rng(4)
    yield ",".join(["date", *LOADS])
    for hour in range(hours):
        day = np.sin((hour / 24 + np.arange(len(LOADS)) / 10) * 2 * np.pi)
        values = 5 + 2 * day + rng.normal(0, 0.3, len(LOADS))
        yield f"{datetime(2016, 7, 1) + timedelta(hours=hour)},{','.join(f'{v:.3f}' for v in values)}"


def series(count: int = 40) -> Iterator[str]:
    """Hourly series of unequal length, numbered rows as timestamps, their names not in alphabetical order."""
    rng = np.random.default_rng(5)
    yield "unique_id,ds,y"
    for number in range(1, count + 1):
        level = 10 ** rng.uniform(1, 4)
        for row in range(1, (168 if number % 3 else 200) + 1):
            value = level * (1.5 + np.sin((row + number) / 24 * 2 * np.pi) + rng.normal(0, 0.1))
            yield f"H{number},{row},{max(value, 0.0):.1f}"


if __name__ == "__main__":
    write("traffic.csv.gz", traffic())
    write("air_quality.csv", air_quality())
    write("throughput.csv", throughput())
    write("transformer.csv.gz", transformer())
    write("series.csv.gz", series())
