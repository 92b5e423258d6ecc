"""Windows: the inputs and targets at each position, and nothing beyond the split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import Track, prepare
from seqpred.features.naive import repeat_last
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape
from seqpred.training import positions
from seqpred.training.positions import Positions
from seqpred.training.window_spec import WindowSpec
from seqpred.training.windows import Windows, make_windows
from tests.conftest import seasonal
from tests.training.conftest import prepare_track

SPEC = InputSpec(season=4, anchor=4, lags=(1, 4))
LENGTHS, CUTS = (30, 50, 12), (24, 40, 12)
PAD = SPEC.anchor - 1  # unused rows before the first track


def make(horizon: int = 3, window: int = 8, *, last_position_only: bool = False) -> tuple[list[np.ndarray], Windows]:
    tracks = [seasonal(n, 4, seed) for seed, n in enumerate(LENGTHS)]
    tracks[1][20] = np.nan
    return tracks, of(tracks, WindowSpec(SPEC, window, horizon, last_position_only))


def of(tracks: list[np.ndarray], spec: WindowSpec) -> Windows:
    windows = unprepared(tracks, spec)
    windows.prepare(torch.arange(len(tracks)))
    return windows


def unprepared(tracks: list[np.ndarray], spec: WindowSpec) -> Windows:
    def prepare_tracks(chosen: np.ndarray) -> Iterator[tuple[int, Track, np.ndarray]]:
        return ((k, prepare_track(tracks[k], spec.inputs), tracks[k]) for k in chosen)

    return make_windows(prepare_tracks, np.array(LENGTHS), np.array(CUTS), spec.inputs.inputs, spec)


def target_by_hand(track: np.ndarray, row: int, step: int, low: int, high: int) -> float:
    """The value `step` rows after `row`, relative to the anchor's forecast, in units of the scale."""
    past = prepare(track[: row + 1], SPEC)
    changes = row - 3 if row >= SPEC.season else row  # that the scale is the mean of
    if not low <= row + step < high or row < SPEC.anchor - 1 or changes < 3:
        return np.nan
    return float((track[row + step] - repeat_last(past.filled, SPEC.anchor, step)[-1]) / past.scale[-1])


