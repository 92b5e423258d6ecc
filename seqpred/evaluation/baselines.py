"""The naive forecasts that every model is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Float
from seqpred.calendar.step import usual_seasons
from seqpred.features.naive import fill, repeat_last
from seqpred.panel.panel import Panel

MEAN_CYCLES = 4  # averaged by `seasonal_mean`


def naive(history: Float, steps: int) -> Float:
    """The last observed value for all steps, [N].

    >>> naive(np.array([1.0, 2.0, np.nan]), 2).tolist()
    [2.0, 2.0]
    """
    return repeat_last(fill(history, 1), 1, steps)


def seasonal_naive(history: Float, season: int, steps: int) -> Float:
    """The last season repeated, [N]; a missing value is replaced by that of the season before.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0, 4.0]), 2, 3).tolist()
    [3.0, 4.0, 3.0]
    """
    return repeat_last(fill(history, season), season, steps)


def drift(history: Float, steps: int) -> Float:
    """The line through the first and the last observed value, continued, [N].

    >>> drift(np.array([1.0, 2.0, 5.0]), 2).tolist()
    [7.0, 9.0]
    """
    rows = np.flatnonzero(np.isfinite(history))
    if not len(rows):
        return np.full(steps, np.nan)
    first, last = rows[0], rows[-1]
    slope = (history[last] - history[first]) / max(1, last - first)
    line: Float = history[last] + slope * (len(history) - 1 - last + np.arange(1, steps + 1))
    return line


def seasonal_mean(history: Float, cycle: int, steps: int) -> Float:
    """The mean of the last four cycles, or of as many as there are, at the same phase, [N].

    >>> seasonal_mean(np.array([1.0, 2.0, 3.0, 6.0]), 2, 3).tolist()
    [2.0, 4.0, 2.0]
    """
    filled = fill(history, cycle)
    count = max(1, min(MEAN_CYCLES, len(filled) // cycle))
    past = [filled[: len(filled) - back * cycle] for back in range(count)]
    return np.asarray(np.mean([repeat_last(rows, cycle, steps) for rows in past], axis=0))


@dataclass(frozen=True)
class Baselines:
    """The baselines of one evaluation.

    Attributes:
        season: rows of the season of MASE and of `seasonal_naive`; 1 for none.
        cycles: rows of the longer cycles, such as the week of hourly data.
    """

    season: int
    cycles: tuple[int, ...] = ()

    @classmethod
    def of(cls, panel: Panel, season: int, lags: Sequence[int] = ()) -> Baselines:
        """Those for a panel: a seasonal naive for each longer cycle that its longest series contains twice.

        Args:
            lags: cycles found in the data, besides those of the calendar.
        """
        usual = usual_seasons(panel.step) if panel.clock.dated and panel.step.unit != "irregular" else []
        longest = int(panel.lengths.max())
        return cls(season, tuple(c for c in sorted({*usual, *lags}) if season < c <= longest // 2))

    @property
    def names(self) -> list[str]:
        """The names of the baselines, in the order in which they are reported."""
        return list(self.forecasts(np.zeros(1), 1))

    def forecasts(self, history: Float, steps: int) -> dict[str, Float]:
        """Point forecasts [N] by name.

        Args:
            history: [T], NaN where missing; at least one value is observed.
        """
        longest = max(self.season, *self.cycles, 1)
        return {
            "naive": naive(history, steps),
            "seasonal_naive": seasonal_naive(history, self.season, steps),
            **{f"seasonal_naive_{cycle}": seasonal_naive(history, cycle, steps) for cycle in self.cycles},
            **({"seasonal_mean": seasonal_mean(history, longest, steps)} if longest > 1 else {}),
            "drift": drift(history, steps),
        }
