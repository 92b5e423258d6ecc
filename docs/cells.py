"""Train the six teaching configs and renew the figures of cells.md: `make cells`.

Writes the table of scores between the markers of docs/cells.md, and docs/cells.svg with the learning curves and the
forecasts. Fails if a network does not improve on the blend of naive forecasts on the held-out rows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes

import seqpred
from seqpred.forecasting.model import Model
from seqpred.storage.history import read_history, validation_curve

ROOT = Path(__file__).parent.parent
PAGE, PICTURE, DATA = ROOT / "docs" / "cells.md", ROOT / "docs" / "cells.svg", ROOT / "data" / "mackey_glass.csv"
KINDS = ("rnn", "lstm", "gru", "deep", "bidirectional", "dropout")
HELD_OUT, STEPS, SHOWN = 120, 24, 30  # rows at the end; steps and rows of history in the picture
BEGIN, END = "<!-- scores: written by `make cells` -->\n", "<!-- end of scores -->\n"


def score_table(models: dict[str, Model]) -> str:
    """The scores on the held-out rows as Markdown."""
    lines = ["| config | parameters | MASE | WQL | network skill |", "|---|---|---|---|---|"]
    for name, model in models.items():
        parameters = sum(w.size for key, w in model.folder.weights().items() if key.startswith("members."))
        own, skill = model.scores.loc["model"], model.scores.attrs["network_skill"]
        lines.append(f"| {name} | {parameters:,} | {own['mase']:.3f} | {own['wql']:.4f} | {skill:.3f} |")
    for name in ("blend", "seasonal_naive", "naive"):
        own = models["lstm"].scores.loc[name]
        lines.append(f"| *{name.replace('_', ' ')}* | | {own['mase']:.3f} | {own['wql']:.4f} | |")
    return "\n".join(lines) + "\n"


def draw(models: dict[str, Model]) -> None:
    """The learning curves and the forecasts after the last row before the holdout."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "seqpred", "font.size": 9})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    frame = pd.read_csv(DATA)
    known = len(frame) - HELD_OUT
    _draw_observed(right, frame.iloc[known - SHOWN : known + STEPS], known)
    for name, model in models.items():
        rows = validation_curve(read_history(model.folder.history))
        left.plot([row.step for row in rows], [row.validation_score for row in rows], label=name)
        table = seqpred.predict(model, frame.iloc[:known], steps=STEPS)
        right.plot(table["t"], table["forecast"], linewidth=1, label=name)
    left.set(yscale="log", xlabel="training step", ylabel="validation loss", title="Learning curves")
    left.legend()
    right.set(xlabel="t", title=f"{STEPS} steps ahead")
    figure.savefig(PICTURE, metadata={"Date": None})


def _draw_observed(axes: Axes, frame: pd.DataFrame, known: int) -> None:
    """The rows before and after the origin of the forecasts."""
    axes.plot(frame["t"], frame["y"], color="0.2", linewidth=2)
    axes.axvline(known - 0.5, color="0.6", linestyle=":")


def main() -> None:
    """Train, check and renew the page."""
    with tempfile.TemporaryDirectory() as place:
        models = {
            name: seqpred.train(ROOT / "configs" / f"{name}.yaml", DATA, Path(place) / name, holdout=HELD_OUT)
            for name in KINDS
        }
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(before + BEGIN + score_table(models) + END + rest.partition(END)[2], encoding="utf-8")
        draw(models)
        skills = {name: model.scores.attrs["network_skill"] for name, model in models.items()}
    print("network skill:", ", ".join(f"{name} {skill:.3f}" for name, skill in skills.items()))
    if not all(skill > 0 for skill in skills.values()) or not np.isfinite(list(skills.values())).all():
        sys.exit("a network does not improve on the blend")


if __name__ == "__main__":
    main()
