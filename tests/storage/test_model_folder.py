"""The model folder: round trips, detection of damage, and failed writes that keep the old model."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpred.config.schema import Config
from seqpred.errors import FolderError, WriteError
from seqpred.recipe.resolved import ResolvedConfig
from seqpred.storage import atomic
from seqpred.storage.atomic import check_writable, new_folder, old_folder, write_file
from seqpred.storage.layout import CONFIG, MANIFEST, WEIGHTS, check_target, remove_leftovers
from seqpred.storage.model_folder import FORMAT, encode_manifest, read_folder, write_folder

MODEL = {"depth": 1, "hidden_size": 4, "window": 4, "anchor": 1, "lags": [1], "members": 1, "joint": False}
TRAINING = {"batch_size": 1, "max_steps": 1, "learning_rate": 0.002, "validation": 1, "threads": 1}


def resolved_config(target: str, **data: Any) -> ResolvedConfig:
    """A config without `auto`."""
    data = {"target": target, "frequency": "row", "covariates": {"calendar": []}, **data}
    forecast = {"horizon": 2, "season": 1}
    tree = {"data": data, "model": MODEL, "forecast": forecast, "training": TRAINING}
    return ResolvedConfig.of(Config.from_tree(tree))


CONFIGURED = resolved_config("größe")
MANIFESTED = {
    "made_by": {"seqpred": "0"},
    "data": {"fingerprint": "ab", "ends": {"größe": 7}},
    "scores": {"skill": 0.25},
}
FILES = (WEIGHTS, CONFIG, MANIFEST)


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Some arrays, one of them empty."""
    rng = np.random.default_rng(seed)
    sizes = {"b": (4, 3), "a": (5,), "empty": (0, 2)}
    return {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}


def write(path: Path, seed: int = 0) -> dict[str, Any]:
    """Write a model folder."""
    return write_folder(path, CONFIGURED, weights(seed), MANIFESTED)


def holds(path: Path, seed: int = 0) -> bool:
    """Whether the folder loads, with these weights."""
    found, expected = read_folder(path).weights(), weights(seed)
    return found.keys() == expected.keys() and all(np.array_equal(found[n], expected[n]) for n in expected)


def names(path: Path) -> list[str]:
    """All that is in a folder, hidden names too."""
    return sorted(p.name for p in path.iterdir())


def fault(path: Path) -> str:
    """The error message for a damaged folder."""
    with pytest.raises(FolderError) as e:
        read_folder(path).weights()
    return str(e.value)


def rewrite_manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A manifest as someone who knows the format would forge it."""
    manifest = json.loads((path / MANIFEST).read_bytes())
    change(manifest)
    (path / MANIFEST).write_bytes(encode_manifest(manifest))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A whole model folder."""
    path = tmp_path / "runs" / "small"
    path.parent.mkdir()
    write(path)
    return path


# ------------------------------------------------------------------ written and read back


def test_a_written_folder_is_read_back(model: Path) -> None:
    found = read_folder(model)
    assert found.config == CONFIGURED
    assert {k: found.manifest[k] for k in MANIFESTED} == MANIFESTED
    assert found.manifest["format"] == FORMAT
    assert holds(model)
    assert all(a.dtype == np.float32 for a in found.weights().values())


