"""The files in and next to a model folder, and whether a model may be written there."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from seqpred.errors import WriteError
from seqpred.storage.atomic import new_folder, old_folder, writing
from seqpred.storage.untrusted import irregular

WEIGHTS, GRAPH, CONFIG, MANIFEST = "model.safetensors", "model.onnx", "config.yaml", "manifest.json"
HISTORY = "history.csv"
LARGEST = {
    WEIGHTS: 4 << 30,
    GRAPH: 2 << 30,
    CONFIG: 1 << 20,
    MANIFEST: 64 << 20,
    HISTORY: 64 << 20,
}  # bytes that are read at most
LONGEST_NAME = 255 - len("..seqpred-new")  # bytes of a folder's name, to which suffixes are added meanwhile
CHECKPOINT, STATE, LOCK = "checkpoint", "state", "lock"  # of an unfinished training, in a separate folder


def holds_model(path: Path) -> bool:
    """Whether a folder contains a finished model."""
    return os.path.exists(path / MANIFEST)


def holds_state(path: Path) -> bool:
    """Whether a folder contains the state of an unfinished training."""
    return os.path.exists(path / CHECKPOINT / STATE)


def check_target(path: Path, *, force: bool) -> None:
    """Check before a long computation that a model folder can be written.

    Args:
        force: whether an existing model may be replaced.
    Raises:
        WriteError: there is something else, or the folder cannot be written.
    """
    if Path(os.path.realpath(path)) in (Path.cwd(), *Path.cwd().parents):
        hint = "Name a folder inside it with --out."
        raise WriteError("is the current folder or above it", hint=hint, where=str(path))
    _check_regular(path)
    if os.path.lexists(path) and not (os.path.isdir(path) and (holds_model(path) or _holds_only_training(path))):
        raise WriteError("exists and is not a model folder", hint="Choose another folder with --out.", where=str(path))
    if holds_model(path) and not force:
        hint = "Replace it with --force, or choose another folder with --out."
        raise WriteError("already contains a model", hint=hint, where=str(path))
    above = next(p for p in path.absolute().parents if os.path.exists(p))
    with writing(path):
        if len(os.fsencode(path.name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with tempfile.TemporaryFile(dir=above):
            pass


def _check_regular(path: Path) -> None:
    """Refuse links, pipes and devices where training would write or remove something.

    Raises:
        WriteError: there is one.
    """
    real, checkpoint = Path(os.path.realpath(path)), path / CHECKPOINT
    kinds = {part: irregular(part, folder=True) for part in (checkpoint, new_folder(real), old_folder(real))}
    kinds |= {checkpoint / name: irregular(checkpoint / name) for name in (STATE, LOCK)}
    for part, kind in kinds.items():
        if kind:
            raise WriteError(f"is {kind}, which training does not touch", hint="Remove it.", where=str(part))


def _holds_only_training(path: Path) -> bool:
    """Whether a folder is empty or contains only an unfinished training."""
    if any(name != CHECKPOINT for name in os.listdir(path)):
        return False
    ours = (STATE, LOCK, f".{STATE}.")
    checkpoint = path / CHECKPOINT
    return not os.path.exists(checkpoint) or all(name.startswith(ours) for name in os.listdir(checkpoint))


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left in and next to a model folder, and restore a model that one had moved.

    Only the holder of the folder's lock may call this.
    """
    real = Path(os.path.realpath(path))
    old = old_folder(real)
    if holds_model(old) and not holds_model(path) and not holds_state(path):
        path.mkdir(exist_ok=True)
        for name in (WEIGHTS, GRAPH, CONFIG, MANIFEST, HISTORY):
            if os.path.exists(old / name) and not irregular(old / name):
                shutil.copyfile(old / name, path / name)
    for left in (old, new_folder(real)):
        shutil.rmtree(left, ignore_errors=True)
    for part in (path / CHECKPOINT).glob(f".{STATE}.*"):
        part.unlink(missing_ok=True)
