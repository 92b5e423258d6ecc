"""Links, pipes and devices in a model folder are refused before they are opened, and nothing outside it is changed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from seqpred.errors import FolderError, WriteError
from seqpred.storage.atomic import new_folder, old_folder, replace_file
from seqpred.storage.claim import claim
from seqpred.storage.layout import CHECKPOINT, CONFIG, LOCK, MANIFEST, STATE, WEIGHTS, remove_leftovers
from seqpred.storage.model_folder import read_folder
from seqpred.storage.untrusted import UntrustedFileError, irregular, read_regular
from tests.storage.test_model_folder import write


def link(path: Path) -> None:
    """A link to a file outside the folder."""
    target = path.parents[2] / "outside"
    target.write_bytes(b"mine")
    path.symlink_to(target)


def dangling(path: Path) -> None:
    path.symlink_to(path.parents[2] / "missing")


def looping(path: Path) -> None:
    path.symlink_to(path)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        before = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may not be long
        s.bind(path.name)
        os.chdir(before)


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o20644, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("needs permission to make a device")


KINDS = [link, dangling, looping, pipe, listening, device]
plant_each = pytest.mark.parametrize("plant", KINDS, ids=lambda plant: plant.__name__)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "m"
    path.parent.mkdir()
    write(path)
    return path


@plant_each
@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, MANIFEST])
def test_a_model_file_that_is_not_a_regular_file_is_refused(
    model: Path, name: str, plant: Callable[[Path], None]
) -> None:
    (model / name).unlink()
    plant(model / name)
    with pytest.raises(FolderError, match=f"{name}: damaged: it is a"):
        read_folder(model)


@plant_each
@pytest.mark.parametrize("name", [STATE, LOCK])
@pytest.mark.parametrize("option", ["", "force", "resume"])
def test_training_refuses_an_unfinished_folder_with_such_a_file(
    tmp_path: Path, name: str, option: str, plant: Callable[[Path], None]
) -> None:
    checkpoint = tmp_path / "runs" / "m" / CHECKPOINT
    checkpoint.mkdir(parents=True)
    plant(checkpoint / name)
    _refused(tmp_path, option)


@pytest.mark.parametrize("option", ["", "force", "resume"])
def test_training_refuses_a_checkpoint_folder_that_is_a_link(tmp_path: Path, option: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / STATE).write_bytes(b"mine")
    (outside / f".{STATE}.x").write_bytes(b"mine too")
    (tmp_path / "runs" / "m").mkdir(parents=True)
    (tmp_path / "runs" / "m" / CHECKPOINT).symlink_to(outside)
    _refused(tmp_path, option)


@pytest.mark.parametrize("temporary", [new_folder, old_folder])
@pytest.mark.parametrize("option", ["", "force", "resume"])
def test_training_refuses_a_planted_temporary_folder(
    tmp_path: Path, option: str, temporary: Callable[[Path], Path]
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / MANIFEST).write_bytes(b"mine")
    (tmp_path / "runs").mkdir()
    temporary(tmp_path / "runs" / "m").symlink_to(tmp_path / "outside")
    _refused(tmp_path, option)


def _refused(place: Path, option: str) -> None:
    """Claiming runs/m fails and changes nothing anywhere."""
    before = _contents(place)
    options = {"force": option == "force", "resume": option == "resume"}
    with pytest.raises(WriteError, match="training does not touch"), claim(place / "runs" / "m", "again", **options):
        pass
    assert _contents(place) == before


def _contents(place: Path) -> dict[str, object]:
    paths = place.rglob("*")
    return {str(p): p.read_bytes() if p.is_file() and not p.is_symlink() else p.lstat().st_mode for p in paths}


def test_leftovers_are_restored_without_following_links(tmp_path: Path) -> None:
    model = tmp_path / "m"
    write(model)
    old = old_folder(model)
    model.rename(old)
    (tmp_path / "secret").write_text("secret")
    (old / WEIGHTS).unlink()
    (old / WEIGHTS).symlink_to(tmp_path / "secret")
    model.mkdir()
    remove_leftovers(model)
    assert not (model / WEIGHTS).exists()
    assert (tmp_path / "secret").read_text() == "secret"


def test_replacing_a_file_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    (tmp_path / "state").symlink_to(tmp_path / "outside")
    replace_file(tmp_path / "state", b"new")
    assert (tmp_path / "outside").read_bytes() == b"mine"
    assert (tmp_path / "state").read_bytes() == b"new"
    assert not (tmp_path / "state").is_symlink()


def test_a_regular_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert irregular(path) == ""
    assert irregular(tmp_path / "missing") == ""
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(UntrustedFileError, match="it has 5 bytes, more than 4"):
        read_regular(path, 4)


def test_a_model_folder_behind_a_link_is_read_and_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(model)
    assert read_folder(tmp_path / "latest").manifest == read_folder(model).manifest
    write(tmp_path / "latest", seed=1)
    assert (tmp_path / "latest").is_symlink()
    assert read_folder(model).path == model
