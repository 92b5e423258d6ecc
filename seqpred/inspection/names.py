"""Column names with a conventional meaning."""

from __future__ import annotations

import re

TIME_NAMES = (
    "ds",
    "date",
    "datetime",
    "date_time",
    "timestamp",
    "time",
    "period",
    "year",
    "t",
)
PART_NAMES = ("month", "week", "day", "hour")  # a whole number of this name is the time if nothing else is
CALENDAR_NAMES = {
    *("year", "yr", "quarter", "qtr", "month", "mnth", "mo", "week", "weekofyear", "week_of_year", "isoweek"),
    *("day", "dayofyear", "day_of_year", "doy", "dayofmonth", "day_of_month", "hour", "hr", "minute", "second"),
    *("weekday", "dayofweek", "day_of_week", "dow", "weekend", "is_weekend", "workingday", "season"),
    *("holiday", "is_holiday"),
}
ID_NAMES = ("unique_id", "item_id", "series_id", "entity_id", "id", "series", "item", "sku", "store", "name")
USUAL_TARGETS = (
    *("y", "target", "sales", "demand", "units", "qty", "quantity", "load", "consumption", "usage", "count", "cnt"),
)
TARGET_NAMES = (  # the first of these that names one column wins
    *USUAL_TARGETS,
    *("orders", "passengers", "visitors", "visits", "close", "value", "values", "volume", "revenue", "turnover"),
    *("amount", "price", "umsatz", "absatz", "menge", "ventes", "ventas", "vendas"),
)
KNOWN_NAMES = {"price", "promo", "promotion", "holiday", "event", "discount", "school", "open", *CALENDAR_NAMES}


def words(name: str) -> list[str]:
    """The words of a column name, in lower case.

    >>> words("WeeklySales"), words("Series ID"), words("adj_close")
    (['weekly', 'sales'], ['series', 'id'], ['adj', 'close'])
    """
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def normal(name: str) -> str:
    """A column name as the lists above have it.

    >>> normal("Series ID"), normal("DATE")
    ('series_id', 'date')
    """
    return "_".join(words(name)) or name.lower()


def is_calendar(name: str) -> bool:
    """Whether a column is named like a part of a date, or like a property of a day."""
    return normal(name) in CALENDAR_NAMES
