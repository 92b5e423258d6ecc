"""The metrics: each is a formula over plain arrays; `Tally` defines how they are averaged."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqpred.arrays import Float
from seqpred.errors import DataError
from seqpred.evaluation.exact_sum import ExactSum
from seqpred.evaluation.scores import Scores


@dataclass(frozen=True)
class Case:
    """One forecast of one track, and the observations.

    Attributes:
        truth: [N], NaN where unknown: not scored.
        quantiles: [N, Q], of increasing levels, in the target's unit.
        scale: the mean absolute error of the seasonal naive over the history, NaN if there is none.
    """

    truth: Float
    quantiles: Float
    scale: float


def smape(truth: Float, forecast: Float) -> float:
    """Symmetric mean absolute percentage error, 200 mean |y - f| / (|y| + |f|), from 0 to 200 (M4).

    >>> round(smape(np.array([100.0, 200.0]), np.array([110.0, 200.0])), 6)
    4.761905
    """
    size = np.abs(truth) + np.abs(forecast)
    return float(np.mean(200 * np.divide(np.abs(truth - forecast), size, out=np.zeros_like(size), where=size > 0)))


def mase_scale(history: Float, season: int) -> float:
    """The denominator of MASE: mean |y_t - y_{t-m}| over the history; NaN if no pair is known or all are equal.

    Source: Hyndman & Koehler 2006, eq. 3, with the season m as in M4.

    >>> mase_scale(np.array([1.0, 2.0, 4.0, 7.0]), 2)
    4.0
    """
    change = np.abs(history[season:] - history[:-season])
    change = change[np.isfinite(change)]
    mean = float(change.mean()) if len(change) else 0.0
    return mean if mean > 0 else float("nan")


def pinball(truth: Float, forecast: Float, level: float) -> Float:
    """Quantile loss of each row.

    >>> pinball(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.75).tolist()
    [1.5, 0.5]
    """
    error = truth - forecast
    return np.maximum(level * error, (level - 1) * error)


class Tally:
    """All metrics over cases that are added in parts; only sums are stored, and they are exact.

    sMAPE and MASE are averaged within each case, then over cases with equal weight; a case without a scale has no
    MASE. MAE, RMSE and coverage (percent) are over all rows; WQL is the mean over levels of twice the summed pinball
    loss, divided by the summed |y|. A metric that cannot be computed is None.

    Args:
        levels: of the Q quantiles; the one nearest 0.5 is the point forecast.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = levels
        self.sums: dict[str, ExactSum] = defaultdict(ExactSum)
        self.losses = [ExactSum() for _ in levels]
        self.hits: Counter[str] = Counter()

    def add(self, cases: Sequence[Case]) -> None:
        """Add cases.

        Raises:
            DataError: a known row has a forecast that is NaN or infinite.
        """
        known = [(c, k) for c in cases if (k := np.isfinite(c.truth)).any()]
        if not known:
            return
        levels = self.levels
        middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
        truth = np.concatenate([c.truth[k] for c, k in known])
        quantiles = np.concatenate([c.quantiles[k] for c, k in known])
        missing = int((~np.isfinite(quantiles).all(axis=1)).sum())
        if missing:
            message = f"{missing} of {len(truth)} observed rows have a forecast that is NaN or infinite"
            raise DataError(message, hint="Train again, or look for extreme values with `seqpred check DATA`.")
        error = np.abs(truth - quantiles[:, middle])
        scaled = [float(np.mean(np.abs(c.truth[k] - c.quantiles[k, middle]))) / c.scale for c, k in known]
        scaled = [s for s in scaled if np.isfinite(s)]
        begins = np.cumsum([0, *(k.sum() for _, k in known[:-1])])

        def of_cases(rows: Float) -> list[float]:
            sums: list[float] = np.add.reduceat(rows, begins).tolist()
            return sums

        found: dict[str, list[float]] = {
            "rows": [len(truth)],
            "cases": [len(known)],
            "scaled": [len(scaled)],
            "mase": scaled,
        }
        found["smape"] = [smape(c.truth[k], c.quantiles[k, middle]) for c, k in known]
        with np.errstate(over="ignore"):  # rejected by `scores`
            found |= {"error": of_cases(error), "square": of_cases(error**2), "size": of_cases(np.abs(truth))}
        for name, numbers in found.items():
            self.sums[name].add(numbers)
        for i, level in enumerate(levels):
            self.losses[i].add(of_cases(2 * pinball(truth, quantiles[:, i], level)))
        self.hits.update(_inside(truth, quantiles, levels))

    def merge(self, other: Tally) -> None:
        """Add all cases of another tally."""
        for name, own in other.sums.items():
            self.sums[name].add(own.parts)
        for loss, added in zip(self.losses, other.losses, strict=True):
            loss.add(added.parts)
        self.hits.update(other.hits)

    @property
    def rows(self) -> int:
        """How many observations are scored."""
        return int(self.sums["rows"].value)

    def to_data(self) -> dict[str, Any]:
        """All sums, for JSON."""
        sums = {name: list(own.parts) for name, own in self.sums.items()}
        return {"sums": sums, "losses": [list(loss.parts) for loss in self.losses], "hits": dict(self.hits)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], levels: Sequence[float]) -> Tally:
        """The tally from `to_data`.

        Raises:
            KeyError, TypeError, ValueError: the data have another form.
        """
        tally = cls(levels)
        for name, parts in data["sums"].items():
            tally.sums[name].add(map(float, parts))
        for loss, parts in zip(tally.losses, data["losses"], strict=True):
            loss.add(map(float, parts))
        tally.hits.update({str(name): int(count) for name, count in data["hits"].items()})
        return tally

    def scores(self) -> Scores:
        """The metrics over all cases so far.

        Raises:
            DataError: a score is NaN or infinite.
        """
        rows = self.rows
        if not rows:
            return Scores()
        sums = defaultdict(float, {name: own.value for name, own in self.sums.items()})
        losses = [loss.value for loss in self.losses]
        if not np.isfinite([*sums.values(), *losses]).all():
            hint = "Rescale the target: squares of errors above 1e154 exceed the range of numbers."
            raise DataError("a score is NaN or infinite", hint=hint)
        return Scores(
            mae=sums["error"] / rows,
            rmse=float(np.sqrt(sums["square"] / rows)),
            smape=sums["smape"] / sums["cases"],
            mase=sums["mase"] / sums["scaled"] if sums["scaled"] else None,
            wql=math.fsum(losses) / len(losses) / sums["size"] if sums["size"] > 0 else None,
            coverage={name: 100 * count / rows for name, count in self.hits.items()},
        )


