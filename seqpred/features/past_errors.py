"""The errors of earlier classical forecasts, which are inputs of a pretrained network."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seqpred.arrays import Bool, Float
from seqpred.features.classical import METHODS, WATCHED, classical_table, leads, recent_rows

MEMORY, MEMORY_ROWS = 1.5, 8  # cycles and rows over which the size of past errors is averaged
CHUNK = 256  # rows whose past errors are computed at once, which bounds memory


@cache
def error_filters(cycle: int) -> Float:
    """Weights of the last rows that give the past errors of the watched methods, [E, R + longest lead]."""
    recent, ahead = recent_rows(cycle), leads(cycle)
    made = classical_table(cycle, ahead).table
    filters = np.zeros((len(ahead), len(WATCHED), recent + ahead[-1]))
    for i, lead in enumerate(ahead):
        for j, k in enumerate(WATCHED):
            if METHODS[k].profile is not None and cycle == 1:
                continue
            weights = made.level[k] + made.steps[k, i] * made.slope[k]
            np.add.at(weights, made.picks[:, i], made.shares[k])
            filters[i, j, ahead[-1] - lead :][:recent] = -weights
            filters[i, j, -1] += 1
    return filters.reshape(-1, recent + ahead[-1])


def past_errors(filled: Float, steps: int, cycle: int) -> Float:
    """The errors of earlier forecasts for each of the last `steps` rows, [E, ..., steps], in the target's unit.

    Args:
        filled: [..., at least R + longest lead - 1 + steps].
    """
    filters = error_filters(cycle)
    width = filters.shape[1]
    windows = sliding_window_view(filled[..., filled.shape[-1] - steps - width + 1 :], width, axis=-1)
    errors = np.empty((*windows.shape[:-1], len(filters)))
    for begin in range(0, steps, CHUNK):
        part = windows[..., begin : begin + CHUNK, :]
        errors[..., begin : begin + CHUNK, :] = (part - part[..., -1:]) @ filters.T
    return np.moveaxis(errors, -1, 0)


def mean_errors(errors: Float, counted: Bool, before: Float, cycle: int) -> tuple[Float, Float]:
    """The mean size of the errors so far, [E, ..., T], and these with their number after the last row, [..., E + 1].

    A row counts for as much as any other until there are `MEMORY` cycles of them; from then on, the last ones matter.

    Args:
        errors: [E, ..., T], of `past_errors`.
        counted: [..., T], which rows count.
        before: [..., E + 1], means and number before these rows.
    """
    sizes = np.moveaxis(np.abs(errors), 0, -1)
    means, count = before[..., :-1], before[..., -1:]
    found = np.empty(sizes.shape)
    for t in range(sizes.shape[-2]):
        now = counted[..., t, None]
        count = count + now
        means = means + now / count.clip(1, MEMORY * cycle + MEMORY_ROWS) * (sizes[..., t, :] - means)
        found[..., t, :] = means
    return np.moveaxis(found, -1, 0), np.concatenate([means, count], axis=-1)
