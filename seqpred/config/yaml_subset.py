"""The subset of YAML that a config may use: no aliases or tags, and the line of each key is known."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seqpred.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases (a few can expand to a billion values) and without explicit tags."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not supported", problem_mark=mark)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            problem = f"the tag {tag[:80]!r} is not supported"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back as the same values."""


# Numbers as YAML 1.2 has them: 1e-3 is a number; 1:30:00 is text, where YAML 1.1 reads a number to the base of 60.
_INTEGER = re.compile(r"[-+]?(?:0b[01_]{1,64}|0x[0-9a-fA-F_]{1,16}|0[0-7_]{0,22}|[1-9][0-9_]{0,99})$")
_DECIMAL = re.compile(r"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _regexp in ((_FLOAT, _DECIMAL), (_FLOAT, _NOT_FINITE), (_INT, _INTEGER)):
    _Loader.add_implicit_resolver(_tag, _regexp, list("-+.0123456789"))
_Dumper.add_implicit_resolver(_FLOAT, _DECIMAL, list("-+.0123456789"))


def dump_yaml(value: object, **style: Any) -> str:
    """A YAML text that `read_yaml` reads back as the same value."""
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
        hint = "Check the indentation, colons and quotes there."
        raise ConfigError(
            f"not YAML ({e.problem})", hint=hint, where=f"{name}:{mark.line + 1}" if mark else name
        ) from None
    except (yaml.YAMLError, ValueError) as e:
        raise ConfigError(f"not YAML ({e})", hint="A config is plain UTF-8 text.", where=name) from None
    except RecursionError:
        raise ConfigError("nested too deeply", hint="A config has two levels.", where=name) from None
    if not isinstance(tree, dict):
        found = f"contains {'a list' if isinstance(tree, list) else 'a single value'}, not a mapping of sections"
        raise ConfigError(found, hint="Start with 'data:', then an indented 'target: ...'.", where=name)
    return tree, lines


def _build(loader: yaml.SafeLoader, node: yaml.Node, path: tuple[str, ...], lines: dict[str, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node)) if isinstance(key_node, yaml.ScalarNode) else "?"
            dotted = ".".join((*path, key))
            if key in result:
                raise yaml.MarkedYAMLError(problem=f"duplicate key {dotted!r}", problem_mark=key_node.start_mark)
            lines[dotted] = key_node.start_mark.line + 1
            result[key] = _build(loader, value_node, (*path, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, path, lines) for item in node.value]
    return loader.construct_object(node)


def read_scalar(value: str, item: str) -> Any:
    """The value of `--set item`, parsed as YAML."""
    try:
        return yaml.load(value, _Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        if len(value) == 1:  # data.decimal=, where YAML needs quotes
            return value
        hint = "Quote it: --set 'data.time=\"a: b\"'."
        raise ConfigError(f"--set {item}: the value is not YAML", hint=hint) from None
