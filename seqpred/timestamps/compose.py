"""From the form of a column's texts, and the meaning of its numbers, to a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from seqpred.timestamps.forms import CLOCK, Form, Slot, name_directive
from seqpred.timestamps.intervals import Duration

ANY = Duration(0, 0)


def compose(form: Form, letters: Sequence[str], flags: Mapping[str, str] | None = None, length: Duration = ANY) -> str:
    """The text of a pattern.

    Args:
        form: the parts of the texts.
        letters: for each of `form.dates`, the letters of its directives, as `d` or `YmdH`; those that follow a `+`
            belong to the end of an interval.
        flags: directives to replace others, as `-d` for `d` or `K` for `H`.
        length: of an interval; in reading it does not matter.
    """
    flags = flags or {}
    meaning = iter(letters)
    pieces = [_piece(slot, meaning, flags, length) for slot in form.slots]
    for lacking, roles in (("f", "f"), ("S", "Sf"), ("clock", CLOCK), ("clock and zone", CLOCK + "z")):
        if lacking in form.lacking:
            _bracket(form.slots, pieces, roles)
    if not form.end:
        return "".join(pieces)
    meaning = iter(letters)
    end = [_piece(slot, meaning, flags, length) for slot in form.end]
    return "".join(pieces) + _literal(form.separator) + f"%{{{length}}}" + "".join(end)


def _piece(slot: Slot, meaning: Iterator[str], flags: Mapping[str, str], length: Duration) -> str:
    """The directives of a slot."""
    if not slot.role:
        return _literal(slot.text)
    if slot.role in "bap":
        if slot.role == "b":
            next(meaning)
        return name_directive(slot)
    if slot.role == "f":
        return f"%{'' if slot.widths == {6} else next(iter(slot.widths)) if len(slot.widths) == 1 else '-'}f"
    letters = slot.role if slot.role in CLOCK + "z" else next(meaning)
    if slot.role == "o":
        return "%o"
    interval, letters = (f"%{{{length}}}" if letters.startswith("+") else ""), letters.lstrip("+")
    if len(letters) > 1:
        return interval + "".join(f"%{letter}" for letter in letters)
    return interval + _number(slot, letters, flags)


def _number(slot: Slot, letter: str, flags: Mapping[str, str]) -> str:
    """The directive of a number, as wide as it is written."""
    if slot.role == "n" and letter == "f":
        return f"%{min(slot.widths)}f" if slot.widths != {6} else "%f"
    if flags.get(letter, "").startswith("-"):
        return f"%{flags[letter]}"
    letter = flags.get(letter, letter)
    if letter in "qi" and slot.widths == {2}:
        return f"%2{letter}"
    if letter == "d" and slot.padded and 1 in slot.widths:
        return "%e"
    narrow = letter in "mdHKIVj" and min(slot.widths) < (3 if letter == "j" else 2)
    return f"%-{letter}" if narrow else f"%{letter}"


def _literal(text: str) -> str:
    return re.sub(r"([%\[\]])", r"%\1", text)


def _bracket(slots: Sequence[Slot], pieces: list[str], roles: str) -> None:
    """Put the slots of these roles, with the literal before them, into brackets."""
    places = [i for i, slot in enumerate(slots) if slot.role and slot.role in roles]
    first, last = places[0], places[-1]
    first -= first > 0 and not slots[first - 1].role
    pieces[first], pieces[last] = f"[{pieces[first]}", f"{pieces[last]}]"
