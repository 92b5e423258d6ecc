"""What a report shows of a backtest: curves of each track, errors by step and by series, ranks of the observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.evaluation.backtest import Observer, TrackForecast
from seqpred.evaluation.metrics import Case
from seqpred.panel.panel import Panel

MOST_VALUES = 1_050_000  # in the curves of a report: 2.1 MB
LONGEST_HISTORY = 1500  # rows before the first cutoff


@dataclass
class Curves:
    """One track in its windows, which follow each other without a gap.

    Attributes:
        first_window: the first of w windows that the track is long enough for.
        times: [H + w N], of H rows of history and of the windows, local times in the unit of the panel.
        actual: arrays that together have H + w N values.
        quantiles: of each window, at the levels that are drawn, [N, D].
        points: by baseline (and blend), of each window, [N].
    """

    first_window: int
    times: Int
    actual: list[Float]
    quantiles: list[Float] = field(default_factory=list)
    points: dict[str, list[Float]] = field(default_factory=dict)


class Mean:
    """A running mean of arrays, NaN skipped."""

    def __init__(self) -> None:
        self._sum: Float | float = 0.0
        self._count: Float | float = 0.0

    def add(self, values: Float) -> None:
        """Add an array of the same shape as the others."""
        known = np.isfinite(values)
        self._sum = self._sum + np.where(known, values, 0.0)
        self._count = self._count + known

    @property
    def value(self) -> Float:
        """The mean, NaN where nothing is known."""
        count = np.asarray(self._count, np.float64)
        return np.divide(self._sum, count, out=np.full(count.shape, np.nan), where=count > 0)


class Collector:
    """Receives the forecasts of a backtest; see `evaluation.backtest.Observer`.

    Args:
        levels: of the forecasters' Q quantiles.
        horizon: N, steps ahead.

    Errors and ranks are those of the unseen windows, which are the last ones; if there are none, those of all.

    Attributes:
        tracks: the curves that the report shows, by name: of all tracks, or of evenly spaced ones.
        levels_drawn: D of the levels.
        windows_shown: how many windows, the last ones, the curves have.
        by_step: MASE by forecaster and step, [N].
        by_track: MASE by track and forecaster.
        ranks: [Q + 1], observations below the lowest quantile, between neighbors, and above the highest.
    """

    def __init__(self, levels: Sequence[float], horizon: int) -> None:
        self.levels, self.horizon = levels, horizon
        self.tracks: dict[str, Curves] = {}
        self.by_step: dict[str, Mean] = {}
        self.by_track: dict[str, dict[str, Mean]] = {}
        self.ranks = np.zeros(len(levels) + 1)
        self.panel: Panel | None = None
        self._has_unseen = False
        self._middle = levels.index(0.5)
        self._drawn = drawn_levels(levels)
        self.levels_drawn = [levels[i] for i in self._drawn]
        self._shown: set[str] = set()
        self._index: dict[str, int] = {}
        self._history = 0
        self.windows_shown = 0

    def observe(self, panel: Panel) -> Observer:
        """What receives the forecasts of a panel's tracks."""
        self.panel = panel
        self._index = {name: s for s, name in enumerate(panel.names)}
        return self._take

    def mase(self, name: str) -> float:
        """The MASE of the model on a track; NaN if it has none."""
        return float(self.by_track[name]["model"].value) if name in self.by_track else float("nan")

    def _choose(self, forecasters: int, windows: int) -> None:
        """Choose, before the first track, which series, windows and rows of history are shown."""
        assert self.panel is not None
        names, targets = self.panel.names, self.panel.roles.count("target")
        per_window = self.horizon * (len(self._drawn) + forecasters - 1)
        self.windows_shown = min(windows, max(1, MOST_VALUES // (targets * per_window)))
        own, usual = self.windows_shown * per_window, max(3 * self.horizon, 24)
        count = min(len(names), max(1, MOST_VALUES // ((own + usual) * targets)))
        self._history = int(np.clip(MOST_VALUES // (count * targets) - own, usual, LONGEST_HISTORY))
        self._shown = {names[i] for i in np.linspace(0, len(names) - 1, count).astype(int).tolist()}

    def _take(self, track: TrackForecast) -> None:
        """Take note of one track in one window."""
        assert self.panel is not None
        series = self._index[track.series]
        windows = track.window + (int(self.panel.lengths[series]) - len(track.history)) // self.horizon
        if not self._shown:
            self._choose(len(track.cases), windows)
        name = self.panel.track_name(track.series, track.target)
        if track.part == "unseen" and not self._has_unseen:
            self._has_unseen = True
            self.by_step, self.by_track, self.ranks = {}, {}, np.zeros_like(self.ranks)
        self._add_errors(name, track.cases)
        if track.series in self._shown and windows - track.window <= self.windows_shown:
            self._keep(name, series, track)

    def _add_errors(self, name: str, cases: Mapping[str, Case]) -> None:
        own = self.by_track.setdefault(name, {})
        for key, case in cases.items():
            error = np.abs(case.truth - case.quantiles[:, self._middle]) / case.scale
            self.by_step.setdefault(key, Mean()).add(error)
            known = error[np.isfinite(error)]
            own.setdefault(key, Mean()).add(np.array(known.mean() if known.size else np.nan))
        self.ranks += rank_counts(cases["model"])

    def _keep(self, name: str, series: int, track: TrackForecast) -> None:
        """Keep the curves of a track in one window."""
        assert self.panel is not None
        curves = self.tracks.get(name)
        if curves is None:
            history = track.history[-self._history :]
            first = len(track.history) - len(history)
            rows = np.arange(first, self.panel.lengths[series])
            times = self.panel.local_times(series, rows) if self.panel.clock.dated else self.panel.times(series, rows)
            curves = self.tracks[name] = Curves(track.window, times, [history])
        curves.actual.append(track.cases["model"].truth)
        for key, case in track.cases.items():
            if key == "model":
                curves.quantiles.append(case.quantiles[:, self._drawn])
            else:
                curves.points.setdefault(key, []).append(case.quantiles[:, self._middle])


def drawn_levels(levels: Sequence[float]) -> list[int]:
    """The indices of the levels that charts show: the outermost ones, two in the middle of each side, the median.

    >>> drawn_levels([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    [0, 2, 4, 6, 8]
    """
    median, last = levels.index(0.5), len(levels) - 1
    return sorted({0, median // 2, median, last - (last - median) // 2, last})


def rank_counts(case: Case) -> Float:
    """How many observations are below the lowest quantile, between neighbors, and above the highest, [Q + 1].

    An observation equal to several quantiles is divided among the places that it could have.

    >>> quantiles = np.array([[1.0, 2.0, 3.0]] * 3)
    >>> rank_counts(Case(np.array([0.5, 2.0, 9.0]), quantiles, 1.0)).tolist()
    [1.0, 0.5, 0.5, 1.0]
    """
    known = np.isfinite(case.truth)
    truth, quantiles = case.truth[known, None], case.quantiles[known]
    low, high = (quantiles < truth).sum(1), (quantiles <= truth).sum(1)
    places = np.arange(quantiles.shape[1] + 1)
    possible = (places >= low[:, None]) & (places <= high[:, None])
    return np.asarray((possible / possible.sum(1, keepdims=True)).sum(0))
