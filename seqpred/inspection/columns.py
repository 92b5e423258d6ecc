"""What one sees in a file: which column is what, and which seasons its series have."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import usual_seasons
from seqpred.config.schema import CovariateSection
from seqpred.errors import DataError, did_you_mean
from seqpred.panel.panel import Panel
from seqpred.reading.table import ColumnProfile
from seqpred.sources.columns import Columns

TIMES = (
    "ds",
    "date",
    "datetime",
    "date_time",
    "timestamp",
    "time",
    "period",
    "year",
    "t",
    "month",
    "week",
    "day",
    "hour",
)
PARTS = (("year", "yr"), ("month", "mo"), ("day",), ("hour", "hr"), ("minute", "min"))  # of a date, in columns
WHOLE = 9  # the first of these may hold whole numbers beside a column of dates; the others are parts of a date then
IDS = ("unique_id", "item_id", "series_id", "id", "series", "item", "sku", "store", "name")
TARGETS = ("y", "target", "value", "values", "sales", "demand", "count")
NO_COVARIATES = CovariateSection()
TRACKS, ROWS = 200, 4096  # as much as seasons are looked for in


@dataclass(frozen=True)
class Guess:
    """The columns, and a reason for each, for people."""

    columns: Columns
    reasons: dict[str, str]


def guess_columns(profiles: Sequence[ColumnProfile], source_name: str, series: str | None = None) -> Guess:
    """Which column is the time, which names the series, and which are to be forecast.

    Args:
        series: the column that names the series, if its rows have told.
    Raises:
        DataError: no column of numbers is left to forecast.
    """
    times, why_time = guess_times(profiles)
    why_series = "no time comes again in the rows of one of its values"
    if series is None:
        series, why_series = guess_id(profiles, times)
    if series is None:
        times, why_time = guess_times(profiles, alone=True)
    numbers = [s.name for s in profiles if s.kind in ("number", "whole") and s.name not in (*times, series)]
    if not numbers:
        kinds = ", ".join(f"{s.name} ({s.kind})" for s in profiles[:8])
        raise DataError(
            f"no column of numbers to forecast; there are: {kinds}", hint="One is needed.", where=source_name
        )
    counted = {s.name for s in profiles if s.counted}
    numbers = [n for n in numbers if n not in counted] or numbers  # of a table's rows there is nothing to forecast
    named = [n for n in numbers if n.lower() in TARGETS] or _named_alone(numbers)
    texts = [s.name for s in profiles if s.kind == "text" and s.distinct < s.rows and s.name != series]
    targets = named[:1] or (numbers[-1:] if series or texts else numbers)
    why = "its name" if named else "the last column of numbers" if series or texts else "every column of numbers"
    if texts and not series and not named:
        why += f", since text beside them ({', '.join(texts[:3])}: maybe covariates) tells no wide table"
    return Guess(Columns(times, series, tuple(targets)), {"time": why_time, "id": why_series, "target": why})


def _named_alone(numbers: Sequence[str]) -> list[str]:
    """The one column with a word such as sales in its name, as Weekly_Sales; none where several have one.

    >>> _named_alone(["Size", "Weekly_Sales", "Unemployment"]), _named_alone(["salesNorth", "sales_south"])
    (['Weekly_Sales'], [])
    """
    words = {n: re.findall("[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", n).lower()) for n in numbers}
    found = [n for n in numbers if set(words[n]) & set(TARGETS) - {"y"}]
    return found if len(found) == 1 else []


def guess_times(profiles: Sequence[ColumnProfile], *, alone: bool = False) -> tuple[tuple[str, ...], str]:
    """The time column, a date's and a clock's, or a year's, a month's and so on, and why; none for rows in order.

    Args:
        alone: whether all rows are of one series, so that no time should stand twice.
    """
    time, why = guess_time(profiles)
    parts = _parts(profiles)
    if parts and not any(s.kind == "time" for s in profiles):
        return parts, "their names, and they hold whole numbers"
    if time is None:
        return (), why
    place = next(i for i, s in enumerate(profiles) if s.name == time)
    clocks = [(abs(i - place), s.name) for i, s in enumerate(profiles) if s.kind == "clock"]
    stamp = profiles[place]
    if clocks and stamp.dated and stamp.distinct < stamp.rows:
        return (time, min(clocks)[1]), "a column of dates, and beside it one of clocks"
    finer = [s.name for s in profiles if s.kind == "time" and s.distinct == s.rows]
    texts = any(s.kind == "text" for s in profiles)  # which may tell series apart
    if alone and finer and not texts and stamp.distinct < stamp.rows:
        return (finer[0],), f"a column of dates none of which comes again, as in {time}"
    return (time,), why


def _parts(profiles: Sequence[ColumnProfile]) -> tuple[str, ...]:
    """The columns of a date's year, month and so on, the first two at least; none where there are none."""
    whole = {s.name.lower(): s.name for s in profiles if s.kind == "whole"}
    found = [next((whole[name] for name in names if name in whole), None) for names in PARTS]
    there = tuple(itertools.takewhile(lambda name: name is not None, found))
    return tuple(name for name in there if name) if len(there) > 1 else ()


