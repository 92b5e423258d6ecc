"""Whether a model uses the pretrained network of its cell, and why not."""

from __future__ import annotations

from typing import Literal

from seqpred.config.schema import ModelSection
from seqpred.errors import ConfigError
from seqpred.features.classical import LONGEST_CYCLE

PRETRAINED_CELLS = ("gru", "lstm", "rnn")
TUNED_ROWS = 500  # up to which a fine-tuned pretrained network is better alone than with networks trained from scratch
MOST_TUNED_ROWS = 2000  # that can be fine-tuned on
USUAL_SIZES = {"hidden_size": ("auto", 32), "members": ("auto", 5)}  # of networks that are trained on few rows


def resolve_start(model: ModelSection, season: int) -> Literal["pretrained", "blank"]:
    """The value of `model.start` without `auto`.

    Raises:
        ConfigError: the pretrained network is requested and does not fit.
    """
    if model.start == "blank":
        return "blank"
    conflict = start_conflict(model, season)
    if conflict and model.start == "pretrained":
        hint = "Set model.start to auto or blank, or change that key."
        raise ConfigError(f"model.start is pretrained, but {conflict}", hint=hint)
    return "blank" if conflict else "pretrained"


def start_conflict(model: ModelSection, season: int) -> str:
    """Why the pretrained network cannot be used; empty if it can. It is a separate network, so any size fits.

    >>> start_conflict(ModelSection(bidirectional=True), 12)
    'model.bidirectional is true, and the pretrained networks are forward'
    """
    reasons = []
    if model.cell not in PRETRAINED_CELLS:
        reasons.append(f"model.cell is {model.cell}, and only {', '.join(PRETRAINED_CELLS)} are pretrained")
    if model.bidirectional:
        reasons.append("model.bidirectional is true, and the pretrained networks are forward")
    if season > LONGEST_CYCLE:
        reasons.append(f"the season of {season} rows is longer than {LONGEST_CYCLE}")
    return "; ".join(reasons)


def only_fine_tunes(model: ModelSection, rows: int) -> bool:
    """Whether the pretrained network is fine-tuned and no other is trained: on few rows, with the usual sizes.

    A config with another depth, dropout, hidden size or number of members, or without the autoregressive term,
    describes a network that is to be trained.

    >>> [only_fine_tunes(ModelSection(depth=depth), rows) for depth, rows in ((2, 144), (2, 501), (3, 144))]
    [True, False, False]
    """
    defaults = ModelSection()
    usual = {key: (getattr(defaults, key),) for key in ("depth", "dropout", "autoregression")} | USUAL_SIZES
    return rows <= TUNED_ROWS and all(getattr(model, key) in values for key, values in usual.items())


def check_fine_tuning(start: str, rows: int, *, covariates: bool) -> None:
    """Check that a training without steps has something to do: that the pretrained network can be fine-tuned.

    Raises:
        ConfigError: it cannot, and no networks are trained either.
    """
    conflict = ""
    if start == "blank":
        conflict = "there is no pretrained network (model.start)"
    elif rows > MOST_TUNED_ROWS:
        conflict = f"the data has more than {MOST_TUNED_ROWS:,} rows"
    elif covariates:
        conflict = "the pretrained network does not use covariates"
    if conflict:
        message = f"training.max_steps is 0, which only fine-tunes the pretrained network, but {conflict}"
        raise ConfigError(message, hint="Set training.max_steps to auto or to at least 1.")


def pretrained_cycle(season: int, anchor: int) -> int:
    """Rows of the season that a pretrained network uses: the longer of both if it can represent it; 1 for none.

    >>> pretrained_cycle(24, 168), pretrained_cycle(12, 1), pretrained_cycle(1, 1)
    (168, 12, 1)
    """
    return next((lag for lag in (max(season, anchor), season) if lag <= LONGEST_CYCLE), 1)
