"""What `train` prints to stderr at its end: the scores, what the networks contribute, the learning curve."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqpred.cli.terminal import shows, table
from seqpred.evaluation.holdout import describe_rows
from seqpred.evaluation.scores import Scores
from seqpred.forecasting.model import Model
from seqpred.forecasting.summary import describe_contribution, stored_scores
from seqpred.report.sparkline import BLOCKS, PLAIN, sparkline
from seqpred.report.text import printable, score_rows
from seqpred.storage.history import read_history, validation_curve

CURVE = 32  # characters of the learning curve


def _work(manifest: Mapping[str, Any]) -> str:
    """What training has done, as text."""
    if manifest["training"]["steps"]:
        return f"{manifest['training']['chosen']['step']} training steps"
    return (
        "fine-tuning of the pretrained network"
        if (manifest.get("start") or {}).get("tuned_share")
        else "no training steps"
    )


def show_summary(model: Model) -> None:
    """Print the scores of the model and the baselines to stderr: on the holdout if there is one, else on validation."""
    manifest = model.folder.manifest
    scores, chosen = stored_scores(manifest), manifest["training"]["chosen"]
    if manifest.get("holdout"):
        show_holdout("Holdout scores", manifest["holdout"])
    else:
        _show_scores(_validation_title(model), scores)
    lines = [
        f"contribution: {describe_contribution(manifest)}",
        *_curve(model),
        f"{_work(manifest)} in {manifest.get('duration', 0):.0f} s, "
        f"interval scale {chosen['interval_scale']:.2f}, fingerprint {manifest['fingerprint'][:12]}",
    ]
    if scores.get("refit"):
        lines.append("the saved model was then trained on all rows")
    sys.stderr.write("".join(f"  {printable(line)}\n" for line in lines))


def _curve(model: Model) -> list[str]:
    """The learning curve in one line; none if there were no training steps."""
    rows = validation_curve(read_history(model.folder.history))
    losses = np.array([row.validation_score for row in rows], np.float64)
    if len(losses) < 2:
        return []
    line = sparkline(losses, CURVE, BLOCKS if shows(BLOCKS, sys.stderr) else PLAIN)
    best = int(np.nanargmin(losses))
    return [f"validation loss: {losses[0]:.3f} {line} {losses[best]:.3f} at step {rows[best].step} of {rows[-1].step}"]


def show_holdout(title: str, scores: Mapping[str, Any]) -> None:
    """Print scores on a holdout to stderr."""
    _show_scores(f"{title}, {describe_rows(scores['from'])} (out-of-sample)", scores)


def _show_scores(title: str, scores: Mapping[str, Any]) -> None:
    """Print stored scores of the model and the baselines to stderr."""
    metrics = {name: Scores(**own) for name, own in scores["metrics"].items()}
    table(title, *score_rows(metrics), stream=sys.stderr)


def _validation_title(model: Model) -> str:
    scores = model.folder.manifest["scores"]
    sample, total = scores["series"], scores["series_in_all"]
    which = "each series" if sample == total else f"a sample of {sample} of {total} series"
    return f"Validation scores, last {model.config.training.validation} rows of {which}"
