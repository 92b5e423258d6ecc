"""Fuzz targets: readers and valid files, which `torture.py` alters at random and atheris with guidance by coverage.

Usage: python benchmarks/fuzz.py TARGET PLACE [libFuzzer options] runs one target with atheris, which keeps its files in
the folder PLACE. Without atheris (pip install atheris), use `torture.py fuzz`.

A reader must accept its input or raise a `SeqpredError`; anything else is a failure. Hashes are recomputed after each
alteration, so that the code behind the hash check is reached.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from seqpred.config.schema import Config

sys.path.insert(0, str(Path(__file__).parent.parent))
LONGEST = 1 << 16  # bytes of an altered file
PARTED = b"\n\x00----\x00\n"  # separates the files of a folder, which are altered as one input


@dataclass(frozen=True)
class Target:
    """A reader and the valid files that are altered for it."""

    good: tuple[bytes, ...]
    read: Callable[[bytes], object]


# ------------------------------------------------------------------ altering at random

WORDS = [b",", b"\n", b'"', b"\r", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b";", b"\t", b"1e999", b"-", b"NaN", b"inf"]
WORDS += [b"=1+1", b"2024-13-45", b"1970-01-01T00:00:00+99:99", b"9" * 400, b"0x1p3", b"\x1b[2J", b"{", b"[", b"&a "]
WORDS += [b"*a", b"!!python/object:os.system ", b": ", b"- ", b"null", b"true", b"1:59:59", b"? ", b"|", b"%", b"@"]
WORDS += [b"'", b"-1", b"0", b"0.5", b"1e300", b"auto", b"[]", b"{}", b"[1, 2]", b'""', b"99999999999", b"2024-02-30"]


def altered(content: bytes, rng: np.random.Generator) -> bytes:
    """Apply a few random truncations, repetitions, byte flips and hostile words."""
    for _ in range(min(int(rng.geometric(0.6)), 8)):
        a, b = sorted(int(x) for x in rng.integers(0, len(content) + 1, 2))
        b = b if rng.integers(3) else min(a + int(rng.integers(1, 16)), len(content))
        kind, word = rng.integers(7), WORDS[int(rng.integers(len(WORDS)))]
        if kind == 0:
            content = content[:a] + content[b:]
        elif kind == 1:
            content = content[:b] + content[a:b] * int(rng.integers(1, 4)) + content[b:]
        elif kind == 2 and a < len(content):
            content = content[:a] + bytes([int(rng.integers(256))]) + content[a + 1 :]
        elif kind == 3:
            content = content[:a] + rng.bytes(int(rng.integers(1, 9))) + content[a:]
        elif kind == 4:
            content = content[:a] + word + content[a:]
        else:  # replace a word of the file
            old = re.compile(rb"[\w.+-]+").search(content, a)
            content = content[: old.start()] + word + content[old.end() :] if old else content
        content = content[:LONGEST]
    return content


# ------------------------------------------------------------------ readers

CONFIG = {
    "data": {
        "target": ["y"],
        "time": "day",
        "id": "id",
        "covariates": {"known": ["w"], "past": ["p"], "static": ["k"]},
    },
    "model": {"cell": "gru", "hidden_size": 4, "window": 7, "members": 2},
    "forecast": {"horizon": 3, "season": 7},
    "training": {"max_steps": 2, "validation": 4, "threads": 1},
}


def table(separator: str = ",", point: str = ".", date: str = "2024-{0:02d}-{1:02d}", rows: int = 40) -> bytes:
    """A valid CSV of two series, with covariates of each role."""
    lines = [["id", "day", "y", "w", "p", "k"]]
    for series in range(2):
        for i in range(rows):
            value = f"{10 + series + i % 7 + i % 3 / 2}".replace(".", point)
            day = date.format(i // 28 + 1, i % 28 + 1)
            lines.append([f"s{series}", day, value, "rain" if i % 4 else "fair", str(i % 5), f"k{series}"])
    return ("\n".join(separator.join(line) for line in lines) + "\n").encode()


def standard_input(content: bytes) -> str:
    """Make these bytes the stdin of this process; returns `-`, the argument that reads it."""
    sys.stdin = io.TextIOWrapper(io.BytesIO(content))
    return "-"


def read_guessed(content: bytes) -> object:
    """Read a CSV without a config."""
    import seqpred

    found = seqpred.check(standard_input(content))
    return _worded(found.to_dict(), found.fault)


def read_named(content: bytes) -> object:
    """Read a CSV whose columns a config names."""
    import seqpred

    found = seqpred.check(_config(), standard_input(content))
    return _worded(found.to_dict(), found.fault)


@cache
def _config() -> Config:
    from seqpred.config.schema import Config

    return Config.from_tree(CONFIG)


def _worded(findings: Any, fault: Exception | None) -> object:
    """Require that the findings of `check` are JSON; raises the error that training would raise."""
    json.dumps(findings, allow_nan=False)
    if fault:
        raise fault
    return findings


def make_model(place: Path) -> Path:
    """The folder of a tiny model of `CONFIG`."""
    import seqpred

    seqpred.train(CONFIG, standard_input(table()), place / "good", force=True)
    return place / "good"


def folder_target(place: Path) -> Target:
    """A model folder, read, loaded by both runtimes, and asked for a forecast."""
    import seqpred
    from seqpred.commands.predict import compute_forecasts
    from seqpred.forecasting.model import Model
    from seqpred.storage import layout as folder

    names = [folder.CONFIG, folder.MANIFEST, folder.WEIGHTS, folder.GRAPH]
    good = make_model(place)
    whole = PARTED.join((good / name).read_bytes() for name in names)
    path, future = place / "altered", place / "future.csv"
    future.write_text("id,day,w\n" + "".join(f"s{s},2024-01-{i},rain\n" for s in range(2) for i in (13, 14, 15)))

    def read(content: bytes) -> object:
        path.mkdir(exist_ok=True)
        files = dict(zip(names, [*content.split(PARTED), b"", b"", b""], strict=False))
        files[folder.MANIFEST] = _fitting(files)
        for name, own in files.items():
            (path / name).write_bytes(own)
        model = seqpred.load(path)
        _ = Model(model.folder, "torch").runtime
        return compute_forecasts(model, standard_input(table(rows=12)), future=future).table()

    return Target((whole,), read)


def _fitting(files: dict[str, bytes]) -> bytes:
    """The manifest with recomputed hashes; unchanged if it cannot be parsed."""
    from seqpred.storage import layout as folder
    from seqpred.storage.model_folder import encode_manifest

    manifest = files[folder.MANIFEST]
    try:
        tree = json.loads(manifest)
        tree["sha256"] = {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n != folder.MANIFEST}
        return encode_manifest(tree)
    except (ValueError, TypeError, RecursionError):
        return manifest


def stream_targets(place: Path) -> dict[str, Target]:
    """Targets for streamed lines and for the state of a stream, which is then resumed."""
    import seqpred
    from seqpred.forecasting import session_file
    from seqpred.forecasting.stream import StreamingForecaster, StreamOptions
    from seqpred.reading.waiting_lines import waiting_lines

    model = seqpred.load(make_model(place))
    path = place / "state"
    rows = table(rows=12).splitlines(keepends=True)

    def follow(stream: StreamingForecaster, content: bytes) -> None:
        descriptor = os.memfd_create("rows")
        try:
            os.write(descriptor, content)
            os.lseek(descriptor, 0, os.SEEK_SET)
            for lines in waiting_lines(descriptor):
                for forecast in stream.take(lines):
                    stream.shown(forecast.quantiles)
                    stream.session.times_ahead(forecast)
        finally:
            os.close(descriptor)

    def begin() -> StreamingForecaster:
        return StreamingForecaster(model, "rows", StreamOptions(), lambda _: None)

    def read_lines(content: bytes) -> object:
        follow(begin(), content)
        return None

    def read_state(content: bytes) -> object:
        path.write_bytes(_signed(content))
        stream = begin()
        stream.load(path)
        follow(stream, rows[0] + rows[-1].replace(b"12", b"13"))
        return None

    def _signed(content: bytes) -> bytes:
        """The state file with a recomputed hash; unchanged if it cannot be parsed."""
        from safetensors import SafetensorError, deserialize
        from safetensors.numpy import load, save

        try:
            size = int.from_bytes(content[:8], "little")
            metadata = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["seqpred"])
            metadata.pop("sha256", None)
            arrays = load(content)
            deserialize(content)
            return save(arrays, {"seqpred": json.dumps({**metadata, "sha256": session_file._hash(arrays, metadata)})})
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return content

    stream = begin()
    follow(stream, table(rows=12))
    stream.save(path)
    return {"lines": Target((table(rows=12),), read_lines), "state": Target((path.read_bytes(),), read_state)}


def checkpoint_target(place: Path) -> Target:
    """Target for the checkpoint of an unfinished training, which is then resumed."""
    import torch

    from seqpred.network.network import Network
    from seqpred.runtime.shape import Shape
    from seqpred.storage.claim import Stop
    from seqpred.storage.layout import CHECKPOINT, STATE
    from seqpred.training.adamw import AdamW
    from seqpred.training.checkpoint import Checkpoint, pack
    from seqpred.training.run import Outcome, Run, reporting_damage

    drawn = {"cell": "rnn", "depth": 1, "hidden_size": 2, "bidirectional": False, "dropout": 0.0}
    shape = Shape(inputs=3, horizon=2, levels=(0.1, 0.5, 0.9), blend=True, recent=20, anchor=4, cycles=(4,), **drawn)
    made_for = {"config": {"data": {"path": None}}, "data": "x", "versions": {"seqpred": "1"}}

    def new() -> Run:
        network = Network(shape)
        best = Outcome(network.weights(), {"initial_forecast": np.zeros((2, 3), np.float32)}, 9)
        return Run(network, AdamW(network.parameters(), 0.1), torch.Generator(), best, 0.0)

    good = pack({"made_for": made_for, "finished": {"0": new().best.state_dict()}, "runs": {"1": new().state_dict()}})[
        32:
    ]
    path = place / CHECKPOINT / STATE
    path.parent.mkdir(exist_ok=True)

    def read(content: bytes) -> object:
        path.write_bytes(hashlib.sha256(content).digest() + content)
        checkpoint = Checkpoint(place, made_for, Stop(), lambda _: None)
        checkpoint.read()
        with reporting_damage():
            for outcome in checkpoint.finished.values():
                Outcome.load_state_dict(outcome)
        for run in checkpoint.runs.values():
            new().load_state_dict(run)
        return None

    return Target((good,), read)


def config_target(place: Path) -> Target:
    """Target for configs."""
    from seqpred.config.loading import load_config
    from seqpred.config.schema import Config
    from seqpred.config.yaml_subset import dump_yaml

    path = place / "c.yaml"
    whole = dump_yaml(Config.from_tree(CONFIG).model_dump()).encode()

    def read(content: bytes) -> object:
        path.write_bytes(content)
        return load_config(path)

    return Target((whole, dump_yaml(CONFIG).encode()), read)


KINDS = ("checkpoint", "config", "lines", "state", "folder", "table", "csv")  # fastest first


def targets(place: Path) -> dict[str, Target]:
    """All targets by kind; they write their files to `place`."""
    german = table(";", ",", "{1:02d}.{0:02d}.2024")
    american, packed = table("\t", date="{0}/{1}/2024"), gzip.compress(table(), mtime=0)
    return {
        "checkpoint": checkpoint_target(place),
        "config": config_target(place),
        **stream_targets(place),
        "folder": folder_target(place),
        "table": Target((table(), german), read_named),
        "csv": Target((table(), german, american, packed), read_guessed),
    }


# ------------------------------------------------------------------ guided by coverage


def main() -> None:
    import warnings

    import atheris

    from seqpred.errors import SeqpredError

    kind, place, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["seqpred", "yaml"]):
        target = targets(Path(place))[kind]
        target.read(target.good[0])  # instrument lazily imported modules too
    corpus = Path(place) / "corpus"
    corpus.mkdir(exist_ok=True)
    for i, content in enumerate(target.good):
        (corpus / str(i)).write_bytes(content)
    warnings.simplefilter("ignore")

    def one(content: bytes) -> None:
        with suppress(SeqpredError):
            target.read(content)

    atheris.Setup([sys.argv[0], str(corpus), *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
