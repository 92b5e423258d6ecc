"""Windows over flat arrays: an index into the data, never a copy of it made in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqpred.features import FARTHEST, Look, Prepared, naive_forecasts
from seqpred.network.heads import Ahead

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
MOST_CHECKS = 1024  # validation windows, spread over all tracks


@dataclass(frozen=True)
class Reach:
    """Rows looked back, rows of a window, rows ahead; and whether only a window's last row speaks (bidirectional).

    `known` are the places in x of the covariates that are known ahead.
    """

    look: Look
    window: int
    horizon: int
    at_end: bool
    known: tuple[int, ...] = ()


@dataclass(frozen=True)
class Windows:
    """All tracks end to end, and where each may be learned from.

    Attributes:
        x: [R, F], inputs. Behind the last track stand rows enough for any window to begin on it.
        known: [R, known], the inputs that are known ahead, from x.
        values, filled: [R], observed (NaN where missing) and bridged values, less each track's first one, so that
            float32 holds the differences of large numbers.
        scale: [R], NaN where there is none yet or no whole anchor: nothing is learned there.
        drift: [R, cycles], see `Prepared`.
        begins, cuts, ends: [K], rows of the K tracks: first, first of the validation part, one past the last.
        reach: how far windows go back and ahead.
    """

    x: Tensor
    known: Tensor
    values: Tensor
    filled: Tensor
    scale: Tensor
    drift: Tensor
    begins: Tensor
    cuts: Tensor
    ends: Tensor
    reach: Reach

    @property
    def window(self) -> int:
        """Rows of a window."""
        return self.reach.window

    def to(self, device: torch.device) -> Windows:
        """The same windows on another device."""
        moved = {name: t.to(device) for name, t in vars(self).items() if isinstance(t, Tensor)}
        return Windows(**{**vars(self), **moved})

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
        place = torch.rand(count, generator=generator, dtype=torch.float64).to(device)
        span = last[chosen] - first[chosen] + 1
        return torch.stack([first[chosen] + (place * span).long(), chosen])

    def inputs(self, starts: Tensor) -> Tensor:
        """[batch, window, F]."""
        return self.x[starts[:, None] + torch.arange(self.window, device=starts.device)]

    def ahead(self, spoken: Tensor, positions: int, begins: Tensor) -> Ahead:
        """What the head is given of the steps after the rows that speak.

        Args:
            spoken: [batch], the first row that speaks.
            positions: P rows that speak, one after another.
            begins: [batch], the first row of each window's track.
        """
        return Ahead(self._naives(spoken, positions, begins), self._known(spoken, positions))

    def _naives(self, spoken: Tensor, positions: int, begins: Tensor) -> Tensor | None:
        look = self.reach.look
        if not look.naives:
            return None
        rows = spoken[:, None] + torch.arange(-look.back, positions, device=spoken.device)
        past = self.filled[torch.maximum(rows, begins[:, None]) + look.anchor - 1]
        rows = rows[:, look.back :]
        found = naive_forecasts(past, self.drift[rows], look, self.reach.horizon)
        return (torch.stack(found, 2) / self.scale[rows][:, :, None, None]).nan_to_num(0.0).clamp(-FARTHEST, FARTHEST)

    def _known(self, spoken: Tensor, positions: int) -> Tensor | None:
        if not self.reach.known:
            return None
        lead, behind = self.reach.look.anchor - 1, positions + self.reach.horizon
        rows = spoken[:, None] + torch.arange(-lead, behind, device=spoken.device)
        return self.known[rows.clamp(0, len(self.known) - 1)]

    def positions(self, starts: Tensor) -> tuple[Tensor, int]:
        """The first row that speaks in each window, and how many do."""
        return (starts + self.window - 1, 1) if self.reach.at_end else (starts, self.window)

    def targets(self, spoken: Tensor, positions: int, low: Tensor, high: Tensor) -> Tensor:
        """What follows each position, in units of the scale around the anchor, [batch, P, N]; NaN where unknown.

        Args:
            spoken: [batch], the first row that speaks.
            positions: P rows that speak, one after another.
            low, high: [batch], only rows from low to below high are looked at.
        """
        ahead, anchor = self.reach.horizon, self.reach.look.anchor
        rows = spoken[:, None] + torch.arange(1, positions + ahead, device=spoken.device)
        inside = (rows >= low[:, None]) & (rows < high[:, None])
        values = torch.where(inside, self.values[rows], torch.nan)
        # filled is stored `anchor - 1` rows late, so that no index is negative.
        past = self.filled[spoken[:, None] + torch.arange(positions + anchor - 1, device=spoken.device)]
        cycle = past.unfold(1, anchor, 1)
        if ahead > anchor:
            cycle = cycle[:, :, torch.arange(ahead, device=spoken.device) % anchor]
        scale = self.scale[spoken[:, None] + torch.arange(positions, device=spoken.device)]
        return (values.unfold(1, ahead, 1) - cycle[:, :, :ahead]) / scale[:, :, None]

    def checks(self) -> tuple[Tensor, Tensor]:
        """Validation windows: their first rows, and their tracks; all they are scored on lies behind the cut."""
        origins, tracks = [], []
        each = max(1, MOST_CHECKS // max(1, len(self.begins)))
        step = max(1, len(self.begins) // MOST_CHECKS)
        for k in range(0, len(self.begins), step):
            first, last = int(self.cuts[k]) - 1, int(self.ends[k]) - self.reach.horizon - 1
            oldest = max(int(self.begins[k]) + self.reach.look.anchor, int(self.begins[k]) + self.window - 1)
            first = max(first, oldest)
            count = min(each, last - first + 1)
            if count > 0 and self.cuts[k] < self.ends[k]:
                origins += np.linspace(first, last, count).round().astype(np.int64).tolist()
                tracks += [k] * count
        return torch.tensor(origins, dtype=torch.long) - self.window + 1, torch.tensor(tracks, dtype=torch.long)

    def blocks(self) -> Int:
        """[W], of the windows of `checks`: one number for those of a track that begin in the same horizon."""
        starts, tracks = self.checks()
        behind = (starts + self.window - self.cuts[tracks]) // self.reach.horizon
        return (tracks * (int(behind.max()) + 1) + behind).numpy()

    def learn_all(self) -> Windows:
        """The same windows, of which all rows may be learned from."""
        return replace(self, cuts=self.ends)

    def hold_back(self, rows: Tensor) -> Windows:
        """The same windows, with so many rows [K] at each track's end as its validation part."""
        return replace(self, cuts=self.ends - rows)


