"""Through the history to what the network says after its last row, and on from there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from seqpred.features import Float32
from seqpred.network.ensemble import Ensemble
from seqpred.network.heads import Ahead
from seqpred.network.machine import threads
from seqpred.network.recurrent import Memory

CHUNK = 128  # rows that pass through the network at once, which bounds memory

WIDE = 2048  # units in all tracks' states from which a second thread pays


class Reader:
    """An ensemble that reads the rows of K tracks, and later those that have come since.

    A forward network keeps its memory, so that only new rows pass through it; a bidirectional one is given the last
    `window` rows anew.
    """

    def __init__(self, network: Ensemble, window: int) -> None:
        self.network = network.eval()
        self.window = window
        self._memory: Memory | None = None
        self._rows = 0  # of the first track, read so far

    def read(self, tracks: Sequence[Float32], naives: Float32 | None = None, known: Float32 | None = None) -> Float32:
        """Quantiles [K, N, Q] in units of the scale, after the last rows.

        Args:
            tracks: all rows so far, each [T, F]; at first of unequal length, later each longer by as many rows.
            naives: [K, A, N], the naive forecasts to blend, less the anchor's, in units of the scale.
            known: [K, anchor + N, known], the known covariates of the last `anchor` rows and of those that follow.
        """
        ahead = Ahead(
            None if naives is None else torch.from_numpy(naives)[:, None],
            None if known is None else torch.from_numpy(known),
        )
        wide = len(tracks) * self.network.shape.hidden_size >= WIDE
        with torch.inference_mode(), threads(torch.get_num_threads() if wide else 1):
            return self._read(tracks, ahead)

    def _read(self, tracks: Sequence[Float32], ahead: Ahead) -> Float32:
        new = len(tracks[0]) - self._rows
        self._rows += new
        if self.network.shape.bidirectional:
            return self._read_windows(tracks, ahead)
        if self._memory is None:
            said, self._memory = self._read_ragged(tracks)
        else:
            x = torch.from_numpy(np.stack([t[-new:] for t in tracks]))
            said, self._memory = self.network.advance(x, self._memory)
        quantiles: Float32 = self.network.say(said, ahead).numpy()
        return quantiles

    def _read_ragged(self, tracks: Sequence[Float32]) -> tuple[Tensor, Memory]:
        """What is said after tracks of unequal length, [K, 1, hidden], and the memory then."""
        order = sorted(range(len(tracks)), key=lambda k: -len(tracks[k]))
        longest = len(tracks[order[0]])
        x = torch.zeros(len(tracks), longest, tracks[0].shape[1])
        for place, k in enumerate(order):  # all end together; shorter ones join when their first row comes
            x[place, longest - len(tracks[k]) :] = torch.from_numpy(tracks[k])
        joins = [longest - len(tracks[k]) for k in order]
        said, memory = self._join(x, joins)
        back = torch.tensor(order).argsort()
        return said[back], [tuple(part[back] for part in state) for state in memory]

    def _join(self, x: Tensor, joins: Sequence[int]) -> tuple[Tensor, Memory]:
        """Read [K, T, F], track k from row joins[k] on (rising in k); what is said last and the memory then."""
        memory = self.network.start(0)
        said = x.new_zeros(0)
        edges = sorted({*joins, *range(joins[0], x.shape[1], CHUNK), x.shape[1]})
        active = 0
        for begin, end in itertools.pairwise(edges):
            new = sum(j <= begin for j in joins) - active
            if new:
                memory = _grown(memory, self.network.start(new))
                active += new
            said, memory = self.network.advance(x[:active, begin:end], memory)
        return said, memory

    def _read_windows(self, tracks: Sequence[Float32], ahead: Ahead) -> Float32:
        windows = [t[-self.window :] for t in tracks]
        quantiles = np.empty((len(tracks), self.network.shape.horizon, len(self.network.shape.levels)), np.float32)
        for length in {len(w) for w in windows}:
            alike = [k for k, w in enumerate(windows) if len(w) == length]
            x = torch.from_numpy(np.stack([windows[k] for k in alike]))
            own = Ahead(*(None if part is None else part[alike] for part in ahead))
            quantiles[alike] = self.network.at_end(x, own).numpy()
        return quantiles


def _grown(memory: Memory, new: Memory) -> Memory:
    """The memory with that of tracks that join behind."""
    return [
        tuple(torch.cat([a, b]) for a, b in zip(old, fresh, strict=True))
        for old, fresh in zip(memory, new, strict=True)
    ]
