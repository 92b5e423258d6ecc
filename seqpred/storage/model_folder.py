"""The model folder, and how anything is written: whole or not at all.

A folder holds `model.safetensors`, `config.yaml`, `manifest.json` and, but for cells that ONNX does not have,
`model.onnx`; nothing in it can execute, and no row of the training data is in it. The manifest carries the SHA-256 of
the other files and of itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.config.loading import parse_config
from seqpred.config.schema import Config
from seqpred.config.yaml_subset import dump_yaml
from seqpred.errors import ConfigError, FolderError, WriteError
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.storage.atomic import sync_folder, write_synced, writing

FORMAT = 6
WEIGHTS, GRAPH, CONFIG, MANIFEST = "model.safetensors", "model.onnx", "config.yaml", "manifest.json"
LARGEST = {
    WEIGHTS: 4 << 30,
    GRAPH: 2 << 30,
    CONFIG: 1 << 20,
    MANIFEST: 64 << 20,
}  # bytes, checked before memory is taken
CHECKPOINT, STATE, LOCK = "checkpoint", "state", "lock"  # an unfinished training, in a folder of its own

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Folder:
    """What a model folder says, checked."""

    path: Path
    config: ResolvedConfig
    manifest: dict[str, Any]
    weights_file: bytes
    graph: bytes | None = None

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The weights by name.

        Raises:
            FolderError: not a safetensors file.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            weights = dict(sorted(load(self.weights_file).items()))
        except SafetensorError as e:
            raise _damaged(self.path / WEIGHTS, str(e)) from None
        return weights

    @property
    def ends(self) -> int | dict[str, int | None] | None:
        """The time of the last row that training had: of each series, or of the only one; None where it had none.

        Raises:
            FolderError: the manifest does not say it.
        """
        data = self.manifest.get("data")
        ends: Any = data.get("ends", "") if isinstance(data, dict) else ""
        told = ends.values() if isinstance(ends, dict) else [ends]
        if any(end is not None and type(end) is not int for end in told):
            raise _damaged(self.path / MANIFEST, "it does not say where the data ends")
        return ends


def holds_model(path: Path) -> bool:
    """Whether a folder holds a finished model."""
    return (path / MANIFEST).exists()


def holds_state(path: Path) -> bool:
    """Whether a folder holds the state of an unfinished training."""
    return (path / CHECKPOINT / STATE).exists()


def check_target(path: Path, *, force: bool) -> None:
    """See before the long work whether a folder can be written here.

    Raises:
        WriteError: something is there already, or the place can't be written.
    """
    if path.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise WriteError(
            "is the folder you are in, or above it", hint="Name a folder in it with --out.", where=str(path)
        )
    if path.exists() and not (path.is_dir() and (holds_model(path) or _only_training(path))):
        raise WriteError("is there and is no model folder", hint="Choose another place with --out.", where=str(path))
    if holds_model(path) and not force:
        raise WriteError(
            "holds a model already", hint="--force replaces it, --out names another place.", where=str(path)
        )
    above = next(p for p in path.absolute().parents if p.exists())
    with writing(path), tempfile.TemporaryFile(dir=above):
        pass


def _only_training(path: Path) -> bool:
    """Whether a folder holds nothing, or nothing but an unfinished training."""
    if any(p.name != CHECKPOINT for p in path.iterdir()):
        return False
    kept = path / CHECKPOINT
    ours = (STATE, LOCK, f".{STATE}.")
    return not kept.exists() or (kept.is_dir() and all(p.name.startswith(ours) for p in kept.iterdir()))


def tidy(path: Path) -> None:
    """Take away what killed processes left beside and in a model folder, and put back what one had moved.

    To be called by whoever alone may write there.
    """
    old = _old(path)
    if old.exists() and not holds_model(path) and not holds_state(path):
        shutil.copytree(old, path, dirs_exist_ok=True)
    for left in (old, _aside(path)):
        shutil.rmtree(left, ignore_errors=True)
    for part in (path / CHECKPOINT).glob(f".{STATE}.*"):
        part.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    """Where a model folder stands until it is whole."""
    return path.with_name(f".{path.name}.seqpred-new")


def _old(path: Path) -> Path:
    """Where the old model stands meanwhile, where two folders can't change names in one step."""
    return path.with_name(f".{path.name}.seqpred-old")


