"""The positions of training windows at which the network emits a forecast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STRIDE_STEPS = 12  # steps ahead per additional row between positions: adjacent forecasts are redundant


def position_stride(horizon: int, window: int) -> int:
    """Rows from one position to the next.

    >>> position_stride(12, 24), position_stride(48, 96), position_stride(480, 8)
    (1, 4, 8)
    """
    return max(1, min(horizon // STRIDE_STEPS, window))


@dataclass(frozen=True)
class Positions:
    """P rows in each of some windows, at equal distances.

    Attributes:
        first: [batch], the row of the first position of each window.
        count: P.
        stride: rows from one position to the next.
        offset: rows from the start of the window to the first position.
    """

    first: Tensor
    count: int = 1
    stride: int = 1
    offset: int = 0

    def rows(self, start: int = 0, end: int = 0) -> Tensor:
        """All rows from `start` rows after the first position to `end` rows after the last one, [batch, rows].

        >>> Positions(torch.tensor([10]), count=2, stride=3).rows(-1, 2).tolist()
        [[9, 10, 11, 12, 13, 14, 15]]
        """
        last = (self.count - 1) * self.stride
        return self.first[:, None] + torch.arange(start, last + end + 1, device=self.first.device)

    def at(self) -> Tensor:
        """The rows of the positions only, [batch, P]."""
        return self.rows()[:, :: self.stride]