def make_windows(prepared: Sequence[Prepared], values: Sequence[Float], cuts: Sequence[int], reach: Reach) -> Windows:
    """The windows over K prepared tracks.

    Args:
        prepared, values: K tracks of T rows each; the values with NaN where missing.
        cuts: rows of each that may be learned from.
    """
    look = reach.look
    lengths = np.array([len(v) for v in values])
    ends = np.cumsum(lengths)
    begins = ends - lengths
    spare = np.zeros(reach.window + reach.horizon, np.float32)
    bases = [float(p.filled[0]) for p in prepared]

    def flat(parts: Sequence[npt.NDArray[np.floating]], lead: int = 0) -> Tensor:
        ahead = np.zeros(lead, np.float32)
        return torch.from_numpy(np.concatenate([ahead, *(p.astype(np.float32, copy=False) for p in parts), spare]))

    scales = [np.where((p.scale > 0) & (np.arange(len(p.scale)) >= look.anchor - 1), p.scale, np.nan) for p in prepared]

    def rows_of(parts: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float32]:
        return np.concatenate([*parts, np.zeros((len(spare), parts[0].shape[1]))], dtype=np.float32)

    inputs = rows_of([p.x for p in prepared])
    return Windows(
        x=torch.from_numpy(inputs),
        known=torch.from_numpy(np.ascontiguousarray(inputs[:, list(reach.known)])),
        values=flat([v - base for v, base in zip(values, bases, strict=True)]),
        filled=flat([p.filled - base for p, base in zip(prepared, bases, strict=True)], lead=look.anchor - 1),
        scale=flat(scales),
        drift=torch.from_numpy(rows_of([p.drift for p in prepared])),
        begins=torch.from_numpy(begins),
        cuts=torch.from_numpy(begins + np.asarray(cuts, np.int64)),
        ends=torch.from_numpy(ends),
        reach=reach,
    )
