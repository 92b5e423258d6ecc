"""A holdout: the last rows of each series, excluded from training and from every choice, scored once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
        spec: a number of rows, or the timestamp of the first row held out.
        cuts: [S], rows of each series before the holdout; 0 for a series that begins in it.
        lengths: [S], all rows of each series.
    """

    spec: str
    cuts: Int
    lengths: Int

    @classmethod
    def of(cls, panel: Panel, spec: str | int) -> Holdout:
        """The holdout of a panel; a series that begins at or after a timestamp is neither trained on nor scored.

        Args:
            spec: a number of rows at the end of each series, or a timestamp such as 2024-01-31, from which on all
                rows are held out.
        Raises:
            ConfigError: it is neither. DataError: nothing, or all of the data or of a series, would be held out.
        """
        text = str(spec)
        by_rows = text.isdigit()
        if by_rows:
            cuts = panel.lengths - int(text)
        else:
            start = _to_time(panel, text)
            rows = [panel.times(s, np.arange(length)) for s, length in enumerate(panel.lengths.tolist())]
            cuts = np.array([np.searchsorted(times, start) for times in rows], np.int64)
        empty = np.flatnonzero(cuts < 1)
        if len(empty) == len(cuts) or (by_rows and len(empty)):
            raise _too_long(panel, text, empty)
        if not (cuts < panel.lengths)[cuts > 0].any():
            hint = "Pass a number of rows, or a timestamp before the end of the data."
            of_which = " of a series that begins before it" if len(empty) else ""
            raise DataError(f"the holdout {text} contains no row{of_which}", hint=hint, where=panel.source)
        return cls(text, cuts, panel.lengths)

    def before(self, panel: Panel) -> Panel:
        """The panel without the held-out rows, and without the series that begin in the holdout."""
        kept = np.flatnonzero(self.cuts)
        return panel.part(kept, np.zeros_like(kept), self.cuts[kept])

    def describe_late_series(self, panel: Panel) -> str:
        """A note about the series that begin in the holdout; empty if there are none."""
        late = np.flatnonzero(self.cuts == 0)
        if not len(late):
            return ""
        verb = "begin" if len(late) > 1 else "begins"
        which = f"{len(late)} series {verb} in the holdout and {'are' if len(late) > 1 else 'is'} ignored"
        return f"{which}: {_named(panel, late)}"

    def windows(self, horizon: int) -> list[Window]:
        """Windows of one horizon from the cut on, none overlapping; the last one may end beyond the data."""
        longest = int((self.lengths - self.cuts)[self.cuts > 0].max())
        count = min(MOST_WINDOWS, -(-longest // horizon))
        return [Window(np.where(self.cuts > 0, self.cuts + k * horizon, 0), "unseen") for k in range(count)]

    @contextmanager
    def mentioned_in_errors(self) -> Iterator[None]:
        """Mention the holdout in errors about the rows before it."""
        try:
            yield
        except DataError as e:
            message = f"{e.message} (without the holdout, {describe_rows(self.spec)})"
            raise DataError(message, hint=f"Hold out fewer rows. {e.hint}") from None


def describe_rows(spec: str) -> str:
    """The rows that a holdout consists of.

    >>> describe_rows("28"), describe_rows("2024-01-31")
    ('the last 28 rows of each series', 'the rows from 2024-01-31 on')
    """
    return f"the last {spec} rows of each series" if spec.isdigit() else f"the rows from {spec} on"


def _to_time(panel: Panel, text: str) -> int:
    """A timestamp as `Panel.times` counts it."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        hint = "Examples: --holdout 28, --holdout 2024-01-31."
        raise ConfigError(f"--holdout {text}: neither a number of rows nor a timestamp", hint=hint) from None
    if not panel.clock.dated:
        hint = "Pass the number of rows to hold out."
        raise DataError(f"--holdout {text}: the data has no timestamps", hint=hint, where=panel.source)
    clock = panel.clock
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
        return int(np.datetime64(stamp, "us").astype(np.int64))
    local = int(np.datetime64(stamp, "us").astype(np.int64))
    return local if clock.is_local or clock.tz is None else int(to_instants(clock.tz, np.array([local]))[0])


def _too_long(panel: Panel, spec: str, empty: Int) -> DataError:
    """The error for series of which nothing would be left."""
    which = f"series {_named(panel, empty)}" if panel.columns.id else f"the series ({panel.lengths[0]} rows)"
    hint = "Hold out fewer rows"
    if spec.isdigit() and panel.columns.id:
        hint += ", remove these series" + (", or pass a timestamp instead of a number" if panel.clock.dated else "")
    return DataError(f"the holdout {spec} leaves no row of {which}", hint=f"{hint}.", where=panel.source)


def _named(panel: Panel, series: Int) -> str:
    """The first of some series with their lengths."""
    named = ", ".join(f"{panel.names[s]!r} ({panel.lengths[s]} rows)" for s in series[:SHOWN])
    return named + (f" and {len(series) - SHOWN} more" if len(series) > SHOWN else "")
