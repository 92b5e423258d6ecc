"""Divide the shape of a text (its digits replaced by 0) into the parts of a timestamp, as far as one text shows.

The meaning of a number is often open here: in `00/00/0000` day and month can be in either order. `infer` resolves it
over all texts of a column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seqpred.timestamps.directives import BLANK, HALF_OF_DAY, WORD
from seqpred.timestamps.names import fold, month_of, weekday_of
from seqpred.timestamps.offsets import ZONE

NUMBER = "n"  # the role of a number whose meaning is open
_CLOCK = re.compile(
    rf"(?<![0])(?P<H>0{{1,2}})(?P<hm>[:h])(?P<M>00)(?:(?P<ms>[:m])(?P<S>00)(?:(?P<sf>[.,:])(?P<f>0{{1,9}}))?)?"
    rf"(?!0)(?:(?P<sp>{BLANK}?)(?P<p>{HALF_OF_DAY}))?"
)
_DOTTED_CLOCK = re.compile(
    rf"(?<=[ T])(?P<H>0{{1,2}})(?P<hm>\.)(?P<M>00)(?:(?P<ms>\.)(?P<S>00)(?:(?P<sf>\.)(?P<f>0{{3,9}}))?)?(?![.0])"
    rf"(?:(?P<sp>{BLANK}?)(?P<p>{HALF_OF_DAY}))?"
)
_HOUR = re.compile(rf"(?<![0])(?P<H>0{{1,2}})(?P<sp>{BLANK}?)(?P<p>{HALF_OF_DAY})(?![^\W\d_])")
_ZONE = re.compile(rf"(?P<gap> ?\(?)(?P<z>{ZONE})(?P<name> ?[\[(][\w /]+[\])])?(?=\)?$| 0000$)")
_NAMED_ZONE = re.compile(r"(?<=0)(?P<gap> ?\(?)(?P<z>Z|UTC|GMT)(?P<name>)(?=\)?$)")
_COMPACT_CLOCK = re.compile(r"T0{4}(?:00)?(?:\.0+)?$")
_DASH = re.compile(r"(?<=:00)-(?=0{1,2}:00(?::00)?$)")
_PARTS = re.compile(r"0+|[^\W\d_]{3,}")  # numbers and names, of which a date has three
_TOKEN = re.compile(rf"0+|{WORD}|.")
_SIGNS = frozenset(" \u00a0\u202f-+/.,:;'_()|")  # between the parts of a timestamp; it does not begin with + or -
_EN_DASH = "\u2013"
_SEPARATORS = (" - ", f" {_EN_DASH} ", " \u2014 ", " to ", " bis ", " ~ ", _EN_DASH, "--", "~", "/")
_MARKERS = {
    **dict.fromkeys(("q", "qtr", "quarter", "quartal", "trim", "trimestre", "kwartaal", "kvartal"), "q"),
    **dict.fromkeys(("w", "wk", "week", "kw", "woche", "sem", "semaine", "semana", "settimana", "uke"), "V"),
    "m": "m",
}
_SHORT_MARKERS = {"t": "q", "h": "i", "s": "i"}  # if there is only a year
_LITERALS = frozenset(
    ("month", "date", "day", "year", "period", "time", "datum", "monat", "jahr", "mois", "mes", "mese", "of", "de",
     "del", "den", "the", "at", "um", "a", "le", "il", "uhr", "hrs", "he", "h", "t", "ending", "ended", "starting",
     "beginning", "commencing", "fy", "fiscal", "年", "月", "日", "년", "월", "일")
)  # fmt: skip
_ATTACHED = frozenset(("h", "he", "t", "fy", "年", "月", "日", "년", "월", "일"))  # literals that may touch digits


@dataclass(frozen=True)
class Token:
    """A part of a text: a literal (no role), or what a directive is to read.

    Attributes:
        text: as in the shape.
        role: the letter of a directive, `n` for a number whose meaning is open, empty for a literal.
    """

    text: str
    role: str = ""


class NoTimestampError(ValueError):
    """A text that no timestamp looks like; the message is the word that is not part of one."""


Scan = tuple[
    tuple[Token, ...], tuple[Token, ...], str
]  # start, end and separator of an interval; otherwise a single time


def scan(shape: str, *, has_dash: bool = False) -> Scan:
    """The parts of a timestamp; for an interval, also those of the end and the text between them.

    Args:
        has_dash: whether 00:00-01:00 is an interval, and not a time with an offset from UTC.
    Raises:
        NoTimestampError: no digits, or a word that is not part of a timestamp in any language here.

    >>> [token.role for token in scan("0 May 0000 00:00")[0]]
    ['n', '', 'b', '', 'n', '', 'H', '', 'M']
    """
    for separator in _SEPARATORS:
        start, _, stop = shape.partition(separator)
        if not start or not stop or separator in stop or (separator == "/" and not ("-" in start and "-" in stop)):
            continue
        try:
            halves = _scan_one(start.rstrip()), _scan_one(stop.lstrip())
        except NoTimestampError:
            continue
        if _has_date(halves[0]) and (_kinds(halves[0]) == _kinds(halves[1]) or not _kinds(halves[1])):
            return *halves, shape[len(start.rstrip()) : len(shape) - len(stop.lstrip())]
    dash = _DASH.search(shape) if has_dash else None
    if dash:
        return _scan_one(shape[: dash.start()]), _scan_one(shape[dash.end() :]), "-"
    return _scan_one(shape), (), ""


def _has_date(tokens: tuple[Token, ...]) -> bool:
    """Whether there seems to be a year and something more."""
    kinds = _kinds(tokens)
    return len(kinds) > 1 or bool(kinds and len(kinds[0]) >= 6)


def _kinds(tokens: tuple[Token, ...]) -> list[str]:
    """The numbers and names of a date; numbers of one or two digits are the same."""
    return ["b" if t.role == "b" else t.text.rjust(2, "0") for t in tokens if t.role not in ("", *"aHMSfpz")]


def _scan_one(shape: str) -> tuple[Token, ...]:
    found = _CLOCK.search(shape) or _HOUR.search(shape)
    if not found and (dotted := _DOTTED_CLOCK.search(shape)) and len(_PARTS.findall(shape[: dotted.start()])) >= 3:
        found = dotted
    if not found:
        zone = (_ZONE if _COMPACT_CLOCK.search(_ZONE.sub("", shape)) else _NAMED_ZONE).search(shape)
        before, after = (
            (shape[: zone.start()], _zone_tokens(zone) + _rest(shape[zone.end() :])) if zone else (shape, [])
        )
        return tuple(_resolve_markers(_rest(before) + after))
    tail = shape[found.end() :]
    zone = _ZONE.match(tail)
    after = _zone_tokens(zone) + _rest(tail[zone.end() :]) if zone else _rest(tail)
    return tuple(_resolve_markers(_rest(shape[: found.start()]) + _clock_tokens(found) + after))


def _clock_tokens(found: re.Match[str]) -> list[Token]:
    """Hour, minute and so on, with the text between them."""
    tokens = [Token(text, name if name in "HMSfp" else "") for name in found.re.groupindex if (text := found[name])]
    return [Token(t.text, "I") if t.role == "H" and found["p"] else t for t in tokens]


def _zone_tokens(found: re.Match[str]) -> list[Token]:
    before, after = ([Token(found[part])] if found[part] else [] for part in ("gap", "name"))
    return [*before, Token(found["z"], "z"), *after]


def _rest(shape: str) -> list[Token]:
    """The numbers, names and literals of a date."""
    tokens: list[Token] = []
    for text in _TOKEN.findall(shape):
        if text[0] == "0":
            tokens.append(Token(text, NUMBER))
        elif text[0].isalpha():
            tokens += _word(text, tokens)
        elif text not in _SIGNS or (text in "+-" and not tokens):
            raise NoTimestampError(text)
        elif tokens and not tokens[-1].role:
            tokens[-1] = Token(tokens[-1].text + text)
        else:
            tokens.append(Token(text))
    return tokens


def _word(text: str, before: list[Token]) -> list[Token]:
    """What a word is, given the tokens before it."""
    folded = fold(text)
    if folded in ("st", "nd", "rd", "th") and before and before[-1].role == NUMBER:
        before[-1] = Token(before[-1].text, "o")
        return []
    if month_of(text) is not None or weekday_of(text) is not None:
        return [Token(text, "b" if month_of(text) is not None else "a")]
    if folded in _MARKERS or folded in _SHORT_MARKERS or folded in _LITERALS:
        return [Token(text, "word")]
    raise NoTimestampError(text)


def _resolve_markers(tokens: list[Token]) -> list[Token]:
    """Tokens in which a marker such as Q or W has given its number its role, and other words are literals."""
    months = [i for i, t in enumerate(tokens) if t.role == "b"]
    for i in months[:-1]:  # "mar. 3 mar. 2022": the first may be a weekday
        if weekday_of(tokens[i].text) is not None:
            tokens[i] = Token(tokens[i].text, "a")
    numbers = [i for i, t in enumerate(tokens) if t.role == NUMBER]
    for i, token in enumerate(tokens):
        if token.role != "word":
            continue
        folded = fold(token.text)
        is_short = len(numbers) == 2 and all(len(tokens[n].text) <= 4 for n in numbers)
        role = _MARKERS.get(folded) or (_SHORT_MARKERS.get(folded) if is_short else None)
        clear = len(numbers) == 2 or (folded == "w" and len(numbers) == 3)
        place = _marked(tokens, i, numbers, role) if role and clear and not months else None
        if place is not None and role:
            role = "V" if folded == "s" and len(tokens[place].text) == 2 else role
            tokens[place] = Token(tokens[place].text, role)
        elif folded not in _ATTACHED and _touches_digits(tokens, i):
            raise NoTimestampError(token.text)
        tokens[i] = Token(token.text)
    if any(t.role == "V" for t in tokens):
        tokens = [Token(t.text, "u") if t.role == NUMBER and t.text == "0" else t for t in tokens]
    return _joined(tokens)


def _marked(tokens: list[Token], marker: int, numbers: list[int], role: str) -> int | None:
    """The place of the number that a marker belongs to: the one behind it, the one before it, or any short one."""
    widths = (1,) if role in "qi" else (1, 2)
    behind = [n for n in numbers if n > marker][:1]
    before = [n for n in numbers if n < marker][-1:]
    order = [*behind, *before, *numbers]
    for width in (widths, (1, 2)):  # 1Q19 is the first quarter
        for place in order:
            if len(tokens[place].text) in width:
                return place
    return None


def _touches_digits(tokens: list[Token], place: int) -> bool:
    """Whether a word has no blank or sign between itself and a number."""
    return any(0 <= n < len(tokens) and tokens[n].text[0] == "0" for n in (place - 1, place + 1))


def _joined(tokens: list[Token]) -> list[Token]:
    """Literals side by side made one."""
    joined: list[Token] = []
    for token in tokens:
        if joined and not token.role and not joined[-1].role:
            joined[-1] = Token(joined[-1].text + token.text)
        else:
            joined.append(token)
    return joined
