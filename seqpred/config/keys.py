"""Keys of a config: declaring one, and finding one by its dotted name such as `model.depth`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo


def key(default: Any, title: str, description: str, **bounds: Any) -> Any:
    """A key of a section."""
    return Field(default, title=title, description=description, **bounds)


def advanced(default: Any, title: str, description: str, **bounds: Any) -> Any:
    """A key that most users never need."""
    return Field(default, title=title, description=description, json_schema_extra={"advanced": True}, **bounds)


def is_advanced(field: FieldInfo) -> bool:
    """Whether most users never need the key of a field."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("advanced"))


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section of a field; None for a single value."""
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def fields_of(section: type[BaseModel], above: str = "") -> dict[str, FieldInfo]:
    """The fields of all keys by dotted name, those of nested sections included."""
    fields = {}
    for name, field in section.model_fields.items():
        inner = section_of(field)
        fields.update(fields_of(inner, f"{above}{name}.") if inner else {above + name: field})
    return fields


def set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in a tree of mappings, which may belong to someone else below its first level.

    >>> tree = {"model": {"depth": 2}}
    >>> set_key(tree, "model.cell", "gru")
    >>> tree
    {'model': {'depth': 2, 'cell': 'gru'}}
    """
    *parents, last = key.split(".")
    for parent in parents:
        below = tree.get(parent)
        tree[parent] = dict(below) if isinstance(below, dict) else {}
        tree = tree[parent]
    tree[last] = value


def get_key(tree: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key in a tree of mappings.

    >>> get_key({"model": {"depth": 2}}, "model.depth")
    2
    """
    value: Any = tree
    for name in key.split("."):
        value = value[name]
    return value
