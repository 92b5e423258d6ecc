"""The form that the texts of a column share: the combination of their shapes.

Shapes may differ in the names of months, in the widths of numbers, and in parts that some rows lack: the fraction of
a second, the seconds, or the clock at midnight (as R writes it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from seqpred.timestamps.names import ENGLISH_MONTHS, ENGLISH_WEEKDAYS, complete_names
from seqpred.timestamps.scan import NUMBER, Scan, Token

Structure = tuple[str, ...]
CLOCK = "HIMSfp"


@dataclass
class Slot:
    """A part of a form.

    Attributes:
        role: as that of a `scan.Token`.
        text: of a literal.
        widths: of a number or fraction, in all shapes.
        words: names, in order of appearance.
        padded: whether a blank fills up a number of one digit, as in `May  1`.
    """

    role: str
    text: str
    widths: set[int] = field(default_factory=set)
    words: list[str] = field(default_factory=list)
    padded: bool = False

    @property
    def kind(self) -> str:
        """Its part of a key of `orders.ORDERS`."""
        return str(max(2, *self.widths)) if self.role in (NUMBER, "o") else self.role


@dataclass
class Form:
    """The parts of a timestamp as the texts of a column have them.

    Attributes:
        slots: those of the timestamp, or of the start of an interval.
        end: those of the end.
        separator: the text between start and end.
        lacking: which of `f`, `S` (and `f`), `clock` and `clock and zone` some texts lack.
        shapes: those that it covers.
    """

    slots: list[Slot]
    end: list[Slot]
    separator: str
    lacking: set[str] = field(default_factory=set)
    shapes: list[str] = field(default_factory=list)

    @cached_property
    def dates(self) -> list[Slot]:
        """The slots whose meaning depends on `orders`, in order."""
        return [slot for slot in self.slots if slot.role not in ("", "a", "z", *CLOCK)]

    @property
    def kinds(self) -> list[str]:
        """The key of their meaning."""
        return [slot.kind for slot in self.dates]


def common_form(scans: Mapping[str, Scan], counts: Mapping[str, int]) -> Form:
    """The form that covers most texts.

    Args:
        scans: of each shape, what `scan` makes of it.
        counts: how many texts have each shape.
    """
    structures: dict[Structure, list[str]] = {}
    for shape, (start, end, separator) in scans.items():
        middle = [f"'{separator}'"] if end else []
        structures.setdefault((*map(_part, start), *middle, *map(_part, end)), []).append(shape)
    best: tuple[int, Structure, dict[Structure, str]] | None = None
    for structure in sorted(structures, key=len, reverse=True)[:64]:
        variants = {(): "", **_variants(structure)} | {structure: ""}
        covered = sum(counts[s] for v in variants for s in structures.get(v, ()))
        if best is None or covered > best[0]:
            best = covered, structure, variants
    assert best is not None
    _, structure, variants = best
    longest = scans[structures[structure][0]]
    form = Form(_slots(longest[0]), _slots(longest[1]), longest[2])
    for variant, lacking in variants.items():
        for shape in structures.get(variant, ()):
            form.shapes.append(shape)
            form.lacking |= {lacking} - {""}
            _lay_over(form.slots, scans[shape][0])
            _lay_over(form.end, scans[shape][1])
    return form


def _part(token: Token) -> str:
    """What a token has in common with those of other shapes of the same form."""
    if not token.role:
        return f"'{re.sub(' +', ' ', token.text)}'"
    if token.role in (NUMBER, "o") and len(token.text) > 3:
        return f"{token.role}{len(token.text)}"
    return token.role


def _variants(structure: Structure) -> dict[Structure, str]:
    """The structures that lack the fraction, the seconds, or the clock of a longer one, and which of them."""
    variants: dict[Structure, str] = {}
    for roles, name in (("f", "f"), ("Sf", "S"), (CLOCK, "clock"), (CLOCK + "z", "clock and zone")):
        rest = _without(structure, roles)
        if rest != structure and rest[:1] == structure[:1]:  # the clock does not come first
            variants.setdefault(rest, name)
    return variants


def _without(parts: Structure, roles: str) -> Structure:
    """The parts without those of some roles, and without the literals before them."""
    kept: list[str] = []
    for part in parts:
        if len(part) == 1 and part in roles:
            if kept and kept[-1].startswith("'"):
                kept.pop()
        else:
            kept.append(part)
    return tuple(kept)


def _slots(tokens: Sequence[Token]) -> list[Slot]:
    return [Slot(token.role, re.sub(" +", " ", token.text)) for token in tokens]


def _lay_over(slots: Sequence[Slot], tokens: Sequence[Token]) -> None:
    """Note the widths and words of one shape."""
    left = iter(tokens)
    before = ""
    token = next(left, None)
    for slot in slots:
        text = re.sub(" +", " ", token.text) if token else ""
        if token is None or slot.role != token.role or (not slot.role and slot.text != text):
            continue  # a part that this shape lacks
        if slot.role in ("b", "a", "p"):
            slot.words.append(token.text)
        elif slot.role:
            slot.widths.add(len(token.text))
            slot.padded |= before.endswith("  ")
        before = token.text
        token = next(left, None)


def name_directive(slot: Slot) -> str:
    """The directive of a slot of names: plain where they are English ones, else followed by all names."""
    words = list(dict.fromkeys(slot.words))
    if slot.role == "p":
        pair = tuple(_half_of_day(words[0], letter) for letter in "ap")
        return "%p" if pair == ("AM", "PM") else f"%p{{{'|'.join(pair)}}}"
    names = complete_names(words, "month" if slot.role == "b" else "weekday")
    for letter, english in {**ENGLISH_MONTHS, **ENGLISH_WEEKDAYS}.items():
        if names == english:
            return f"%{letter}"
    return f"%{slot.role}{{{'|'.join(names)}}}"


def _half_of_day(word: str, letter: str) -> str:
    """AM or PM as another one is written."""
    return (letter.upper() if word[0].isupper() else letter) + word[1:]
