"""What the recipe says of series that are too short is what training does with them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.config import Config
from seqpred.covariates import Covariates
from seqpred.data.panel import build_panel
from seqpred.data.reading import Columns, Table
from seqpred.data.sources import Source
from seqpred.data.timing import Clock
from seqpred.errors import DataError
from seqpred.model import shape_of
from seqpred.recipe import learned_from, scored, settle
from seqpred.training.fitting import _windows

few = st.integers(1, 12)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), few, few, few, few, st.booleans())
def test_data_is_too_short_for_the_recipe_just_where_it_is_for_training(
    lengths: list[int], horizon: int, validation: int, window: int, anchor: int, both: bool
) -> None:
    codes, times = np.repeat(np.arange(len(lengths)), lengths), np.concatenate([np.arange(n) for n in lengths])
    values = np.random.default_rng(0).normal(0, 1, (len(codes), 1))
    names = [str(s) for s in range(len(lengths))]
    panel = build_panel(
        Table(Source("", b""), Columns("t", "s", ("y",)), Clock("integer"), names, codes, times, values)
    )
    said = {"model": {"window": window, "anchor": anchor, "bidirectional": both, "hidden_size": 8}}
    said |= {"forecast": {"horizon": horizon, "season": 1}, "training": {"validation": validation}}
    config = settle(Config.from_tree({"data": {"target": "y"}, **said}), panel)
    trainable = learned_from(config, panel.lengths).any() and scored(config, panel.lengths).any()
    try:
        windows = _windows(panel, config, Covariates(), shape_of(config, Covariates()))
    except DataError:
        assert not trainable
    else:
        assert trainable
        first, last = windows.starts()
        assert (last >= first).numpy()[learned_from(config, panel.lengths)].all()
        assert set(windows.checks()[1].tolist()) == set(np.flatnonzero(scored(config, panel.lengths)).tolist())
