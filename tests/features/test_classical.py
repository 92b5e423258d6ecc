"""The classical forecasts: exact on lines with a season, right for short series, and their past errors causal."""

from __future__ import annotations

import numpy as np
import pytest

from seqpred.features.classical import METHODS, WATCHED, classical_table, leads, pad_early, recent_rows, rows_of
from seqpred.features.input_spec import InputSpec
from seqpred.features.inputs import TrackMemory, advance
from seqpred.features.past_errors import mean_errors, past_errors

CYCLES = (1, 4, 7, 12)
STRAIGHT = [k for k, m in enumerate(METHODS) if m.slope is not None and m.damping == m.share == 1]


def line(cycle: int, rows: int) -> np.ndarray:
    """A straight line plus a fixed season."""
    profile = np.random.default_rng(3).normal(size=cycle) * 5 if cycle > 1 else np.zeros(1)
    return 2 * np.arange(float(rows)) + np.resize(profile, rows)


@pytest.mark.parametrize("cycle", CYCLES)
def test_methods_with_a_straight_trend_continue_a_line_with_a_season(cycle: int) -> None:
    recent, ahead = recent_rows(cycle), 2 * cycle + 3
    track = line(cycle, recent + ahead)
    found = classical_table(cycle, tuple(range(1, ahead + 1))).table(track[:recent])
    seasonal = [k for k in STRAIGHT if METHODS[k].profile is not None or cycle == 1]
    usable = [k for k in seasonal if METHODS[k].profile is None or cycle > 1]
    assert len(usable) >= 2
    assert np.allclose(found[usable], track[recent:])


def test_a_smoothed_level_is_the_weighted_mean() -> None:
    track = np.random.default_rng(1).normal(size=32)
    found = classical_table(1, (1, 5)).table(track)
    weights = 0.7 ** np.arange(31, -1, -1.0)
    assert np.allclose(found[2], weights @ track / weights.sum())
    assert np.allclose(found[0], track[-1])


def test_a_damped_trend_adds_ever_smaller_steps() -> None:
    track = np.append(np.zeros(31), 1.0)
    steps = classical_table(1, (1, 2, 3)).table(track)[4]
    assert METHODS[4].damping == 0.7
    assert np.allclose(np.diff(steps), [0.7**2, 0.7**3])


@pytest.mark.parametrize("rows", [5, 9, 20])
def test_the_drift_of_a_short_series_is_measured_over_its_rows(rows: int) -> None:
    track = np.concatenate([np.full(32 - rows, 10.0), 10 + 3 * np.arange(rows)])
    own = classical_table(1, (1, 4))
    factors = own.slope_factors(np.array(rows))
    drift = (own.table.slope @ track) * factors
    assert drift[8] == pytest.approx(3)


def test_methods_are_not_used_on_too_few_rows() -> None:
    own = classical_table(12, (1,))
    few, some, many = (own.usable(np.array(rows)) for rows in (1, 12, 24))
    assert few[0]
    assert few.sum() == sum(m.profile is None and m.slope is None for m in METHODS)
    assert some.sum() < many.sum() == len(METHODS)
    assert not classical_table(1, (1,)).usable(np.array(500))[10]


def test_rows_before_the_first_repeat_its_cycle() -> None:
    recent = np.concatenate([np.full(27, -1.0), np.arange(5.0)])
    assert pad_early(recent, np.array(5), 4)[-9:].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    assert pad_early(recent, np.array(3), 4).tolist() == recent.tolist()


@pytest.mark.parametrize("cycle", CYCLES)
def test_past_errors_are_those_of_earlier_forecasts(cycle: int) -> None:
    recent, ahead = recent_rows(cycle), leads(cycle)
    track = np.random.default_rng(2).normal(size=recent + ahead[-1] + 3).cumsum()
    found = past_errors(track, 2, cycle)
    for i, lead in enumerate(ahead):
        made = classical_table(cycle, (lead,)).table(track[len(track) - lead - recent : len(track) - lead])
        expected = [track[-1] - made[k, 0] if cycle > 1 or METHODS[k].profile is None else 0.0 for k in WATCHED]
        assert np.allclose(found[i * len(WATCHED) : (i + 1) * len(WATCHED), -1], expected)


@pytest.mark.parametrize("cycle", [1, 5])
def test_inputs_do_not_depend_on_blocks_or_on_later_rows(cycle: int) -> None:
    spec = InputSpec.for_pretrained(cycle)
    values = np.random.default_rng(4).normal(size=(2, 1, 60)).cumsum(-1)
    values[0, 0, [0, 1, 20]] = np.nan
    whole, _ = advance(TrackMemory.start(spec, 2, 1), values, spec)
    memory, parts = TrackMemory.start(spec, 2, 1), []
    for begin, end in ((0, 1), (1, 9), (9, 40)):
        block, memory = advance(memory, values[..., begin:end], spec)
        parts.append(block.x)
    assert np.allclose(np.concatenate(parts, axis=2), whole.x[:, :, :40], atol=1e-5)


def test_mean_errors_are_those_of_the_rows_so_far() -> None:
    errors = np.array([[1.0, -3.0, 5.0], [0.0, 2.0, 2.0]])
    counted = np.array([True, True, False])
    means, after = mean_errors(errors, counted, np.array([2.0, 4.0, 1.0]), 1)
    assert means.tolist() == [[1.5, 2, 2], [2, 2, 2]]
    assert after.tolist() == [2, 2, 3]


def test_inputs_have_no_unit() -> None:
    spec = InputSpec.for_pretrained(4)
    values = np.random.default_rng(4).normal(size=(1, 1, 50)).cumsum(-1)
    one, thousand = (advance(TrackMemory.start(spec, 1, 1), unit * values, spec)[0].x for unit in (1.0, 1000.0))
    assert np.allclose(one, thousand, atol=1e-5)


def test_the_number_of_rows_is_read_from_the_inputs() -> None:
    spec = InputSpec.for_pretrained(4)
    block, _ = advance(TrackMemory.start(spec, 1, 1), np.ones((1, 1, 3000)), spec)
    assert rows_of(block.x[0, 0, :, spec.context[0]].astype(float)).tolist() == list(range(1, 3001))
