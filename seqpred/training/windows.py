"""Training windows: indices into flat arrays that contain all tracks end to end.

The inputs of a track are computed when one of its windows is first drawn, so training on very many series starts
immediately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.arrays import Bool, Float, Float32, Int
from seqpred.features.inputs import Track
from seqpred.features.origins import profile_distances, recent_changes
from seqpred.network.heads import HeadInputs
from seqpred.spool.mapped import LARGE, release_pages, zeros
from seqpred.training.positions import Positions, position_stride
from seqpred.training.window_spec import WindowSpec

PrepareTracks = Callable[[Int], Iterable[tuple[int, Track, Float]]]
"""From the numbers of some tracks to (number, prepared track, training targets [T], NaN if missing) of at least these:
all tracks of a series are prepared together."""
MAX_VALIDATION_WINDOWS = 1024  # over all tracks
WINDOWS_PER_BLOCK = 12  # of them; overlapping windows are one block of evidence, see `choice`
CELLS = 250_000  # rows of tracks that are prepared at once, which bounds memory


class Starts(NamedTuple):
    """Where windows may start.

    Attributes:
        tracks: the tracks in which at least one window may start.
        first, last: [K], the first and last row of each track at which one may start; last < first if none may.
    """

    tracks: Tensor
    first: Tensor
    last: Tensor


@dataclass(frozen=True)
class Windows:
    """All tracks end to end, and which rows of each belong to the training split.

    The arrays start with `anchor - 1` unused rows and end with enough rows for any window to start on the last track,
    so no index is out of range.

    Attributes:
        prepare_tracks: computes the inputs of tracks.
        prepared: [K], the tracks whose rows in the arrays are filled in.
        memory: the arrays behind `x`, `known`, `values`, `scale`, `filled` and `profile`.
        x: [R, F], inputs.
        known: [R, known], the columns of x that are known ahead.
        values: [R], observed values, NaN if missing, relative to each track's first one, so that float32 resolves the
            differences of large numbers.
        scale: [R], NaN where a row is not trained on: with less than one anchor lag of history, or an unreliable scale.
        filled: [R], as `values`, with missing values filled in.
        profile: [R], the running profile, as `values`; [0] if there is none.
        begins, cuts, ends: [K], rows of each track: first, first of the validation split, one past the last.
        spec: the rows that a window covers.
        pretrained: [W, N, Q], the pretrained forecasts after the validation windows, as `targets`; None if unused.
    """

    prepare_tracks: PrepareTracks
    prepared: Bool
    memory: tuple[Float32, ...]
    x: Tensor
    known: Tensor
    values: Tensor
    scale: Tensor
    filled: Tensor
    profile: Tensor
    begins: Tensor
    cuts: Tensor
    ends: Tensor
    spec: WindowSpec
    pretrained: Tensor | None = None

    def to(self, device: torch.device) -> Windows:
        """The same windows on another device, all tracks prepared."""
        if device == self.x.device:
            return self
        self.prepare(torch.arange(len(self.begins)))
        moved = {name: t.to(device) for name, t in vars(self).items() if isinstance(t, Tensor)}
        return Windows(**{**vars(self), "memory": (), **moved})

    # ------------------------------------------------------------------ preparing tracks

    def prepare(self, tracks: Tensor) -> None:
        """Compute the inputs of those of these tracks that are not prepared yet."""
        missing = np.unique(tracks.numpy(force=True))
        missing = missing[~self.prepared[missing]]
        if not len(missing):
            return
        rows = (self.ends - self.begins).numpy(force=True)[missing]
        batches = np.split(missing, np.flatnonzero(np.diff(np.cumsum(rows) // CELLS)) + 1)
        for batch in batches:
            self._prepare(batch)
            release_pages(*self.memory)

    def prepare_shared(self) -> None:
        """Compute all inputs now if they are in memory, so that processes forked from this one share them."""
        if sum(array.nbytes for array in self.memory) < LARGE:
            self.prepare(torch.arange(len(self.begins)))

    def _prepare(self, tracks: Int) -> None:
        begins, ends = self.begins.numpy(), self.ends.numpy()
        # NumPy: many tracks are short, and torch indexing is slow
        x, known, all_values, scale, filled, profile = self.memory
        for k, track, values in self.prepare_tracks(tracks):
            own = slice(int(begins[k]), int(ends[k]))
            base = track.filled[0]  # subtracted in float64, before values become float32
            x[own] = track.x
            known[own] = track.x[:, list(self.spec.known)]
            all_values[own] = values - base
            filled[own] = track.filled - base
            if self.spec.inputs.profile:
                profile[own] = track.profile - base
            scale[own] = track.scale
            scale[own][: self.spec.inputs.anchor - 1] = np.nan
            self.prepared[k] = True

    # ------------------------------------------------------------------ drawing windows

    def starts(self) -> Starts:
        """Where windows of the training split may start."""
        window, has_anchor = self.spec.window, self.begins + self.spec.inputs.anchor
        first = torch.maximum(self.begins, has_anchor - window + 1)
        last = self.cuts - 1 - window
        if not self.spec.last_position_only:
            last = torch.maximum(last, self.begins)  # a short track is one short window
            first = torch.minimum(first, last)
            last = torch.where(self.cuts - 1 > has_anchor, last, first - window)
        return Starts(torch.nonzero(last >= first)[:, 0], first, last)

    def draw(self, starts: Starts, count: int, rng: torch.Generator) -> Tensor:
        """Random windows, [2, count]: first row and track; uniform over tracks, then over the rows of the track."""
        device = self.x.device
        tracks = starts.tracks[torch.randint(len(starts.tracks), (count,), generator=rng).to(device)]
        if self.memory:  # otherwise all tracks are prepared; asking would wait for the GPU
            self.prepare(tracks)
        place = torch.rand(count, generator=rng, dtype=torch.float64).to(device)
        first = starts.first[tracks]
        return torch.stack([first + (place * (starts.last[tracks] - first + 1)).long(), tracks])

    def positions(self, starts: Tensor, rng: torch.Generator | None = None) -> Positions:
        """The positions of windows that start at these rows [batch]; see `position_stride`.

        Args:
            rng: draws which of the first rows is the first position; without it, the first row is.
        """
        window = self.spec.window
        if self.spec.last_position_only:
            return Positions(starts + window - 1)
        stride = position_stride(self.spec.horizon, window)
        offset = int(torch.randint(stride, (), generator=rng)) if rng and stride > 1 else 0
        return Positions(starts + offset, -(-(window - offset) // stride), stride, offset)

    # ------------------------------------------------------------------ what a window contains

    def inputs(self, starts: Tensor) -> Tensor:
        """[batch, window, F]."""
        x = self.x[starts[:, None] + torch.arange(self.spec.window, device=starts.device)]
        release_pages(*self.memory)
        return x

    def head_inputs(self, positions: Positions, begins: Tensor) -> HeadInputs:
        """The inputs of the head at these positions.

        Args:
            begins: [batch], the first row of each window's track.
        """
        return HeadInputs(self._recent(positions, begins), self._known(positions), positions.stride)

    def _recent(self, positions: Positions, begins: Tensor) -> Tensor | None:
        rows, cycle, at = self.spec.inputs.recent, self.spec.inputs.profile, positions.at()
        if not rows:
            return None
        past = self.filled[torch.maximum(positions.rows(1 - rows), begins[:, None])]
        changes = recent_changes(past, self.scale[at], rows, positions.stride)
        if cycle:
            profile = self.profile[torch.maximum(positions.rows(1 - cycle), begins[:, None])]
            distances = profile_distances(profile, self.filled[at], self.scale[at], cycle, positions.stride)
            changes = torch.cat([distances, changes], -1)
        return changes.nan_to_num_(0.0).contiguous()  # strided, sums over R would take twice as long

    def _known(self, positions: Positions) -> Tensor | None:
        if not self.spec.known:
            return None
        rows = positions.rows(1 - self.spec.inputs.anchor, self.spec.horizon)
        return self.known[rows.clamp(0, len(self.known) - 1)]

    def targets(self, positions: Positions, low: Tensor, high: Tensor) -> Tensor:
        """The N values after each position, relative to the anchor's forecast, in units of the scale.

        Args:
            low, high: [batch], targets outside the rows from low to below high are NaN.
        Returns:
            [batch, P, N], NaN where unknown.
        """
        horizon = self.spec.horizon
        rows = positions.rows(1, horizon)
        inside = (rows >= low[:, None]) & (rows < high[:, None])
        values = torch.where(inside, self.values[rows], torch.nan).unfold(1, horizon, positions.stride)
        return (values - self.anchors(positions)) / self.scale[positions.at()][:, :, None]

    def anchors(self, positions: Positions) -> Tensor:
        """The anchor's forecasts of the N values after each position, as `filled`, [batch, P, N]."""
        horizon, anchor = self.spec.horizon, self.spec.inputs.anchor
        last_cycle = self.filled[positions.rows(1 - anchor)].unfold(1, anchor, positions.stride)
        if horizon > anchor:
            last_cycle = last_cycle[:, :, torch.arange(horizon, device=last_cycle.device) % anchor]
        return last_cycle[:, :, :horizon]

    # ------------------------------------------------------------------ the validation split

    def validation_windows(self) -> tuple[Tensor, Tensor]:
        """First rows and tracks of the windows that validation scores, prepared; their targets are held out."""
        starts, tracks = [], []
        held_out = np.flatnonzero((self.cuts < self.ends).numpy(force=True))
        each = max(1, MAX_VALIDATION_WINDOWS // max(1, len(held_out)))
        for k in _thinned(held_out).tolist():
            begin, cut, end = int(self.begins[k]), int(self.cuts[k]), int(self.ends[k])
            first = max(cut - 1, begin + self.spec.inputs.anchor, begin + self.spec.window - 1)
            last = end - self.spec.horizon - 1
            blocks = max(1, (end - cut) // self.spec.horizon)
            count = min(each, last - first + 1, WINDOWS_PER_BLOCK * blocks)
            if count > 0:
                starts += np.linspace(first, last, count).round().astype(np.int64).tolist()
                tracks += [k] * count
        self.prepare(torch.tensor(tracks, dtype=torch.long))
        return torch.tensor(starts, dtype=torch.long) - self.spec.window + 1, torch.tensor(tracks, dtype=torch.long)

    def growth(self, starts: Tensor, tracks: Tensor) -> Tensor:
        """The scale after these windows, as a share of that at the end of their track if it is larger, [batch]."""
        scale, end = self.scale[starts + self.spec.window - 1], self.scale[self.ends[tracks] - 1]
        return scale / torch.fmax(scale, end)

    def validation_blocks(self) -> Int:
        """[W], a number for each validation window; those of a track that start in the same horizon share one."""
        starts, tracks = self.validation_windows()
        block = (starts + self.spec.window - self.cuts[tracks]) // self.spec.horizon
        return (tracks * (int(block.max()) + 1) + block).numpy()

    def train_on_all(self) -> Windows:
        """The same windows without a validation split."""
        return replace(self, cuts=self.ends, pretrained=None)

    def hold_out(self, rows: Tensor) -> Windows:
        """The same windows with the last `rows` [K] of each track as the validation split."""
        return replace(self, cuts=self.ends - rows, pretrained=None)


def _thinned(tracks: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most about `MAX_VALIDATION_WINDOWS` of these tracks, evenly spaced."""
    return tracks[:: max(1, len(tracks) // MAX_VALIDATION_WINDOWS)]


def make_windows(prepare_tracks: PrepareTracks, lengths: Int, cuts: Int, inputs: int, spec: WindowSpec) -> Windows:
    """Windows over K tracks, none of them prepared yet.

    Args:
        lengths, cuts: [K], rows of each track, and how many of them belong to the training split.
        inputs: F, of a prepared track.
    """
    is_scored = np.zeros(len(lengths), bool)
    is_scored[_thinned(np.flatnonzero(cuts < lengths))] = True
    order = np.argsort(~is_scored, kind="stable")  # validation is prepared first: adjacent tracks touch fewer pages
    pad = spec.inputs.anchor - 1
    ends = np.empty(len(lengths), np.int64)
    ends[order] = pad + np.cumsum(lengths[order])
    begins = ends - lengths
    rows = pad + int(lengths.sum()) + spec.window + spec.horizon

    shapes = {"x": (rows, inputs), "known": (rows, len(spec.known)), "values": (rows,), "scale": (rows,)}
    profile = rows if spec.inputs.profile else 0
    arrays = zeros({**shapes, "filled": (rows,), "profile": (profile,)}, np.float32)
    return Windows(
        prepare_tracks=prepare_tracks,
        prepared=np.zeros(len(lengths), bool),
        memory=tuple(arrays.values()),
        **{name: torch.from_numpy(array) for name, array in arrays.items()},
        begins=torch.from_numpy(begins),
        cuts=torch.from_numpy(begins + cuts),
        ends=torch.from_numpy(ends),
        spec=spec,
    )
