"""Rolling origins: what each forecaster would have said at past cutoffs, against what came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Float
from seqpred.errors import DataError
from seqpred.evaluation.baselines import drift, naive, seasonal_naive
from seqpred.evaluation.metrics import Case, Tally, mase_scale
from seqpred.panel.panel import Panel

MOST_EXAMPLES = 6
FORECASTERS = ("model", "naive", "seasonal_naive", "drift")
Forecaster = Callable[[Panel, int, Float], Float]
"""From a panel, N steps and their known covariates [S, N, known] to quantiles [K, N, Q], K tracks in the order of
`Panel.tracks`."""


@dataclass(frozen=True)
class Example:
    """One track around one cutoff, to be looked at: [T] before it, [N] after it, [N, Q] forecast."""

    name: str
    history: Float
    truth: Float
    quantiles: Float


@dataclass(frozen=True)
class Evaluation:
    """What a backtest found: the object that `eval --json` prints, and the first tracks of its last window."""

    scores: dict[str, Any]
    examples: list[Example]

    def tell_parts(self, unseen: int) -> list[dict[str, Any]]:
        """The windows, each told whether its rows are unseen or in training.

        Args:
            unseen: rows at the end that training has not seen.
        """
        windows: list[dict[str, Any]] = self.scores["windows"]
        for back, window in zip(range(len(windows), 0, -1), windows, strict=True):
            rows = back * self.scores["horizon"]
            window["part"] = "unseen" if rows <= unseen else "training"
        return windows


def backtest(
    panel: Panel,
    forecaster: Forecaster,
    levels: Sequence[float],
    horizon: int,
    season: int,
    windows: int,
) -> Evaluation:
    """Scores of a forecaster and of the baselines over the last windows, none overlapping.

    Each window's forecasts are made from a panel that ends at its cutoff, by the same call that forecasts the
    future; the later rows are not in it.

    Args:
        levels: of the forecaster's Q quantiles.
    Raises:
        DataError: too few rows for a single window.
    """
    tallies = {name: Tally(levels) for name in FORECASTERS}
    described, examples = [], list[Example]()
    for back in range(windows, 0, -1):
        cuts = panel.lengths - back * horizon
        chosen = np.flatnonzero(cuts >= 1)
        if not len(chosen):
            raise _too_short(panel, windows, horizon)
        here, examples = {name: Tally(levels) for name in FORECASTERS}, []
        for some in panel.groups(chosen):
            own = panel.choose(some)
            cases = _window(own, cuts[some], forecaster, len(levels), horizon, season)
            for name, tally in here.items():
                tally.add(cases[name])
            examples = examples or _examples(own, cuts[some], cases["model"])
        for name, tally in tallies.items():
            tally.merge(here[name])
        described.append(_describe(panel, chosen, cuts[chosen], here))
    metrics = {name: tally.to_dict() for name, tally in tallies.items()}
    scores = {"metrics": metrics, "skill": _skill(metrics), "horizon": horizon, "season": season, "windows": described}
    return Evaluation(scores, examples)


def _too_short(panel: Panel, windows: int, horizon: int) -> DataError:
    longest = int(panel.lengths.max())
    fewer = f"Ask for fewer: --windows {max(1, (longest - 1) // horizon)}."
    return DataError(
        f"the longest series has {longest} rows; {windows} windows of {horizon} rows and one to begin with "
        f"need {windows * horizon + 1}",
        hint=fewer if longest > horizon else "Give more rows.",
        where=panel.source,
    )


def _examples(panel: Panel, cuts: npt.NDArray[np.int64], cases: Sequence[Case]) -> list[Example]:
    tracks = [(s, c) for s, c in panel.tracks() if np.isfinite(panel.track(s, c)[: cuts[s]]).any()]
    targets = panel.columns.targets
    return [
        Example(
            " ".join(filter(None, (panel.names[s], targets[c] if len(targets) > 1 or not panel.names[s] else ""))),
            panel.track(s, c)[max(0, cuts[s] - 4 * len(case.truth)) : cuts[s]],
            case.truth,
            case.quantiles,
        )
        for (s, c), case in list(zip(tracks, cases, strict=True))[:MOST_EXAMPLES]
    ]


def _window(
    panel: Panel, cuts: npt.NDArray[np.int64], forecaster: Forecaster, count: int, horizon: int, season: int
) -> dict[str, list[Case]]:
    """The cases of one window, by forecaster; `cuts` are the rows known at its cutoff."""
    past = panel.cut(cuts)
    quantiles = forecaster(past, horizon, panel.ahead(cuts, horizon))
    cases: dict[str, list[Case]] = {name: [] for name in FORECASTERS}
    for k, (s, c) in enumerate(panel.tracks()):
        history = past.track(s, c)
        if not np.isfinite(history).any():
            continue
        truth = panel.track(s, c)[cuts[s] : cuts[s] + horizon]
        scale = mase_scale(history, season)
        points = {
            "naive": naive(history, horizon),
            "seasonal_naive": seasonal_naive(history, season, horizon),
            "drift": drift(history, horizon),
        }
        cases["model"].append(Case(truth, quantiles[k], scale))
        for name, point in points.items():  # a point is all its quantiles
            cases[name].append(Case(truth, np.repeat(point[:, None], count, axis=1), scale))
    return cases


def _describe(
    panel: Panel,
    chosen: npt.NDArray[np.intp],
    cuts: npt.NDArray[np.int64],
    tallies: dict[str, Tally],
) -> dict[str, Any]:
    """A window in words: its cutoff, the last row that its forecasts know, and its scores."""
    last = np.array([panel.times(int(s), cut[None] - 1)[0] for s, cut in zip(chosen, cuts, strict=True)])
    spread = {"cutoff": panel.clock.write(last.max()[None])[0]}
    if last.min() != last.max():
        spread["first_cutoff"] = panel.clock.write(last.min()[None])[0]
    scores = {name: tally.to_dict() for name, tally in tallies.items()}
    return {
        **spread,
        "series": len(chosen),
        "rows": int(tallies["model"].sums["rows"]),
        "mase": {name: score["mase"] for name, score in scores.items()},
        "smape": {name: score["smape"] for name, score in scores.items()},
    }


def _skill(metrics: dict[str, dict[str, Any]]) -> float | None:
    """1 - the model's MASE by the best baseline's; None where there is no MASE."""
    own = metrics["model"]["mase"]
    others = [m["mase"] for name, m in metrics.items() if name != "model" and m["mase"] is not None]
    return 1 - own / min(others) if own is not None and others and min(others) > 0 else None
