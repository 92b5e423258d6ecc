"""Inference backends, and reading the rows of many tracks with one."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from seqpred.arrays import Float32, Int


class HeadInputs(NamedTuple):
    """What the head receives at P positions besides the state.

    Attributes:
        recent: [batch, P, profile + R], the running profile and the recent values relative to the last one, in units
            of the scale; None if unused.
        known: [batch, P, anchor + N, known], the known covariates of the last `anchor` rows and of the next N; None if
            there are none.
    """

    recent: Float32 | None = None
    known: Float32 | None = None

    def of(self, tracks: Int | slice) -> HeadInputs:
        """Those of some tracks."""
        return HeadInputs(*(None if part is None else part[tracks] for part in self))


NO_HEAD_INPUTS = HeadInputs()


class Runtime(Protocol):
    """An inference backend: computes an ensemble of networks."""

    name: str
    window: int | None
    """Rows that a bidirectional network reads for a forecast; None for a forward network, which carries its state."""

    def start(self, batch: int) -> Float32:
        """The initial state, [S, batch, hidden]."""
        ...

    def read(
        self, x: Float32, state: Float32, n_positions: int = 1, head_inputs: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """The quantiles at each of the last `n_positions` rows, [batch, P, N, Q], and the state after the last row.

        Args:
            x: [batch, T, feature].
            state: from `start` or an earlier call.
            head_inputs: at these positions; without them, only the state is meaningful.
        """
        ...


def read_ragged(
    runtime: Runtime, x: Float32, state: Float32, ends: Int, head_inputs: HeadInputs
) -> tuple[Float32, Float32]:
    """Read K tracks of unequal length: the forecasts at the last row of each, [K, 1, N, Q], and the states then.

    Args:
        x: [K, T, F], aligned at the first row.
        state: [S, K, hidden], before it.
        ends: [K], rows of each track, longest first; no padding enters a state.
        head_inputs: at the last rows.
    """
    if ends[0] == ends[-1]:
        return runtime.read(x, state, 1, head_inputs)
    outputs, after, begin = np.empty(0, np.float32), state.copy(), 0
    for end in np.unique(ends).tolist():
        active = int((ends > begin).sum())
        z, own = runtime.read(x[:active, begin:end], after[:, :active], 1, head_inputs.of(slice(active)))
        outputs = z if begin == 0 else np.concatenate([z, outputs[active:]])
        after[:, :active], begin = own, end
    return outputs, after


def read_windows(runtime: Runtime, windows: Float32, rows: Int, head_inputs: HeadInputs) -> Float32:
    """The forecasts of a bidirectional network at the end of each window, [K, N, Q].

    Args:
        windows: [K, window, F]; tracks with fewer rows have them at the end.
        rows: [K], rows that each track has in its window.
        head_inputs: of K tracks, with P = 1.
    """
    parts = []
    order = np.argsort(rows, kind="stable")
    for tracks in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
        x = windows[tracks, windows.shape[1] - rows[tracks[0]] :]
        z, _ = runtime.read(x, runtime.start(len(tracks)), 1, head_inputs.of(tracks))
        parts.append(z[:, 0])
    return np.concatenate(parts)[np.argsort(order)]
