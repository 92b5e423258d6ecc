"""A holdout: the last rows of each series, excluded from training and from every choice, scored once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.zones import to_instants
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.backtest import Window
from seqpred.panel.panel import Panel

MOST_WINDOWS = 100
SHOWN = 3  # series named in a message


@dataclass(frozen=True)
class Holdout:
    """Where each series of a panel is cut.

    Attributes:
        spec: as it was given: a number of rows, or the timestamp of the first row held out.
        cuts: [S], rows of each series before the holdout.
        lengths: [S], all rows of each series.
    """

    spec: str
    cuts: Int
    lengths: Int

    @classmethod
    def of(cls, panel: Panel, spec: str | int) -> Holdout:
        """The holdout of a panel.

        Args:
            spec: a number of rows at the end of each series, or a timestamp such as 2024-01-31, from which on all
                rows are held out.
        Raises:
            ConfigError: it is neither. DataError: nothing, or all of a series, would be held out.
        """
        text = str(spec)
        if text.isdigit():
            cuts = panel.lengths - int(text)
        else:
            start = _to_time(panel, text)
            rows = [panel.times(s, np.arange(length)) for s, length in enumerate(panel.lengths.tolist())]
            cuts = np.array([np.searchsorted(times, start) for times in rows], np.int64)
        if not (cuts < panel.lengths).any():
            hint = "Give a number of rows, or a timestamp before the end of the data."
            raise DataError(f"the holdout {text} contains no row", hint=hint, where=panel.source)
        empty = np.flatnonzero(cuts < 1)
        if len(empty):
            raise _too_long(panel, text, empty)
        return cls(text, cuts, panel.lengths)

    def windows(self, horizon: int) -> list[Window]:
        """Windows of one horizon from the cut on, none overlapping; the last one may end beyond the data."""
        longest = int((self.lengths - self.cuts).max())
        count = min(MOST_WINDOWS, -(-longest // horizon))
        return [Window(self.cuts + k * horizon, "unseen") for k in range(count)]


def _to_time(panel: Panel, text: str) -> int:
    """A timestamp as `Panel.times` counts it."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        hint = "As in --holdout 28 or --holdout 2024-01-31."
        raise ConfigError(f"--holdout {text}: neither a number of rows nor a timestamp", hint=hint) from None
    if not panel.clock.dated:
        hint = "Give the number of rows to hold out."
        raise DataError(f"--holdout {text}: the data has no timestamps", hint=hint, where=panel.source)
    clock = panel.clock
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
        return int(np.datetime64(stamp, "us").astype(np.int64))
    local = int(np.datetime64(stamp, "us").astype(np.int64))
    return local if clock.is_local or clock.tz is None else int(to_instants(clock.tz, np.array([local]))[0])


def _too_long(panel: Panel, spec: str, empty: Int) -> DataError:
    """The error for series of which nothing would be left."""
    named = ", ".join(f"{panel.names[s]!r} ({panel.lengths[s]} rows)" for s in empty[:SHOWN])
    more = f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
    which = f"series {named}{more}" if panel.columns.id else f"the series ({panel.lengths[0]} rows)"
    hint = "Hold out fewer rows, or drop these series." if panel.columns.id else "Hold out fewer rows."
    return DataError(f"the holdout {spec} leaves no row of {which}", hint=hint, where=panel.source)
