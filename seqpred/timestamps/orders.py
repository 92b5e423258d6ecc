"""The possible meanings of the numbers in a date, by their widths: `00/00/0000` is day-month-year or month-day-year.

A key has the parts of a date in order: a width (2 for one or two digits), `b` for the name of a month, or the letter
of a directive that a marker such as Q or W has decided. Each value is one meaning of all of them; `+y` begins the end
of an interval of a year, as in 2019/20. The first of several is the usual one.
"""

from __future__ import annotations

from collections.abc import Sequence

_DATES = {
    "4 2 2": ("Y m d",),
    "2 2 4": ("d m Y", "m d Y"),
    "2 2 2": ("d m y", "m d y", "y m d"),
    "2 b 4": ("d b Y",),
    "2 b 2": ("d b y", "y b d"),
    "b 2 4": ("b d Y",),
    "b 2 2": ("b d y",),
    "4 b 2": ("Y b d",),
    "8": ("Ymd", "dmY", "mdY"),
    "4 3": ("Y j",),
    "3 4": ("j Y",),
}
_CLOCKS = {"": "", " 2": " H", " 4": " HM", " 6": " HMS", " 6 3": " HMS f", " 6 6": " HMS f"}
ORDERS: dict[str, tuple[str, ...]] = {
    **{date + clock: tuple(o + _CLOCKS[clock] for o in orders) for date, orders in _DATES.items() for clock in _CLOCKS},
    "4 2": ("Y m", "G V", "Y q", "Y +y"),
    "4 4": ("Y +Y",),
    "2 4": ("m Y", "V G", "q Y"),
    "b 4": ("b Y",),
    "4 b": ("Y b",),
    "b 2": ("b y",),
    "2 b": ("y b",),
    "4 q": ("Y q",),
    "q 4": ("q Y",),
    "2 q": ("y q",),
    "q 2": ("q y",),
    "4 i": ("Y i",),
    "i 4": ("i Y",),
    "4 V": ("G V",),
    "V 4": ("V G",),
    "4 V u": ("G V u",),
    "4 m": ("Y m",),
    "m 4": ("m Y",),
    "4": ("Y",),
    "6": ("Ym", "ymd", "GV", "dmy", "mdy"),
    "7": ("Yj",),
    "10": ("YmdH",),
    "12": ("YmdHM",),
    "14": ("YmdHMS",),
    "14 3": ("YmdHMS f",),
    "14 6": ("YmdHMS f",),
}


def orders_of(kinds: Sequence[str]) -> list[list[str]]:
    """The meanings of a date's parts: for each, the letters of every part.

    >>> orders_of(["2", "2", "4"]), orders_of(["2", "2"])
    ([['d', 'm', 'Y'], ['m', 'd', 'Y']], [])
    """
    return [meaning.split() for meaning in ORDERS.get(" ".join(kinds), ())]
