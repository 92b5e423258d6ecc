"""A model in ten lines: network, training data, scores and the contribution of the networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqpred.storage.model_folder import Folder

MAX_NAME = 40  # characters of a path


def summarize(folder: Folder, runtime: str) -> dict[str, str]:
    """The ten lines as label and text.

    Args:
        runtime: the inference backend that is used.
    """
    config, manifest = folder.config, folder.manifest
    data = manifest["data"]
    size = f"{folder.parameters:,} parameters, {_kilobytes(len(folder.weights_file))}"
    version = manifest.get("made_by", {}).get("seqpred", "?")
    return {
        "model": _shortened(str(folder.path)),
        "network": describe_network(folder),
        "data": f"{_data_name(config.data.path)}, {_count(data['rows'], 'row')} of {data['series']:,} series",
        "horizon": f"{_count(config.forecast.horizon, 'row')}, step {config.data.frequency}",
        "season": _count(config.forecast.season, "row") if config.forecast.season > 1 else "none",
        "scores": describe_scores(manifest),
        "contribution": describe_contribution(manifest),
        "start": describe_start(manifest, config.training.seed),
        "size": f"{size}, runs with {runtime}",
        "trained": f"{_date(manifest)}, seqpred {version}, fingerprint {manifest['fingerprint'][:12]}",
    }


def describe_network(folder: Folder) -> str:
    """The networks of the ensemble and their layers."""
    section, manifest = folder.config.model, folder.manifest
    if (manifest.get("start") or {}).get("tuned_share") and not manifest["training"]["steps"]:
        return f"pretrained {section.cell.upper()} network, fine-tuned on the data"
    steps = manifest["training"]["chosen"]["step"]
    count = folder.networks
    direction = "bidirectional " if section.bidirectional else ""
    networks = f"{count} {direction}{section.cell.upper()} network{'s' if count != 1 else ''}"
    return f"{networks}, {_count(section.depth, 'layer')} of {section.hidden_size} units, {_count(steps, 'step')}"


def stored_scores(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scores on the holdout if there are any, else those on the validation split."""
    scores: Mapping[str, Any] = manifest.get("holdout") or manifest["scores"]
    return scores


def scores_label(manifest: Mapping[str, Any]) -> str:
    """Which rows the stored scores are of."""
    return "holdout" if manifest.get("holdout") else "validation split"


def describe_scores(manifest: Mapping[str, Any]) -> str:
    """The scores of the model with the rows that they are of."""
    scores = stored_scores(manifest)
    own = scores["metrics"]["model"]
    figures = f"MASE {_figure(own['mase'])}, WQL {_figure(own['wql'], 4)}, skill {_figure(scores['skill'])}"
    return f"{figures} ({scores_label(manifest)})"


def describe_contribution(manifest: Mapping[str, Any]) -> str:
    """What the networks add to the blend of naive forecasts."""
    chosen = manifest["training"]["chosen"]
    shrinkage, share = chosen["shrinkage"], chosen.get("pretrained_share", 0.0)
    skill = f"network skill {_figure(stored_scores(manifest).get('network_skill'))}"
    if not manifest["training"]["steps"]:
        return f"{skill}; {describe_untrained(share)}" if share else f"none: {describe_untrained(share)}"
    if shrinkage == 0:
        return f"{skill}; the trained networks have no weight" if share else f"none: {describe_untrained(share)}"
    return f"{skill}, shrinkage {shrinkage:.2f}"


def describe_fallback(share: float, *, fine_tuned: bool) -> str:
    """Why no trained network is part of the forecast, and what the forecast is.

    Args:
        fine_tuned: whether the pretrained network was fine-tuned and no other was trained.

    >>> describe_fallback(0.0, fine_tuned=True)
    'validation gave the fine-tuned pretrained network no weight: the forecast is the blend of naive forecasts'
    """
    if not fine_tuned:
        why = "validation gave the trained networks no weight"
    elif share:
        why = "the pretrained network was fine-tuned and no other was trained"
    else:
        why = "validation gave the fine-tuned pretrained network no weight"
    return f"{why}: {describe_untrained(share)}"


def describe_untrained(share: float) -> str:
    """What the forecast is if validation gave the trained networks no weight.

    >>> describe_untrained(0.75)
    'the forecast is 75 % pretrained network, 25 % blend of naive forecasts'
    """
    if share in (0, 1):
        return f"the forecast is {'that of the pretrained network' if share else 'the blend of naive forecasts'}"
    return f"the forecast is {share:.0%} pretrained network, {1 - share:.0%} blend of naive forecasts".replace(
        "%", " %"
    )


def describe_start(manifest: Mapping[str, Any], seed: int) -> str:
    """Where training started: the pretrained network with its share, and the seed of random weights, if any."""
    start = manifest.get("start") or {"network": None, "reason": ""}
    weights = f"random weights, seed {seed}"
    if start["network"] is None:
        return f"{weights}, blank" + (f": {start['reason']}" if start["reason"] else "")
    share = f"{start['share']:.0%}".replace("%", " %") if start["share"] else "none"
    tuned = ", fine-tuned" if start.get("tuned_share") else ""
    if tuned and not manifest["training"]["steps"]:
        return f"the pretrained {start['network'].upper()}{tuned}; {share} of the forecast"
    return f"{weights}; {share} from the pretrained {start['network'].upper()}{tuned}"


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"


def _data_name(path: str | None) -> str:
    return _shortened(Path(path).name) if path else "rows without a file"


def _shortened(text: str) -> str:
    """The text, without its middle if it is long; the end of a path matters most."""
    return text if len(text) <= MAX_NAME else f"{text[:9]}...{text[12 - MAX_NAME :]}"


def _kilobytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _date(manifest: Mapping[str, Any]) -> str:
    """When the model was trained and how long that took; models of earlier versions do not contain it."""
    if "date" not in manifest:
        return "on an unknown date"
    return f"{str(manifest['date'])[:10]} in {manifest['duration']:.0f} s"
