"""Inputs of rows as they come, held against those of the whole track."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.features.inputs import InputSpec, prepare, recent_changes, usable_scale
from seqpred.features.naive import repeat_last
from seqpred.features.tracks import advance, remembered

STEPS = 11


@st.composite
def looks(draw: st.DrawFn) -> InputSpec:
    lags = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True))
    return InputSpec(
        draw(st.integers(1, 9)),
        draw(st.integers(1, 9)),
        tuple(sorted(lags)),
        draw(st.booleans()),
        draw(st.integers(0, 30)),
    )


@given(
    look=looks(),
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 60),
    missing=st.sampled_from([0.0, 0.3, 0.6]),
    pieces=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_rows_in_pieces_are_prepared_as_the_whole_track(look, seed, rows, missing, pieces):
    noise = np.random.default_rng(seed)
    values = 100 + noise.normal(size=(3, 2, rows)).cumsum(-1)
    values[noise.random(values.shape) < missing] = np.nan
    memory, x, anchors, recent, at = remembered(look, 3, 2), [], [], [], 0
    while at < rows:
        size = pieces[at % len(pieces)]
        block, memory = advance(memory, values[:, :, at : at + size], look)
        at += size
        x.append(block.x)
        anchors.append(block.anchors(look.anchor, STEPS))
        given = block.recent(look)
        recent.append(None if given is None else given.reshape(3, 2, -1, look.recent))
    for series, target in np.ndindex(3, 2):
        own = values[series, target]
        whole = prepare(own, look)
        np.testing.assert_allclose(np.concatenate(x, 2)[series, target], whole.x, atol=2e-4)
        if np.isfinite(own).any():
            last = np.concatenate(anchors, 2)[series, target, -1]
            np.testing.assert_allclose(last, repeat_last(whole.filled, look.anchor, STEPS))
            if look.recent:
                past = whole.filled[np.maximum(rows + np.arange(-look.recent, 0), 0)]
                scale = usable_scale(whole.scale[-1:], whole.filled[-1:])
                wanted = recent_changes(past[None], scale[None], look.recent)[0, 0]
                found = np.concatenate([r for r in recent if r is not None], 2)[series, target, -1]
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_what_is_remembered_has_one_size_for_ever():
    look = InputSpec(7, 7, (1, 7, 14))
    memory = remembered(look, 1, 1)
    size = sum(array.nbytes for array in memory.values())
    for _ in range(5):
        _, memory = advance(memory, np.random.default_rng(0).normal(size=(1, 1, 1000)), look)
        assert sum(array.nbytes for array in memory.values()) == size