def tally_by_step(cases: Sequence[Case], levels: Sequence[float]) -> list[Tally]:
    """The tally of each of N steps, with every row as a separate case.

    Args:
        cases: with N rows each.
    Raises:
        DataError: a known row has a forecast that is NaN or infinite.
    """
    truth, quantiles = np.stack([c.truth for c in cases]), np.stack([c.quantiles for c in cases])
    known = np.isfinite(truth)
    middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    scaled = np.abs(truth - quantiles[..., middle]) / np.array([c.scale for c in cases])[:, None]
    has_scale = known & np.isfinite(scaled)
    tallies = []
    for n in range(truth.shape[1]):
        rows, tally = known[:, n], Tally(levels)
        tallies.append(tally)
        if rows.any():
            tally.add([Case(truth[rows, n], quantiles[rows, n], 1.0)])
            count = int(rows.sum())
            smapes = [count * tally.sums["smape"].value]  # of one case so far
            own = scaled[has_scale[:, n], n].tolist()
            found = {"smape": smapes, "cases": [count], "scaled": [len(own)], "mase": own}
            tally.sums.update({name: ExactSum.of(numbers) for name, numbers in found.items()})
    return tallies


def score_cases(cases: Sequence[Case], levels: Sequence[float]) -> Scores:
    """All metrics over all cases; see `Tally`."""
    tally = Tally(levels)
    tally.add(cases)
    return tally.scores()


def _inside(truth: Float, quantiles: Float, levels: Sequence[float]) -> dict[str, int]:
    """Rows inside each central interval, by the interval's level in percent, widest first."""
    places = {round(level, 9): i for i, level in enumerate(levels)}
    pairs = [(level, places[round(1 - level, 9)]) for level in levels if level < 0.5 and round(1 - level, 9) in places]
    inside = {
        f"{100 * (1 - 2 * low):g}": (truth >= quantiles[:, places[round(low, 9)]]) & (truth <= quantiles[:, high])
        for low, high in pairs
    }
    return {name: int(hits.sum()) for name, hits in inside.items()}
