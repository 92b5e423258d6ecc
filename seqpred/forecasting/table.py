"""The forecast table: forecasts with the names and timestamps that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.errors import ConfigError, DataError
from seqpred.panel.panel import Panel
from seqpred.sources.columns import Columns
from seqpred.timestamps.offsets import offset_of

ORIGIN = "origin"

Table = dict[str, list[Any] | Float]
"""Columns by name, in the order in which they are printed; forecasts are arrays."""


def make_table(
    panel: Panel, forecasts: Float, levels: Sequence[float], wanted: Sequence[float], *, as_text: bool = True
) -> Table:
    """One row per series, target and step: id, time, step, target, forecast, quantiles.

    Args:
        panel: the history; the id and time columns keep its names.
        forecasts: [K, N, Q], of increasing levels, in the order of `Panel.tracks`.
        wanted: the levels to return.
        as_text: write timestamps as the data does; otherwise a single column of dates has `datetime` values, with
            their time zone if it is known.
    Raises:
        DataError: timestamps after the year 9999.
    """
    table: Table = {**track_columns(panel, forecasts.shape[1], as_text=as_text)}
    flat = forecasts.reshape(-1, len(levels))
    table["forecast"] = flat[:, levels.index(0.5)]
    for level in wanted:
        table[f"q{level:g}"] = quantile_at(flat, levels, level)
    return table


def track_columns(panel: Panel, steps: int, *, as_text: bool = True) -> dict[str, list[Any]]:
    """The columns before the forecasts: id, time, step, target; see `make_table`.

    Raises:
        DataError: timestamps after the year 9999.
    """
    columns, tracks = panel.columns, list(panel.tracks())
    table: dict[str, list[Any]] = {}
    if columns.id is not None:
        table[columns.id] = [panel.names[s] for s, _ in tracks for _ in range(steps)]
    if columns.time:
        ahead = np.arange(steps, dtype=np.int64)
        times = np.stack([panel.times(s, panel.lengths[s] + ahead) for s in range(len(panel.names))])
        if not panel.clock.reaches(times):
            hint = "Request fewer steps, or set data.frequency to the step that you mean."
            raise DataError("the forecast goes beyond the year 9999", hint=hint, where=panel.source)
        stamps, places = np.unique(times, return_inverse=True)  # series that end together share theirs
        rows = places.reshape(times.shape)[[s for s, _ in tracks]].ravel().tolist()
        is_stamp = not as_text and panel.clock.dated and len(columns.time) == 1
        written: Sequence[Sequence[object]] = (
            [_datetimes(panel, stamps)] if is_stamp else panel.clock.write_columns(stamps)
        )
        for name, cells in zip(columns.time, written, strict=True):
            table[name] = [cells[row] for row in rows]
    table["step"] = [step for _ in tracks for step in range(1, steps + 1)]
    if len(columns.targets) > 1:
        table["target"] = [columns.targets[c] for _, c in tracks for _ in range(steps)]
    return table


def check_origin(columns: Columns) -> None:
    """Check that a column `origin` can be added.

    Raises:
        ConfigError: the data has one.
    """
    if ORIGIN in (columns.id, *columns.time):
        hint = "Rename it, or omit --origin."
        raise ConfigError("--origin adds a column 'origin', and the data has one of this name", hint=hint)


def add_origins(table: Table, panel: Panel, *, as_text: bool = True) -> Table:
    """The table with a column `origin` before `step`: the timestamp of the last row before the forecast.

    Without a time column, it is the number of rows.

    Raises:
        ConfigError: the data has such a column.
    """
    check_origin(panel.columns)
    if not panel.columns.time:
        ends: Sequence[Any] = panel.lengths.tolist()
    else:
        ends = panel.clock.write(panel.ends) if as_text else timestamps(panel, panel.ends)
    tracks = list(panel.tracks())
    steps = len(table["step"]) // len(tracks)
    added: Table = {}
    for name, cells in table.items():
        if name == "step":
            added[ORIGIN] = [ends[s] for s, _ in tracks for _ in range(steps)]
        added[name] = cells
    return added


def timestamps(panel: Panel, times: Int) -> list[datetime] | list[int]:
    """Times of a panel as `datetime` values; as integers if they are not dates."""
    return _datetimes(panel, times) if panel.clock.dated else times.tolist()


def _datetimes(panel: Panel, times: Int) -> list[datetime]:
    """Times as `datetime` values, in the zone or with the offset of the data if it has one."""
    clock = panel.clock
    if clock.tz is not None:
        utc = clock.instants(times).astype("datetime64[us]").astype(object).tolist()
        return [stamp.replace(tzinfo=UTC).astimezone(ZoneInfo(clock.tz)) for stamp in utc]
    local: list[datetime] = times.astype("datetime64[us]").astype(object).tolist()
    if not clock.zone:
        return local
    offset = timedelta(microseconds=offset_of(clock.zone))
    zone = timezone(offset) if offset else UTC
    return [stamp.replace(tzinfo=zone) for stamp in local]


def check_levels(wanted: Sequence[float], levels: Sequence[float]) -> None:
    """Check before the computation that quantiles of these levels can be returned.

    Raises:
        ConfigError: one is outside the levels that the model was trained with.
    """
    for level in wanted:
        if not levels[0] <= level <= levels[-1]:
            raise ConfigError(
                f"quantile {level:g} is outside {levels[0]:g} to {levels[-1]:g}, the levels of this model",
                hint="Choose one inside, or add it to forecast.quantiles and train again.",
            )


def quantile_at(forecasts: Float, levels: Sequence[float], level: float) -> Float:
    """[rows] at one level, interpolated between the two nearest levels of the model; `forecasts` are [rows, Q]."""
    above = int(np.searchsorted(levels, level - 1e-12))
    if abs(levels[above] - level) < 1e-9:
        return forecasts[:, above]
    share = (level - levels[above - 1]) / (levels[above] - levels[above - 1])
    between: Float = forecasts[:, above - 1] + share * (forecasts[:, above] - forecasts[:, above - 1])
    return between
