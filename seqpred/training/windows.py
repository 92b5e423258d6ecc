"""Windows over flat arrays: an index into the data, never a copy of it made in advance.

A track's inputs are made when a window of it is first drawn, so that training on very many begins at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.arrays import Float, Int
from seqpred.features.inputs import CELLS, InputSpec, Prepared, recent_changes
from seqpred.network.heads import HeadInputs
from seqpred.spool.mapped import release_pages, zeros

Make = Callable[[Int], Iterable[tuple[int, Prepared, Float]]]
"""From the numbers of some tracks to number, prepared track and values to learn [T], NaN where missing, of these at
least: all tracks of a series are made together."""
MOST_CHECKS = 1024  # validation windows, spread over all tracks
ALIKE = 48  # steps ahead; of more, a row says nearly what its neighbours say


@dataclass(frozen=True)
class Reach:
    """Rows looked back, rows of a window, rows ahead; and whether only a window's last row speaks (bidirectional).

    `known` are the places in x of the covariates that are known ahead.
    """

    look: InputSpec
    window: int
    horizon: int
    at_end: bool
    known: tuple[int, ...] = ()


def apart(horizon: int, window: int) -> int:
    """Rows from one that speaks to the next: what neighbours say of very many steps is nearly the same.

    >>> apart(48, 96), apart(168, 256), apart(480, 8)
    (1, 3, 8)
    """
    return max(1, min(horizon // ALIKE, window))


@dataclass(frozen=True)
class Speaking:
    """The rows that speak in some windows, P in each.

    Attributes:
        first: [batch], the first one.
        count: P.
        every: rows from one to the next.
        begin: where in its window the first one stands, for a network that hears all of the window's rows.
    """

    first: Tensor
    count: int = 1
    every: int = 1
    begin: int = 0

    def rows(self, before: int, after: int) -> Tensor:
        """[batch, rows]: from so many rows before the first one to so many after the last."""
        last = (self.count - 1) * self.every
        return self.first[:, None] + torch.arange(-before, last + after + 1, device=self.first.device)


@dataclass(frozen=True)
class Windows:
    """All tracks end to end, and where each may be learned from.

    Attributes:
        make: prepares tracks, by their numbers.
        made: [K], which are prepared; of the others the arrays hold nothing yet.
        memory: where x and the arrays after it stand.
        x: [R, F], inputs. Behind the last track stand rows enough for any window to begin on it.
        known: [R, known], the inputs that are known ahead, from x.
        values, filled: [R], observed (NaN where missing) and bridged values, less each track's first one, so that
            float32 holds the differences of large numbers.
        scale: [R], NaN where there is none yet or no whole anchor: nothing is learned there.
        begins, cuts, ends: [K], rows of the K tracks: first, first of the validation part, one past the last.
        reach: how far windows go back and ahead.
    """

    make: Make
    made: npt.NDArray[np.bool_]
    memory: tuple[npt.NDArray[np.float32], ...]
    x: Tensor
    known: Tensor
    values: Tensor
    filled: Tensor
    scale: Tensor
    begins: Tensor
    cuts: Tensor
    ends: Tensor
    reach: Reach

    @property
    def window(self) -> int:
        """Rows of a window."""
        return self.reach.window

    def to(self, device: torch.device) -> Windows:
        """The same windows on another device, all tracks prepared."""
        if device == self.x.device:
            return self
        self.prepare(torch.arange(len(self.begins)))
        moved = {name: t.to(device) for name, t in vars(self).items() if isinstance(t, Tensor)}
        return Windows(**{**vars(self), "memory": (), **moved})

    def prepare(self, tracks: Tensor) -> None:
        """Make the inputs of these tracks, as far as they aren't made."""
        wanted = tracks.numpy(force=True)
        wanted = np.unique(wanted[~self.made[wanted]])
        rows = (self.ends - self.begins).numpy(force=True)[wanted]
        for some in np.split(wanted, np.flatnonzero(np.diff(np.cumsum(rows) // CELLS)) + 1) if len(wanted) else ():
            self._prepare(some)
            release_pages(*self.memory)

    def _prepare(self, tracks: Int) -> None:
        lead, places = self.reach.look.anchor - 1, list(self.reach.known)
        begins, ends = self.begins.numpy(), self.ends.numpy()
        x, known, all_values, scale, filled = self.memory  # written to as arrays, which a short track needs
        for k, own, values in self.make(tracks):
            low, high = int(begins[k]), int(ends[k])
            base, scaled = own.filled[0], (own.scale > 0) & (np.arange(high - low) >= lead)
            x[low:high] = own.x
            known[low:high] = own.x[:, places]
            all_values[low:high] = values - base
            filled[low + lead : high + lead] = own.filled - base
            scale[low:high] = np.where(scaled, own.scale, np.nan)
            self.made[k] = True

    def starts(self) -> tuple[Tensor, Tensor]:
        """First and last row [K] at which a window of each track may begin; last < first where none may."""
        spoken = self.begins + self.reach.look.anchor  # the first row with an anchor of its own
        last = self.cuts - 1 - self.window
        first = torch.maximum(self.begins, spoken - self.window + 1)
        if self.reach.at_end:
            return first, last
        last = torch.maximum(last, self.begins)  # a short track is one short window
        return torch.minimum(first, last), torch.where(self.cuts - 1 > spoken, last, first - self.window)

    def learnable(self) -> bool:
        """Whether a window may begin anywhere at all."""
        first, last = self.starts()
        return bool((last >= first).any())

    def draw(self, tracks: Tensor, first: Tensor, last: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Windows drawn at random, [2, count]: first row and track; each track alike, then each place in it.

        Args:
            tracks: those that may be drawn from.
            first, last: as `starts` gives them.
        """
        device = self.x.device
        chosen = tracks[torch.randint(len(tracks), (count,), generator=generator).to(device)]
        self.prepare(chosen)
        place = torch.rand(count, generator=generator, dtype=torch.float64).to(device)
        span = last[chosen] - first[chosen] + 1
        return torch.stack([first[chosen] + (place * span).long(), chosen])

    def inputs(self, starts: Tensor) -> Tensor:
        """[batch, window, F]."""
        x = self.x[starts[:, None] + torch.arange(self.window, device=starts.device)]
        release_pages(*self.memory)
        return x

    def ahead(self, speaking: Speaking, begins: Tensor) -> HeadInputs:
        """What the head is given of the steps after the rows that speak.

        Args:
            begins: [batch], the first row of each window's track.
        """
        return HeadInputs(self._recent(speaking, begins), self._known(speaking), speaking.every)

    def _recent(self, speaking: Speaking, begins: Tensor) -> Tensor | None:
        look = self.reach.look
        if not look.recent:
            return None
        rows = speaking.rows(look.recent - 1, 0)
        past = self.filled[torch.maximum(rows, begins[:, None]) + look.anchor - 1]
        scale = self.scale[rows[:, look.recent - 1 :: speaking.every]]
        changes = recent_changes(past, scale, look.recent, speaking.every).nan_to_num(0.0)
        return changes.contiguous()  # as they come, the P rows lie side by side, and sums over R take twice as long

    def _known(self, speaking: Speaking) -> Tensor | None:
        if not self.reach.known:
            return None
        rows = speaking.rows(self.reach.look.anchor - 1, self.reach.horizon)
        return self.known[rows.clamp(0, len(self.known) - 1)]

    def speaking(self, starts: Tensor, generator: torch.Generator | None = None) -> Speaking:
        """The rows that speak in each window: its last one alone, or all, or some where the horizon is long (`apart`).

        Args:
            generator: draws with which of the first rows they begin; without it they begin with the first.
        """
        if self.reach.at_end:
            return Speaking(starts + self.window - 1)
        every = apart(self.reach.horizon, self.window)
        begin = int(torch.randint(every, (), generator=generator)) if generator and every > 1 else 0
        return Speaking(starts + begin, -(-(self.window - begin) // every), every, begin)

    def targets(self, speaking: Speaking, low: Tensor, high: Tensor) -> Tensor:
        """What follows each row that speaks, in units of the scale around the anchor, [batch, P, N]; NaN where unknown.

        Args:
            low, high: [batch], only rows from low to below high are looked at.
        """
        ahead, anchor, every = self.reach.horizon, self.reach.look.anchor, speaking.every
        rows = speaking.rows(-1, ahead)
        inside = (rows >= low[:, None]) & (rows < high[:, None])
        values = torch.where(inside, self.values[rows], torch.nan)
        past = self.filled[speaking.rows(0, anchor - 1)]  # stored `anchor - 1` rows late, so that no index is negative
        cycle = past.unfold(1, anchor, every)
        if ahead > anchor:
            cycle = cycle[:, :, torch.arange(ahead, device=rows.device) % anchor]
        scale = self.scale[speaking.rows(0, 0)[:, ::every]]
        return (values.unfold(1, ahead, every) - cycle[:, :, :ahead]) / scale[:, :, None]

    def checks(self) -> tuple[Tensor, Tensor]:
        """Validation windows, prepared: first rows and tracks; all they are scored on lies behind the cut."""
        origins, tracks = [], []
        held = np.flatnonzero((self.cuts < self.ends).numpy(force=True))
        each = max(1, MOST_CHECKS // max(1, len(held)))
        for k in _checked(held).tolist():
            first, last = int(self.cuts[k]) - 1, int(self.ends[k]) - self.reach.horizon - 1
            oldest = max(int(self.begins[k]) + self.reach.look.anchor, int(self.begins[k]) + self.window - 1)
            first = max(first, oldest)
            count = min(each, last - first + 1)
            if count > 0:
                origins += np.linspace(first, last, count).round().astype(np.int64).tolist()
                tracks += [k] * count
        self.prepare(torch.tensor(tracks, dtype=torch.long))
        return torch.tensor(origins, dtype=torch.long) - self.window + 1, torch.tensor(tracks, dtype=torch.long)

    def blocks(self) -> Int:
        """[W], of the windows of `checks`: one number for those of a track that begin in the same horizon."""
        starts, tracks = self.checks()
        behind = (starts + self.window - self.cuts[tracks]) // self.reach.horizon
        return (tracks * (int(behind.max()) + 1) + behind).numpy()

    def learn_all(self) -> Windows:
        """The same windows, of which all rows may be learned from."""
        return replace(self, cuts=self.ends)

    def withhold(self, rows: Tensor) -> Windows:
        """The same windows, with so many rows [K] at each track's end as its validation part."""
        return replace(self, cuts=self.ends - rows)


def _checked(held: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Of the tracks that have a validation part, those in which windows are scored: spread over all."""
    return held[:: max(1, len(held) // MOST_CHECKS)]


def make_windows(make: Make, lengths: Int, cuts: Int, inputs: int, reach: Reach) -> Windows:
    """The windows over K tracks, none of which is prepared yet.

    Args:
        make: see `Make`.
        lengths, cuts: [K], rows of each track, and how many of them may be learned from.
        inputs: F, of a prepared track.
    """
    later = np.ones(len(lengths), bool)
    later[_checked(np.flatnonzero(cuts < lengths))] = False
    order = np.argsort(later, kind="stable")  # those that are looked at first stand together: fewer pages are touched
    ends = np.empty(len(lengths), np.int64)
    ends[order] = np.cumsum(lengths[order])
    begins = ends - lengths
    rows = int(lengths.sum()) + reach.window + reach.horizon

    shapes = {"x": (rows, inputs), "known": (rows, len(reach.known)), "values": (rows,), "scale": (rows,)}
    shapes["filled"] = (rows + reach.look.anchor - 1,)  # so much later, so that no index is negative
    arrays = zeros(shapes, np.float32)
    return Windows(
        make=make,
        made=np.zeros(len(lengths), bool),
        memory=tuple(arrays.values()),
        **{name: torch.from_numpy(array) for name, array in arrays.items()},
        begins=torch.from_numpy(begins),
        cuts=torch.from_numpy(begins + cuts),
        ends=torch.from_numpy(ends),
        reach=reach,
    )
