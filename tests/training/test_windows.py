"""Windows: what follows each position, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqpred.features.inputs import InputSpec, Prepared, anchor_ahead, prepare
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape
from seqpred.training.windows import Reach, Speaking, Windows, make_windows
from tests.conftest import seasonal

LOOK = InputSpec(season=4, anchor=4, lags=(1, 4))
LENGTHS, CUTS = (30, 50, 12), (24, 40, 12)


def make(horizon: int = 3, window: int = 8, *, at_end: bool = False) -> tuple[list[np.ndarray], Windows]:
    tracks = [seasonal(n, 4, seed) for seed, n in enumerate(LENGTHS)]
    tracks[1][20] = np.nan
    return tracks, of(tracks, Reach(LOOK, window, horizon, at_end))


def of(tracks: list[np.ndarray], reach: Reach) -> Windows:
    windows = unprepared(tracks, reach)
    windows.prepare(torch.arange(len(tracks)))
    return windows


def unprepared(tracks: list[np.ndarray], reach: Reach) -> Windows:
    def make(chosen: np.ndarray) -> Iterator[tuple[int, Prepared, np.ndarray]]:
        return ((k, prepare(tracks[k], reach.look), tracks[k]) for k in chosen)

    return make_windows(make, np.array(LENGTHS), np.array(CUTS), reach.look.inputs, reach)


def by_hand(track: np.ndarray, row: int, step: int, low: int, high: int) -> float:
    """What follows `row` by `step`, around the anchor and in units of the scale."""
    past = prepare(track[: row + 1], LOOK)
    if not low <= row + step < high or row < LOOK.anchor - 1:
        return np.nan
    return float((track[row + step] - anchor_ahead(past.filled, LOOK.anchor, step)[-1]) / past.scale[-1])


def test_targets_are_what_follows_each_position() -> None:
    for horizon in (3, 6):  # shorter and longer than the anchor
        tracks, windows = make(horizon)
        for k, start in [(0, 2), (0, 20), (1, 12), (1, 35), (2, 0)]:
            first = windows.begins[k : k + 1] + start
            z = windows.targets(Speaking(first, windows.window), windows.begins[k : k + 1], windows.cuts[k : k + 1])[0]
            for p in range(windows.window):
                for n in range(1, horizon + 1):
                    wanted = by_hand(tracks[k], start + p, n, 0, CUTS[k]) if start + p < LENGTHS[k] else np.nan
                    np.testing.assert_allclose(float(z[p, n - 1]), wanted, rtol=1e-4, atol=1e-4)


def test_no_window_is_learned_from_behind_the_cut() -> None:
    for at_end in (False, True):
        tracks, windows = make(at_end=at_end)
        changed = [t.copy() for t in tracks]
        for t, cut in zip(changed, CUTS, strict=True):
            t[cut:] += 1000
        other = of(changed, windows.reach)
        first, last = windows.starts()
        tracks_drawn = torch.nonzero(last >= first)[:, 0]
        starts, chosen = windows.draw(tracks_drawn, first, last, 500, torch.Generator().manual_seed(0))
        speaking = windows.speaking(starts)
        limits = windows.begins[chosen], windows.cuts[chosen]
        z, same = (w.targets(speaking, *limits) for w in (windows, other))
        assert torch.equal(z.nan_to_num(9e9), same.nan_to_num(9e9))
        assert z.isfinite().any(-1).any(-1).all(), "a window that teaches nothing was drawn"


def test_draws_reach_every_place_that_can_teach() -> None:
    _, windows = make()
    first, last = windows.starts()
    assert first.tolist() == [0, 30, 80]
    assert last.tolist() == [24 - 1 - 8, 30 + 40 - 1 - 8, 80 + 12 - 1 - 8]
    tracks = torch.arange(3)
    starts, chosen = windows.draw(tracks, first, last, 3000, torch.Generator().manual_seed(0))
    for k in range(3):
        assert set(starts[chosen == k].tolist()) == set(range(int(first[k]), int(last[k]) + 1))
    assert (torch.bincount(chosen).float() / 3000 - 1 / 3).abs().max() < 0.05


def test_validation_is_scored_behind_the_cut_alone() -> None:
    _, windows = make()
    starts, tracks = windows.checks()
    assert set(tracks.tolist()) == {0, 1}  # the third has no validation part
    origins = starts + windows.window - 1
    assert (origins >= windows.cuts[tracks] - 1).all()
    assert (origins + windows.reach.horizon < windows.ends[tracks]).all()


def test_windows_are_views_of_one_array() -> None:
    """Nothing is copied in advance: the memory of 1,000 windows is the data once."""
    tracks, windows = make()
    assert len(windows.x) == sum(LENGTHS) + windows.window + windows.reach.horizon
    assert windows.inputs(torch.tensor([3])).shape == (1, 8, LOOK.inputs)
    assert torch.equal(windows.inputs(torch.tensor([3]))[0], windows.x[3:11])
    assert np.array_equal(windows.x[:30].numpy(), prepare(tracks[0], LOOK).x)


def test_a_track_is_prepared_when_a_window_of_it_is_drawn() -> None:
    tracks, whole = make()
    windows = unprepared(tracks, whole.reach)
    first, last = windows.starts()
    assert not windows.made.any()
    assert not windows.x.any()
    windows.draw(torch.tensor([1]), first, last, 5, torch.Generator().manual_seed(0))
    assert windows.made.tolist() == [False, True, False]
    windows.checks()
    assert windows.made.tolist() == [True, True, False]  # the third has no validation part
    windows.prepare(torch.arange(3))
    for name in ("x", "values", "filled", "scale"):
        assert torch.equal(getattr(windows, name).nan_to_num(9e9), getattr(whole, name).nan_to_num(9e9))


@pytest.mark.parametrize("at_once", [1, 2, 6])
def test_where_the_horizon_is_long_some_rows_say_what_all_would(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Every so-manieth row from any of the first: its targets, what it is given, what the network says of it."""
    look = InputSpec(season=4, anchor=4, lags=(1, 4), autoregression=9)
    shape = Shape(look.inputs, 6, (0.1, 0.5), "gru", 1, 4, False, 0.0, known=2, anchor=4, blend=True)
    shape = replace(shape, autoregression=9, recent=look.recent, cycles=look.cycles)
    torch.manual_seed(0)
    network = Network(shape)
    tracks, _ = make()
    windows = of(tracks, Reach(look, 8, 6, at_end=False, known=shape.known_places))
    first, last = windows.starts()
    starts, chosen = windows.draw(torch.arange(3), first, last, 20, torch.Generator().manual_seed(0))
    limits = windows.begins[chosen], windows.cuts[chosen]
    monkeypatch.setattr("seqpred.training.windows.ALIKE", 6 // at_once)
    begun = set()
    for seed in range(20):
        some = windows.speaking(starts, torch.Generator().manual_seed(seed))
        every = Speaking(starts, windows.window)
        begun.add(some.begin)
        assert some.every == at_once
        part = slice(some.begin, None, some.every)
        assert torch.equal(some.rows(0, 0)[:, :: some.every], every.rows(0, 0)[:, part])
        wanted, found = (windows.targets(rows, *limits) for rows in (every, some))
        assert torch.equal(wanted[:, part].nan_to_num(9e9), found.nan_to_num(9e9))
        x, ahead, little = windows.inputs(starts), *(windows.ahead(rows, limits[0]) for rows in (every, some))
        assert ahead.recent is not None
        assert little.recent is not None
        assert torch.equal(ahead.recent[:, part], little.recent)
        torch.testing.assert_close(network(x, little, some.begin), network(x, ahead)[:, part])
    assert begun == set(range(at_once)), "rows that never speak"
