"""The part of `train` of the ranks other than 0: they read the data, train networks and write nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqpred.commands.holdout import without_holdout
from seqpred.commands.load_panel import load_panel, with_covariates
from seqpred.config.schema import Config
from seqpred.errors import ConfigError, DataError
from seqpred.evaluation.holdout import Holdout
from seqpred.features.covariates import Covariates
from seqpred.launcher import is_grouped, local_rank
from seqpred.notes import no_op
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.source import Source
from seqpred.spool.large import is_large

if TYPE_CHECKING:
    from seqpred.training.ranks import Ranks


def group() -> AbstractContextManager[Ranks | None]:
    """Join the processes that torchrun or another launcher started with this one; None if there are none."""
    if not is_grouped():
        return nullcontext()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # torch would log what becomes an error of ours
    from seqpred.training.ranks import joined

    return joined()


@dataclass(frozen=True)
class Prepared:
    """What rank 0 has found in the data, for the other ranks.

    Attributes:
        fingerprint: of the panel that it trains on.
    """

    config: ResolvedConfig
    covariates: Covariates
    fingerprint: str


def load_once(ranks: Ranks | None, source: Source, load: Callable[[], Panel]) -> Panel:
    """The panel, loaded by all ranks at once; one of each machine loads a large file first and stores its rows.

    Raises:
        ConfigError: the data is standard input, which only one process can read.
    """
    if ranks is None:
        return load()
    if isinstance(source.content, bytes):
        hint = "Write the data to a file that all processes can read."
        raise ConfigError("standard input is read by one process, and this training has several", hint=hint)
    first = local_rank() == 0 or not is_large(source)
    panel = load() if first else None
    ranks.meet()
    return panel or load()


def follow(ranks: Ranks, source: Source, config: Config, holdout: str | int | None, *, refit: bool) -> None:
    """Train what rank 0 requests, until its training is finished.

    Args:
        holdout, refit: as in `train`.
    Raises:
        DataError: the data cannot be read, or is not the data that rank 0 reads.
    """
    panel = load_once(ranks, source, lambda: load_panel(source, config))
    prepared: Prepared | None = ranks.share()
    if prepared is None:
        return
    split = None if holdout is None else Holdout.of(panel, holdout)
    covariates = prepared.covariates
    visible = with_covariates(without_holdout(panel, split, no_op), covariates, source, no_op)
    if visible.fingerprint() != prepared.fingerprint:
        hint = "Use the same data file in all processes."
        raise DataError("the data differs from that of rank 0", hint=hint, where=source.name)
    everything = with_covariates(panel, covariates, source, no_op) if refit else None
    _train(ranks, prepared.config, visible, covariates, everything)


def _train(
    ranks: Ranks, config: ResolvedConfig, visible: Panel, covariates: Covariates, everything: Panel | None
) -> None:
    """Train the networks of the validation, the members, and with all rows, the members of a second model."""
    from seqpred.training.dataset import training_windows
    from seqpred.training.members import train_members
    from seqpred.training.progress import Hooks
    from seqpred.training.validate import validate

    validation = validate(visible, config, covariates, Hooks(ranks=ranks), ahead=True)
    train_members(config, validation)
    if everything is not None:
        train_members(config, replace(validation, windows=training_windows(everything, config, covariates)))
