"""The texts of a time column become numbers: which form they have, which clock they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.clock import COMPACT_DATES, YEAR_1, Clock
from seqpred.calendar.step import DAY, SECOND
from seqpred.calendar.zones import are_repeated, to_instants, to_local
from seqpred.errors import DataError
from seqpred.sources.dialect import LETTERS, DateOrder
from seqpred.sources.source import Source

if TYPE_CHECKING:
    import pandas as pd

_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S.%f")
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y-%m",
    "%Y/%m",
    "%b %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%b %d %Y",
    "%Y.%m.%d",
    "%Y%m%d",
)
PARTS = ("%Y", "%m", "%d", "%H", "%M")  # of a date with a column for each, the first two at least
_FORMS = tuple(date + clock for date in _DATES for clock in _CLOCKS)
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?")
# Of bounded length, so that a text of any length is soon told from a date.
_SIGNS = {"Y": r"\d{4}", "f": r"\d{1,9}", "b": r"\D{1,20}", "z": r"(Z|z|\s?[+-]?[\d:]{1,9})"}
_OTHER_ORDER = {"day-first": ("%m/", "%m-"), "month-first": ("%d/", "%d-"), "auto": ()}


def read_times(source: Source, frame: pd.DataFrame, names: Sequence[str], codes: Int) -> tuple[Clock, Int]:
    """How the time column is written, and its times [rows] as `timing` counts them.

    Args:
        names: the column, or several; none for rows in order, counted within each series.
        codes: [rows], which series a row belongs to.
    Raises:
        DataError: empty cells, texts that are no dates or not all of one form, dates that can be read in two ways, or
            times that the clocks of the zone skip.
    """
    clock, times = _read(source, frame, names, codes)
    if source.dialect.timezone == "auto" or clock.place is not None:
        return clock, times
    if not clock.dated:
        found = f"data.timezone is {source.dialect.timezone}, but the times are whole numbers or none"
        raise DataError(found, hint="Leave data.timezone out.", where=source.name)
    return _local(source, frame, names, codes, replace(clock, place=source.dialect.timezone), times)


def _read(source: Source, frame: pd.DataFrame, names: Sequence[str], codes: Int) -> tuple[Clock, Int]:
    import pandas as pd
    from pandas.api import types

    if not names:
        return Clock(None), np.asarray(frame.groupby(codes).cumcount(), np.int64)
    for name in names:
        empty = np.flatnonzero(frame[name].isna().to_numpy())
        if len(empty):
            raise source.fault(empty, f"column {name!r} is empty", "Every row needs its time.")
    if len(names) > 1:
        texts = [stripped(frame[name]) for name in names]
        in_parts = len(names) > 2 or form_of_parts([column.iloc[0] for column in texts]) is not None
        return _in_parts(source, texts) if in_parts else _date_and_clock(source, *texts)
    name = names[0]
    column = frame[name]
    if types.is_integer_dtype(column):
        return (
            (Clock("%Y%m%d"), _parsed(column.astype(str), "%Y%m%d")[0])
            if are_compact_dates(column)
            else (Clock("integer"), column.to_numpy(np.int64))
        )
    if types.is_datetime64_any_dtype(column):
        stamps = _microseconds(column)
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            return _of_zone(source, str(column.dtype.tz), stamps)
        return Clock("%Y-%m-%d" if not (stamps % DAY).any() else "%Y-%m-%d %H:%M:%S"), stamps
    if types.is_float_dtype(column) and bool((column == column.round()).all()):
        return Clock("integer"), column.to_numpy().astype(np.int64)
    return _dates(source, stripped(column), name)


def _of_zone(source: Source, zone: str, instants: Int) -> tuple[Clock, Int]:
    """The times of a column whose type names their zone, or their offset from UTC, as UTC+02:00."""
    offset = zone.removeprefix("UTC") if _ZONE.search(zone) else "+00:00"
    named = source.dialect.timezone if source.dialect.timezone != "auto" else None if _ZONE.search(zone) else zone
    clock = Clock("%Y-%m-%d %H:%M:%S", offset, place=named, on_wall=named is None)
    return clock, instants if named else instants + _offset(offset)


def _local(
    source: Source, frame: pd.DataFrame, names: Sequence[str], codes: Int, clock: Clock, wall: Int
) -> tuple[Clock, Int]:
    """Times without an offset, as those of the zone: in UTC, unless all have the same hour of the day.

    Of a time that the clock shows twice the second row of its series is the later one, in rows that go back the first.
    """
    assert clock.place is not None
    if len(np.unique(wall % DAY)) == 1:
        return clock, wall
    later = np.zeros(len(wall), bool)
    twice = np.flatnonzero(are_repeated(clock.place, wall))
    later[twice] = _come_again(codes[twice], wall[twice], backwards=_go_back(codes, wall))
    instants = to_instants(clock.place, wall, later)
    skipped = np.flatnonzero(to_local(clock.place, instants) != wall)
    if len(skipped):
        shown = " ".join(str(frame[name].iloc[skipped[0]]) for name in names)
        found = f"{shown!r} does not exist in {clock.place}: the clocks there skip it"
        hint = "Take such rows out, or name the zone that the times are of in data.timezone (UTC, maybe)."
        raise source.fault(skipped, found, hint)
    return replace(clock, on_wall=False), instants


def _go_back(codes: Int, wall: Int) -> bool:
    """Whether the rows of most series stand with the newest first."""
    same = codes[1:] == codes[:-1]
    change = np.sign(wall[1:] - wall[:-1])[same]
    return bool(change.sum() < 0)


def _come_again(codes: Int, wall: Int, *, backwards: bool) -> npt.NDArray[np.bool_]:
    """Whether a row has the same series and time as one before it, [rows]; or behind it, where rows go backwards."""
    import pandas as pd

    rows = pd.DataFrame({"code": codes, "wall": wall})
    again: npt.NDArray[np.bool_] = rows.duplicated(keep="last" if backwards else "first").to_numpy()
    return again


def _date_and_clock(source: Source, dates: pd.Series, clocks: pd.Series) -> tuple[Clock, Int]:
    """The times of two columns, a date's and a clock's, each to be written in its own form."""
    for column, wanted, seen in (
        (dates, "a date without a clock", is_date),
        (clocks, "a clock such as 18:00", is_clock),
    ):
        bad = np.flatnonzero(~column.map({text: seen(text) for text in column.unique()}).to_numpy(bool))
        if len(bad):
            found = f"{column.iloc[bad[0]]!r} in column {column.name!r} is not {wanted}"
            hint = "Name one column in data.time, or a date's and a clock's, or year, month and so on."
            raise source.fault(bad, found, hint)
    clock, times = _dates(source, dates.str.cat(clocks, sep=" "), f"{dates.name} {clocks.name}")
    date, _, second = str(clock.form).partition(" %H")
    return replace(clock, form=date, second=f"%H{second}"), times


def _in_parts(source: Source, columns: Sequence[pd.Series]) -> tuple[Clock, Int]:
    """The times of a column for the year, one for the month, and so on."""
    names, form = [str(column.name) for column in columns], " ".join(PARTS[: len(columns)])
    joined = reduce(lambda left, right: left.str.cat(right, sep=" "), columns)
    times, bad = _parsed(joined, form)
    for column, pattern in zip(columns, (r"\d{4}", *[r"\d\d?"] * (len(columns) - 1)), strict=True):
        bad |= ~column.str.fullmatch(pattern).to_numpy(bool)
    if bad.any():
        rows = np.flatnonzero(bad)
        found = f"{joined.iloc[rows[0]][:LETTERS]!r} in columns {', '.join(map(repr, names))} is no date"
        order = " and ".join(("year", "month", "day", "hour", "minute")[: len(names)])
        raise source.fault(rows, found, f"Whole numbers are needed there: {order}, in this order.")
    least = [str(column.min()) for column in columns]  # 01 where there are leading zeros
    return Clock("%Y", second=str(form_of_parts(least)).removeprefix("%Y ")), times


def form_of_parts(texts: Sequence[str]) -> str | None:
    """The form of a date with its year, month and so on in cells of their own, or None.

    Whether a 12 would have a leading zero, were it a 1, the others decide.

    >>> form_of_parts(["2024", "5", "12"]), form_of_parts(["2024", "05"]), form_of_parts(["20240512", "18:00"])
    ('%Y %-m %-d', '%Y %m', None)
    """
    year, *others = texts
    if not (re.fullmatch(r"\d{4}", year) and all(re.fullmatch(r"\d\d?", text) for text in others)):
        return None
    zeros = any(re.match("0.", text) for text in others)
    rest = zip(others, PARTS[1:], strict=False)
    return " ".join(["%Y", *(sign if zeros and len(text) == 2 else f"%-{sign[1]}" for text, sign in rest)])


def is_clock(text: str) -> bool:
    """Whether a cell is the time of a day, as 18:00 or 9:30:15."""
    return _CLOCK.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Whether a cell holds a date alone, without the time of a day."""
    return ":" not in text and bool(re.search(r"\d", text))


