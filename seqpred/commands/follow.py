"""The part of `train` of the ranks other than 0: they read the data, train networks and write nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqpred.commands.holdout import without_holdout
from seqpred.commands.load_panel import load_panel, with_covariates
from seqpred.config.schema import Config
from seqpred.errors import ConfigError, DataError, WriteError
from seqpred.evaluation.holdout import Holdout
from seqpred.features.covariates import Covariates
from seqpred.launcher import is_grouped
from seqpred.notes import no_op
from seqpred.panel.panel import Panel
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.sources.source import Source
from seqpred.spool.cache import UNFINISHED
from seqpred.spool.mapped import LARGE, cache_folder
from seqpred.spool.shared import read_shared, write_shared

if TYPE_CHECKING:
    from seqpred.training.ranks import Ranks

BOOT = Path("/proc/sys/kernel/random/boot_id")  # differs between machines, even with the same name; on Linux


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
    """The panel. Of a file that is not small, one process of each machine loads it, and the others map its arrays.

    Raises:
        ConfigError: the data is standard input, which only one process can read.
    """
    if ranks is None:
        return load()
    if isinstance(source.content, bytes):
        hint = "Write the data to a file that all processes can read."
        raise ConfigError("standard input is read by one process, and this training has several", hint=hint)
    is_shared = ranks.rank == 0 and source.is_file and source.size >= LARGE
    key = ranks.share(secrets.token_hex(8) if is_shared else "")  # of rank 0 for all, as they then wait for each other
    here = ranks.share(ranks.gather(_machine() if key else ""))
    same = [rank for rank, machine in enumerate(here) if machine == here[ranks.rank]]
    if not key or len(same) == 1:
        panel = load()
        for _ in range(2 if key else 1):
            ranks.meet()
        return panel
    return _load_on_machine(ranks, f"{UNFINISHED}{key}-{socket.gethostname()}", load, is_first=ranks.rank == same[0])


def _machine() -> str:
    """What processes have in common that see the same memory and the same cache.

    Launchers other than torchrun do not report which processes are on the same machine.
    """
    folder = cache_folder().stat()
    boot = BOOT.read_text() if BOOT.exists() else ""
    return f"{socket.gethostname()} {folder.st_dev} {folder.st_ino} {boot}"


def _load_on_machine(ranks: Ranks, name: str, load: Callable[[], Panel], *, is_first: bool) -> Panel:
    """The panel that the first process of this machine loads.

    Args:
        name: of a folder in the cache in which it is passed on.
        is_first: whether this is that process.
    Raises:
        WriteError: the cache cannot be written.
    """
    folder = cache_folder() / name
    loaded = load() if is_first else None
    try:
        if is_first:
            folder.mkdir()
            write_shared(loaded, folder)
            del loaded
        ranks.meet()
        panel: Panel = read_shared(folder)
        ranks.meet()
    except OSError as e:
        hint = "Free some disk space, or set XDG_CACHE_HOME to another folder."
        raise WriteError(f"cannot be written ({e})", hint=hint, where=str(folder)) from None
    finally:
        if is_first:
            shutil.rmtree(folder, ignore_errors=True)
    return panel


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
    from seqpred.training.members import train_members
    from seqpred.training.progress import Hooks
    from seqpred.training.validate import validate, with_all_rows

    validation = validate(visible, config, covariates, Hooks(ranks=ranks), ahead=True)
    train_members(config, validation)
    if everything is not None:
        train_members(config, with_all_rows(validation, everything, config, covariates))
