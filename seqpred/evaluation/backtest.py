"""Rolling-origin evaluation: forecasts from past cutoffs, scored against the observations that followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.errors import DataError
from seqpred.evaluation.baselines import Baselines
from seqpred.evaluation.metrics import Case, Tally, mase_scale
from seqpred.evaluation.scores import Evaluation, Part
from seqpred.evaluation.sums import Cutoff, WindowSums, summarize
from seqpred.panel.panel import Panel

Forecaster = Callable[[Panel, int, Float], Float]
"""Takes a panel, N steps and their known covariates [S, N, known]; returns quantiles [K, N, Q] of the K tracks, in the
order of `Panel.tracks`."""


@dataclass(frozen=True)
class Window:
    """One forecast of every series.

    Attributes:
        cuts: [S], rows of each series that the forecast may use.
        part: what the rows after the cutoff were for the model.
    """

    cuts: Int
    part: Part


@dataclass(frozen=True)
class TrackForecast:
    """The forecasts of one track in one window, next to what was observed.

    Attributes:
        window: its number, from 0.
        series, target: the names of the track.
        times: [1 + N], of the cutoff, then of the steps, as `Panel.times` counts them.
        history: [T], the values up to the cutoff.
        cases: by forecaster.
        part: what the rows of the window were for the model.
    """

    window: int
    series: str
    target: str
    times: Int
    history: Float
    cases: Mapping[str, Case]
    part: Part


@dataclass(frozen=True)
class BacktestSpec:
    """What all windows have in common.

    Attributes:
        levels: of the forecasters' Q quantiles.
        horizon: N, steps ahead.
    """

    levels: Sequence[float]
    horizon: int
    baselines: Baselines


Observer = Callable[[TrackForecast], None]


def last_windows(lengths: Int, horizon: int, parts: Sequence[Part]) -> list[Window]:
    """The last windows of each series, none overlapping, oldest first.

    Args:
        lengths: [S], rows of each series.
        parts: of each window.
    """
    return [Window(lengths - back * horizon, part) for back, part in zip(range(len(parts), 0, -1), parts, strict=True)]


def backtest(
    panel: Panel,
    forecasters: Mapping[str, Forecaster],
    spec: BacktestSpec,
    windows: Sequence[Window],
    observe: Observer | None = None,
) -> Evaluation:
    """Score forecasters and the baselines in some windows; see `add_up`."""
    found = [*add_up(panel, forecasters, spec, windows, observe)]
    return summarize(found, spec.horizon, spec.baselines.season)


def add_up(
    panel: Panel,
    forecasters: Mapping[str, Forecaster],
    spec: BacktestSpec,
    windows: Sequence[Window],
    observe: Observer | None = None,
    is_part: bool = False,
) -> Iterator[WindowSums]:
    """The sums of all metrics in each window.

    Each window's forecasts are made from a panel that ends at its cutoff, by the same call that forecasts the
    future; the later rows are not in it.

    Args:
        forecasters: by name; one of them is `model`.
        observe: receives the forecasts of each track.
        is_part: there are other series, so a window may have none of these.
    Raises:
        DataError: too few rows for a window.
    """
    names, horizon = [*forecasters, *spec.baselines.names], spec.horizon
    for number, window in enumerate(windows):
        chosen = np.flatnonzero((window.cuts >= 1) & (window.cuts < panel.lengths))
        if not len(chosen) and not is_part:
            raise too_short(panel, len(windows), horizon)
        here = {name: Tally(spec.levels) for name in names}
        for some in panel.groups(chosen):
            own, cuts = panel.choose(some), window.cuts[some]
            tracks = list(_forecasts(own, replace(window, cuts=cuts), forecasters, spec, number))
            for name, tally in here.items():
                tally.add([track.cases[name] for track in tracks])
            if observe is not None:
                for track in tracks:
                    observe(track)
        yield WindowSums(_cutoffs(panel, chosen, window), len(chosen), window.part, here)


def too_short(panel: Panel, windows: int, horizon: int) -> DataError:
    """The error for a window to which no series reaches back."""
    longest = int(panel.lengths.max())
    fewer = f"Request fewer: --windows {max(1, (longest - 1) // horizon)}."
    return DataError(
        f"the longest series has {longest} rows; {windows} windows of {horizon} rows and one row of history "
        f"need {windows * horizon + 1}",
        hint=fewer if longest > horizon else "Provide more rows.",
        where=panel.source,
    )


def _forecasts(
    panel: Panel,
    window: Window,
    forecasters: Mapping[str, Forecaster],
    spec: BacktestSpec,
    number: int,
) -> Iterator[TrackForecast]:
    """The forecasts of each track of one window."""
    horizon, baselines, cuts = spec.horizon, spec.baselines, window.cuts
    past, ahead = panel.cut(cuts), panel.ahead(cuts, horizon)
    quantiles = {name: forecaster(past, horizon, ahead) for name, forecaster in forecasters.items()}
    for k, (s, c) in enumerate(panel.tracks()):
        history = past.track(s, c)
        if not np.isfinite(history).any():
            continue
        truth = np.full(horizon, np.nan)
        observed = panel.track(s, c)[cuts[s] : cuts[s] + horizon]
        truth[: len(observed)] = observed
        scale = mase_scale(history, baselines.season)
        cases = {name: Case(truth, own[k], scale) for name, own in quantiles.items()}
        for name, point in baselines.forecasts(history, horizon).items():  # all quantiles of a point forecast are equal
            cases[name] = Case(truth, np.repeat(point[:, None], len(spec.levels), axis=1), scale)
        rows = cuts[s] - 1 + np.arange(horizon + 1)
        times, target = panel.times(s, rows), panel.columns.targets[c]
        yield TrackForecast(number, panel.names[s], target, times, history, cases, window.part)


def _cutoffs(panel: Panel, chosen: Int, window: Window) -> tuple[Cutoff, Cutoff] | None:
    """The earliest and the latest cutoff of some series in a window; None for no series."""
    if not len(chosen):
        return None
    last = np.array([panel.times(int(s), window.cuts[s : s + 1] - 1)[0] for s in chosen])
    ends = np.array([last.min(), last.max()])
    first, latest = panel.clock.write(ends)
    return Cutoff(int(ends[0]), first), Cutoff(int(ends[1]), latest)