def _dates(source: Source, column: pd.Series, name: str) -> tuple[Clock, Int]:
    order = source.dialect.date_order
    form = date_form(column, order)
    if form is None:
        raise _no_dates(source, column, name)
    other = form.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")
    ambiguous = other != form and Clock(form).date_order is not None and order == "auto"
    if ambiguous and not _parsed(column, other)[1].any():
        raise source.fault(
            np.arange(1),
            f"{column.iloc[0]!r} in column {name!r} may be day first or month first",
            "No row decides it: set data.date_order to day-first or month-first, or write the dates as 2024-12-31.",
        )
    instants = _parsed(column, form)[0]
    if form.endswith("%z"):
        return _on_the_wall(column, instants, form, source.dialect.timezone)
    return Clock(_as_wide(column, form)), instants


def _no_dates(source: Source, column: pd.Series, name: str) -> DataError:
    """What to say of texts that have no form of a date in common: the first one, or the first unlike it."""
    order, first = source.dialect.date_order, column.iloc[0]
    form = date_form(column.iloc[:1], order)
    if form is None:
        turned = order != "auto" and date_form(column.iloc[:1]) is not None
        if not turned and _would_be_date(column, order):
            found = f"{first[:LETTERS]!r} in column {name!r} is no date: there is no such day or time"
            return source.fault(np.arange(1), found, "Mend these cells.")
        found = f"is not a date with the {order.split('-')[0]} first, as data.date_order says" if turned else ""
        hint = "Mend data.date_order." if turned else "Write dates as 2024-12-31 or 2024-12-31 23:00:00."
        found = found or "is neither a date nor a whole number"
        return source.fault(np.arange(1), f"{first[:LETTERS]!r} in column {name!r} {found}", hint)
    tried = {f: np.flatnonzero(_parsed(column, f)[1]) for f in _alike(column, form, order)}
    form, bad = min(tried.items(), key=lambda item: len(item[1]))  # 31/12 among days first is the odd one, not 01/02
    cell = column.iloc[bad[0]]
    found = f"{cell[:LETTERS]!r} in column {name!r} is not a date of the form {form}, as the first row is"
    if _shape(cell) == _shape(first):
        return source.fault(bad, f"{found}: there is no such day or time", "Mend these cells.")
    return source.fault(bad, found, "Write all dates in one form.")


