"""Find the season of a panel, and the lags worth an input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqpred.arrays import Float, Int
from seqpred.calendar.step import usual_seasons
from seqpred.panel.panel import Panel

TRACKS, ROWS = 200, 4096  # of a panel, at most, that are searched
LONGEST_LAG = 400  # searched where there is no calendar
WEAKEST = 0.2  # autocorrelation of a season
AS_HIGH = 0.85  # of the highest peak: a shorter lag with a peak this high is preferred to its multiples
AS_GOOD = 1.01  # times the least error: a shorter lag is preferred to one that is barely better


def find_season(panel: Panel, available: int | None = None) -> int:
    """The season in rows: of the calendar if there are dates, else the lag at which changes repeat; 1 for none.

    Args:
        available: rows available for two seasons of the calendar; None for those of the longest series.
    """
    if panel.clock.dated and panel.step.unit != "irregular":
        available = int(panel.lengths.max()) if available is None else available
        return next((m for m in usual_seasons(panel.step) if 2 * m <= available), 1)
    return _repeating_lag(_samples(panel))


def find_own_season(values: Float) -> int:
    """The lag at which the changes of one series repeat, whatever the calendar; 1 for none."""
    return _repeating_lag([_interpolated(values[-ROWS:])])


def find_anchor(panel: Panel, season: int, horizon: int, available: int | None = None) -> tuple[int, list[int]]:
    """The lag whose naive forecast has the least error over the horizon, and all lags worth an input.

    Args:
        available: rows available for three times a lag and the horizon; None for those of the median series.
    """
    samples = _samples(panel)
    available = int(np.median([len(s) for s in samples])) if available is None else available
    week_of_days = 7 * season if season > 7 else season
    lags = {1, season, week_of_days, *usual_seasons(panel.step)}
    lags = {lag for lag in lags if 3 * lag + horizon < available} or {1}
    errors = {lag: _naive_error(samples, lag, horizon) for lag in sorted(lags)}
    least = min(errors.values())
    anchor = next(lag for lag, error in errors.items() if error <= AS_GOOD * least)
    return anchor, sorted(lags)


def sample(panel: Panel, cuts: Int) -> Panel:
    """Some series, the last of their first `cuts` rows ([S]): as much as is searched for seasons."""
    chosen = np.arange(0, len(panel.names), max(1, len(panel.names) // TRACKS))
    high = np.minimum(cuts, panel.lengths)[chosen]
    return panel.part(chosen, np.maximum(high - ROWS, 0), high)


def _samples(panel: Panel) -> list[Float]:
    """The last rows of some tracks, their gaps interpolated."""
    tracks = list(panel.tracks())
    samples = []
    for s, c in tracks[:: max(1, len(tracks) // TRACKS)]:
        samples.append(_interpolated(panel.track(s, c)[-ROWS:]))
        panel.release_pages()
    return samples


def _interpolated(values: Float) -> Float:
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(1)
    rows = np.arange(len(values))
    return np.interp(rows, rows[known], values[known])


def _repeating_lag(samples: Sequence[Float]) -> int:
    """The shortest lag with nearly the highest peak in the autocorrelation of the changes; 1 without a peak."""
    longest = min(max(len(s) for s in samples) // 3, LONGEST_LAG)
    if longest < 3:
        return 1
    correlation = _mean_autocorrelation([np.diff(values) for values in samples], longest)
    threshold = max(WEAKEST, 3 / np.sqrt(sum(len(s) for s in samples)))
    inner = correlation[2:-1]
    is_peak = (inner > correlation[1:-2]) & (inner >= correlation[3:]) & (inner > threshold)
    peaks = 2 + np.flatnonzero(is_peak)
    peaks = peaks[peaks > (correlation < 0).argmax()]  # up to there, changes resemble the ones just before them
    if not len(peaks):
        return 1
    peak = int(peaks[correlation[peaks] >= AS_HIGH * correlation[peaks].max()][0])
    near = [lag for lag in (peak, peak - 1, peak + 1) if lag > 1]  # a cycle need not be a whole number of rows
    return min(near, key=lambda lag: _naive_error(samples, lag, 1))


def _mean_autocorrelation(samples: Sequence[Float], longest: int) -> Float:
    """The mean over all samples that are long enough, at lags 0 to `longest`."""
    total, count = np.zeros(longest + 1), np.zeros(longest + 1)
    for values in samples:
        correlation = _autocorrelation(values)[: longest + 1]
        total[: len(correlation)] += correlation
        count[: len(correlation)] += 1
    return total / np.maximum(count, 1)


def _autocorrelation(x: Float) -> Float:
    """Autocorrelation at lags 0, 1, ... up to a third of the rows, by the Wiener-Khinchin theorem."""
    centered = x - x.mean() if len(x) else x
    power = float(centered @ centered)
    if power <= 0:
        return np.zeros(1)
    size = 1 << int(2 * len(x) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centered, size)) ** 2
    return np.fft.irfft(spectrum, size)[: len(x) // 3 + 1] / power


def _naive_error(samples: Sequence[Float], lag: int, horizon: int) -> float:
    """Mean absolute error of 'as `lag` rows ago' over the horizon, in units of each track's mean change."""
    steps = np.unique(np.linspace(1, horizon, 8).round().astype(int))
    errors = []
    for values in samples:
        unit = np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0
        back = [int(-(-k // lag)) * lag for k in steps]  # whole cycles back from step k to a known row
        if unit > 0 and len(values) > max(back):
            errors.append(np.mean([np.abs(values[b:] - values[:-b]).mean() for b in back]) / unit)
    return float(np.mean(errors)) if errors else float("inf")
