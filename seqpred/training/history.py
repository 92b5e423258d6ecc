"""The learning curves of all networks, as `history.csv` stores them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqpred.training.run import Outcome


class HistoryRow(NamedTuple):
    """One look at a network during its training.

    Attributes:
        step: training steps so far.
        network: its number, from 1; the networks that were validated come first, then the members.
        loss: mean training loss since the row before; None before the first step.
        validation_score: mean loss over the validation windows; None for members, which are trained on all rows.
    """

    step: int
    network: int
    loss: float | None
    validation_score: float | None


def history_of(outcomes: Sequence[Outcome]) -> list[HistoryRow]:
    """The learning curves of networks, in the order in which they were trained."""
    return [row for number, outcome in enumerate(outcomes, start=1) for row in _rows(number, outcome)]


def _rows(number: int, outcome: Outcome) -> Iterator[HistoryRow]:
    scores = {result.step: _mean(result.losses) for result in outcome.validation_results}
    losses = dict(zip(outcome.loss_steps, outcome.losses, strict=True))
    for step in sorted({*scores, *losses}):
        yield HistoryRow(step, number, losses.get(step), scores.get(step))


def _mean(losses: npt.NDArray[np.float32]) -> float | None:
    """The mean over windows with a known target, [W]; None if there is none."""
    known = losses[np.isfinite(losses)]
    return float(known.mean()) if known.size else None


def write_history(rows: Sequence[HistoryRow]) -> str:
    """The rows as CSV, numbers in the shortest form that reads back as the same.

    >>> write_history([HistoryRow(0, 1, None, 0.5), HistoryRow(10, 1, 0.25, 0.4)]).splitlines()
    ['step,network,loss,validation_score', '0,1,,0.5', '10,1,0.25,0.4']
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HistoryRow._fields)
    writer.writerows(rows)
    return text.getvalue()
