"""The scores and learning curves of a model folder as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqpred.forecasting.summary import stored_scores
from seqpred.reading.frame import to_frame
from seqpred.storage.history import HistoryRow, read_history

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("mae", "rmse", "smape", "mase", "wql")


def score_table(manifest: Mapping[str, Any]) -> pd.DataFrame:
    """One row per forecaster with its metrics, and the coverage of each prediction interval as `coverage_80`."""
    scores = stored_scores(manifest)
    metrics = scores["metrics"]
    columns: dict[str, list[Any]] = {"forecaster": list(metrics)}
    columns |= {key: [own[key] for own in metrics.values()] for key in METRICS}
    for level in metrics["model"]["coverage"]:
        columns[f"coverage_{level}"] = [own["coverage"].get(level) for own in metrics.values()]
    frame = to_frame(columns).set_index("forecaster")
    frame.attrs.update({key: scores.get(key) for key in ("part", "skill", "network_skill")})
    return frame


def history_table(text: str) -> pd.DataFrame:
    """The rows of `history.csv`; missing numbers are NaN."""
    rows = read_history(text)
    missing = float("nan")
    columns = {
        name: [missing if row[i] is None else row[i] for row in rows] for i, name in enumerate(HistoryRow._fields)
    }
    return to_frame(columns)
