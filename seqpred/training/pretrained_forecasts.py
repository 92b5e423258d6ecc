"""The forecasts of a pretrained network after the validation windows, which validation compares with the network's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from seqpred.arrays import Float, Float32, Int
from seqpred.forecasting.pretrained_part import pretrained_session_spec, weighing_core
from seqpred.forecasting.rolling import RollingForecaster
from seqpred.panel.panel import Panel
from seqpred.pretrained.weights import read_weights
from seqpred.recipe.eligibility import training_rows
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.runtime.weighing_runtime import Heads
from seqpred.training.dataset import split_series
from seqpred.training.fine_tuning import adapt, is_fine_tuned
from seqpred.training.positions import Positions
from seqpred.training.windows import Windows

MOST_HISTORY = 4000  # rows before the first forecast that are read; earlier ones hardly change the forecast


def add_pretrained(
    folds: Sequence[Windows], panel: Panel, config: ResolvedConfig
) -> tuple[list[Windows], Mapping[str, Float32] | None]:
    """The windows with the pretrained forecasts after their validation windows, if the model uses them.

    If no networks are trained, the pretrained one is fine-tuned before: on the rows of each fold not held out.

    Args:
        folds: windows of the same tracks, with different parts held out.
        panel: from which they were made.
    Returns:
        The windows, and the weights of the last fold's network, which has not seen the rows held out.
    Raises:
        FolderError: the pretrained weights are missing or altered.
    """
    if config.model.start == "blank":
        return list(folds), None
    weights: Mapping[str, Float32] = read_weights(config.model.cell).weights
    if not is_fine_tuned(panel, config):
        return PretrainedForecasts(panel, config, weights).add_to(folds), weights
    cuts = [(fold.cuts - fold.begins)[:: config.targets].numpy() for fold in folds]
    adapted = [adapt(panel.cut(own), config, weights) for own in cuts]
    found = [PretrainedForecasts(panel, config, w).add_to([f])[0] for f, w in zip(folds, adapted, strict=True)]
    return found, adapted[-1]


@dataclass(frozen=True)
class PretrainedForecasts:
    """Computes the forecasts of a pretrained network for the windows of a panel.

    Attributes:
        panel: from which the windows were made.
        config: of the model.
        weights: of the pretrained network.
    """

    panel: Panel
    config: ResolvedConfig
    weights: Mapping[str, Float32]

    def add_to(self, folds: Sequence[Windows]) -> list[Windows]:
        """The windows of the same tracks with `pretrained`, the forecasts after their validation windows."""
        starts, tracks = zip(*(fold.validation_windows() for fold in folds), strict=True)
        z = self._relative(torch.cat(starts), torch.cat(tracks), folds[0])
        parts = torch.split(z, [len(own) for own in starts])
        return [replace(fold, pretrained=own) for fold, own in zip(folds, parts, strict=True)]

    def _relative(self, starts: Tensor, tracks: Tensor, windows: Windows) -> Tensor:
        """The forecasts after these windows, relative to the anchor's, in units of the scale, [W, N, Q]."""
        rows = (starts + windows.spec.window - windows.begins[tracks]).numpy()
        quantiles, base = self._forecast(rows, tracks.numpy(), windows)
        last = Positions(starts + windows.spec.window - 1)
        relative = torch.from_numpy((quantiles - base[:, None, None]).astype(np.float32))
        z = (relative - windows.anchors(last)[:, 0, :, None]) / windows.scale[last.at()][:, 0, None, None]
        return z.nan_to_num(0.0)

    def _forecast(self, rows: Int, tracks: Int, windows: Windows) -> tuple[Float, Float]:
        """The quantiles [W, N, Q] after rows of each track, and the value missing from `windows.filled`, [W]."""
        targets = self.config.targets
        segments, series = np.unique(tracks // targets, return_inverse=True)
        first, last = np.full(len(segments), np.iinfo(np.int64).max), np.zeros(len(segments), np.int64)
        np.minimum.at(first, series, rows)
        np.maximum.at(last, series, rows)
        begins = np.maximum(first - MOST_HISTORY, 0)
        part = self._part(segments, begins, last)
        found = np.empty((len(rows), self.config.forecast.horizon, len(self.config.levels)))
        rolling = self._forecaster()
        for places, chosen, ends in _rounds(rows - begins[series], series):
            visible = part.part(chosen, np.zeros_like(ends), ends)
            forecasts = rolling(visible, found.shape[1], np.empty((len(chosen), found.shape[1], 0)))
            own = np.searchsorted(chosen, series[places])
            found[places] = forecasts.reshape(len(chosen), targets, *found.shape[1:])[own, tracks[places] % targets]
        return found, _bases(part, begins, windows, targets, segments)[series, tracks % targets]

    def _part(self, segments: Int, begins: Int, ends: Int) -> Panel:
        """These rows of some segments of series, as a panel of separately named series."""
        all_segments = split_series(self.panel.lengths, training_rows(self.config, self.panel.lengths))
        offsets = all_segments.begins[segments]
        part = self.panel.part(all_segments.series[segments], offsets + begins, offsets + ends)
        return replace(part, names=[str(segment) for segment in segments])

    def _forecaster(self) -> RollingForecaster:
        core, heads = weighing_core(self.config.model.cell, self.weights, "torch"), Heads.of(self.weights)
        return RollingForecaster(lambda step, _: pretrained_session_spec(self.config, core, step, heads))


def _rounds(rows: Int, series: Int) -> Iterator[tuple[Int, Int, Int]]:
    """The forecasts in rounds of one cutoff for each series, increasing from round to round.

    Yields:
        The places of the forecasts, the series increasing, and the cutoff of each of these.
    """
    order = np.lexsort((rows, series))
    new = np.append(True, (np.diff(series[order]) > 0) | (np.diff(rows[order]) > 0))
    cutoff = np.cumsum(new) - 1  # a number for each pair of series and rows
    owner, at = series[order][new], rows[order][new]
    number = np.arange(len(owner)) - np.searchsorted(owner, owner)  # of the cutoff within its series
    for turn in range(int(number.max()) + 1):
        chosen = np.flatnonzero(number == turn)
        yield order[number[cutoff] == turn], owner[chosen], at[chosen]


def _bases(part: Panel, begins: Int, windows: Windows, targets: int, segments: Int) -> Float:
    """The value of each track that was subtracted from `windows.values`, [segments, C]; 0 if nothing is observed."""
    bases = np.zeros((len(segments), targets))
    for s, segment in enumerate(segments.tolist()):
        values = part.rows(s)
        for c in range(targets):
            known = np.flatnonzero(np.isfinite(values[:, c]))
            if len(known):
                row = int(windows.begins[segment * targets + c]) + int(begins[s]) + int(known[0])
                bases[s, c] = values[known[0], c] - float(windows.values[row])
    return bases
