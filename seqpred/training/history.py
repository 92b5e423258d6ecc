"""The learning curves of networks, from the outcomes of their training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seqpred.storage.history import HistoryRow
from seqpred.training.run import Outcome


def history_of(outcomes: Sequence[Outcome]) -> list[HistoryRow]:
    """The learning curves of networks, in the order in which they were trained."""
    return [row for number, outcome in enumerate(outcomes, start=1) for row in _rows(number, outcome)]


def _rows(number: int, outcome: Outcome) -> Iterator[HistoryRow]:
    scores = {result.step: result.mean_loss for result in outcome.validation_results}
    losses = dict(zip(outcome.loss_steps, outcome.losses, strict=True))
    for step in sorted({*scores, *losses}):
        yield HistoryRow(step, number, losses.get(step), scores.get(step))
