"""The page that `eval --report` writes: one HTML file without external resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqpred.evaluation.scores import Evaluation, Scores, network_skill, skill
from seqpred.forecasting.model import Model
from seqpred.pretrained import PRETRAINED
from seqpred.report import figures, summary
from seqpred.report.collect import Collector
from seqpred.report.encode import ALPHABET, encode_tracks
from seqpred.report.explained import Explained, explain_last_window
from seqpred.report.text import best_baseline, figure, printable, window_rows
from seqpred.storage.atomic import write_file

HERE = Path(__file__).parent
LISTED = 10  # series in the tables of the worst and the best ones


def write_report(path: Path, name: str, model: Model, found: Evaluation, collected: Collector) -> None:
    """Write the page of an evaluation.

    Args:
        name: of the model folder, as the user wrote it.
        collected: received the forecasts of the evaluation.
    Raises:
        WriteError: the file cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["printable"] = lambda value: printable(str(value))
    text = environment.get_template("page.html.jinja").render(_content(name, model, found, collected))
    write_file(path, text.encode("utf-8", "replace"))


def _content(name: str, model: Model, found: Evaluation, collected: Collector) -> dict[str, Any]:
    """What the template shows."""
    panel = collected.panel
    assert panel is not None
    explained = explain_last_window(model, panel, collected)
    scores = summary.headline_scores(found)
    best = best_baseline(scores)
    order = figures.ranked(collected)
    return {
        "title": name,
        "unseen": found.windows_unseen,
        "scored": _scored(found),
        "windows": len(found.windows),
        "found": found,
        "verdict": [*summary.verdict(found), *filter(None, [summary.tracks_won(collected, best)])],
        "cards": _cards(scores, best),
        "scores": summary.score_table(scores),
        "all_scores": summary.score_table(found.scores) if 0 < found.windows_unseen < len(found.windows) else [],
        "window_rows": window_rows(found),
        "facts": summary.facts(model, found, panel, name),
        "config": summary.config_text(model),
        "shown": (len(collected.tracks), len(collected.by_track)),
        "windows_shown": collected.windows_shown,
        "listed": [(title, _series_rows(collected, names, best)) for title, names in _extremes(order)],
        "best": best.replace("_", " "),
        "steps": figures.step_figure(collected, ["model", "blend", best]),
        "coverage": figures.coverage_rows(scores),
        "pit": figures.pit_figure(collected),
        "curves": figures.learning_curves(model.folder.history),
        "static": figures.static_forecasts(collected, panel),
        "explained": explained,
        "pretrained": str(model.folder.path) == PRETRAINED,
        "data": _data(found, collected, explained, order, best),
        **{key: (HERE / file).read_text("utf-8") for key, file in _FILES.items()},
    }


_FILES = {
    "style": "page.css",
    "script": "page.js",
    "uplot_style": "uplot/uPlot.min.css",
    "uplot_script": "uplot/uPlot.iife.min.js",
    "uplot_licence": "uplot/LICENSE",
}


def _cards(scores: Mapping[str, Scores], best: str) -> list[tuple[str, str, str]]:
    """The most important numbers: value, name and meaning."""
    own = scores["model"]
    gain, network = skill(scores), network_skill(scores)
    cards = [
        (figure(own.mase), "MASE of the model", "mean error in units of the seasonal naive error in the history"),
        (*_gain(gain, "the best baseline"), f"skill, relative to {best.replace('_', ' ')}"),
        (*_gain(network, "without the networks"), "network skill, relative to the blend"),
    ]
    level = next(iter(own.coverage), None)
    if level:
        cards.append(
            (f"{own.coverage[level]:.0f} %", f"inside the {level} % interval", "coverage of the widest interval")
        )
    return cards


def _scored(found: Evaluation) -> str:
    """The windows that the scores are about."""
    count, part = found.windows_unseen or len(found.windows), "unseen" if found.windows_unseen else "in-sample"
    return f"{count} {part} window{'s' if count > 1 else ''}"


def _gain(value: float | None, other: str) -> tuple[str, str]:
    """A skill as a percentage and its meaning."""
    if value is None:
        return "-", f"error relative to {other}"
    return f"{100 * abs(value):.0f} %", f"{'higher' if value < 0 else 'lower'} error than {other}"


def _extremes(order: list[str]) -> list[tuple[str, list[str]]]:
    """The worst and the best tracks; none for a single one."""
    if len(order) < 2:
        return []
    count = min(LISTED, len(order) // 2)
    return [("Highest error", order[:count]), ("Lowest error", order[: -count - 1 : -1])]


def _series_rows(collected: Collector, names: list[str], best: str) -> list[list[str]]:
    keys = ("model", "blend", best)
    return [
        [
            name,
            *(figures.number(collected.by_track[name][key].value) for key in keys if key in collected.by_track[name]),
        ]
        for name in names
        if name in collected.by_track
    ]


def _data(found: Evaluation, collected: Collector, explained: Explained, order: list[str], best: str) -> str:
    """What the script draws, as JSON that a script element can contain."""
    assert collected.panel is not None
    dated = collected.panel.clock.dated
    mase = {name: collected.mase(name) for name in order}
    content = {
        "horizon": collected.horizon,
        "dated": dated,
        "levels": collected.levels_drawn,
        "windows": [[str(window.cutoff), window.part] for window in found.windows],
        "best": best,
        "order": order,
        "mase": [None if np.isnan(value) else round(value, 4) for value in mase.values()],
        **encode_tracks(collected, dated),
        "alphabet": ALPHABET,
        "parts": explained.names,
        "explained": explained.packed,
        "covariates": explained.effect_names,
        "effects": explained.effects,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
