"""Several models on the same windows: scores, and paired differences to the best with their standard errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqpred.evaluation.backtest import TrackForecast
from seqpred.evaluation.scores import Evaluation, Scores

Key = tuple[str, str, int]  # series, target and window


@dataclass
class TrackErrors:
    """The scaled errors of one model.

    Attributes:
        middle: index of the median among the quantile levels.
        errors: mean absolute error in units of the MASE scale, by track and window.
    """

    middle: int
    errors: dict[Key, float] = field(default_factory=dict)

    def observe(self, track: TrackForecast) -> None:
        """Take note of one track in one window."""
        case = track.cases["model"]
        known = np.isfinite(case.truth)
        if known.any() and np.isfinite(case.scale):
            error = float(np.abs(case.truth - case.quantiles[:, self.middle])[known].mean() / case.scale)
            self.errors[track.series, track.target, track.window] = error


@dataclass(frozen=True)
class ComparedModel:
    """One model of a comparison.

    Attributes:
        difference: mean of MASE(this) - MASE(best) over all tracks and windows; 0 for the best.
        standard_error: of that mean; None if it cannot be estimated from so few series or windows.
        parameters: how many weights it has.
        seconds: duration of its training, if it is known.
    """

    name: str
    scores: Scores
    blend: Scores | None
    network_skill: float | None
    difference: float | None
    standard_error: float | None
    parameters: int
    seconds: float | None

    def to_dict(self) -> dict[str, Any]:
        """The object in `compare --json`."""
        own = {key: value for key, value in vars(self).items() if key not in ("scores", "blend")}
        return {**own, **self.scores.to_dict(), "blend": self.blend and self.blend.to_dict()}


@dataclass(frozen=True)
class Comparison:
    """Models, best first, and the baselines on the same windows."""

    models: Sequence[ComparedModel]
    baselines: Mapping[str, Scores]
    horizon: int
    season: int
    windows: int

    def to_dict(self) -> dict[str, Any]:
        """The object that `compare --json` prints."""
        return {
            "models": [model.to_dict() for model in self.models],
            "baselines": {name: scores.to_dict() for name, scores in self.baselines.items()},
            "horizon": self.horizon,
            "season": self.season,
            "windows": self.windows,
        }


@dataclass(frozen=True)
class Contestant:
    """A model with what a backtest found; see `ComparedModel`."""

    name: str
    evaluation: Evaluation
    errors: Mapping[Key, float]
    parameters: int
    seconds: float | None


def compare_models(contestants: Sequence[Contestant]) -> Comparison:
    """Rank models by MASE; all have been scored on the same windows."""
    ranked = sorted(contestants, key=lambda c: (_mase(c) is None, _mase(c), c.name))
    best, first = ranked[0], contestants[0].evaluation
    baselines = {n: s for n, s in first.scores.items() if n not in ("model", "blend")}
    models = [_compared(contestant, best) for contestant in ranked]
    return Comparison(models, baselines, first.horizon, first.season, len(first.windows))


def _mase(contestant: Contestant) -> float | None:
    return contestant.evaluation.scores["model"].mase


def _compared(own: Contestant, best: Contestant) -> ComparedModel:
    scores = own.evaluation.scores
    difference, error = paired_difference(own.errors, best.errors)
    return ComparedModel(
        name=own.name,
        scores=scores["model"],
        blend=scores.get("blend"),
        network_skill=own.evaluation.network_skill,
        difference=difference,
        standard_error=None if own is best else error,
        parameters=own.parameters,
        seconds=own.seconds,
    )


def paired_difference(own: Mapping[Key, float], best: Mapping[Key, float]) -> tuple[float | None, float | None]:
    """The mean difference over the common tracks and windows, and its standard error, clustered by series.

    With a single series, windows are the clusters; with a single cluster there is no standard error. Source: the
    cluster-robust variance of a mean (Liang & Zeger 1986, Biometrika 73(1), with the factor G / (G - 1)).

    >>> paired_difference({("a", "y", 0): 2.0, ("b", "y", 0): 4.0}, {("a", "y", 0): 1.0, ("b", "y", 0): 1.0})
    (2.0, 1.0)
    """
    common = [key for key in own if key in best]
    if not common:
        return None, None
    differences = np.array([own[key] - best[key] for key in common])
    mean = float(differences.mean())
    by = 0 if len({key[0] for key in common}) > 1 else 2
    sums: dict[str | int, float] = defaultdict(float)
    for key, difference in zip(common, differences - mean, strict=True):
        sums[key[by]] += float(difference)
    clusters = len(sums)
    if clusters < 2:
        return mean, None
    squares = sum(total**2 for total in sums.values())
    return mean, float(np.sqrt(clusters / (clusters - 1) * squares)) / len(common)
