"""YAML as a config may use it: its safe subset without aliases, with the line of each key, and the way back."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seqpred.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML's safe subset without aliases (which can stand for a billion values) and without tags of one's own."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias, which a config may not have", problem_mark=mark)
        tag = getattr(self.peek_event(), "tag", None)  # type: ignore[no-untyped-call]
        if tag not in (None, "!"):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=f"the tag {tag[:80]!r}, which a config may not have", problem_mark=mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """What `_Loader` reads back as the same."""


# Numbers as people write them: 1e-3 is one, and 1:30:00 is none (YAML 1.1 counts it to the base of 60, without end).
_WHOLE = re.compile(r"[-+]?(?:0b[01_]{1,64}|0x[0-9a-fA-F_]{1,16}|0[0-7_]{0,22}|[1-9][0-9_]{0,99})$")
_POINT = re.compile(r"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$")
_ENDLESS = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _regexp in ((_FLOAT, _POINT), (_FLOAT, _ENDLESS), (_INT, _WHOLE)):
    _Loader.add_implicit_resolver(_tag, _regexp, list("-+.0123456789"))
_Dumper.add_implicit_resolver(_FLOAT, _POINT, list("-+.0123456789"))


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
