"""Autoregressions fitted to the recent rows: classical forecasts whose coefficients follow from the series itself.

The next change is regressed on earlier changes, on the change and the distance one season ago, on the distance from the
mean, and on a constant: an autoregressive integrated model with a seasonal term in error-correction form (Box & Jenkins
1970, "Time Series Analysis", chapter 9). A ridge penalty (Hoerl & Kennard 1970, Technometrics 12(1)) shrinks the
coefficients, so that few rows give the last value.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from seqpred.arrays import Bool, Float, Float32, Int

FEW_LAGS, LAGS = 3, 10  # earlier changes
TERMS = LAGS + 4  # also: change and distance one season ago, distance from the mean, constant
TO_MEAN = LAGS + 2  # the term of the distance from the mean
UNUSED = 1e12  # penalty of a term that is not used
FEWEST_EQUATIONS = 6
MOST_CYCLES, FEWEST_ROWS, MOST_ROWS = 10, 120, 1000  # of the history that they are fitted to
ENTRIES = 1 << 20  # numbers in the equations that are built at once, which bounds memory
LEAST = 1e-9  # size of the changes, in the unit of the values
MOST_EXACT = 1e-4  # mean square of errors relative to that of the changes, from which on the fit is not better


class Autoregression(NamedTuple):
    """One fitted forecast.

    Attributes:
        penalty: of each coefficient, as a number of rows.
        reverting: whether the distance from the mean is a term.
        lags: how many earlier changes are terms.
    """

    penalty: float
    reverting: bool
    lags: int = FEW_LAGS

    @property
    def name(self) -> str:
        """What it is, in a few words.

        >>> Autoregression(2.0, False).name
        'autoregression of changes, 3 lags, penalty 2'
        """
        return (
            f"autoregression of {'values' if self.reverting else 'changes'}, {self.lags} lags, penalty {self.penalty:g}"
        )


AUTOREGRESSIONS = (Autoregression(2.0, False), Autoregression(0.2, True), Autoregression(3.0, True, LAGS))


def fitted_rows(cycle: int) -> int:
    """To how many of the last rows they are fitted.

    >>> fitted_rows(1), fitted_rows(24), fitted_rows(400)
    (120, 240, 1200)
    """
    return max(FEWEST_ROWS, min(MOST_CYCLES * cycle, MOST_ROWS), 3 * cycle)


def first_change(cycle: int) -> int:
    """Rows before a change that its terms need; earlier changes among the others count as 0.

    >>> first_change(1), first_change(12)
    (3, 12)
    """
    return max(FEW_LAGS, cycle)


def enough_rows(rows: Int, cycle: int) -> Bool:
    """Whether there are enough rows of history to fit them, [..., V]."""
    needed = [first_change(cycle) + FEWEST_EQUATIONS + 2 * (own.lags - FEW_LAGS) for own in AUTOREGRESSIONS]
    return np.asarray(rows[..., None] >= np.array(needed))


def enough_changes(recent: Float | Float32) -> Bool:
    """Whether enough of the recent values [..., R] differ from the one before to fit them, [..., V].

    After a long standstill, a few changes would be explained exactly, and continued as if that were a pattern.
    """
    needed = [FEWEST_EQUATIONS + 2 * (own.lags - FEW_LAGS) for own in AUTOREGRESSIONS]
    return np.asarray((np.diff(recent) != 0).sum(-1)[..., None] >= np.array(needed))


class Fitted(NamedTuple):
    """The autoregressions at some positions.

    Attributes:
        forecasts: [..., N, V], in the unit of the values.
        fit: [..., V], the logarithm of the size of their errors one step ahead relative to that of the changes: 0 or
            more if the last value is as good, negative if they are better. 0 where there are not enough rows.
    """

    forecasts: Float
    fit: Float


def autoregress(recent: Float, rows: Int, cycle: int, steps: tuple[int, ...]) -> Fitted:
    """Fit them at some positions.

    Args:
        recent: [..., R], recent values, of which the last `rows` are known.
        rows: [...], rows of history.
        cycle: rows of the season; 1 for none.
        steps: ahead that are forecast.
    """
    flat, known = recent.reshape(-1, recent.shape[-1]), np.broadcast_to(rows, recent.shape[:-1]).reshape(-1)
    forecasts = np.empty((len(flat), len(steps), len(AUTOREGRESSIONS)))
    fit = np.empty((len(flat), len(AUTOREGRESSIONS)))
    size = max(1, ENTRIES // (recent.shape[-1] * TERMS))
    for begin in range(0, len(flat), size):
        part = slice(begin, begin + size)
        equations = _Equations(flat[part], known[part], cycle)
        forecasts[part] = equations.forecasts(steps)
        fit[part] = equations.fit()
    fit = np.where(enough_rows(known, cycle), fit, 0.0)
    before = recent.shape[:-1]
    return Fitted(forecasts.reshape(*before, *forecasts.shape[1:]), fit.reshape(*before, fit.shape[-1]))


class _Equations:
    """The equations of P positions, solved for every autoregression.

    Args:
        recent: [P, R].
        rows: [P], rows of history.
    """

    def __init__(self, recent: Float, rows: Int, cycle: int) -> None:
        count, first = recent.shape[1], first_change(cycle)
        known = np.arange(count) >= count - rows[:, None]
        self._recent, self._cycle = recent, cycle
        self._mean = (recent * known).sum(1) / known.sum(1).clip(1)
        spread = np.sqrt(((recent - self._mean[:, None]) ** 2 * known).sum(1) / known.sum(1).clip(2)).clip(LEAST)
        changes = np.diff(recent, axis=1) * known[:, :-1]
        self._size = np.sqrt((changes**2).sum(1) / (known.sum(1).clip(2) - 1)).clip(LEAST)
        self._units = np.repeat(self._size[:, None], TERMS, 1)
        self._units[:, LAGS + 1 : LAGS + 3] = spread[:, None]
        self._units[:, -1] = 1
        own = known[:, : count - 1 - first]  # the oldest row that an equation needs
        equations = self._terms(changes, first)
        equations *= own[:, None] / self._units[..., None]
        wanted = changes[:, first:] / self._size[:, None] * own
        self._number = own.sum(1).clip(1)
        self._squares = equations @ equations.swapaxes(1, 2)
        self._products = (equations @ wanted[..., None])[..., 0]
        self._total = (wanted**2).sum(1)
        self._inverse = np.linalg.inv(self._squares + _penalties()[..., None] * np.eye(TERMS))
        self._solved = (self._inverse @ self._products[..., None])[..., 0]

    def _terms(self, changes: Float, first: int) -> Float:
        """The terms of each equation, [P, TERMS, equations]."""
        recent, cycle, end = self._recent, self._cycle, changes.shape[1]
        found = np.zeros((len(recent), TERMS, end - first))
        for lag in range(1, LAGS + 1):
            found[:, lag - 1, max(lag - first, 0) :] = changes[:, max(first - lag, 0) : end - lag]
        if cycle > 1:
            found[:, LAGS] = changes[:, first - cycle : end - cycle]
            found[:, LAGS + 1] = recent[:, first:-1] - recent[:, first - cycle : -1 - cycle]
        found[:, TO_MEAN] = recent[:, first:-1] - self._mean[:, None]
        found[:, -1] = 1
        return found

    def fit(self) -> Float:
        """See `Fitted.fit`, [P, V]: by generalized cross-validation (Golub et al. 1979, Technometrics 21(2))."""
        explained = 2 * self._products - (self._squares @ self._solved[..., None])[..., 0]
        squares = self._total - (self._solved * explained).sum(-1)
        used = (TERMS - (_penalties() * np.diagonal(self._inverse, axis1=-2, axis2=-1)).sum(-1)) / self._number
        relative = squares.clip(0) / self._total.clip(LEAST) / (1 - used).clip(0.1) ** 2
        return np.log(relative.clip(MOST_EXACT, 1 / MOST_EXACT)).T / 2

    def forecasts(self, steps: tuple[int, ...]) -> Float:
        """The forecasts for some steps ahead, [P, N, V]."""
        recent, cycle = self._recent, self._cycle
        *slopes, constant = np.moveaxis(self._solved * self._size[:, None] / self._units, -1, 0)
        count = recent.shape[1]
        path = np.empty((len(self._solved), len(recent), count + steps[-1]))
        path[..., :count] = recent
        low, high = recent.min(1), recent.max(1)
        least, most = low - (high - low), high + (high - low)
        changes = [recent[:, -lag] - recent[:, -lag - 1] for lag in range(1, LAGS + 1)]
        for t in range(count, path.shape[-1]):
            last, before = path[..., t - 1], path[..., t - 1 - cycle]
            terms = [*changes, path[..., t - cycle] - before, last - before, last - self._mean]
            change = sum((slope * term for slope, term in zip(slopes, terms, strict=True)), constant)
            np.clip(last + change, least, most, out=path[..., t])
            changes = [path[..., t] - last, *changes[:-1]]
        return np.moveaxis(path[..., count - 1 + np.array(steps)], 0, -1)


@cache
def _penalties() -> Float:
    """The penalty of each term, [V, 1, TERMS]."""
    found = np.array([[own.penalty] * TERMS for own in AUTOREGRESSIONS])
    for own, penalties in zip(AUTOREGRESSIONS, found, strict=True):
        penalties[own.lags : LAGS] = UNUSED
        if not own.reverting:
            penalties[TO_MEAN] = UNUSED
    return found[:, None]
