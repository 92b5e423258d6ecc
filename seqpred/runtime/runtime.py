"""Inference backends, and reading the rows of many tracks with one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from seqpred.arrays import Float32

CELLS = 1 << 19  # rows x tracks x hidden units that the network reads at once: the size of a processor's cache


class HeadInputs(NamedTuple):
    """What the head receives at P positions besides the state.

    Attributes:
        recent: [batch, P, R], the recent values relative to the last one, in units of the scale; None if unused.
        known: [batch, P, anchor + N, known], the known covariates of the last `anchor` rows and of the next N; None if
            there are none.
    """

    recent: Float32 | None = None
    known: Float32 | None = None

    def of(self, tracks: Sequence[int]) -> HeadInputs:
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


class Reader:
    """Reads the rows of K tracks, and later the rows added to them.

    A forward network keeps its state, so it reads each row once; a bidirectional one reads the last `window` rows
    again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._state: Float32 | None = None
        self._rows = 0  # of the first track, read so far

    def read(self, tracks: Sequence[Float32], ahead: HeadInputs = NO_HEAD_INPUTS) -> Float32:
        """Quantiles [K, N, Q] in units of the scale, after the last rows.

        Args:
            tracks: all rows so far, [T, F] each, of unequal lengths; later calls add the same number of rows to each.
            ahead: head inputs at the last rows.
        """
        new = len(tracks[0]) - self._rows
        self._rows += new
        if self.runtime.window is not None:
            return read_windows(self.runtime, tracks, ahead)
        if self._state is None:
            return self._read_ragged(tracks, ahead)
        x = np.stack([t[-new:] for t in tracks])
        z, self._state = self.runtime.read(x, self._state, 1, ahead)
        return z[:, 0]

    def _read_ragged(self, tracks: Sequence[Float32], ahead: HeadInputs) -> Float32:
        """The forecasts after tracks of unequal length."""
        order = sorted(range(len(tracks)), key=lambda k: -len(tracks[k]))
        longest = len(tracks[order[0]])
        x = np.zeros((len(tracks), longest, tracks[0].shape[1]), np.float32)
        for place, k in enumerate(order):  # aligned at the end; shorter tracks join at their first row
            x[place, longest - len(tracks[k]) :] = tracks[k]
        joins = [longest - len(tracks[k]) for k in order]
        z, state = self._join(x, joins, ahead.of(order))
        back = np.argsort(order)
        self._state = state[:, back]
        return np.asarray(z[back, 0])

    def _join(self, x: Float32, joins: Sequence[int], ahead: HeadInputs) -> tuple[Float32, Float32]:
        """Read [K, T, F], track k from row joins[k] on (increasing in k); the last forecasts and the state then."""
        z, state = np.empty(0, np.float32), self.runtime.start(0)
        rows = max(8, CELLS // (len(joins) * max(state.shape[2], 1)))
        edges = sorted({*joins, *range(joins[0], x.shape[1], rows), x.shape[1]})
        for begin, end in itertools.pairwise(edges):
            new = sum(j <= begin for j in joins) - state.shape[1]
            if new:
                state = np.concatenate([state, self.runtime.start(new)], axis=1)
            last = end == x.shape[1]
            z, state = self.runtime.read(x[: state.shape[1], begin:end], state, 1, ahead if last else NO_HEAD_INPUTS)
        return z, state


def read_windows(runtime: Runtime, tracks: Sequence[Float32], ahead: HeadInputs) -> Float32:
    """The forecasts of a bidirectional network at the end of each track, [K, N, Q].

    Args:
        tracks: [T, F] each; the last window is read, or all rows if there are fewer.
        ahead: head inputs of K tracks, with P = 1.
    """
    windows = [t[-(runtime.window or 0) :] for t in tracks]
    quantiles: dict[int, Float32] = {}
    for length in {len(w) for w in windows}:
        alike = [k for k, w in enumerate(windows) if len(w) == length]
        x = np.stack([windows[k] for k in alike])
        z, _ = runtime.read(x, runtime.start(len(alike)), 1, ahead.of(alike))
        quantiles |= dict(zip(alike, z[:, 0], strict=True))
    return np.stack([quantiles[k] for k in range(len(tracks))])
