"""Inference backends, and reading the rows of many tracks with one."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from seqpred.arrays import Float32, Int

Array = TypeVar("Array", Float32, Float32 | None)


TILE = 4
"""Tracks that are computed together in a forecast of a panel, so that no track depends on the others in the last digit.

A backend computes four numbers with one instruction, and what remains with others; a single track has functions of its
own. With a multiple of four tracks nothing remains. `tests/forecasting/test_batch.py` checks this on each machine.
"""


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
    runtime: Runtime, x: Float32, state: Float32, ends: Int, head_inputs: HeadInputs, tile: int = 1
) -> tuple[Float32, Float32]:
    """Read K tracks of unequal length: the forecasts at the last row of each, [K, 1, N, Q], and the states then.

    Args:
        x: [K, T, F], aligned at the first row.
        state: [S, K, hidden], before it.
        ends: [K], rows of each track, longest first; no padding enters a state.
        head_inputs: at the last rows.
        tile: the runtime reads a multiple of this number of tracks; outputs of added and ended ones are not used.
    """
    tracks = len(x)
    x, head_inputs = _whole_tiles(x, tile), HeadInputs(*(_whole_tiles(part, tile) for part in head_inputs))
    after = state.copy() if len(x) == tracks else np.pad(state, ((0, 0), (0, len(x) - tracks), (0, 0)))
    outputs, begin = np.empty(0, np.float32), 0
    for end in sorted({*ends.tolist()}):  # np.unique would import numpy.ma
        active = int((ends > begin).sum())
        some = slice(-(-active // tile) * tile)
        z, own = runtime.read(x[some, begin:end], after[:, some], 1, head_inputs.of(some))
        outputs = z[:active] if begin == 0 else np.concatenate([z[:active], outputs[active:]])
        after[:, :active], begin = own[:, :active], end
    return outputs, after[:, :tracks]


def read_windows(runtime: Runtime, windows: Float32, rows: Int, head_inputs: HeadInputs, tile: int = 1) -> Float32:
    """The forecasts of a bidirectional network at the end of each window, [K, N, Q].

    Args:
        windows: [K, window, F]; tracks with fewer rows have them at the end.
        rows: [K], rows that each track has in its window.
        head_inputs: of K tracks, with P = 1.
        tile: see `read_ragged`.
    """
    parts = []
    order = np.argsort(rows, kind="stable")
    for tracks in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1):
        chosen = np.append(tracks, np.repeat(tracks[-1:], -len(tracks) % tile))
        x = windows[chosen, windows.shape[1] - rows[tracks[0]] :]
        z, _ = runtime.read(x, runtime.start(len(chosen)), 1, head_inputs.of(chosen))
        parts.append(z[: len(tracks), 0])
    return np.concatenate(parts)[np.argsort(order)]


def _whole_tiles(tracks: Array, tile: int) -> Array:
    """An array [K, ...] with zeros added, so that K is a multiple of `tile`; None stays None."""
    if tracks is None or len(tracks) % tile == 0:
        return tracks
    return np.concatenate([tracks, np.zeros((-len(tracks) % tile, *tracks.shape[1:]), tracks.dtype)])