def guess_time(profiles: Sequence[ColumnProfile]) -> tuple[str | None, str]:
    """The time column and why; None where rows are to be taken in order."""
    dates = {s.name.lower(): s.name for s in profiles if s.kind == "time"}
    whole = {s.name.lower(): s.name for s in profiles if s.kind == "whole"}
    for names, found, what in ((TIMES, dates, "dates"), (TIMES[:WHOLE], whole, "whole numbers")):
        for name in names:
            if name in found:
                return found[name], f"its name, and it holds {what}{_others(dates, name)}"
    if dates:
        return next(iter(dates.values())), f"the first column of dates{_others(dates, next(iter(dates)))}"
    for name in TIMES[WHOLE:]:
        if name in whole:
            return whole[name], "its name, and it holds whole numbers"
    return None, "no column of dates: rows are taken in order"


def _others(dates: Mapping[str, str], chosen: str) -> str:
    """What to say of other columns that might be the time."""
    rest = [name for lowered, name in dates.items() if lowered != chosen]
    return f" ({', '.join(rest[:3])} might be it, too)" if rest else ""


def guess_id(profiles: Sequence[ColumnProfile], times: Sequence[str]) -> tuple[str | None, str]:
    """The column that names the series and why; None where all rows are one series."""
    repeats = [
        s for s in profiles if s.name not in times and s.kind in ("text", "whole") and s.distinct < max(2, s.rows)
    ]
    by_name = {s.name.lower(): s for s in repeats}
    for name in IDS:
        if name in by_name:
            return by_name[name].name, "its name, and its values come again"
    stamps = [s for s in profiles if s.name in times]
    texts = [s for s in repeats if s.kind == "text"]
    again = not stamps or (len(stamps) == 1 and stamps[0].distinct < stamps[0].rows)  # of several one can't see it
    if len(texts) == 1 and again:
        return texts[0].name, "the only column of text, and its values come again"
    return None, "one series"


def choose_columns(
    profiles: Sequence[ColumnProfile],
    source_name: str,
    time: str | Sequence[str] | None,
    series: str | None,
    targets: Sequence[str],
    covariates: CovariateSection = NO_COVARIATES,
) -> Columns:
    """The columns that a config names, the ones it leaves to `auto` guessed.

    Raises:
        DataError: a named column isn't there, or two roles fall on one column.
    """
    header = [s.name for s in profiles]
    times = () if time is None else (time,) if isinstance(time, str) else tuple(time)
    for name in (*times, series, *targets, *covariates.columns):
        if name not in (None, "auto", *header):
            raise DataError(f"no column {name!r}", hint=did_you_mean(str(name), header), where=source_name)
    rest = [s for s in profiles if s.name not in (*targets, *covariates.columns)]
    if times == ("auto",) and "auto" not in header:
        times = guess_times([s for s in rest if s.name != series])[0]
    if series == "auto" and "auto" not in header:
        series = guess_id(rest, times)[0]
    if series is None and time == "auto" and "auto" not in header:
        times = guess_times(rest, alone=True)[0]
    for name in (*times, series):
        if name is not None and (name in ("step", "target", "forecast") or re.fullmatch(r"q0?\.\d+", name)):
            hint = "Rename the column, or leave it out with null."
            raise DataError(
                f"the column {name!r} has the name of a column of the forecasts", hint=hint, where=source_name
            )
    roles = [r for r in (*times, series, *targets, *covariates.columns) if r is not None]
    for role in roles:
        if roles.count(role) > 1:
            raise DataError(
                f"the column {role!r} has two roles", hint="Name each column once in 'data:'.", where=source_name
            )
    by_role = (tuple(covariates.known), tuple(covariates.past), tuple(covariates.static))
    return Columns(times, series, tuple(targets), *by_role)


def find_categories(profiles: Sequence[ColumnProfile], columns: Columns) -> set[str]:
    """The covariates that hold categories: no numbers."""
    words = {s.name for s in profiles if s.kind not in ("number", "whole")}
    return words & {*columns.known, *columns.past, *columns.static}


def check_changing(panel: Panel) -> None:
    """Refuse data in which no target ever changes.

    Raises:
        DataError: a target without a value, or nothing but constant series.
    """
    low, high = _extremes(panel)
    for c, name in enumerate(panel.columns.targets):
        if not np.isfinite(low[:, c]).any():
            raise DataError(f"column {name!r} has no value", hint="Name another target.", where=panel.source)
    if not (low < high).any():
        value = low[np.isfinite(low)][0]
        raise DataError(
            f"column {panel.columns.targets[0]!r} is constant ({value:g} in every row"
            f"{' of a series' if len(panel.names) > 1 else ''}): there is nothing to learn",
            hint="Name another target.",
            where=panel.source,
        )


def _extremes(panel: Panel) -> tuple[Float, Float]:
    """The least and the largest value of each series and target, [S, C]; NaN where there is none."""
    targets = panel.roles.count("target")
    low, high = np.full((2, len(panel.names), targets), np.nan)
    for first, _, piece in panel.pieces():
        values, begins, own = piece.values[:, :targets], piece.offsets[:-1], slice(first, first + len(piece.names))
        low[own] = np.fmin(low[own], np.fmin.reduceat(values, begins, axis=0))
        high[own] = np.fmax(high[own], np.fmax.reduceat(values, begins, axis=0))
    return low, high


