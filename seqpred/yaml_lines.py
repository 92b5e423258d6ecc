"""YAML as a config may use it: its safe subset without aliases, with the line of each key, and the way back."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seqpred.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML's safe subset without aliases (which can stand for a billion values)."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias, which a config may not have", problem_mark=mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """What `_Loader` reads back as the same."""


for _yaml in (_Loader, _Dumper):  # 1e-3 is a number too, as people write it
    _yaml.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def dump_yaml(value: object, **style: Any) -> str:
    """A YAML that `parse_config` reads back as the same values."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **style)
    return text


def read_yaml(text: str, name: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping in a YAML text, and the line (from 1) of each dotted key."""
    lines: dict[str, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        tree = {} if node is None else _build(loader, node, (), lines)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(
            f"not YAML ({e.problem})", hint="Check the indentation, colons and quotes there.", where=place
        ) from None
    except (yaml.YAMLError, ValueError) as e:
        raise ConfigError(f"not YAML ({e})", hint="A config is plain UTF-8 text.", where=name) from None
    except RecursionError:
        raise ConfigError("nested too deeply", hint="A config has two levels.", where=name) from None
    if not isinstance(tree, dict):
        raise ConfigError(
            f"holds {'a list' if isinstance(tree, list) else 'a bare value'}, not a mapping of sections",
            hint="Begin with 'data:', then an indented 'target: ...'.",
            where=name,
        )
    return tree, lines


def _build(loader: yaml.SafeLoader, node: yaml.Node, path: tuple[str, ...], lines: dict[str, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node)) if isinstance(key_node, yaml.ScalarNode) else "?"
            dotted = ".".join((*path, key))
            if key in result:
                problem = f"the key {dotted!r} stands twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            lines[dotted] = key_node.start_mark.line + 1
            result[key] = _build(loader, value_node, (*path, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, path, lines) for item in node.value]
    return loader.construct_object(node)


def read_scalar(value: str, item: str) -> Any:
    """The value of `--set item`, read as a YAML would be."""
    try:
        return yaml.load(value, _Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(
            f"--set {item}: the value is not YAML", hint="Quote it, as in --set 'data.time=\"a: b\"'."
        ) from None
