"""The runtime of a pretrained network: the recurrent part in a backend, the classical forecasts in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqpred.arrays import Float, Float32
from seqpred.features.classical import rows_of
from seqpred.features.input_spec import InputSpec
from seqpred.runtime.classical_head import (
    FORECASTS,
    Candidates,
    candidates,
    emit,
    place_weights,
    require_season,
    shares_of,
    shift_of,
)
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs, Runtime

SHARES = "head.shares"  # the name of the shares of several heads among the weights; they are not of the core
CELLS = 1 << 16  # positions times steps ahead that are computed at once, which bounds memory


class WeighingRuntime:
    """Quantiles of any horizon from a pretrained network; see `runtime.Runtime` for the methods.

    Args:
        core: emits the raw outputs of the head.
        spec: with the season.
        steps: N, the horizon.
        levels: Q quantile levels, increasing.
        shares: of the heads whose outputs the core emits after each other; see `head_shares`.
    """

    window: int | None = None

    def __init__(
        self, core: Runtime, spec: InputSpec, steps: int, levels: Sequence[float], shares: Sequence[float] = (1.0,)
    ) -> None:
        self._shares = shares
        self.name, self._core, self.spec, self._levels = core.name, core, spec, levels
        self._steps = tuple(range(1, steps + 1))
        self.near = place_weights(self._steps, spec.season)
        self._outputs = len(levels)
        self._precision: type[np.floating[Any]] = np.float32

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`."""
        return self._core.start(batch)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        raw, after = self._core.read(x, state, n_positions)
        z = np.zeros((len(x) * n_positions, len(self._steps), self._outputs), self._precision)
        if head_inputs.recent is not None:
            inputs = x[:, -n_positions:].reshape(len(z), -1)
            recent, flat = head_inputs.recent.reshape(len(z), -1), raw.reshape(len(z), -1)
            size = max(1, CELLS // len(self._steps))
            for begin in range(0, len(z), size):
                part = slice(begin, begin + size)
                z[part] = self._emit(flat[part], inputs[part].astype(np.float64), recent[part])
        return z.reshape(len(x), n_positions, *z.shape[1:]), after

    def _emit(self, raw: Float32, inputs: Float, recent: Float32) -> Float:
        """The quantiles at some positions, [positions, N, Q]."""
        found = self.candidates(inputs, recent)
        heads = np.split(raw, len(self._shares), axis=-1)
        quantiles = [
            share * emit(head, found, self.near, self._levels) for share, head in zip(self._shares, heads, strict=True)
        ]
        return np.asarray(sum(quantiles))

    def candidates(self, inputs: Float, recent: Float32) -> Candidates:
        """The classical forecasts at some positions."""
        size, _ = self.spec.context
        level = inputs[:, size - 1]
        level = np.copysign(np.expm1(np.abs(level)), level)  # the inverse of `slog`
        rows, cycle = rows_of(inputs[:, size]), self.spec.season
        return require_season(candidates(recent, rows, level, cycle, self._steps), recent, rows, cycle)


def head_shares(weights: Mapping[str, Float32]) -> list[float]:
    """The shares of the heads of a pretrained network in its forecast: one head, or the original and a tuned one."""
    return weights[SHARES].tolist() if SHARES in weights else [1.0]


class WeighedComponents(WeighingRuntime):
    """Emits the components of the median in float64, as `network.component_runtime`; the shift is the correction."""

    def __init__(self, core: Runtime, spec: InputSpec, steps: int) -> None:
        super().__init__(core, spec, steps, (0.5,))
        self._outputs, self._precision = 4 + 2 * FORECASTS, np.float64

    def _emit(self, raw: Float32, inputs: Float, recent: Float32) -> Float:
        """The components at some positions, [positions, N, 4 + 2 A]."""
        found = self.candidates(inputs, recent)
        shares = shares_of(raw, found, self.near)
        naives = np.where(found.usable[..., None, :], found.values, 0.0)
        shift = shift_of(raw, found, self.near)
        median = (shares * naives).sum(-1, keepdims=True) + shift
        zero = np.zeros_like(median)
        return np.concatenate([median, zero, zero + 1, shift, naives, shares], -1)


class ConstantRuntime:
    """Emits the same numbers for every row; see `runtime.Runtime`."""

    name = "constant"
    window: int | None = None

    def __init__(self, outputs: Float32) -> None:
        self._outputs = outputs

    def start(self, batch: int) -> Float32:
        """See `Runtime.start`: there is no state."""
        return np.zeros((0, batch, 0), np.float32)

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """See `Runtime.read`."""
        del head_inputs
        return np.broadcast_to(self._outputs, (len(x), n_positions, len(self._outputs))), state
