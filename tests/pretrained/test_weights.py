"""The weights in the package: complete, small, and checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seqpred.errors import ConfigError, FolderError
from seqpred.pretrained.weights import FOLDER, pretrained_cells, read_weights


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for path in FOLDER.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    return tmp_path


def test_there_is_a_network_for_each_built_in_cell() -> None:
    assert set(pretrained_cells()) == {"lstm", "gru", "rnn"}
    networks = [read_weights(cell) for cell in pretrained_cells()]
    assert [network.manifest["cell"] for network in networks] == pretrained_cells()
    assert sum(len(network.content) for network in networks) < 2 << 20


def test_altered_weights_are_an_error(copied: Path) -> None:
    path = copied / "lstm.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(FolderError, match=r"lstm.safetensors: damaged: it is not the file that the manifest names"):
        read_weights("lstm", copied)


def test_missing_weights_are_an_error(copied: Path) -> None:
    (copied / "lstm.safetensors").unlink()
    with pytest.raises(FolderError, match="cannot be read"):
        read_weights("lstm", copied)


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"networks": {"lstm": {}}})])
def test_an_altered_manifest_is_an_error(copied: Path, content: str) -> None:
    (copied / "manifest.json").write_text(content)
    with pytest.raises(FolderError, match="damaged"):
        read_weights("lstm", copied)


def test_other_cells_are_not_pretrained() -> None:
    with pytest.raises(ConfigError, match="no network of cell 'own' is pretrained"):
        read_weights("own")
