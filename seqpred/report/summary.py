"""The first screen of a report: the scores, the baselines they are relative to, and the scored rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqpred.config.yaml_subset import dump_yaml
from seqpred.evaluation.scores import Evaluation, Scores, network_skill, skill
from seqpred.forecasting.model import Model
from seqpred.panel.panel import Panel
from seqpred.report.collect import Collector
from seqpred.report.text import best_baseline, counted, figure

SIMILAR = 0.005  # relative differences below this are none


@dataclass(frozen=True)
class ScoreRow:
    """A row of the table of scores.

    Attributes:
        kind: model, blend or baseline.
        cells: MASE, MAE, RMSE, sMAPE, WQL.
        share: length of the bar behind the MASE, in percent of the longest.
    """

    name: str
    kind: str
    cells: Sequence[str]
    share: float


def headline_scores(found: Evaluation) -> Mapping[str, Scores]:
    """The scores on unseen windows, or those on all windows if none is unseen."""
    return found.unseen or found.scores


def verdict(found: Evaluation) -> list[str]:
    """What the scores mean, in sentences."""
    scores = headline_scores(found)
    own = scores["model"].mase
    if own is None:
        return ["MASE cannot be computed: no series changes before the cutoff."]
    best = best_baseline(scores)
    sentences = [_compared(skill(scores), f"the best naive baseline ({best.replace('_', ' ')})")]
    if "blend" in scores:
        sentences.append(_compared(network_skill(scores), "the same forecast without the networks (blend)"))
    return sentences


def _compared(gain: float | None, other: str) -> str:
    if gain is None:
        return f"The error cannot be compared with that of {other}."
    if abs(gain) < SIMILAR:
        return f"The error is the same as that of {other}."
    return f"The error is {100 * abs(gain):.0f} % {'lower' if gain > 0 else 'higher'} than that of {other}."


def tracks_won(collected: Collector, best: str) -> str:
    """In how many series the model is better than the best baseline; empty for a single one."""
    pairs = [(float(own["model"].value), float(own[best].value)) for own in collected.by_track.values() if best in own]
    won = sum(model < baseline for model, baseline in pairs)
    known = sum(math.isfinite(model) and math.isfinite(baseline) for model, baseline in pairs)
    return f"The model is better than the best baseline in {won:,} of {known:,} series." if known > 1 else ""


def score_table(scores: Mapping[str, Scores]) -> list[ScoreRow]:
    """The scores of each forecaster, with the MASE first."""
    longest = max((s.mase for s in scores.values() if s.mase is not None), default=0.0)
    rows = []
    for name, own in scores.items():
        cells = [figure(own.mase), figure(own.mae), figure(own.rmse), figure(own.smape), figure(own.wql, 4)]
        kind = name if name in ("model", "blend") else "baseline"
        rows.append(
            ScoreRow(name.replace("_", " "), kind, cells, 100 * (own.mase or 0.0) / longest if longest else 0.0)
        )
    return rows


def facts(model: Model, found: Evaluation, panel: Panel, name: str) -> list[tuple[str, str]]:
    """The model and the data, as names and values."""
    manifest, config = model.folder.manifest, model.config
    made_by: Mapping[str, Any] = manifest.get("made_by", {})
    series, rows = len(panel.names), len(panel.values)
    trained = str(manifest.get("date", ""))
    return [
        ("Model", name),
        ("Data", panel.source),
        ("Series and rows", f"{series:,} series, {rows:,} rows, from {_moment(panel, 0)} to {_moment(panel, -1)}"),
        ("Target", ", ".join(config.data.targets)),
        ("Windows", f"{len(found.windows)} of {counted(found.horizon, 'row')}, season {found.season}"),
        ("Network", _network(model)),
        ("Seed", str(manifest.get("network", config.model_dump()["training"])["seed"])),
        ("Fingerprint", str(manifest.get("fingerprint", ""))[:12]),
        *([("Trained", trained)] if trained else []),
        *([("Software", ", ".join(f"{key} {value}" for key, value in made_by.items()))] if made_by else []),
    ]


def _network(model: Model) -> str:
    """The cell, the layers and the size of the ensemble, or those of the pretrained network."""
    pretrained: Mapping[str, Any] | None = model.folder.manifest.get("network")
    section: Mapping[str, Any] = model.config.model.model_dump() if pretrained is None else pretrained
    layers = f"{section['depth']} layer{'s' * (section['depth'] > 1)} of {section['hidden_size']} units"
    if pretrained is not None:
        return f"pretrained {section['cell']}, {layers}"
    direction, members = "bidirectional " * section["bidirectional"], section["members"]
    return f"{members} {direction}{section['cell']} network{'s' * (members > 1)}, {layers}"


def _moment(panel: Panel, end: int) -> str:
    """The first or the last timestamp of all series."""
    times = panel.origins if end == 0 else panel.ends
    return str(panel.clock.write(times[[times.argmin() if end == 0 else times.argmax()]])[0])


def config_text(model: Model) -> str:
    """The resolved config as YAML."""
    return dump_yaml(model.config.model_dump())