@pytest.mark.parametrize("view", ["turned", "every other row", "backwards"])
def test_arrays_of_any_memory_layout_are_read_back(view: str, tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    array = {"turned": whole.T, "every other row": whole[::2], "backwards": whole[:, ::-1]}[view]
    write_folder(tmp_path / "m", CONFIGURED, {"w": array}, {})
    np.testing.assert_array_equal(read_folder(tmp_path / "m").weights()["w"], array)


def test_a_folder_has_three_files_and_no_temporary_files_remain(model: Path) -> None:
    assert names(model) == sorted(FILES)
    assert names(model.parent) == ["small"]


def test_the_returned_manifest_is_the_one_in_the_folder(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m")
    assert read_folder(tmp_path / "m").manifest == manifest
    assert manifest["fingerprint"] == hashlib.sha256((tmp_path / "m" / WEIGHTS).read_bytes()).hexdigest()


def test_the_same_model_has_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write_folder(tmp_path / "b", CONFIGURED, dict(reversed(weights().items())), MANIFESTED)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_moved_folder_loads(model: Path, tmp_path: Path) -> None:
    model.rename(tmp_path / "elsewhere")
    assert holds(tmp_path / "elsewhere")


def test_a_new_model_replaces_the_old_one(model: Path) -> None:
    write(model, seed=1)
    assert holds(model, seed=1)
    assert names(model.parent) == ["small"]


def test_the_stored_config_includes_every_default(model: Path) -> None:
    text = (model / CONFIG).read_text(encoding="utf-8")
    for key in ("learning_rate:", "dropout:", "quantiles:", "season:", "target: größe"):
        assert key in text


@pytest.mark.parametrize("name", ["1e3", "yes", "2024-01-01", "a: b", "#", "\u2028", "'", " y"])
def test_column_names_of_any_kind_are_read_back(name: str, tmp_path: Path) -> None:
    config = resolved_config(name, id=name + name)
    write_folder(tmp_path / "m", config, weights(), {})
    assert read_folder(tmp_path / "m").config == config


# ------------------------------------------------------------------ damaged


@pytest.mark.parametrize("name", FILES)
def test_the_error_for_a_missing_file_names_it(model: Path, name: str) -> None:
    (model / name).unlink()
    message = fault(model)
    assert message.startswith(f"{model / name}: damaged: it is missing")
    assert "Train again" in message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_the_error_for_a_truncated_file_names_it(model: Path, name: str, share: float) -> None:
    content = (model / name).read_bytes()
    (model / name).write_bytes(content[: int(share * len(content))])
    assert fault(model).startswith(f"{model / name}: damaged")


@pytest.mark.parametrize("name", FILES)
def test_an_extra_byte_is_detected(model: Path, name: str) -> None:
    with (model / name).open("ab") as f:
        f.write(b"\n")
    assert fault(model).startswith(f"{model / name}: damaged")


@pytest.mark.parametrize("name", FILES)
def test_the_error_for_a_folder_instead_of_a_file_names_it(model: Path, name: str) -> None:
    (model / name).unlink()
    (model / name).mkdir()
    assert str(model / name) in fault(model)


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_detected(model: Path, name: str) -> None:
    content = (model / name).read_bytes()
    rng = np.random.default_rng(7)
    places = np.unique([0, 1, len(content) - 2, len(content) - 1, *rng.integers(0, len(content), 120)])
    for place in places.tolist():
        altered = bytearray(content)
        altered[place] ^= 1 << int(rng.integers(8))
        (model / name).write_bytes(altered)
        with pytest.raises(FolderError):
            read_folder(model)
    (model / name).write_bytes(content)
    assert holds(model)


def test_every_flipped_bit_in_the_first_bytes_of_the_manifest_is_detected(model: Path) -> None:
    content = (model / MANIFEST).read_bytes()
    for place in range(40):
        for bit in range(8):
            altered = bytearray(content)
            altered[place] ^= 1 << bit
            (model / MANIFEST).write_bytes(altered)
            with pytest.raises(FolderError):
                read_folder(model)


def test_a_file_of_another_model_is_detected(model: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", seed=1)
    (model / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    assert fault(model).startswith(f"{model / WEIGHTS}: damaged: it is not the file that training wrote")


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"3", b"{}", b'{"format": "1"}', b"\xff", b"[" * 100_000])
def test_an_invalid_manifest_is_reported_as_damaged(model: Path, content: bytes) -> None:
    (model / MANIFEST).write_bytes(content)
    assert fault(model).startswith(f"{model / MANIFEST}: damaged")


def test_invalid_files_with_valid_hashes_are_rejected_with_a_message(model: Path) -> None:
    for name, content in (
        (WEIGHTS, b"\x08\0\0\0\0\0\0\0garbage!"),
        (CONFIG, b"data: ["),
        (CONFIG, b"data: {}"),
        (CONFIG, b"\xff"),
    ):
        whole = (model / name).read_bytes()
        (model / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        rewrite_manifest(model, lambda m, n=name, d=digest: m["sha256"].update({n: d}))  # type: ignore[misc]
        assert name in fault(model)
        (model / name).write_bytes(whole)
        digest = hashlib.sha256(whole).hexdigest()
        rewrite_manifest(model, lambda m, n=name, d=digest: m["sha256"].update({n: d}))  # type: ignore[misc]
    assert holds(model)


@pytest.mark.parametrize("hashes", [None, [], {}, {WEIGHTS: None}, "x"])
def test_a_manifest_without_hashes_is_reported_as_damaged(model: Path, hashes: Any) -> None:
    rewrite_manifest(model, lambda m: m.update(sha256=hashes))
    assert "damaged" in fault(model)


def test_a_newer_format_error_names_the_upgrade(model: Path) -> None:
    rewrite_manifest(model, lambda m: m.update(format=FORMAT + 1, something="new"))
    assert fault(model) == (
        f"{model}: has format {FORMAT + 1}; this version of seqpred reads format {FORMAT}. "
        "Upgrade with `pip install --upgrade seqpred`."
    )


def test_a_newer_format_is_recognized_without_its_hashes(model: Path) -> None:
    (model / MANIFEST).write_text(json.dumps({"format": FORMAT + 5}))
    (model / WEIGHTS).unlink()
    assert "this version of seqpred reads format" in fault(model)


def test_a_file_that_is_too_large_is_rejected_before_it_is_read(model: Path) -> None:
    os.truncate(model / CONFIG, (1 << 20) + 1)
    assert f"{CONFIG}: damaged: it has 1048577 bytes" in fault(model)


def test_a_missing_folder_and_a_file_in_its_place_have_different_errors(tmp_path: Path) -> None:
    assert fault(tmp_path / "none").startswith(f"{tmp_path / 'none'}: no such model folder")
    (tmp_path / "file").write_text("x")
    assert fault(tmp_path / "file").startswith(f"{tmp_path / 'file'}: is a file, not a model folder")


# ------------------------------------------------------------------ failed writes


class Breaking:
    """Lets a function of the system through a few times, then fails (for ever, or once)."""

    def __init__(self, real: Callable[..., Any], after: int, failure: BaseException, *, once: bool = False) -> None:
        self.real, self.after, self.failure, self.once, self.calls = real, after, failure, once, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls == self.after + 1 or (self.calls > self.after and not self.once):
            raise self.failure
        return self.real(*args, **kwargs)


FULL = OSError(errno.ENOSPC, "No space left on device")


def breaking_rename(patch: pytest.MonkeyPatch, after: int, failure: BaseException, *, once: bool) -> None:
    """Make each way to rename break together, where two folders can't change names in one step."""
    patch.setattr(atomic, "_exchange", lambda *_: False)
    broken = Breaking(os.rename, after, failure, once=once)
    patch.setattr(os, "rename", broken)
    patch.setattr(os, "replace", broken)
    for name in ("rename", "replace"):

        def method(self: Path, target: Path) -> Any:
            return broken(self, target)

        patch.setattr(Path, name, method)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_after_a_full_disk_the_old_model_loads(model: Path, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", Breaking(os.fsync, after, FULL))
        with pytest.raises(WriteError, match="No space left on device") as e:
            write(model, seed=1)
    assert str(model) in str(e.value)
    assert holds(model)
    assert names(model.parent) == ["small"]


@pytest.mark.parametrize("after", [0, 1])
def test_after_a_failed_rename_the_old_model_loads_and_no_temporary_files_remain(model: Path, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        breaking_rename(patch, after, FULL, once=True)
        with pytest.raises(WriteError, match="No space left on device"):
            write(model, seed=1)
    assert holds(model)
    assert names(model.parent) == ["small"]


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_after_ctrl_c_a_complete_model_loads_and_no_temporary_files_remain(model: Path, call: str, after: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", Breaking(os.fsync, after, KeyboardInterrupt(), once=True))
        else:
            breaking_rename(patch, after, KeyboardInterrupt(), once=True)
        try:
            write(model, seed=1)
        except KeyboardInterrupt:
            assert holds(model)
        else:
            assert holds(model, seed=1)
    assert names(model.parent) == ["small"]


def test_an_old_model_that_cannot_be_restored_is_not_deleted(model: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        breaking_rename(patch, 1, FULL, once=False)
        with pytest.raises(WriteError):
            write(model, seed=1)
    assert any(p.name == MANIFEST and holds(p.parent) for p in model.parent.rglob(MANIFEST)), "the old model is gone"


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_first_write_that_fails_leaves_no_file(tmp_path: Path, call: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", Breaking(os.fsync, 1, FULL))
        else:
            breaking_rename(patch, 0, FULL, once=False)
        with pytest.raises(WriteError):
            write(tmp_path / "m")
    assert names(tmp_path) == []


def test_parent_folders_are_created(tmp_path: Path) -> None:
    write(tmp_path / "none" / "m")
    assert holds(tmp_path / "none" / "m")


# ------------------------------------------------------------------ one file


def test_a_file_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_file(path, b"one\n")
    write_file(path, b"two\n")
    assert path.read_bytes() == b"two\n"
    assert names(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("failure", [FULL, KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, call: str, failure: BaseException) -> None:
    path = tmp_path / "out.csv"
    write_file(path, b"one\n")
    with pytest.MonkeyPatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", Breaking(os.fsync, 0, failure))
        else:
            breaking_rename(patch, 0, failure, once=False)
        with pytest.raises((WriteError, KeyboardInterrupt)):
            write_file(path, b"two\n")
    assert path.read_bytes() == b"one\n"
    assert names(tmp_path) == ["out.csv"]


def test_a_file_in_a_missing_folder_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"out\.csv: cannot be written"):
        write_file(tmp_path / "none" / "out.csv", b"x")


# ------------------------------------------------------------------ checks in advance


def test_a_model_is_replaced_only_with_force(model: Path) -> None:
    with pytest.raises(WriteError, match=r"already contains a model\. Replace it with --force"):
        check_target(model, force=False)
    check_target(model, force=True)
    assert holds(model)


@pytest.mark.parametrize("force", [False, True])
def test_other_files_and_folders_are_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("x")
    for name in ("file", "photos"):
        with pytest.raises(WriteError, match="exists and is not a model folder"):
            check_target(tmp_path / name, force=force)


def test_a_model_may_be_written_to_an_empty_or_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty", force=False)
    write(tmp_path / "empty")
    assert holds(tmp_path / "empty")
    check_target(tmp_path / "runs" / "deep" / "m", force=False)
    write(tmp_path / "runs" / "deep" / "m")


def test_a_parent_that_is_a_file_is_rejected_in_advance(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="cannot be written"):
        check_target(tmp_path / "file" / "m", force=False)


def test_no_file_in_a_folder_is_executable(model: Path) -> None:
    assert {p.suffix for p in model.iterdir()} == {".safetensors", ".yaml", ".json"}
    assert not any(os.access(p, os.X_OK) for p in model.iterdir())


def test_weights_may_be_any_kind_of_mapping(tmp_path: Path) -> None:
    class Frozen(Mapping[str, np.ndarray]):
        def __getitem__(self, name: str) -> np.ndarray:
            return weights()[name]

        def __iter__(self) -> Any:
            return iter(weights())

        def __len__(self) -> int:
            return len(weights())

    write_folder(tmp_path / "m", CONFIGURED, Frozen(), {})
    assert holds(tmp_path / "m")


def test_a_kill_between_two_renames_is_repaired(model: Path) -> None:
    model.rename(old_folder(model))
    shutil.copytree(old_folder(model), new_folder(model))
    remove_leftovers(model)
    assert holds(model)
    assert [p.name for p in model.parent.iterdir()] == [model.name]


def test_leftovers_next_to_a_complete_model_are_removed(model: Path) -> None:
    write(old_folder(model), seed=1)
    remove_leftovers(model)
    assert holds(model)
    assert [p.name for p in model.parent.iterdir()] == [model.name]


@pytest.mark.parametrize("failure", [OSError, AttributeError, TypeError])
def test_folders_are_replaced_without_an_atomic_exchange(
    model: Path, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def fail(_: object) -> None:
        raise failure

    monkeypatch.setattr("ctypes.CDLL", fail)
    write(model, seed=1)
    assert holds(model, seed=1)
    assert [p.name for p in model.parent.iterdir()] == [model.name]


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", b"rows")
    assert os.read(reader, 9) == b"rows"
    os.close(reader)


def test_a_folder_without_a_manifest_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(FolderError, match="is not a model folder"):
        read_folder(tmp_path)