def write_folder(
    path: Path, config: Config, weights: Weights, manifest: Mapping[str, Any], graph: bytes | None = None
) -> dict[str, Any]:
    """Write a model folder in place of whatever model is there, whole or not at all; returns its manifest.

    Args:
        graph: the network as an ONNX file, where it can be one.
    Raises:
        WriteError: it could not be written; what was there before still is.
    """
    from safetensors.numpy import save

    files = {
        WEIGHTS: save({name: np.ascontiguousarray(w) for name, w in sorted(weights.items())}),
        CONFIG: dump_yaml(config.model_dump()).encode(),
    }
    if graph is not None:
        files[GRAPH] = graph
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    complete = {"format": FORMAT, **manifest, "fingerprint": hashes[WEIGHTS], "sha256": hashes}
    complete["manifest_sha256"] = _own_hash(complete)
    files[MANIFEST] = _as_written(complete)
    with writing(path):
        path = path.resolve()  # what a link leads to, not the link
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = _aside(path)
        shutil.rmtree(aside, ignore_errors=True)  # what a killed process has left
        try:
            aside.mkdir()
            for name, content in files.items():
                write_synced(aside / name, content)
            sync_folder(aside)
            _put_in_place(aside, path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return complete


def _put_in_place(aside: Path, path: Path) -> None:
    """Rename a new folder to its place; an old one there is gone only once the new one stands."""
    if not path.exists():
        aside.rename(path)
    elif not _exchange(aside, path):
        old = _old(path)
        path.rename(old)
        try:
            aside.rename(path)
        except BaseException:  # Ctrl-C too
            old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step, so that a kill finds the old one or the new; False if not possible.

    Source: renameat2(2) with RENAME_EXCHANGE, Linux 3.15 and later.
    """
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):  # not Linux, or an old C library
        return False
    here = -100  # AT_FDCWD
    return bool(renameat2(here, os.fsencode(one), here, os.fsencode(other), 2) == 0)


def _own_hash(manifest: Mapping[str, Any]) -> str:
    bare = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def read_folder(path: Path) -> Folder:
    """The model folder at a path, every file checked against the manifest.

    Raises:
        FolderError: absent, incomplete, altered, or of a newer format.
    """
    if not path.is_dir():
        what = "is a file, not a model folder" if path.exists() else "no such model folder"
        raise FolderError(what, hint="`seqpred train CONFIG` makes one.", where=str(path))
    if holds_state(path) and not holds_model(path):
        hint = "`seqpred train CONFIG --resume` goes on with it."
        raise FolderError("its training is not finished", hint=hint, where=str(path))
    if not any((path / name).exists() for name in (WEIGHTS, CONFIG, MANIFEST)):
        raise FolderError("is no model folder", hint="`seqpred train CONFIG` makes one.", where=str(path))
    manifest = _read_manifest(path / MANIFEST)
    hashes = manifest.get("sha256")
    hashes = hashes if isinstance(hashes, dict) else {}
    files = {name: _read_file(path / name) for name in (WEIGHTS, CONFIG, *([GRAPH] if GRAPH in hashes else []))}
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != hashes.get(name):
            raise _damaged(path / name, "it is not the file that training wrote")
    if not isinstance(manifest.get("fingerprint"), str):
        raise _damaged(path / MANIFEST, "it has no fingerprint")
    try:
        config = parse_config(files[CONFIG].decode("utf-8"), str(path / CONFIG))
    except UnicodeDecodeError:
        raise _damaged(path / CONFIG, "it is not UTF-8") from None
    except ConfigError as e:
        raise FolderError(e.message, hint=e.hint) from None
    try:
        resolved = ResolvedConfig.of(config)
    except ValueError as e:
        raise _damaged(path / CONFIG, str(e)) from None
    return Folder(path, resolved, manifest, files[WEIGHTS], files.get(GRAPH))


def _read_manifest(path: Path) -> dict[str, Any]:
    content = _read_file(path)
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise _damaged(path, "it names no format")
    if manifest["format"] != FORMAT:
        newer = manifest["format"] > FORMAT
        raise FolderError(
            f"has format {manifest['format']}; this version of seqpred reads format {FORMAT}",
            hint="Upgrade it: pip install --upgrade seqpred" if newer else "Train the model again.",
            where=str(path.parent),
        )
    if _own_hash(manifest) != manifest.get("manifest_sha256") or content != _as_written(manifest):
        raise _damaged(path, "it is not the file that training wrote")
    return manifest


def _as_written(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST[path.name]:
            raise _damaged(path, f"it has {path.stat().st_size} bytes, more than {LARGEST[path.name]}")
        return path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "it is missing") from None
    except OSError as e:
        raise FolderError(
            f"can't be read ({e.strerror or e})", hint="Check its permissions.", where=str(path)
        ) from None


def _damaged(path: Path, why: str) -> FolderError:
    return FolderError(f"damaged: {why}", hint="Train again, or restore the whole folder from a copy.", where=str(path))
