"""The cycles of the calendar as inputs: hour of the day, day of the week, of the month and of the year."""

from __future__ import annotations

from typing import Literal

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import DAY, Step
from seqpred.panel.panel import Panel

HARMONICS = {"hour": 3, "weekday": 3, "day-of-month": 2, "day-of-year": 3}
SPANNED = 0.95  # share of a cycle that a lag must span: 52 weeks are a year, and so are 12 months of 30 days


def encode_cycle(times: Int, name: str) -> Float:
    """Sine and cosine of the harmonics of the phase, [..., 2 harmonics], from local times [...]."""
    waves = 2 * np.pi * _phase(times, name)[..., None] * np.arange(1, HARMONICS[name] + 1)
    return np.concatenate([np.sin(waves), np.cos(waves)], axis=-1)


def _phase(times: Int, name: str) -> Float:
    """The position of each time in its cycle, from 0 to 1."""
    if name == "hour":
        return np.asarray((times % DAY) / DAY)
    if name == "weekday":
        return np.asarray(((times + 3 * DAY) % (7 * DAY)) / (7 * DAY))  # 1970-01-01 was a Thursday
    unit: Literal["M", "Y"] = "M" if name == "day-of-month" else "Y"
    days = times.astype("datetime64[us]").astype("datetime64[D]")
    first = days.astype(f"datetime64[{unit}]")
    length = (first + np.timedelta64(1, unit)).astype("datetime64[D]") - first.astype("datetime64[D]")
    return np.asarray((days - first.astype("datetime64[D]")) / length)


def find_calendar(panel: Panel, longest_lag: int) -> tuple[str, ...]:
    """The cycles that are worth an input: not spanned by a lag, and at least three of them in the longest series.

    A cycle that a lag spans is in the inputs already, and adding it makes forecasts of short series worse. Without a
    fixed step, no lag spans a cycle.
    """
    if not panel.clock.dated:
        return ()
    step, rows = approximate_length(panel.step), int(panel.lengths.max())
    spanned = 0 if panel.step.unit == "irregular" else longest_lag * step
    cycles = {"hour": DAY, "weekday": 7 * DAY, "day-of-year": 365 * DAY}
    return tuple(
        name
        for name, cycle in cycles.items()
        if 2 * step <= cycle and SPANNED * cycle > spanned and 3 * cycle <= rows * step
    )


def approximate_length(step: Step) -> int:
    """Microseconds from one row to the next, with months of 30 days."""
    days = {"business-day": 1, "month": 30, "month-end": 30}
    return step.count * days[step.unit] * DAY if step.unit in days else step.count
