"""What an update of a session has changed, so that it can be undone."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqpred.arrays import Int
from seqpred.forecasting.session_state import SeriesState


@dataclass
class Log:
    """The changes since the log was started.

    Attributes:
        series: how many series there were.
        counts: rows used, late and misplaced until then.
        rows: how many rows each changed series had, and the time of its last one.
        states: series and their states before each change, in order.
    """

    series: int
    counts: tuple[int, int, int]
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    states: list[tuple[Int, SeriesState]] = field(default_factory=list)
