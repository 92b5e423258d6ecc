"""The runtime of a pretrained network: the recurrent part in a backend, the classical forecasts in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqpred.arrays import Float, Float32
from seqpred.features.classical import rows_of
from seqpred.features.input_spec import InputSpec
from seqpred.runtime.classical_head import (
    FITS,
    FORECASTS,
    OUTPUTS,
    Candidates,
    candidates,
    emit,
    limit_growth,
    place_weights,
    require_changes,
    require_season,
    shares_of,
    shift_of,
)
from seqpred.runtime.runtime import NO_HEAD_INPUTS, HeadInputs, Runtime

SHARES = "head.shares"  # the name of the shares of several heads among the weights; they are not of the core
FIT = "head.fit"  # and of the weights of the fit
VALUES = -1.0, 200.0  # of the input of the value, in units of the scale: 95 % of those in training
CELLS = 1 << 16  # positions times steps ahead that are computed at once, which bounds memory


class Heads(NamedTuple):
    """The heads of a pretrained network: one, or the original and a fine-tuned one, whose forecasts are averaged.

    Attributes:
        shares: of each in the forecast.
        fit: [heads, OUTPUTS, FITS], weights of how well the autoregressions fit.
    """

    shares: Sequence[float]
    fit: Float

    @classmethod
    def of(cls, weights: Mapping[str, Float32]) -> Heads:
        """The heads in the weights of a network."""
        shares = weights[SHARES].tolist() if SHARES in weights else [1.0]
        return cls(shares, weights[FIT].astype(np.float64).reshape(len(shares), OUTPUTS, FITS))

    def outputs(self, linear: Float | Float32, fit: Float) -> list[Float]:
        """What each head emits, [..., OUTPUTS].

        Args:
            linear: [..., heads OUTPUTS], the part that is linear in the state.
            fit: [..., FITS], of `Candidates`.
        """
        parts = np.split(linear, len(self.shares), axis=-1)
        return [part + fit @ weights.T for part, weights in zip(parts, self.fit, strict=True)]


def bound_value(x: Float32, spec: InputSpec) -> Float32:
    """Inputs of the recurrent part, [..., F], with the value clipped to the range that it has in training.

    A network extrapolates: beyond that range, the intervals around the same changes would be many times as wide.
    """
    low, high = (np.copysign(np.log1p(abs(bound)), bound) for bound in VALUES)
    bounded = x.copy()
    np.clip(x[..., spec.value], low, high, out=bounded[..., spec.value])
    return bounded


NO_FIT = Heads((1.0,), np.zeros((1, OUTPUTS, FITS)))


class WeighingRuntime:
    """Quantiles of any horizon from a pretrained network; see `runtime.Runtime` for the methods.

    Args:
        core: emits the part of the heads that is linear in the state.
        spec: with the season.
        steps: N, the horizon.
        levels: Q quantile levels, increasing.
        heads: their shares and what else they depend on.
    """

    window: int | None = None

    def __init__(
        self, core: Runtime, spec: InputSpec, steps: int, levels: Sequence[float], heads: Heads = NO_FIT
    ) -> None:
        self._heads = heads
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
        raw, after = self._core.read(bound_value(x, self.spec), state, n_positions)
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
        outputs = self._heads.outputs(raw, found.fit)
        quantiles = [
            share * emit(own, found, self.near, self._levels)
            for share, own in zip(self._heads.shares, outputs, strict=True)
        ]
        return np.asarray(sum(quantiles))

    def candidates(self, inputs: Float, recent: Float32) -> Candidates:
        """The classical forecasts at some positions."""
        size, _ = self.spec.context
        level = inputs[:, self.spec.value]
        level = np.copysign(np.expm1(np.abs(level)), level)  # the inverse of `slog`
        rows, cycle = rows_of(inputs[:, size]), self.spec.season
        found = require_season(candidates(recent, rows, level, cycle, self._steps), recent, rows, cycle)
        found = require_changes(found, recent)
        return limit_growth(found, recent, rows, level, cycle, self._steps)


class WeighedComponents(WeighingRuntime):
    """Emits the components of the median in float64, as `network.component_runtime`; the shift is the correction."""

    def __init__(self, core: Runtime, spec: InputSpec, steps: int, heads: Heads = NO_FIT) -> None:
        super().__init__(core, spec, steps, (0.5,), heads)
        self._outputs, self._precision = 4 + 2 * FORECASTS, np.float64

    def _emit(self, raw: Float32, inputs: Float, recent: Float32) -> Float:
        """The components at some positions, [positions, N, 4 + 2 A]."""
        found = self.candidates(inputs, recent)
        (emitted,) = self._heads.outputs(raw, found.fit)
        shares = shares_of(emitted, found, self.near)
        naives = np.where(found.usable[..., None, :], found.values, 0.0)
        shift = shift_of(emitted, found, self.near)
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
