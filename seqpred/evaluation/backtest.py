"""Rolling-origin evaluation: forecasts from past cutoffs, scored against the observations that followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.errors import DataError
from seqpred.evaluation.baselines import drift, naive, seasonal_naive
from seqpred.evaluation.metrics import Case, Tally, mase_scale
from seqpred.evaluation.scores import Evaluation, Example, Part, WindowScores
from seqpred.panel.panel import Panel

MOST_EXAMPLES = 6
FORECASTERS = ("model", "naive", "seasonal_naive", "drift")
Forecaster = Callable[[Panel, int, Float], Float]
"""Takes a panel, N steps and their known covariates [S, N, known]; returns quantiles [K, N, Q] of the K tracks, in the
order of `Panel.tracks`."""


def backtest(
    panel: Panel,
    forecaster: Forecaster,
    levels: Sequence[float],
    horizon: int,
    season: int,
    windows: Sequence[Part],
) -> Evaluation:
    """Score a forecaster and the baselines over the last windows, none overlapping.

    Each window's forecasts are made from a panel that ends at its cutoff, by the same call that forecasts the
    future; the later rows are not in it.

    Args:
        levels: of the forecaster's Q quantiles.
        windows: what the rows of each window, oldest first, were for the model.
    Raises:
        DataError: too few rows for a single window.
    """
    total, unseen = _tallies(levels), _tallies(levels)
    described: list[WindowScores] = []
    examples: list[Example] = []
    for back, part in zip(range(len(windows), 0, -1), windows, strict=True):
        cuts = panel.lengths - back * horizon
        chosen = np.flatnonzero(cuts >= 1)
        if not len(chosen):
            raise _too_short(panel, len(windows), horizon)
        here, examples = _tallies(levels), []
        for some in panel.groups(chosen):
            own = panel.choose(some)
            cases = _window(own, cuts[some], forecaster, len(levels), horizon, season)
            for name, tally in here.items():
                tally.add(cases[name])
            examples = examples or _examples(own, cuts[some], cases["model"])
        for name, tally in here.items():
            total[name].merge(tally)
            if part == "unseen":
                unseen[name].merge(tally)
        described.append(_described(panel, chosen, cuts[chosen], here, part))
    return Evaluation(
        scores={name: tally.scores() for name, tally in total.items()},
        unseen={name: tally.scores() for name, tally in unseen.items() if tally.sums["rows"]},
        horizon=horizon,
        season=season,
        windows=described,
        examples=examples,
    )


def _tallies(levels: Sequence[float]) -> dict[str, Tally]:
    return {name: Tally(levels) for name in FORECASTERS}


def _too_short(panel: Panel, windows: int, horizon: int) -> DataError:
    longest = int(panel.lengths.max())
    fewer = f"Ask for fewer: --windows {max(1, (longest - 1) // horizon)}."
    return DataError(
        f"the longest series has {longest} rows; {windows} windows of {horizon} rows and one row of history "
        f"need {windows * horizon + 1}",
        hint=fewer if longest > horizon else "Give more rows.",
        where=panel.source,
    )


def _examples(panel: Panel, cuts: Int, cases: Sequence[Case]) -> list[Example]:
    """The first tracks of a window, each with four horizons of history."""
    tracks = [(s, c) for s, c in panel.tracks() if np.isfinite(panel.track(s, c)[: cuts[s]]).any()]
    targets, examples = panel.columns.targets, []
    for (s, c), case in list(zip(tracks, cases, strict=True))[:MOST_EXAMPLES]:
        first = max(0, int(cuts[s]) - 4 * len(case.truth))
        target = targets[c] if len(targets) > 1 or not panel.names[s] else ""
        rows = np.arange(first, cuts[s] + len(case.truth))
        examples.append(
            Example(
                name=" ".join(filter(None, (panel.names[s], target))),
                timestamps=panel.clock.write(panel.times(s, rows)),
                history=panel.track(s, c)[first : cuts[s]],
                truth=case.truth,
                quantiles=case.quantiles,
            )
        )
    return examples


def _window(
    panel: Panel, cuts: Int, forecaster: Forecaster, count: int, horizon: int, season: int
) -> dict[str, list[Case]]:
    """The cases of one window, by forecaster; `cuts` [S] are the rows known at its cutoff."""
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
        for name, point in points.items():  # a point forecast: all its quantiles are equal
            cases[name].append(Case(truth, np.repeat(point[:, None], count, axis=1), scale))
    return cases


def _described(panel: Panel, chosen: Int, cuts: Int, tallies: Mapping[str, Tally], part: Part) -> WindowScores:
    """A window's cutoff and scores."""
    last = np.array([panel.times(int(s), cut[None] - 1)[0] for s, cut in zip(chosen, cuts, strict=True)])
    first_cutoff, cutoff = panel.clock.write(np.array([last.min(), last.max()]))
    return WindowScores(
        cutoff=cutoff,
        first_cutoff=first_cutoff,
        series=len(chosen),
        rows=int(tallies["model"].sums["rows"]),
        scores={name: tally.scores() for name, tally in tallies.items()},
        part=part,
    )