# ------------------------------------------------------------------ seasons


def find_season(panel: Panel, room: int | None = None) -> int:
    """Rows in one season: that of the calendar where there are dates, else where the changes repeat; 1 for none.

    Args:
        room: rows that two seasons of the calendar may take up; None for those of the longest series.
    """
    if panel.clock.dated and panel.step.unit != "irregular":
        room = int(panel.lengths.max()) if room is None else room
        return next((m for m in usual_seasons(panel.step) if 2 * m <= room), 1)
    return _repeating_lag(_samples(panel))


def find_own_season(values: Float) -> int:
    """The lag at which one series' own changes repeat, whatever the calendar says; 1 for none."""
    return _repeating_lag([_lined(values[-ROWS:])])


def find_anchor(panel: Panel, season: int, horizon: int, room: int | None = None) -> tuple[int, list[int]]:
    """The lag whose naive forecast errs least over the horizon, and all lags worth an input.

    Args:
        room: rows that three of a lag and the horizon may take up; None for those of the usual series.
    """
    samples = _samples(panel)
    room = int(np.median([len(s) for s in samples])) if room is None else room
    candidates = {1, season, 7 * season if season > 7 else season, *usual_seasons(panel.step)}  # 7: a week of days
    candidates = {c for c in candidates if 3 * c + horizon < room} or {1}
    errors = {lag: _naive_error(samples, lag, horizon) for lag in sorted(candidates)}
    best = min(errors, key=lambda lag: errors[lag])
    anchor = next(lag for lag in errors if errors[lag] <= 1.01 * errors[best])
    return anchor, sorted(candidates)


def sample(panel: Panel, cuts: Int) -> Panel:
    """The last of the first `cuts` rows ([S]) of some series: as much as seasons are looked for in."""
    chosen = np.arange(0, len(panel.names), max(1, len(panel.names) // TRACKS))
    high = np.minimum(cuts, panel.lengths)[chosen]
    return panel.part(chosen, np.maximum(high - ROWS, 0), high)


def _samples(panel: Panel) -> list[Float]:
    """Some tracks, without their gaps' NaN (bridged by a line), long ones only at their end."""
    tracks = list(panel.tracks())
    chosen = tracks[:: max(1, len(tracks) // TRACKS)]
    found = []
    for s, c in chosen:
        found.append(_lined(panel.track(s, c)[-ROWS:]))
        panel.release_pages()
    return found


def _lined(values: Float) -> Float:
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(1)
    rows = np.arange(len(values))
    return np.interp(rows, rows[known], values[known])


def _repeating_lag(samples: Sequence[Float]) -> int:
    """The shortest lag at which the changes' autocorrelation peaks nearly as high as anywhere; 1 if it never does."""
    longest = max(len(s) for s in samples)
    most = min(longest // 3, 400)
    if most < 3:
        return 1
    total, count = np.zeros(most + 1), np.zeros(most + 1)
    for values in samples:
        correlation = _autocorrelation(np.diff(values))[: most + 1]
        total[: len(correlation)] += correlation
        count[: len(correlation)] += 1
    mean = total / np.maximum(count, 1)
    pairs = sum(len(s) for s in samples)
    falling = int((mean < 0).argmax())  # before that, a change is like the one before it
    inner = mean[2:-1]
    peaks = 2 + np.flatnonzero((inner > mean[1:-2]) & (inner >= mean[3:]) & (inner > max(0.2, 3 / np.sqrt(pairs))))
    peaks = peaks[peaks > falling]
    if not len(peaks):
        return 1
    peak = int(peaks[mean[peaks] >= 0.85 * mean[peaks].max()][0])
    near = [lag for lag in (peak, peak - 1, peak + 1) if lag > 1]  # a cycle need not be a whole number of rows
    return min(near, key=lambda lag: _naive_error(samples, lag, 1))


def _autocorrelation(x: Float) -> Float:
    """Autocorrelation at lags 0, 1, ... up to a third of the rows."""
    centred = x - x.mean() if len(x) else x
    power = float(centred @ centred)
    if power <= 0:
        return np.zeros(1)
    size = 1 << int(2 * len(x) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    return np.fft.irfft(spectrum, size)[: len(x) // 3 + 1] / power


def _naive_error(samples: Sequence[Float], lag: int, horizon: int) -> float:
    """Mean absolute error over the horizon of 'as `lag` rows ago', in units of each track's mean change."""
    steps = np.unique(np.linspace(1, horizon, 8).round().astype(int))
    errors = []
    for values in samples:
        unit = np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0
        back = [int(-(-k // lag)) * lag for k in steps]  # the lag in whole cycles that step k needs
        if unit > 0 and len(values) > max(back):
            errors.append(np.mean([np.abs(values[b:] - values[:-b]).mean() for b in back]) / unit)
    return float(np.mean(errors)) if errors else float("inf")
