"""Through a history to what the networks say after its last row, and on from there; what computes it is a runtime."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from seqpred.arrays import Float32

CELLS = 1 << 19  # rows x tracks x hidden units that pass through the network at once: what a processor's cache holds


class HeadInputs(NamedTuple):
    """What is given of the steps ahead of P rows.

    Attributes:
        recent: [batch, P, R], the last rows less the last one, in units of the scale; None where the head needs none.
        known: [batch, P, anchor + N, known], the known covariates of the last `anchor` rows and of those that follow;
            None where there are none.
    """

    recent: Float32 | None = None
    known: Float32 | None = None

    def of(self, tracks: Sequence[int]) -> HeadInputs:
        """That of some tracks."""
        return HeadInputs(*(None if part is None else part[tracks] for part in self))


NO_HEAD_INPUTS = HeadInputs()


class Runtime(Protocol):
    """What computes a network, or several whose quantiles are averaged."""

    name: str
    window: int | None
    """Rows that a network of both directions sees before it speaks; None for a forward one, which carries its state."""

    def start(self, batch: int) -> Float32:
        """The state before the first row, [S, batch, hidden]."""
        ...

    def read(
        self, x: Float32, state: Float32, speaking: int = 1, ahead: HeadInputs = NO_HEAD_INPUTS
    ) -> tuple[Float32, Float32]:
        """The quantiles after each of the last `speaking` rows, [batch, P, N, Q], and the state after the last.

        Args:
            x: [batch, T, feature].
            state: as `start` or an earlier call gives it.
            ahead: what is given of the steps after these rows; nothing where nobody asks for a forecast.
        """
        ...


class Reader:
    """What reads the rows of K tracks, and later those that have come since.

    A forward network keeps its state, so that only new rows pass through it; a bidirectional one is given the last
    `window` rows anew.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._state: Float32 | None = None
        self._rows = 0  # of the first track, read so far

    def read(self, tracks: Sequence[Float32], ahead: HeadInputs = NO_HEAD_INPUTS) -> Float32:
        """Quantiles [K, N, Q] in units of the scale, after the last rows.

        Args:
            tracks: all rows so far, each [T, F]; at first of unequal length, later each longer by as many rows.
            ahead: what is given of the steps after the last rows.
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
        """What is said after tracks of unequal length."""
        order = sorted(range(len(tracks)), key=lambda k: -len(tracks[k]))
        longest = len(tracks[order[0]])
        x = np.zeros((len(tracks), longest, tracks[0].shape[1]), np.float32)
        for place, k in enumerate(order):  # all end together; shorter ones join when their first row comes
            x[place, longest - len(tracks[k]) :] = tracks[k]
        joins = [longest - len(tracks[k]) for k in order]
        z, state = self._join(x, joins, ahead.of(order))
        back = np.argsort(order)
        self._state = state[:, back]
        said: Float32 = z[back, 0]
        return said

    def _join(self, x: Float32, joins: Sequence[int], ahead: HeadInputs) -> tuple[Float32, Float32]:
        """Read [K, T, F], track k from row joins[k] on (rising in k); what is said last and the state then."""
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
    """What a bidirectional network says at the end of each track, [K, N, Q].

    Args:
        tracks: each [T, F]; its last window, or all of it where it is shorter, is read.
        ahead: of K tracks, P being 1.
    """
    windows = [t[-(runtime.window or 0) :] for t in tracks]
    said: dict[int, Float32] = {}
    for length in {len(w) for w in windows}:
        alike = [k for k, w in enumerate(windows) if len(w) == length]
        x = np.stack([windows[k] for k in alike])
        z, _ = runtime.read(x, runtime.start(len(alike)), 1, ahead.of(alike))
        said |= dict(zip(alike, z[:, 0], strict=True))
    return np.stack([said[k] for k in range(len(tracks))])
