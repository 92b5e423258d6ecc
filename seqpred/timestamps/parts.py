"""The parts of a pattern: literals, directives, optional parts and durations, parsed from its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seqpred.timestamps.directives import KINDS, SPEC, Directive
from seqpred.timestamps.intervals import Duration

MOST_OPTIONAL = 8  # parts, which bounds the work on one text


class OptionalPart(NamedTuple):
    """A part of a pattern that a text may lack."""

    parts: tuple[Part, ...]


Part = str | Directive | OptionalPart | Duration


def parse_parts(text: str) -> tuple[Part, ...]:
    """The parts of a pattern's text.

    Raises:
        ValueError: a bracket or a percent sign is not complete, or there are too many optional parts.

    >>> parse_parts("%Y[-%m]")
    (Directive(letter='Y', flag='', option=''), OptionalPart(parts=('-', Directive(letter='m', flag='', option=''))))
    """
    if text.count("[") > MOST_OPTIONAL:
        raise ValueError(f"{text!r} has too many optional parts")
    parts, rest = _parse(text, closing=False)
    if rest:
        raise ValueError(f"{text!r} has a ']' without a '['")
    return parts


def _parse(text: str, *, closing: bool) -> tuple[tuple[Part, ...], str]:
    """The parts of a pattern's text up to its end, or to the bracket that closes it, and what follows."""
    parts: list[Part] = []
    whole = text
    while text and not (text[0] == "]" and closing):
        if text[:2] in ("%%", "%[", "%]"):
            _append(parts, text[1])
            text = text[2:]
        elif text[:2] == "%{":
            duration, _, text = text[2:].partition("}")
            parts.append(Duration.parse(duration))
        elif text[0] == "%":
            spec = SPEC.match(text)
            if not spec or spec["letter"] not in KINDS:
                raise ValueError(f"{whole!r} has a '%' without a directive")
            parts.append(Directive(spec["letter"], spec["flag"] or "", spec["option"] or ""))
            text = text[spec.end() :]
        elif text[0] == "[":
            inner, text = _parse(text[1:], closing=True)
            if not text:
                raise ValueError(f"{whole!r} has a '[' without a ']'")
            parts.append(OptionalPart(inner))
            text = text[1:]
        elif text[0] == "]":
            return tuple(parts), text
        else:
            _append(parts, text[0])
            text = text[1:]
    return tuple(parts), text


def _append(parts: list[Part], letter: str) -> None:
    """Add a letter to the literal at the end."""
    if parts and isinstance(parts[-1], str):
        parts[-1] += letter
    else:
        parts.append(letter)


def flat(parts: Sequence[Part]) -> Iterator[str | Directive | Duration]:
    """The parts, those of optional parts among them."""
    for part in parts:
        if isinstance(part, OptionalPart):
            yield from flat(part.parts)
        else:
            yield part


def regex_of(parts: Sequence[Part], names: Iterator[str]) -> str:
    """The regex of these parts; the names are those of its groups."""
    regex = ""
    for i, part in enumerate(parts):
        if isinstance(part, str):
            regex += re.sub(r"(\\ )+", r" +", re.escape(part))
        elif isinstance(part, OptionalPart):
            regex += f"(?:{regex_of(part.parts, names)})?"
        elif isinstance(part, Directive):
            adjacent = any(_is_number(parts[n]) for n in (i - 1, i + 1) if 0 <= n < len(parts))
            regex += f"(?P<{next(names)}>{part.regex(adjacent=adjacent and part.kind.is_number)})"
    return regex


def _is_number(part: Part) -> bool:
    return isinstance(part, Directive) and part.kind.is_number