@pytest.mark.parametrize("horizon", [3, 6], ids=["shorter than the anchor", "longer than the anchor"])
def test_targets_are_the_values_after_each_position(horizon: int) -> None:
    tracks, windows = make(horizon)
    for k, start in [(0, 0), (0, 2), (0, 20), (1, 12), (1, 35), (2, 0)]:
        first = windows.begins[k : k + 1] + start
        limits = windows.begins[k : k + 1], windows.cuts[k : k + 1]
        z = windows.targets(Positions(first, windows.spec.window), *limits)[0]
        for p in range(windows.spec.window):
            for n in range(1, horizon + 1):
                inside = start + p < LENGTHS[k]
                expected = target_by_hand(tracks[k], start + p, n, 0, CUTS[k]) if inside else np.nan
                np.testing.assert_allclose(float(z[p, n - 1]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("last_position_only", [False, True])
def test_training_windows_do_not_depend_on_rows_after_the_cut(last_position_only: bool) -> None:
    tracks, windows = make(last_position_only=last_position_only)
    changed = [t.copy() for t in tracks]
    for t, cut in zip(changed, CUTS, strict=True):
        t[cut:] += 1000
    other = of(changed, windows.spec)
    starts, chosen = windows.draw(windows.starts(), 500, torch.Generator().manual_seed(0))
    limits = windows.begins[chosen], windows.cuts[chosen]
    z, same = (w.targets(windows.positions(starts), *limits) for w in (windows, other))
    assert torch.equal(z.nan_to_num(9e9), same.nan_to_num(9e9))
    assert z.isfinite().any(-1).any(-1).all(), "a window without a target was drawn"


def test_windows_are_drawn_from_every_row_that_has_a_target() -> None:
    _, windows = make()
    starts = windows.starts()
    assert starts.tracks.tolist() == [0, 1, 2]
    assert (starts.first - PAD).tolist() == [0, 30, 80]
    assert (starts.last - PAD).tolist() == [24 - 1 - 8, 30 + 40 - 1 - 8, 80 + 12 - 1 - 8]
    rows, chosen = windows.draw(starts, 3000, torch.Generator().manual_seed(0))
    for k in range(3):
        assert set(rows[chosen == k].tolist()) == set(range(int(starts.first[k]), int(starts.last[k]) + 1))
    assert (torch.bincount(chosen).float() / 3000 - 1 / 3).abs().max() < 0.05


def test_validation_scores_rows_after_the_cut_only() -> None:
    _, windows = make()
    starts, tracks = windows.validation_windows()
    assert set(tracks.tolist()) == {0, 1}  # the third has no validation split
    last = starts + windows.spec.window - 1
    assert (last >= windows.cuts[tracks] - 1).all()
    assert (last + windows.spec.horizon < windows.ends[tracks]).all()


def test_validation_scores_at_most_twelve_windows_of_each_horizon() -> None:
    values = np.arange(400.0) % 7
    prepared = [(0, prepare(values, SPEC), values)]
    spec = WindowSpec(SPEC, 8, 50, last_position_only=False)
    windows = make_windows(lambda _: prepared, np.array([400]), np.array([250]), SPEC.inputs, spec)
    starts, _ = windows.validation_windows()
    assert len(starts) == 3 * 12
    assert np.unique(windows.validation_blocks()).tolist() == [0, 1, 2]
    assert starts[0] + 7 == windows.cuts[0] - 1
    assert starts[-1] + 7 + 50 == windows.ends[0] - 1


def test_windows_are_rows_of_one_array() -> None:
    """The memory of any number of windows is that of the data."""
    tracks, windows = make()
    assert len(windows.x) == PAD + sum(LENGTHS) + windows.spec.window + windows.spec.horizon
    assert torch.equal(windows.inputs(torch.tensor([PAD + 3]))[0], windows.x[PAD + 3 : PAD + 11])
    assert np.array_equal(windows.x[PAD : PAD + 30].numpy(), prepare(tracks[0], SPEC).x)


def test_a_track_is_prepared_when_a_window_of_it_is_drawn() -> None:
    tracks, complete = make()
    windows = unprepared(tracks, complete.spec)
    starts = windows.starts()
    assert not windows.prepared.any()
    assert not windows.x.any()
    windows.draw(starts._replace(tracks=torch.tensor([1])), 5, torch.Generator().manual_seed(0))
    assert windows.prepared.tolist() == [False, True, False]
    windows.validation_windows()
    assert windows.prepared.tolist() == [True, True, False]  # the third has no validation split
    windows.prepare(torch.arange(3))
    for name in ("x", "values", "filled", "scale"):
        assert torch.equal(getattr(windows, name).nan_to_num(9e9), getattr(complete, name).nan_to_num(9e9))


@pytest.mark.parametrize(("stride", "longest"), [(1, 4), (3, 4), (6, 4), (3, 85)])
def test_positions_with_a_stride_have_the_inputs_targets_and_forecasts_of_all_positions(
    monkeypatch: pytest.MonkeyPatch, stride: int, longest: int
) -> None:
    spec = InputSpec(season=4, anchor=4, lags=(1, longest), autoregression=9)
    shape = Shape(spec.inputs, 6, (0.1, 0.5), "gru", 1, 4, False, 0.0, known=2, anchor=4, blend=True)
    shape = shape._replace(autoregression=9, recent=spec.recent, profile=spec.profile, cycles=spec.cycles)
    torch.manual_seed(0)
    network = Network(shape)
    windows = of(make()[0], WindowSpec(spec, 8, 6, last_position_only=False, known=shape.known_places))
    starts, chosen = windows.draw(windows.starts(), 20, torch.Generator().manual_seed(0))
    limits = windows.begins[chosen], windows.cuts[chosen]
    monkeypatch.setattr(positions, "STRIDE_STEPS", 6 // stride)
    offsets = set()
    for seed in range(20):
        some = windows.positions(starts, torch.Generator().manual_seed(seed))
        every = Positions(starts, windows.spec.window)
        offsets.add(some.offset)
        assert some.stride == stride
        part = slice(some.offset, None, some.stride)
        assert torch.equal(some.at(), every.at()[:, part])
        all_targets, targets = (windows.targets(rows, *limits) for rows in (every, some))
        assert torch.equal(all_targets[:, part].nan_to_num(9e9), targets.nan_to_num(9e9))
        x = windows.inputs(starts)
        all_inputs, inputs = (windows.head_inputs(rows, limits[0]) for rows in (every, some))
        assert all_inputs.recent is not None
        assert inputs.recent is not None
        assert torch.equal(all_inputs.recent[:, part], inputs.recent)
        torch.testing.assert_close(network(x, inputs, some.offset), network(x, all_inputs)[:, part])
    assert offsets == set(range(stride)), "some rows are never positions"
