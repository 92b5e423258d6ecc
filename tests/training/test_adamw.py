"""AdamW, compared with torch.optim.AdamW."""

from __future__ import annotations

import copy

import torch
from torch import nn

from seqpred.training.adamw import AdamW


def test_steps_equal_those_of_torch() -> None:
    torch.manual_seed(0)
    ours = nn.LSTM(3, 4)
    theirs = copy.deepcopy(ours)
    own = AdamW(ours.parameters(), weight_decay=0.1)
    reference = torch.optim.AdamW(theirs.parameters(), weight_decay=0.1)
    for step in range(20):
        rate = 0.05 / (step + 1)
        reference.param_groups[0]["lr"] = rate
        for network, optimizer in ((ours, own), (theirs, reference)):
            optimizer.zero_grad()
            x = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(step))
            network(x)[0].square().sum().backward()
        own.step(rate)
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_a_parameter_without_a_gradient_is_unchanged() -> None:
    weight = nn.Parameter(torch.ones(2))
    AdamW([weight], weight_decay=0.5).step(0.1)
    assert weight.tolist() == [1, 1]
