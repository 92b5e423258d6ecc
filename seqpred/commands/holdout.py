"""Hold out rows of a panel, and score a stored model on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqpred.commands.load_panel import load_panel, open_data
from seqpred.evaluation.holdout import Holdout
from seqpred.forecasting.model import load
from seqpred.notes import Note, Notify
from seqpred.panel.panel import Panel
from seqpred.storage.model_folder import add_to_manifest


def without_holdout(panel: Panel, holdout: Holdout | None, notify: Notify) -> Panel:
    """The rows to train on; report the series that begin in the holdout."""
    if holdout is None:
        return panel
    late = holdout.describe_late_series(panel)
    if late:
        notify(Note(late, panel.source))
    return holdout.before(panel)


def score_holdout(path: str | Path, data: object, spec: str) -> Mapping[str, Any]:
    """Score a model that was trained without the holdout, and store the scores in its manifest.

    Scores that the manifest already contains are returned as they are.

    Args:
        path: the model folder.
        data: as for `train`, the held-out rows included.
        spec: of the holdout; see `Holdout.of`.
    """
    model = load(path)
    stored: Mapping[str, Any] | None = model.folder.manifest.get("holdout")
    if stored is not None:
        return stored
    from seqpred.training.manifest import holdout_scores

    panel = load_panel(open_data(data, model.config), model.config, covariates=model.covariates)
    scores = holdout_scores(panel, Holdout.of(panel, spec), model.config, model.forecasters())
    found = {**scores, "refit": False}
    add_to_manifest(model.folder, {"holdout": found})
    return found
