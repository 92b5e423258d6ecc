"""Autoregressions fitted to the recent rows: classical forecasts whose coefficients follow from the series itself.

The next change is regressed on earlier changes, on the change and the distance one season ago, on the distance from the
mean, and on a constant: an autoregressive integrated model with a seasonal term in error-correction form (Box & Jenkins
1970, "Time Series Analysis", chapter 9). A ridge penalty (Hoerl & Kennard 1970, Technometrics 12(1)) shrinks the
coefficients, so that few rows give the last value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seqpred.arrays import Bool, Float, Int

LAGS = 3  # earlier changes
TERMS = LAGS + 4  # also: change and distance one season ago, distance from the mean, constant
TO_MEAN = LAGS + 2  # the term of the distance from the mean
UNUSED = 1e12  # penalty of a term that is not used
FEWEST_EQUATIONS = 6
ENTRIES = 1 << 20  # numbers in the equations that are built at once, which bounds memory
LEAST = 1e-9  # size of the changes, in the unit of the values


class Autoregression(NamedTuple):
    """One fitted forecast.

    Attributes:
        penalty: of each coefficient, as a number of rows.
        reverting: whether the distance from the mean is a term.
    """

    penalty: float
    reverting: bool

    @property
    def name(self) -> str:
        """What it is, in a few words.

        >>> Autoregression(2.0, False).name
        'autoregression of changes, penalty 2'
        """
        return f"autoregression of {'values' if self.reverting else 'changes'}, penalty {self.penalty:g}"


AUTOREGRESSIONS = (Autoregression(2.0, False), Autoregression(0.2, True))


def longest_lag(cycle: int) -> int:
    """Rows before a change that its terms need.

    >>> longest_lag(1), longest_lag(12)
    (3, 12)
    """
    return max(LAGS, cycle)


def enough_rows(rows: Int, cycle: int) -> Bool:
    """Whether there are enough rows of history to fit them, [..., V]."""
    enough = rows >= longest_lag(cycle) + FEWEST_EQUATIONS
    return np.repeat(enough[..., None], len(AUTOREGRESSIONS), -1)


def autoregress(recent: Float, rows: Int, cycle: int, steps: tuple[int, ...]) -> Float:
    """The forecasts for some steps ahead, [..., N, V], in the unit of the values.

    Args:
        recent: [..., R], recent values, of which the last `rows` are known.
        rows: [...], rows of history.
        cycle: rows of the season; 1 for none.
    """
    flat, known = recent.reshape(-1, recent.shape[-1]), np.broadcast_to(rows, recent.shape[:-1]).reshape(-1)
    found = np.empty((len(flat), len(steps), len(AUTOREGRESSIONS)))
    size = max(1, ENTRIES // (recent.shape[-1] * TERMS))
    for begin in range(0, len(flat), size):
        part = slice(begin, begin + size)
        found[part] = _forecasts(flat[part], known[part], cycle, steps)
    return found.reshape(*recent.shape[:-1], *found.shape[1:])


def _forecasts(recent: Float, rows: Int, cycle: int, steps: tuple[int, ...]) -> Float:
    """The forecasts of P positions, [P, N, V]."""
    count = recent.shape[1]
    known = np.arange(count) >= count - rows[:, None]
    number = known.sum(1).clip(1)
    mean = (recent * known).sum(1) / number
    *slopes, constant = _coefficients(recent, known, mean, cycle)
    path = np.empty((len(AUTOREGRESSIONS), len(recent), count + steps[-1]))
    path[..., :count] = recent
    low, high = recent.min(1), recent.max(1)
    least, most = low - (high - low), high + (high - low)
    changes = [recent[:, -lag] - recent[:, -lag - 1] for lag in range(1, LAGS + 1)]
    for t in range(count, path.shape[-1]):
        last, before = path[..., t - 1], path[..., t - 1 - cycle]
        terms = [*changes, path[..., t - cycle] - before, last - before, last - mean]
        change = sum((slope * term for slope, term in zip(slopes, terms, strict=True)), constant)
        np.clip(last + change, least, most, out=path[..., t])
        changes = [path[..., t] - last, *changes[:-1]]
    return np.moveaxis(path[..., count - 1 + np.array(steps)], 0, -1)


def _coefficients(recent: Float, known: Bool, mean: Float, cycle: int) -> Float:
    """The coefficient of each term, [TERMS, V, P], in the unit of the values."""
    changes, first = np.diff(recent, axis=1), longest_lag(cycle)
    number = known.sum(1).clip(2)
    size = np.sqrt((changes**2 * known[:, :-1]).sum(1) / (number - 1)).clip(LEAST)
    spread = np.sqrt(((recent - mean[:, None]) ** 2 * known).sum(1) / number).clip(LEAST)
    equations = np.empty((len(recent), recent.shape[1] - first - 1, TERMS))
    end = changes.shape[1]
    for lag in range(1, LAGS + 1):
        equations[..., lag - 1] = changes[:, first - lag : end - lag]
    equations[..., LAGS] = changes[:, first - cycle : end - cycle] if cycle > 1 else 0
    equations[..., LAGS + 1] = recent[:, first:-1] - recent[:, first - cycle : -1 - cycle] if cycle > 1 else 0
    equations[..., TO_MEAN] = recent[:, first:-1] - mean[:, None]
    equations[..., -1] = 1
    units = np.repeat(size[:, None], TERMS, 1)
    units[:, LAGS + 1 : TO_MEAN + 1] = spread[:, None]
    units[:, -1] = 1
    equations /= units[:, None]
    equations *= known[:, : equations.shape[1], None]  # the oldest row that an equation needs
    squares = equations.swapaxes(1, 2) @ equations
    products = equations.swapaxes(1, 2) @ (changes[:, first:] / size[:, None])[..., None]
    penalties = np.array([[own.penalty] * TERMS for own in AUTOREGRESSIONS])
    penalties[[not own.reverting for own in AUTOREGRESSIONS], TO_MEAN] = UNUSED
    solved = np.linalg.solve(squares + penalties[:, None, None] * np.eye(TERMS), products)[..., 0]
    return np.moveaxis(solved * size[:, None] / units, -1, 0)
