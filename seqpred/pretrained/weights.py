"""Read the weights of a pretrained network and check them against the manifest next to them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqpred.arrays import Float32
from seqpred.errors import ConfigError, FolderError

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"
HINT = "Install seqpred again: pip install --force-reinstall seqpred"


@dataclass(frozen=True)
class PretrainedWeights:
    """One pretrained network.

    Attributes:
        weights: by name, of `network.weighing.WeighingNetwork`.
        manifest: how it was trained: cell, depth, hidden_size, steps, seed, generator, versions.
        fingerprint: SHA-256 of the file.
        content: of the file.
    """

    weights: dict[str, Float32]
    manifest: dict[str, Any]
    fingerprint: str
    content: bytes


def pretrained_cells(folder: Path = FOLDER) -> list[str]:
    """The cells with a pretrained network.

    Raises:
        FolderError: the manifest is missing or altered.
    """
    return sorted(_networks(folder))


def read_weights(cell: str, folder: Path = FOLDER) -> PretrainedWeights:
    """The pretrained network of a cell.

    Raises:
        ConfigError: there is none for this cell.
        FolderError: a file is missing or altered.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        networks = _networks(folder)
        if cell not in networks:
            known = ", ".join(sorted(networks))
            raise ConfigError(f"no network of cell {cell!r} is pretrained", hint=f"Choose one of {known}.")
        path, own = folder / f"{cell}.safetensors", networks[cell]
        content = _read(path)
        fingerprint = hashlib.sha256(content).hexdigest()
        if fingerprint != own["sha256"]:
            raise FolderError("damaged: it is not the file that the manifest names", hint=HINT, where=str(path))
        weights = {name: np.asarray(array) for name, array in sorted(load(content).items())}
        return PretrainedWeights(weights, own, fingerprint, content)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as e:
        raise FolderError(f"damaged: {e}", hint=HINT, where=str(folder)) from None


def _networks(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifest of each cell's network."""
    try:
        networks = json.loads(_read(folder / MANIFEST))["networks"]
    except (KeyError, ValueError, TypeError) as e:
        raise FolderError(f"damaged: {e}", hint=HINT, where=str(folder / MANIFEST)) from None
    if not isinstance(networks, dict):
        raise FolderError("damaged: it names no networks", hint=HINT, where=str(folder / MANIFEST))
    return networks


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise FolderError(f"cannot be read ({e.strerror})", hint=HINT, where=str(path)) from None
