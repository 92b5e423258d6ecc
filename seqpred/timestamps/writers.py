"""Functions that write the parts of a pattern."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from seqpred.timestamps.directives import Directive
from seqpred.timestamps.parts import OptionalPart, Part, flat

Writer = Callable[[datetime, str], str]  # of a local time and a zone


def writer_of(parts: Sequence[Part]) -> Writer:
    """A function that writes these parts; most are attributes of a datetime, which one format string writes at once."""
    pieces: list[Writer] = []
    form = ""
    for part in parts:
        if isinstance(part, str):
            form += part.replace("{", "{{").replace("}", "}}")
        elif isinstance(part, Directive) and (simple := part.as_format()):
            form += simple
        else:
            pieces += [_formatter(form)] if form else []
            form = ""
            pieces.append(_optional_writer(part) if isinstance(part, OptionalPart) else _directive_writer(part))
    pieces += [_formatter(form)] if form or not pieces else []
    return pieces[0] if len(pieces) == 1 else lambda stamp, zone: "".join([piece(stamp, zone) for piece in pieces])


def _formatter(form: str) -> Writer:
    return lambda stamp, _: form.format(stamp)


def _directive_writer(part: Part) -> Writer:
    assert isinstance(part, Directive)
    return (lambda _, zone: zone) if part.letter == "z" else (lambda stamp, _: part.write(stamp))


def _optional_writer(part: OptionalPart) -> Writer:
    """A part that is written where a field of its clock is not zero; always if it has no clock."""
    write = writer_of(part.parts)
    fields = {p.kind.field for p in flat(part.parts) if isinstance(p, Directive)}
    clock = [name for name in ("hour", "minute", "second", "microsecond") if name in fields]

    def write_if_any(stamp: datetime, zone: str) -> str:
        return write(stamp, zone) if not clock or any(getattr(stamp, name) for name in clock) else ""

    return write_if_any
