"""Forecasts of a whole panel, in the target's unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqpred.arrays import Float, Float32
from seqpred.features.covariates import Covariates
from seqpred.features.inputs import (
    InputSpec,
    Prepared,
    join,
    prepare_all,
    recent_changes,
    to_unit,
    usable_scale,
)
from seqpred.features.naive import repeat_last
from seqpred.panel.panel import Panel
from seqpred.runtime.runtime import HeadInputs, Reader, Runtime

BATCH = 256  # tracks read side by side, which bounds memory
CELLS = 1_000_000  # and their rows in all
OnProgress = Callable[[float], None]
"""Told now and then what share of the work is done."""


def unseen(_: float) -> None:
    """Where nobody watches."""


@dataclass(frozen=True)
class Forecasting:
    """What a trained model knows of how to forecast, its network apart.

    Attributes:
        joint: whether the targets of a series are told of each other.
        middle: which of the Q levels is the median.
        horizon: rows that the network says at once.
    """

    look: InputSpec
    covariates: Covariates
    joint: bool
    middle: int
    horizon: int


def forecast_panel(
    panel: Panel, plan: Forecasting, runtime: Runtime, steps: int, ahead: Float, on_progress: OnProgress = unseen
) -> Float:
    """Quantiles of the steps after each track's last row.

    Beyond the horizon the network goes on from its own medians. There the errors of both forecasts add: each
    quantile's distance from the median is the root of the sum of squares of the last one's and the new one's.

    Args:
        panel: S series of C targets, so K = S C tracks, in the order of `Panel.tracks`.
        runtime: what computes the network.
        steps: N, any number.
        ahead: [S, N, known], the known covariates of the steps; NaN where unknown.
        watch: told now and then what share is done.
    Returns:
        [K, N, Q], not crossing; NaN for a track without a single observation.
    """
    blocks: list[Float] = []
    for group in _side_by_side(panel):
        if group.start:
            on_progress(group.start / len(panel.names))
        blocks.append(_Group(panel, group, plan, ahead).forecast(Reader(runtime), steps))
        panel.release_pages()
    return np.concatenate(blocks)


def _side_by_side(panel: Panel) -> Iterator[range]:
    """Series after others, as many as are read side by side."""
    targets, first, rows = panel.roles.count("target"), 0, 0
    for s, length in enumerate(panel.lengths.tolist()):
        if s > first and ((s - first + 1) * targets > BATCH or (rows + length) * targets > CELLS):
            yield range(first, s)
            first, rows = s, 0
        rows += length
    yield range(first, len(panel.names))


class _Group:
    """Some series, read side by side; it grows by its own medians."""

    def __init__(self, panel: Panel, series: range, plan: Forecasting, ahead: Float) -> None:
        self.plan, self.targets = plan, panel.roles.count("target")
        self.seen = [panel.track(s, c) for s in series for c in range(self.targets)]
        blocks = -(-ahead.shape[1] // plan.horizon)
        beyond = np.full((len(series), blocks * plan.horizon, ahead.shape[2]), np.nan)
        beyond[:, : ahead.shape[1]] = ahead[series.start : series.stop]
        self.told = [plan.covariates.encode(panel, s, own) for s, own in zip(series, beyond, strict=True)]

    def forecast(self, reader: Reader, steps: int) -> Float:
        """[K, N, Q]."""
        middle, observed = self.plan.middle, [bool(np.isfinite(values).any()) for values in self.seen]
        done = [self._read(reader)]
        while sum(block.shape[1] for block in done) < steps:
            medians = done[-1][:, :, middle]
            self.seen = [np.concatenate([values, median]) for values, median in zip(self.seen, medians, strict=True)]
            done.append(widened(self._read(reader), done[-1], middle))
        result = np.concatenate(done, axis=1)[:, :steps]
        result[~np.array(observed)] = np.nan
        return result

    def _read(self, reader: Reader) -> Float:
        """The quantiles [K, N, Q], in the target's unit, that follow the rows seen."""
        look = self.plan.look
        prepared = list(self._prepared())
        scales = np.array([usable_scale(p.scale[-1:], p.filled[-1:])[0] for p in prepared])
        z = reader.read([p.x for p in prepared], HeadInputs(self._recent(prepared, scales), self._known()))
        return np.stack(
            [
                to_unit(own, repeat_last(p.filled, look.anchor, len(own)), float(scale))
                for p, own, scale in zip(prepared, z, scales, strict=True)
            ]
        )

    def _recent(self, prepared: Sequence[Prepared], scales: Float) -> Float32 | None:
        """[K, 1, R], the last rows less the last one, in units of the scale."""
        rows = self.plan.look.recent
        if not rows:
            return None
        past = np.stack([p.filled[np.maximum(len(p.filled) + np.arange(-rows, 0), 0)] for p in prepared])
        return recent_changes(past, scales[:, None], rows).astype(np.float32)

    def _prepared(self) -> Iterator[Prepared]:
        prepared = prepare_all(self.seen, self.plan.look)
        for place, (numbers, codes) in enumerate(self.told):
            own = prepared[place * self.targets : (place + 1) * self.targets]
            rows = len(own[0].x)
            yield from join(own, numbers[:rows], codes[:rows], self.plan.joint)

    def _known(self) -> Float32 | None:
        """[K, 1, anchor + N, known], from `anchor` rows before the end on."""
        layout = self.plan.covariates.layout
        if not layout.known + layout.known_codes:
            return None
        parts = []
        for place, (numbers, codes) in enumerate(self.told):
            last = len(self.seen[place * self.targets])
            rows = np.arange(last - self.plan.look.anchor, last + self.plan.horizon).clip(0)
            known = np.concatenate(
                [
                    numbers[rows, layout.numbers - layout.known :],
                    codes[rows, len(layout.codes) - layout.known_codes :],
                ],
                axis=1,
            )
            parts += [known] * self.targets
        return np.stack(parts)[:, None]


def widened(quantiles: Float, before: Float, middle: int) -> Float:
    """Quantiles [K, N, Q] with the uncertainty of the block before's last step added."""
    last = before[:, -1:, :] - before[:, -1:, middle : middle + 1]
    own = quantiles - quantiles[..., middle : middle + 1]
    away = np.sign(np.arange(quantiles.shape[-1]) - middle)
    wider: Float = quantiles[..., middle : middle + 1] + away * np.hypot(last, own)
    return wider
