"""Slices of a batch, and the order in which their gradients are added."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

SLICES = 4  # of a batch; then each of two, three or four processes sends one sum of whole branches of `tree_sum`
LARGE = 128**2 * 128  # hidden_size squared x batch_size from which slices take no longer than a whole batch


def count_slices(distribute: str, hidden_size: int, batch_size: int) -> int:
    """The slices of a batch; it depends on the config only, so that the result does not depend on the processes.

    Args:
        distribute: `training.distribute`.

    >>> count_slices("auto", 64, 32), count_slices("auto", 256, 32), count_slices("batches", 8, 3)
    (1, 4, 3)
    """
    is_sliced = distribute == "batches" or (distribute == "auto" and hidden_size**2 * batch_size >= LARGE)
    return min(SLICES, batch_size) if is_sliced else 1


def tree_sum(parts: Mapping[tuple[int, int], Tensor], first: int, last: int) -> Tensor:
    """The sum of the slices from `first` to below `last`: the sum of its first half plus that of its second half.

    Args:
        parts: sums that are known, by first slice and one past the last.
    """
    if (first, last) in parts:
        return parts[first, last]
    middle = (first + last) // 2
    return tree_sum(parts, first, middle) + tree_sum(parts, middle, last)
