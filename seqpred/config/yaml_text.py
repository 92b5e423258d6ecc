"""Write a config as commented YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from seqpred.config.keys import get_key, is_advanced
from seqpred.config.schema import Config, config_fields
from seqpred.config.yaml_subset import dump_yaml

WIDTH = 100  # columns
LONGEST = 44  # columns of a line after which the comments of its section are aligned
Line: TypeAlias = tuple[str, str]
"""A line of YAML and its comment."""


def to_yaml(
    config: Config,
    comments: Mapping[str, str],
    shown: Collection[str] = (),
    suggestions: Mapping[str, Any] | None = None,
) -> str:
    """The config as YAML, with a comment for each key.

    Args:
        comments: by dotted key, instead of the titles in the schema.
        shown: advanced keys, or sections of such, that are written as well.
        suggestions: other values by dotted key, which are written commented out.

    >>> from seqpred.config.loading import parse_config
    >>> print(to_yaml(parse_config("data: {target: y}", ""), {"data.target": "by name"}).split("model")[0].rstrip())
    data:
      path: null       # relative to the working directory
      time: auto       # timestamps
      target: y        # by name
      id: auto         # identifies the series
      frequency: auto  # time from one row to the next
    """
    tree, suggestions = config.model_dump(), suggestions or {}
    entries: list[Entry] = []
    for key, field in config_fields().items():
        comment = comments.get(key, field.title or "")
        if not is_advanced(field) or any(f"{key}.".startswith(f"{above}.") for above in shown):
            entries.append(Entry(key, get_key(tree, key), comment))
        if key in suggestions:
            entries.append(Entry(key, suggestions[key], comment, commented_out=True))
    sections = [_section(name, list(own), comments) for name, own in groupby(entries, lambda e: e.key.split(".")[0])]
    return "\n\n".join(sections) + "\n"


@dataclass(frozen=True)
class Entry:
    """A key with its value and comment."""

    key: str
    value: Any
    comment: str
    commented_out: bool = False

    def line(self) -> Line:
        """The entry as YAML, and its comment separately."""
        *sections, name = self.key.split(".")
        indent = "  " * len(sections) + ("# " if self.commented_out else "")
        start = f"{indent}{name}: "
        return start + format_value(self.value, len(start), f"{indent}  "), self.comment


def _section(section: str, entries: Sequence[Entry], comments: Mapping[str, str]) -> str:
    lines: list[Line] = [(f"{section}:", "")] if entries[0].key != section else []
    for above, own in groupby(entries, lambda entry: entry.key.rpartition(".")[0]):
        if above not in (section, ""):
            *outer, name = above.split(".")
            lines.append((f"{'  ' * len(outer)}{name}:", comments.get(above, "")))
        lines += [entry.line() for entry in own]
    return "\n".join(_aligned(lines))


def comment_lines(text: str, indent: str = "") -> list[str]:
    """A text as comment lines of at most `WIDTH` columns."""
    prefix = f"{indent}# "
    return textwrap.wrap(text, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False)


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    """Lines with their comments in one column, those that do not fit on separate lines before them."""
    column = max((len(text) for text, comment in lines if comment and len(text) <= LONGEST), default=0)
    for text, comment in lines:
        line = f"{text.ljust(column)}  # {comment}" if comment else text
        if comment and ("\n" in text or len(line) > WIDTH):
            yield from comment_lines(comment, text[: len(text) - len(text.lstrip())])
            line = text
        yield line


def format_value(value: object, start: int = 0, indent: str = "") -> str:
    """A value as YAML: one line, or for a long list several, of which the first begins in column `start`."""
    if isinstance(value, list):
        return _format_list([format_value(item) for item in value], start, indent)
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = dump_yaml([value], default_flow_style=True, default_style=style, width=float("inf"))
    return text.strip()[1:-1]


def _format_list(items: Sequence[str], start: int, indent: str) -> str:
    lines: list[str] = []
    line = "["
    for item in items:
        comma = "" if line == "[" else ","
        if len(line) > 1 and (0 if lines else start) + len(line) + len(item) + 3 > WIDTH:
            lines.append(line + comma)
            line = indent + item
        else:
            line += f"{comma} {item}" if comma else item
    return "\n".join([*lines, line + "]"])
