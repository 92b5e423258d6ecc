"""Load a config from a YAML file and `--set` overrides."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from seqpred.config.keys import set_key
from seqpred.config.messages import Place, Section, at_key, validate
from seqpred.config.schema import Config
from seqpred.config.yaml_subset import read_scalar, read_yaml
from seqpred.errors import ConfigError

LARGEST = 1 << 20  # bytes of a config
DATA_SUFFIXES = {".csv", ".tsv", ".parquet", ".jsonl", ".xlsx", ".gz", ".zip"}  # passed instead of a config by mistake


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with `key=value` overrides applied.

    Raises:
        ConfigError: missing, not YAML, or invalid; all faults are reported together, each with its line.
    """
    if path.suffix.lower() in DATA_SUFFIXES:
        hint = f"Create one with `seqpred init {shlex.quote(str(path))} > config.yaml`."
        raise ConfigError("is a data file, not a config", hint=hint, where=str(path))
    try:
        with path.open("rb") as f:
            content = f.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        hint = "Create one with `seqpred init DATA > config.yaml`."
        raise ConfigError("no such file", hint=hint, where=str(path)) from None
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"cannot be read ({e})", hint="A config is a YAML text file.", where=str(path)) from None
    if len(content) > LARGEST:
        raise ConfigError("is larger than 1 MB", hint="A config is a short YAML file.", where=str(path))
    return parse_config(text, str(path), overrides)


def parse_config(text: str, name: str, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML text, with `key=value` overrides applied.

    Args:
        name: what errors call the text.
    Raises:
        ConfigError: not YAML, or with faults; all faults are reported together, each with its line.

    >>> parse_config("data: {target: y}", "c.yaml", ["model.cell=gru"]).model.cell
    'gru'
    """
    return parse_section(Config, text, name, overrides)


def parse_section(section: type[Section], text: str, name: str, overrides: Sequence[str] = ()) -> Section:
    """Like `parse_config`, for another kind of config, such as a resolved one."""
    tree, lines = read_yaml(text, name)
    tree = {part: keys for part, keys in tree.items() if keys is not None or part == "data"}
    places = {key: Place(f"{name}:{line}", line) for key, line in lines.items()}
    for item in overrides:
        key, value = read_override(item)
        set_key(tree, key, value)
        places = {k: p for k, p in places.items() if not k.startswith(f"{key}.")}
        places |= dict.fromkeys(accumulate(key.split("."), "{}.{}".format), Place(f"--set {item}"))
    return validate(section, tree, at_key(places, name))


def read_override(item: str) -> tuple[str, Any]:
    """The dotted key and the value of `--set key=value`."""
    key, equals, value = item.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {item}: not of the form key=value", hint="Example: --set model.cell=gru.")
    return key.strip(), read_scalar(value, item)
