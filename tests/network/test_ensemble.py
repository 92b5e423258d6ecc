"""Ensembles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqpred.network.ensemble import Ensemble, count_members, gather
from seqpred.network.heads import HeadInputs, naive_forecasts
from seqpred.network.network import Network
from seqpred.runtime.shape import Shape

RECENT = {"blend": True, "autoregression": 3, "recent": 10, "cycles": (2,)}
SHAPE = Shape(3, 4, (0.1, 0.5, 0.9), "gru", 2, 6, bidirectional=False, dropout=0.0, **RECENT)


def make(shrinkage: float = 1.0, interval_scale: float = 1.0, members: int = 3) -> tuple[Ensemble, list[Network]]:
    torch.manual_seed(0)
    networks = [Network(SHAPE).eval() for _ in range(members)]
    rng = np.random.default_rng(0)
    initial = {"initial_forecast": np.sort(rng.normal(size=(4, 3))), "blend": rng.dirichlet(np.ones(SHAPE.naives), 4).T}
    ensemble = Ensemble(SHAPE, members).eval()
    named = {name: array.astype(np.float32) for name, array in initial.items()}
    ensemble.set_weights(gather([n.weights() for n in networks], named, shrinkage, interval_scale))
    return ensemble, networks


def given() -> tuple[torch.Tensor, HeadInputs]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(5, 9, 3, generator=rng), HeadInputs(torch.randn(5, 1, 10, generator=rng))


def forecast(ensemble: Ensemble, x: torch.Tensor, head_inputs: HeadInputs) -> torch.Tensor:
    """The quantiles after the last row of x, [batch, N, Q]."""
    outputs, _ = ensemble.advance(x, ensemble.start(len(x)))
    return ensemble.quantiles(outputs, head_inputs)[:, 0]


def test_the_forecast_is_the_mean_of_the_members() -> None:
    ensemble, networks = make()
    x, head_inputs = given()
    expected = torch.stack([n.last_position(x, head_inputs) for n in networks]).mean(0)
    torch.testing.assert_close(forecast(ensemble, x, head_inputs), expected)


def test_a_carried_state_gives_the_same_forecast_as_reading_all_rows() -> None:
    ensemble, _ = make(0.5, 2.0)
    x, head_inputs = given()
    _, states = ensemble.advance(x[:, :4], ensemble.start(5))
    outputs, _ = ensemble.advance(x[:, 4:], states)
    torch.testing.assert_close(ensemble.quantiles(outputs, head_inputs)[:, 0], forecast(ensemble, x, head_inputs))


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("interval_scale", [0.01, 1.0, 40.0])
def test_quantiles_do_not_cross_for_any_shrinkage_and_interval_scale(shrinkage: float, interval_scale: float) -> None:
    ensemble, _ = make(shrinkage, interval_scale)
    quantiles = forecast(ensemble, *given())
    assert (quantiles.diff(dim=-1) >= 0).all()
    if not shrinkage:
        _, head_inputs = given()
        assert head_inputs.recent is not None
        mean = (ensemble.blend * naive_forecasts(head_inputs.recent[:, 0], SHAPE.naive_table)).sum(1)
        torch.testing.assert_close(quantiles[..., 1], ensemble.initial_forecast[:, 1] + mean)


def test_the_interval_scale_does_not_move_the_median() -> None:
    (narrow, _), (wide, _) = make(0.7, 1.0), make(0.7, 3.0)
    one, other = forecast(narrow, *given()), forecast(wide, *given())
    torch.testing.assert_close(one[..., 1], other[..., 1])
    torch.testing.assert_close(3 * (one[..., 2] - one[..., 1]), other[..., 2] - other[..., 1])


def test_the_number_of_members_is_read_from_the_names_of_the_weights() -> None:
    ensemble, _ = make(members=4)
    assert count_members(list(ensemble.state_dict())) == 4
