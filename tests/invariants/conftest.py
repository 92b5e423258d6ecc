"""Small models of every kind, trained for a few steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import seqpred
from tests.conftest import Once, growing

GRID = list(itertools.product(["rnn", "lstm", "gru"], [1, 2, 3], [False, True], [0.0, 0.3]))
Train = Callable[..., seqpred.Model]


def frame(rows: int = 90, series: int = 2) -> pd.DataFrame:
    """A long table: `series` series of as many rows."""
    days = pd.date_range("2024-01-01", periods=rows, freq="D")
    parts = [pd.DataFrame({"id": f"s{i}", "day": days, "sales": growing(rows, 7, i)}) for i in range(series)]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def train(once: Once) -> Train:
    """Trains a small network of each kind, once per run."""

    @cache
    def trained(cell: str = "lstm", depth: int = 1, bidirectional: bool = False, dropout: float = 0.0) -> seqpred.Model:
        network = {"cell": cell, "depth": depth, "bidirectional": bidirectional, "dropout": dropout}
        config: dict[str, Any] = {
            "data": {"target": "sales", "time": "day", "id": "id"},
            "model": {**network, "hidden_size": 8, "window": 14, "members": 1},
            "forecast": {"horizon": 7, "season": 7},
            "training": {"max_steps": 8, "learning_rate": 0.01, "batch_size": 16, "validation": 7},
        }

        def make(folder: Path) -> Path:
            return seqpred.train(config, frame(), folder / "model").folder.path

        return seqpred.load(once(f"{cell}-{depth}-{bidirectional}-{dropout}", make))

    return trained
