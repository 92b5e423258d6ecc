"""The faults that pydantic finds in a config, as error messages."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seqpred.config.keys import fields_of, section_of
from seqpred.errors import ConfigError, did_you_mean

Section = TypeVar("Section", bound=BaseModel)
Path: TypeAlias = tuple[str, ...]

LONGEST = 100  # characters of a value in a message
NOT_A_MAPPING = ("model_type", "model_attributes_type", "dict_type")
EXPECTED = {  # by pydantic's type of error, with its context
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length} values",
    "too_long": "at most {max_length} values",
    "literal_error": "{expected}",
}


class Place(NamedTuple):
    """Where a key is set: what errors call the place, and its line for sorting (0 for an override)."""

    text: str
    line: int = 0


class KeyFault(NamedTuple):
    """One fault of a config."""

    place: Place
    message: str
    hint: str

    def error(self) -> ConfigError:
        """The fault as an exception."""
        return ConfigError(self.message, hint=self.hint, where=self.place.text)


def validate(section: type[Section], tree: Mapping[str, Any], find_place: Callable[[Path], Place]) -> Section:
    """The config in a tree.

    Args:
        find_place: the place of a key, given its path.
    Raises:
        ConfigError: all faults, ordered by line.
    """
    try:
        return section.model_validate(tree)
    except ValidationError as e:
        faults = sorted(_faults(section, tree, e.errors(), find_place), key=lambda fault: fault.place.line)
    first, *others = (fault.error() for fault in faults)
    if not others:
        raise first
    raise ConfigError(first.message, hint="\n".join([first.hint, *map(str, others)]))


def _faults(
    section: type[BaseModel],
    tree: Mapping[str, Any],
    errors: Sequence[ErrorDetails],
    find_place: Callable[[Path], Place],
) -> Iterator[KeyFault]:
    """One fault for each key; pydantic reports one for each type that the key may have."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(_path_of(section, error["loc"], tree), []).append(error)
    for path, found in by_path.items():
        yield KeyFault(find_place(path), *_worded(section, path, tree, found))


def _path_of(section: type[BaseModel], loc: tuple[int | str, ...], tree: Mapping[str, Any]) -> Path:
    """The sections and the key of an error's location, without what is inside the key's value."""
    below: object = tree
    inner: type[BaseModel] | None = section
    path = tuple(map(str, loc))
    for depth, name in enumerate(path):
        if not isinstance(below, Mapping) or inner is None:
            return path[:depth]
        field = inner.model_fields.get(name)
        below, inner = below.get(name), section_of(field) if field else None
    return path


def _worded(
    section: type[BaseModel], path: Path, tree: Mapping[str, Any], errors: Sequence[ErrorDetails]
) -> tuple[str, str]:
    """The message and the hint for the errors of one key."""
    key, kind = ".".join(path), errors[0]["type"]
    if kind == "extra_forbidden":
        return f"unknown key {_short(key)}", _nearest_key(section, path)
    if kind == "missing":
        hint = "Name the column to forecast, as in 'data: {target: y}'; `seqpred init DATA` writes a complete config."
        return f"{key} is missing", hint
    value: Any = tree
    for name in path:
        value = value[name]
    if kind in NOT_A_MAPPING:
        return f"{key} is {_short(value)}, not a mapping", "Indent its keys below it."
    inside = [e for e in errors if e["input"] is not value and isinstance(value, list)]
    found = f"{key} contains {_short(inside[0]['input'])}" if inside else f"{key} is {_short(value)}"
    own = next((e for e in errors if e["type"] not in EXPECTED), None)
    if own:
        return f"{found}: {_reason(own)}", own.get("ctx", {}).get("hint") or _meaning(section, key)
    expected = dict.fromkeys(EXPECTED[e["type"]].format(**e.get("ctx", {})) for e in inside or errors)
    return f"{found}; expected {', or '.join(expected)}", _meaning(section, key)


def _reason(error: ErrorDetails) -> str:
    """The message of one of our validators, or of pydantic for a type that has no words in `EXPECTED`."""
    raised = error.get("ctx", {}).get("error")
    return str(raised) if isinstance(raised, ValueError) else error["msg"]


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**LONGEST else "a very large number"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _nearest_key(section: type[BaseModel], path: Path) -> str:
    from seqpred.config.foreign_names import translate

    *above, name = path
    keys, prefix = list(fields_of(section)), "".join(f"{a}." for a in above)
    elsewhere = next((key for key in keys if key.split(".")[-1] == name), None)
    if elsewhere:
        return f"Did you mean {elsewhere!r}?"
    inside = dict.fromkeys(key.removeprefix(prefix).split(".")[0] for key in keys if key.startswith(prefix))
    return translate(name) or did_you_mean(name, inside)


def _meaning(section: type[BaseModel], key: str) -> str:
    field = fields_of(section).get(key)
    return f"{key.rsplit('.', 1)[-1]}: {field.description}" if field and field.description else "See `seqpred schema`."


def at_key(places: Mapping[str, Place], name: str) -> Callable[[Path], Place]:
    """The place of a key, or of the nearest section above it; `name` if there is none."""

    def find(path: Path) -> Place:
        above = list(itertools.accumulate(path, "{}.{}".format))
        return next((places[key] for key in reversed(above) if key in places), Place(name))

    return find
