"""Write the config that `init` prints: what was found in the data, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from seqpred.config.data_section import DataSection
from seqpred.config.keys import get_key
from seqpred.config.schema import SCHEMA_URL, Config, config_fields
from seqpred.config.yaml_text import comment_lines, to_yaml
from seqpred.inspection.candidates import CovariateRole
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig


def describe(
    config: ResolvedConfig,
    panel: Panel,
    reasons: Mapping[str, str],
    given: Collection[str],
    candidates: Mapping[CovariateRole, Sequence[str]],
) -> str:
    """The config as commented YAML.

    Args:
        reasons: why keys have their values, by the part of the key after `data.`.
        given: the dotted keys that the user has set, all of which are written.
        candidates: other columns that may be covariates, by role.
    """
    written = Config.model_validate(config.model_dump())
    comments = {f"data.{key}": reason for key, reason in reasons.items()}
    comments |= {"forecast.season": "no season found"} if config.forecast.season == 1 else {}
    if "forecast.minimum" not in given and config.forecast.minimum == 0:
        comments["forecast.minimum"] = "lowest forecast: no training value is negative"
    comments["data.covariates"] = "other columns as inputs, by role"
    if "training.max_steps" not in given and config.training.max_steps == 0:
        comments["training.max_steps"] = "fine-tune the pretrained network; train others if their sizes change"
        written = written.replace({"training.max_steps": "auto"})
    covariates = config.data.covariates
    suggestions = {f"data.covariates.{r}": [*getattr(covariates, r), *names] for r, names in candidates.items()}
    shown = {*given, *_unusual(config), *(["data.covariates.calendar"] if suggestions else [])}
    editor = f"# yaml-language-server: $schema={SCHEMA_URL}"
    return "\n".join([*_header(panel), editor, "", to_yaml(written, comments, shown, suggestions)])


def _header(panel: Panel) -> list[str]:
    shortest, longest = int(panel.lengths.min()), int(panel.lengths.max())
    span = f"{shortest} to {longest}" if shortest < longest else f"{longest}"
    lines = comment_lines(
        f"{len(panel.names)} series of {span} rows, step {panel.step}. Train: seqpred train THIS_FILE"
    )
    return lines + [line for note in panel.notes for line in comment_lines(f"Note: {note}.")]


def _unusual(config: ResolvedConfig) -> set[str]:
    """The keys about the data that are not at their default, and the joint inputs of several targets."""
    inferred_again = {"data.timestamp_format"}
    keys = {key for key in config_fields() if key.startswith("data.")} - inferred_again
    default = DataSection(target="").model_dump()
    tree = config.model_dump()
    unusual = {key for key in keys if get_key(tree, key) not in (get_key({"data": default}, key), [])}
    return unusual | ({"model.joint"} if len(config.data.targets) > 1 else set())
