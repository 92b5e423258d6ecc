"""The model folder: weights, config and manifest.

A folder contains `model.safetensors`, `config.yaml`, `manifest.json` and, except for cells that ONNX does not have,
`model.onnx`. Nothing in it can execute, and it contains no row of the training data. The manifest has the SHA-256 of
the other files and of itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqpred.config.loading import parse_section
from seqpred.config.schema import Config
from seqpred.config.yaml_subset import dump_yaml
from seqpred.errors import ConfigError, FolderError
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.storage.atomic import replace_file, replace_folder
from seqpred.storage.layout import CONFIG, GRAPH, HISTORY, LARGEST, MANIFEST, WEIGHTS, holds_model, holds_state
from seqpred.storage.untrusted import UntrustedFileError, read_regular

FORMAT = 7
MEMBERS, PRETRAINED = "members.", "pretrained."  # with which the names of the arrays of a network begin

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Folder:
    """The verified content of a model folder."""

    path: Path
    config: ResolvedConfig
    manifest: dict[str, Any]
    weights_file: bytes
    graph: bytes | None = None
    history: str = ""

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The weights of the trained ensemble by name; see `arrays`."""
        return {name: w for name, w in self.arrays().items() if not name.startswith(PRETRAINED)}

    def pretrained(self) -> dict[str, npt.NDArray[np.float32]]:
        """What the model uses of a pretrained network, by name without `PRETRAINED`; see `arrays`. Empty for none."""
        return {n.removeprefix(PRETRAINED): w for n, w in self.arrays().items() if n.startswith(PRETRAINED)}

    @property
    def parameters(self) -> int:
        """How many weights the trained networks have, without the initial forecast."""
        return sum(w.size for name, w in self.weights().items() if name.startswith(MEMBERS))

    @property
    def networks(self) -> int:
        """How many trained networks there are."""
        return len({name.split(".")[1] for name in self.weights() if name.startswith(MEMBERS)})

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """All arrays in the file of weights.

        Raises:
            FolderError: not a safetensors file of float32 arrays.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            weights = dict(sorted(load(self.weights_file).items()))
        except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as e:
            raise _damaged(self.path / WEIGHTS, str(e)) from None
        for name, array in weights.items():
            if array.dtype != np.float32:
                raise _damaged(self.path / WEIGHTS, f"{name!r} is {array.dtype}, not float32")
            if not np.isfinite(array).all():
                raise _damaged(self.path / WEIGHTS, f"{name!r} is not finite")
        return weights

    @property
    def ends(self) -> int | dict[str, int | None] | None:
        """The time of the last row that training used: of each series, or of all; None if there was none.

        Raises:
            FolderError: the manifest does not have it.
        """
        data = self.manifest.get("data")
        ends: Any = data.get("ends", "") if isinstance(data, dict) else ""
        each = ends.values() if isinstance(ends, dict) else [ends]
        if any(end is not None and type(end) is not int for end in each):
            raise _damaged(self.path / MANIFEST, "it does not contain where the data ends")
        return ends


def write_folder(
    path: Path,
    config: Config,
    weights: Weights,
    manifest: Mapping[str, Any],
    graph: bytes | None = None,
    history: str | None = None,
) -> dict[str, Any]:
    """Write a model folder atomically, replacing an existing model; return the complete manifest.

    Args:
        graph: the network as an ONNX file, if ONNX supports it.
        history: the learning curves as CSV.
    Raises:
        WriteError: it could not be written; an existing model is unchanged.
    """
    from safetensors.numpy import save

    files = {
        WEIGHTS: save({name: np.ascontiguousarray(w) for name, w in sorted(weights.items())}),
        CONFIG: dump_yaml(config.model_dump()).encode(),
    }
    if graph is not None:
        files[GRAPH] = graph
    if history is not None:
        files[HISTORY] = history.encode()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    complete = {"format": FORMAT, **manifest, "fingerprint": hashes[WEIGHTS], "sha256": hashes}
    files[MANIFEST] = encode_manifest(complete)
    replace_folder(path, files)
    return complete


def add_to_manifest(folder: Folder, part: Mapping[str, Any]) -> None:
    """Add keys to the manifest of a model folder, atomically.

    Raises:
        WriteError: it could not be written; the manifest is unchanged.
    """
    replace_file(folder.path / MANIFEST, encode_manifest({**folder.manifest, **part}))


def reproducible_part(manifest: bytes) -> bytes:
    """A manifest file without what differs between identical runs: date, duration, and the hash that covers them."""
    parsed = json.loads(manifest)
    return _to_json({k: v for k, v in parsed.items() if k not in ("date", "duration", "manifest_sha256")})


def encode_manifest(manifest: dict[str, Any]) -> bytes:
    """The manifest as a file; its own hash is set."""
    manifest["manifest_sha256"] = _own_hash(manifest)
    return _to_json(manifest)


def read_folder(path: Path) -> Folder:
    """Read a model folder and check every file against the manifest.

    Raises:
        FolderError: missing, incomplete, altered, or of another format.
    """
    hint = "`seqpred train CONFIG` creates one."
    if not os.path.isdir(path):
        what = "is a file, not a model folder" if os.path.exists(path) else "no such model folder"
        raise FolderError(what, hint=hint, where=str(path))
    if holds_state(path) and not holds_model(path):
        resume = "Resume it with `seqpred train CONFIG --resume`."
        raise FolderError("its training is not finished", hint=resume, where=str(path))
    if not any(os.path.lexists(path / name) for name in (WEIGHTS, CONFIG, MANIFEST)):
        raise FolderError("is not a model folder", hint=hint, where=str(path))
    manifest = _read_manifest(path / MANIFEST)
    hashes = manifest.get("sha256")
    hashes = hashes if isinstance(hashes, dict) else {}
    files = {
        name: _read_file(path / name)
        for name in (WEIGHTS, CONFIG, *(name for name in (GRAPH, HISTORY) if name in hashes))
    }
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != hashes.get(name):
            raise _damaged(path / name, "it is not the file that training wrote")
    if not isinstance(manifest.get("fingerprint"), str):
        raise _damaged(path / MANIFEST, "it has no fingerprint")
    history = files.get(HISTORY, b"").decode("utf-8", "replace")
    resolved = _read_config(path / CONFIG, files[CONFIG])
    return Folder(path, resolved, manifest, files[WEIGHTS], files.get(GRAPH), history)


def _read_config(path: Path, content: bytes) -> ResolvedConfig:
    try:
        return parse_section(ResolvedConfig, content.decode("utf-8"), str(path))
    except UnicodeDecodeError:
        raise _damaged(path, "it is not UTF-8") from None
    except ConfigError as e:
        raise FolderError(e.message, hint=e.hint) from None
    except ValueError as e:
        raise _damaged(path, str(e)) from None


def _read_manifest(path: Path) -> dict[str, Any]:
    content = _read_file(path)
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise _damaged(path, "it has no format number")
    if manifest["format"] != FORMAT:
        newer = manifest["format"] > FORMAT
        raise FolderError(
            f"has format {manifest['format']}; this version of seqpred reads format {FORMAT}",
            hint="Upgrade with `pip install --upgrade seqpred`." if newer else "Train the model again.",
            where=str(path.parent),
        )
    if _own_hash(manifest) != manifest.get("manifest_sha256") or content != _to_json(manifest):
        raise _damaged(path, "it is not the file that training wrote")
    return manifest


def _own_hash(manifest: Mapping[str, Any]) -> str:
    rest = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _to_json(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _read_file(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST[path.name])
    except FileNotFoundError:
        raise _damaged(path, "it is missing") from None
    except UntrustedFileError as e:
        raise _damaged(path, str(e)) from None
    except OSError as e:
        hint = "Check its permissions."
        raise FolderError(f"cannot be read ({e.strerror or e})", hint=hint, where=str(path)) from None


def _damaged(path: Path, why: str) -> FolderError:
    return FolderError(f"damaged: {why}", hint="Train again, or restore the whole folder from a copy.", where=str(path))