def _would_be_date(column: pd.Series, order: DateOrder) -> bool:
    """Whether the first row looks like a date of a later one, as 2024-02-30 does."""
    first = _shape(column.iloc[0])
    alike = (place for place in (len(column) // 2, len(column) - 1) if _shape(column.iloc[place]) == first)
    return any(date_form(column.iloc[[place]], order) is not None for place in alike)


def _shape(text: str) -> str:
    """A text with its digits made alike; one or two of them count the same."""
    return re.sub(r"\d+", lambda found: "0" * max(2, len(found[0])), text)


def _alike(column: pd.Series, form: str, order: DateOrder) -> list[str]:
    """The form, and that with day and month the other way round if the first row may have it too."""
    other = form.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")
    both = Clock(form).date_order is not None and order == "auto" and not _parsed(column.iloc[:1], other)[1].any()
    return [form, other] if both else [form]


def _as_wide(column: pd.Series, form: str) -> str:
    """The form with `%-d` or `%-m` where days or months stand without a leading zero."""
    if not re.match("%[dmY][-/.]%[dm]", form) or int(column.str.len().min()) >= len(_written_out(form)):
        return form
    date = re.escape(re.split("[ T]", form, maxsplit=1)[0]).replace("%Y", r"\d{4}")

    def holds(sign: str, number: str) -> bool:
        """Whether the day or the month of some row is such a number."""
        pattern = date.replace(sign, number).replace("%d", r"\d+").replace("%m", r"\d+")
        return bool(column.str.contains(rf"^{pattern}(?!\d)").any())

    for sign in ("%d", "%m"):
        if holds(sign, "[1-9]") or not holds(sign, r"0\d"):  # no row from 1 to 9: as the other part is written
            form = form.replace(sign, f"%-{sign[1]}")
    return form


def _written_out(form: str) -> str:
    """A date of the form with all leading zeros."""
    signs = {"%Y": "2000", "%m": "01", "%d": "01", "%H": "00", "%M": "00", "%S": "00", "%f": "0"}
    for sign, text in signs.items():
        form = form.replace(sign, text)
    return form


def _on_the_wall(column: pd.Series, instants: Int, form: str, place: str) -> tuple[Clock, Int]:
    """Times of the clock on the wall where all rows have one offset, or all the same hour of their day; else UTC's.

    Args:
        place: the zone, if it is known by name: then UTC's, whatever their offsets are.
    """
    zones = column.str.extract(_ZONE, expand=False)
    offsets = zones.map({z: _offset(z) for z in zones.unique()}).to_numpy(np.int64)
    wall = instants + offsets
    form = form.removesuffix("%z")
    if place != "auto":
        return Clock(form, str(zones.iloc[-1]), place=place, on_wall=False), instants
    if (offsets == offsets[0]).all() or len(np.unique(wall % DAY)) == 1:
        return Clock(form, str(zones.iloc[-1])), wall
    return Clock(form, "+00:00", on_wall=False), instants


def _offset(zone: str) -> int:
    """Microseconds east of UTC that Z, +0200 or +02:00 stands for."""
    digits = zone.replace(":", "")
    return 0 if zone == "Z" else int(f"{digits[0]}1") * (int(digits[1:3]) * 60 + int(digits[3:5])) * 60 * SECOND


def form_of(text: str, order: DateOrder = "auto") -> str | None:
    """The form of one date without a zone, as a strftime pattern, or None."""
    if not re.search(r"\d{4}", text):
        return None
    for form in (f for f in _FORMS if not f.startswith(_OTHER_ORDER[order])):
        try:
            datetime.strptime(text, form)
        except ValueError:
            continue
        return form
    return None


def zone_of(text: str) -> str:
    """The offset from UTC at the end of a time, as Z or +02:00; empty where there is none."""
    found = _ZONE.search(text) if ":" in text else None
    return found[0] if found else ""


def offset_of(zone: str) -> int:
    """Microseconds east of UTC that Z, +0200 or +02:00 stands for; 0 for none."""
    return _offset(zone) if zone else 0


def stripped(column: pd.Series) -> pd.Series:
    """The cells as texts, without the blanks around them."""
    return column.astype(str).str.strip()


def date_form(column: pd.Series, order: DateOrder = "auto") -> str | None:
    """The one form that all these texts have, as a strftime pattern, or None."""
    first = str(column.iloc[0])
    if not re.search(r"\d{4}", first):
        return None  # no year in it
    zone = _ZONE.search(first) if ":" in first else None
    for form in (f for f in _FORMS if not f.startswith(_OTHER_ORDER[order])):
        pattern = form + ("%z" if zone else "")
        if not _outline(pattern).fullmatch(first.strip()):
            continue  # pandas would say so too, but takes half a millisecond
        if not _parsed(column.iloc[:1], pattern)[1].any() and not _parsed(column, pattern)[1].any():
            return pattern
    return None


@cache
def _outline(form: str) -> re.Pattern[str]:
    """What every text of a form looks like; others may too.

    >>> bool(_outline("%d %b %Y").fullmatch("1 May 2024")), bool(_outline("%d %b %Y").fullmatch("2024-05-01"))
    (True, False)
    >>> bool(_outline("%Y%m%d").fullmatch("20240501")), bool(_outline("%Y%m%d").fullmatch("202451"))
    (True, False)
    """
    parts = re.split(r"%-?(\w)", form)  # what stands between the signs, and the signs
    between = [re.escape(part).replace(r"\ ", r"\s{0,9}") for part in parts[::2]]
    alone = [r"\s?\d{1,2}" if part or not i else r"\d\d" for i, part in enumerate(between)]  # 202451 is no date
    signs = [_SIGNS.get(sign, digits) for sign, digits in zip(parts[1::2], alone, strict=False)]
    return re.compile("".join(a + b for a, b in zip(between, [*signs, ""], strict=True)))


def mostly_dates(column: pd.Series) -> bool:
    """Whether more than half of these texts are dates of one form: the others are then faults in a time column."""
    forms = {form for place in (0, len(column) // 2, len(column) - 1) if (form := date_form(column.iloc[[place]]))}
    return any(_parsed(column, form)[1].mean() < 0.5 for form in forms)


def _parsed(column: pd.Series, form: str) -> tuple[Int, npt.NDArray[np.bool_]]:
    """Microseconds since 1970 (of UTC, where there are zones), and which texts are not of the form."""
    import pandas as pd

    stamps = pd.to_datetime(column, format=form, errors="coerce", utc=form.endswith("%z"))
    times = _microseconds(stamps)
    return times, stamps.isna().to_numpy() | (times < YEAR_1)  # pandas takes a sign before the year


def _microseconds(stamps: pd.Series) -> Int:
    if getattr(stamps.dtype, "tz", None) is not None:
        stamps = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return stamps.to_numpy().astype("datetime64[us]").astype(np.int64)


def are_compact_dates(column: pd.Series) -> bool:
    """Whether whole numbers are dates written as 20241231."""
    if not (len(column) and column.min() >= COMPACT_DATES[0] and column.max() <= COMPACT_DATES[1]):
        return False
    return not _parsed(column.astype(str), "%Y%m%d")[1].any()
