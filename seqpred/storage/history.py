"""The learning curves of all networks, as `history.csv` stores them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple


class HistoryRow(NamedTuple):
    """One validation of a network during its training.

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


def read_history(text: str) -> list[HistoryRow]:
    r"""The rows that were written; none if the folder has no history.

    >>> read_history("step,network,loss,validation_score\n0,1,,0.5\n")
    [HistoryRow(step=0, network=1, loss=None, validation_score=0.5)]

    Raises:
        ValueError: the text was not written by `write_history`.
    """
    header, *rows = list(csv.reader(io.StringIO(text))) or [list(HistoryRow._fields)]
    if tuple(header) != HistoryRow._fields:
        raise ValueError("it has other columns than a history")
    return [HistoryRow(int(step), int(network), _number(loss), _number(score)) for step, network, loss, score in rows]


def _number(text: str) -> float | None:
    return float(text) if text else None


def validation_curve(rows: Sequence[HistoryRow]) -> list[HistoryRow]:
    """The rows of the last network that was validated: the one that was trained without the whole validation split."""
    validated = [row for row in rows if row.validation_score is not None]
    return [row for row in validated if row.network == validated[-1].network]
