"""Positions: rows of a window at equal distances."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.training.positions import Positions, position_stride


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.integers(1, 2000), st.integers(1, 500))
def test_the_stride_is_one_up_to_a_horizon_of_23_and_never_longer_than_the_window(horizon: int, window: int) -> None:
    stride = position_stride(horizon, window)
    assert 1 <= stride <= window
    assert horizon >= 24 or stride == 1


def test_positions_are_the_rows_that_are_a_stride_apart() -> None:
    positions = Positions(torch.tensor([10, 40]), count=3, stride=4)
    assert positions.at().tolist() == [[10, 14, 18], [40, 44, 48]]
    assert positions.rows()[0].tolist() == list(range(10, 19))
    assert positions.rows(-2, 1)[1].tolist() == list(range(38, 50))
