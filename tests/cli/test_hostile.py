"""Files made to do harm: one sentence and an exit code, quickly and with little memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from seqpred.storage.model_folder import encode_manifest
from tests.cli.outside import COMMAND, environment, monthly

CONFIGS = {
    "nested 10,000 deep": ("[" * 10_000, "nested too deeply"),
    "mappings 10,000 deep": ("".join(f"{' ' * i}a:\n" for i in range(1200)), "nested too deeply"),
    "aliases": ("data: &a {target: y}\nmodel: *a\n", "c.yaml:2: not YAML (aliases are not supported)"),
    "a python object": ("data: !!python/object/apply:os.system ['touch harm']\n", "the tag"),
    "a python name": ("data: {target: !!python/name:os.system }\n", "the tag"),
    "a tag on a mapping": ("data: !mine {target: y}\n", "c.yaml:1: not YAML (the tag '!mine'"),
    "a number without end": ("data: {target: y}\ntraining: {seed: " + "9" * 100_000 + "}\n", "c.yaml:2: training.seed"),
    "to the base of 60": ("data: {target: y}\ntraining: {seed: 1" + ":59" * 100_000 + "}\n", "training.seed is '1:59"),
    "60, with a point": ("data: {target: y}\ntraining: {seed: 1" + ":59" * 9_999 + ".5}\n", "training.seed is '1:59"),
    "hexadecimal": ("data: {target: y}\ntraining: {seed: 0x" + "f" * 100_000 + "}\n", "training.seed"),
    "a key without end": ("data: {target: y}\n? " + "k" * 100_000 + "\n: 1\n", "unknown key"),
    "two megabytes": ("# " + "x" * (2 << 20), "c.yaml: is larger than 1 MB"),
    "not text": (b"\x00\xff\xfe" * 99, "c.yaml"),
}


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS)
def test_hostile_config_is_rejected_with_a_short_message(refused, write, content):
    text, expected = content
    write("c.yaml", text)
    message = refused(2, "show", "c.yaml")
    assert expected in message
    assert len(message) < 1000


def bomb() -> bytes:
    """A gzip file of a tenth of a megabyte that holds 48 MB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as f:
        f.write(b"y\n")
        for _ in range(48):
            f.write(b"1\n" * (1 << 19))
    return packed.getvalue()


TABLES = {
    "one endless line": lambda: b"y," * (2 << 20),
    "one endless name": lambda: b"y" * (2 << 20),
    "a million columns": lambda: ",".join(f"c{i}" for i in range(10**6)).encode() + b"\n",
    "columns of nothing": lambda: b"y" + b"," * 20_000 + b"\n" + b"1\n" * 99,
    "a gzip bomb": bomb,
}


@pytest.mark.parametrize("name", TABLES)
def test_hostile_table_is_rejected_with_a_short_message(refused, write, name):
    write("t.csv", TABLES[name]())
    write("c.yaml", "data: {path: t.csv, target: y, id: null, time: null}\n")
    message = refused(3, "train", "c.yaml")
    assert "t.csv: " in message
    assert len(message) < 1000


def test_fields_that_look_like_formulas_are_unchanged(run, write, models):
    names = ["=1+1", "+2", "-3", "@SUM(A1)", "=cmd|' /C calc'!A0"]
    rows = "".join(f'"{name}",{2 * i},{100 + i % 12}\n' for name in names for i in range(40))
    write("t.csv", f"store,day,value\n{rows}")
    done = run("predict", models["many"].folder, "t.csv", "--steps", "1")
    assert done.code == 0, done.err
    assert [line.split(",")[0] for line in done.out.splitlines()[1:]] == names
    done = run("predict", models["many"].folder, "t.csv", "--steps", "1", "--format", "jsonl")
    assert [json.loads(line)["store"] for line in done.out.splitlines()] == names


def test_control_characters_are_escaped_only_on_a_terminal(write, models, tmp_path):
    """Control characters are escaped on a terminal and unchanged in a pipe."""
    name = "\x1b]0;owned\x07\x1b[2J\u202efdp\x9b31m"
    write("t.csv", "store,day,value\n" + "".join(f"{name},{2 * i},{100 + i % 12}\n" for i in range(40)))
    arguments = ["predict", str(models["many"].folder), "t.csv", "--steps", "1"]
    piped = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, env=environment(), check=False)
    assert not piped.returncode, piped.stderr
    assert name in piped.stdout.decode()
    for command in (
        arguments,
        ["predict", name],
        ["train", f"{name}.yaml"],
        ["eval", str(models["many"].folder), name],
    ):
        shown = on_terminal(command, tmp_path)
        assert shown
        bare = re.sub(r"\x1b\[[01]m", "", shown)  # the header of a table is bold
        assert not [c for c in bare if not c.isprintable() and c not in "\r\n"], shown


def on_terminal(arguments: list[str], place) -> str:
    """Both output streams of a command on a terminal."""
    main, other = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=place, env=environment(), stdin=subprocess.DEVNULL, stdout=other, stderr=other
    )
    os.close(other)
    shown = b""
    try:
        while part := os.read(main, 1 << 16):
            shown += part
    except OSError:  # the terminal's end
        pass
    process.wait()
    os.close(main)
    return shown.decode()


def make_hashes_fit(model) -> None:
    """Update the hashes of a model folder after its files were altered."""
    manifest = json.loads((model / "manifest.json").read_bytes())
    manifest["sha256"] = {n: hashlib.sha256((model / n).read_bytes()).hexdigest() for n in manifest["sha256"]}
    (model / "manifest.json").write_bytes(encode_manifest(manifest))


def test_model_folder_with_an_oversized_config_is_rejected(refused, models, tmp_path):
    """The config asks for a network of terabytes, and its hash is correct."""
    copied = shutil.copytree(models["single"].folder, tmp_path / "m")
    config = (copied / "config.yaml").read_text()
    greedy = config.replace("hidden_size: 8", "hidden_size: 8192").replace("depth: 2", "depth: 64")
    assert greedy != config
    (copied / "config.yaml").write_text(greedy)
    make_hashes_fit(copied)
    (tmp_path / "sales.csv").write_text(monthly())
    for runtime in ("onnx", "torch"):
        message = refused(4, "predict", "m", "sales.csv", "--runtime", runtime)
        assert "the weights do not fit its config" in message


def test_graph_that_does_not_match_the_weights_is_not_run(run, models, tmp_path):
    """It could use unlimited memory or time; its hash is correct."""
    single = models["single"]
    copied = shutil.copytree(single.folder, tmp_path / "m")
    honest = run("predict", copied, single.data, "--runtime", "onnx")
    (copied / "model.onnx").write_bytes(b"no graph")
    make_hashes_fit(copied)
    altered = run("predict", copied, single.data, "--runtime", "onnx")
    assert (altered.code, altered.out) == (0, honest.out), altered.err
