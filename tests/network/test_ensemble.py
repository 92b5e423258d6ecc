"""Several networks as one."""

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


def make(trust: float = 1.0, spread: float = 1.0, members: int = 3) -> tuple[Ensemble, list[Network]]:
    torch.manual_seed(0)
    networks = [Network(SHAPE).eval() for _ in range(members)]
    rng = np.random.default_rng(0)
    first = {"begin": np.sort(rng.normal(size=(4, 3))), "blend": rng.dirichlet(np.ones(SHAPE.naives), 4).T}
    ensemble = Ensemble(SHAPE, members).eval()
    named = {name: array.astype(np.float32) for name, array in first.items()}
    ensemble.set_weights(gather([n.weights() for n in networks], named, trust, spread))
    return ensemble, networks


def given() -> tuple[torch.Tensor, HeadInputs]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(5, 9, 3, generator=rng), HeadInputs(torch.randn(5, 1, 10, generator=rng))


def at_end(ensemble: Ensemble, x: torch.Tensor, ahead: HeadInputs) -> torch.Tensor:
    """What it says after the last of x's rows, [batch, N, Q]."""
    said, _ = ensemble.advance(x, ensemble.start(len(x)))
    return ensemble.notify(said, ahead)[:, 0]


def test_it_says_the_mean_of_its_members() -> None:
    ensemble, networks = make()
    x, ahead = given()
    expected = torch.stack([n.at_end(x, ahead) for n in networks]).mean(0)
    torch.testing.assert_close(at_end(ensemble, x, ahead), expected)


def test_carrying_its_memory_on_is_reading_anew() -> None:
    ensemble, _ = make(0.5, 2.0)
    x, ahead = given()
    _, memory = ensemble.advance(x[:, :4], ensemble.start(5))
    said, _ = ensemble.advance(x[:, 4:], memory)
    torch.testing.assert_close(ensemble.notify(said, ahead)[:, 0], at_end(ensemble, x, ahead))


@pytest.mark.parametrize("trust", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("spread", [0.01, 1.0, 40.0])
def test_no_trust_and_no_spread_make_quantiles_cross(trust: float, spread: float) -> None:
    ensemble, _ = make(trust, spread)
    said = at_end(ensemble, *given())
    assert (said.diff(dim=-1) >= 0).all()
    if not trust:
        _, ahead = given()
        assert ahead.recent is not None
        above = (ensemble.blend * naive_forecasts(ahead.recent[:, 0], SHAPE)).sum(1)
        torch.testing.assert_close(said[..., 1], ensemble.begin[:, 1] + above)


def test_the_spread_leaves_the_median_alone() -> None:
    (narrow, _), (wide, _) = make(0.7, 1.0), make(0.7, 3.0)
    one, other = at_end(narrow, *given()), at_end(wide, *given())
    torch.testing.assert_close(one[..., 1], other[..., 1])
    torch.testing.assert_close(3 * (one[..., 2] - one[..., 1]), other[..., 2] - other[..., 1])


def test_the_names_of_its_weights_say_how_many_members_it_has() -> None:
    ensemble, _ = make(members=4)
    assert count_members(list(ensemble.state_dict())) == 4
