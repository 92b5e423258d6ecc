"""Dropout for a batch, or for a part of a batch whose other parts other processes compute."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    """Dropout whose mask for a part of a batch is that part of the mask for the whole batch.

    So a network that several processes train together drops the same values as in one process.

    Attributes:
        whole: the windows of the whole batch; None if each batch is whole.
        part: the windows of the batch that this process computes.
    """

    whole: int | None = None
    part: slice = slice(None)

    def forward(self, x: Tensor) -> Tensor:
        """The values [batch, ...], some of them zero, the others larger; unchanged in evaluation mode."""
        if self.whole is None or not self.training or not self.p:
            return super().forward(x)
        # A mask is filled in the order of memory, so it must have the layout of the whole batch.
        order = sorted(range(x.dim()), key=x.stride, reverse=True)
        ones = torch.empty_permuted((self.whole, *x.shape[1:]), order, dtype=x.dtype, device=x.device).fill_(1.0)
        return x * super().forward(ones)[self.part]


def split_dropout(network: nn.Module, whole: int, part: slice) -> None:
    """Make all dropout of a network compute this part of batches of a number of windows."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.whole, module.part = whole, part
