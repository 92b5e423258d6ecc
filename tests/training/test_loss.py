"""The quantile loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqpred.training.loss import quantile_loss

LEVELS = (0.1, 0.5, 0.9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.sampled_from(["pinball", "huber"]))
def test_the_loss_is_the_mean_over_every_position_step_and_level(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    quantiles, z = rng.normal(size=(2, 5, 3, 3)), rng.normal(size=(2, 5, 3))
    z[rng.random(z.shape) < 0.3] = np.nan
    total, count = 0.0, 0
    for index in np.ndindex(z.shape):
        for q, level in enumerate(LEVELS):
            if np.isfinite(z[index]):
                error = z[index] - quantiles[(*index, q)]
                size = abs(error) if kind == "pinball" else error**2 if abs(error) < 0.5 else abs(error) - 0.25
                total += size * (level if error > 0 else 1 - level)
                count += 1
    tensors = torch.from_numpy(quantiles), torch.from_numpy(z), torch.tensor(LEVELS, dtype=torch.float64)
    assert float(quantile_loss(*tensors, kind)) == pytest.approx(total / max(count, 1), rel=1e-6)


def test_every_position_contributes_to_the_gradient() -> None:
    quantiles = torch.randn(2, 5, 3, 3, requires_grad=True)
    quantile_loss(quantiles, torch.randn(2, 5, 3), torch.tensor(LEVELS), "pinball").backward()
    assert quantiles.grad is not None
    assert (quantiles.grad.abs().sum((-1, -2)) > 0).all()
