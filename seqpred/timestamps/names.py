"""Names of months and weekdays in common languages of exports.

Not from the C library, whose locales depend on the machine, nor from Babel, which is 30 MB for 300 words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

# One list a line, in the order of the months. Dots, accents and capitals do not matter in reading.
_MONTHS = {
    "en": """
        Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
        January February March April May June July August September October November December
        Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec
        Jan. Feb. Mar. Apr. May Jun. Jul. Aug. Sep. Oct. Nov. Dec.
        Jan. Feb. March April May June July Aug. Sept. Oct. Nov. Dec.""",
    "de": """
        Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez
        Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez
        Jän Feb Maerz Apr Mai Jun Jul Aug Sep Okt Nov Dez
        Januar Februar März April Mai Juni Juli August September Oktober November Dezember
        Jänner Februar März April Mai Juni Juli August September Oktober November Dezember
        Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.""",
    "fr": """
        jan fév mar avr mai juin juil aoû sep oct nov déc
        jan fev mars avr mai jun jul aout sep oct nov dec
        janvier février mars avril mai juin juillet août septembre octobre novembre décembre
        janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.""",
    "es": """
        ene feb mar abr may jun jul ago sep oct nov dic
        ene feb mar abr may jun jul ago sept oct nov dic
        enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        enero febrero marzo abril mayo junio julio agosto setiembre octubre noviembre diciembre""",
    "it": """
        gen feb mar apr mag giu lug ago set ott nov dic
        gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
        gen. febbr. mar. apr. magg. giugno luglio ag. sett. ott. nov. dic.""",
    "pt": """
        jan fev mar abr mai jun jul ago set out nov dez
        janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro""",
    "nl": """
        jan feb mrt apr mei jun jul aug sep okt nov dec
        januari februari maart april mei juni juli augustus september oktober november december
        jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.""",
    "sv": """
        jan feb mar apr maj jun jul aug sep okt nov dec
        januari februari mars april maj juni juli augusti september oktober november december
        jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.""",
    "da": """
        jan feb mar apr maj jun jul aug sep okt nov dec
        januar februar marts april maj juni juli august september oktober november december
        jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.""",
    "nb": """
        jan feb mar apr mai jun jul aug sep okt nov des
        januar februar mars april mai juni juli august september oktober november desember
        jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des.""",
    "pl": """
        sty lut mar kwi maj cze lip sie wrz paź lis gru
        styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień
        stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia""",
}
# Monday to Sunday.
_WEEKDAYS = {
    "en": """
        Mon Tue Wed Thu Fri Sat Sun
        Monday Tuesday Wednesday Thursday Friday Saturday Sunday
        Mon Tues Wed Thurs Fri Sat Sun
        Mo Tu We Th Fr Sa Su""",
    "de": """
        Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag
        Montag Dienstag Mittwoch Donnerstag Freitag Sonnabend Sonntag
        Mo Di Mi Do Fr Sa So""",
    "fr": """
        lundi mardi mercredi jeudi vendredi samedi dimanche
        lun. mar. mer. jeu. ven. sam. dim.""",
    "es": """
        lunes martes miércoles jueves viernes sábado domingo
        lun mar mié jue vie sáb dom""",
    "it": """
        lunedì martedì mercoledì giovedì venerdì sabato domenica
        lun mar mer gio ven sab dom""",
    "pt": """
        segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo
        seg ter qua qui sex sáb dom""",
    "nl": """
        maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
        ma di wo do vr za zo""",
    "sv": "måndag tisdag onsdag torsdag fredag lördag söndag",
    "da": "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    "pl": "poniedziałek wtorek środa czwartek piątek sobota niedziela",
}
_NO_ACCENT = str.maketrans("łøßæ", "losa")


def fold(word: str) -> str:
    """A word without capitals, accents and dots, as names are compared.

    >>> fold("Févr."), fold("MÄRZ")
    ('fevr', 'marz')
    """
    plain = unicodedata.normalize("NFKD", word.casefold().replace(".", "")).translate(_NO_ACCENT)
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare)  # Hangul was decomposed


def _lists(table: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Every list of names, English ones first."""
    return [tuple(line.split()) for text in table.values() for line in text.strip().splitlines()]


@cache
def _places(kind: str) -> dict[str, int]:
    """The place of each folded name in its list; no two languages disagree about a name."""
    lists = _lists(_MONTHS if kind == "month" else _WEEKDAYS)
    return {fold(name): place for names in reversed(lists) for place, name in enumerate(names)}


def month_of(word: str) -> int | None:
    """The month from 1 to 12 that a word names in any of the languages; None for other words.

    >>> month_of("janvier"), month_of("SEPT."), month_of("Friday")
    (1, 9, None)
    """
    place = _places("month").get(fold(word))
    return None if place is None else place + 1


def weekday_of(word: str) -> int | None:
    """The day of the week that a word names, Monday being 0; None for other words.

    >>> weekday_of("Fri"), weekday_of("vendredi"), weekday_of("May")
    (4, 4, None)
    """
    return _places("weekday").get(fold(word))


ENGLISH_MONTHS = {form: tuple(_MONTHS["en"].strip().splitlines()[line].split()) for line, form in enumerate("bB")}
ENGLISH_WEEKDAYS = {form: tuple(_WEEKDAYS["en"].strip().splitlines()[line].split()) for line, form in enumerate("aA")}


def complete_names(words: Iterable[str], kind: str) -> tuple[str, ...]:
    """All names of months or weekdays, in the language and form in which a column writes some of them.

    A name that the column contains is written as there; the others follow the list that agrees with most of its words.

    Args:
        words: the names in the column, in order of appearance.
        kind: `month` or `weekday`.

    >>> complete_names(["JAN", "MAY"], "month")[:3], complete_names(["févr.", "mai"], "month")[7]
    (('JAN', 'FEB', 'MAR'), 'août')
    """
    seen = list(dict.fromkeys(words))
    lists = _lists(_MONTHS if kind == "month" else _WEEKDAYS)
    exact = {word.casefold() for word in seen}
    bare = {word.rstrip(".") for word in exact}
    folded = {fold(word) for word in exact}

    def agreement(names: tuple[str, ...]) -> tuple[int, int, int]:
        lower = {name.casefold() for name in names}
        dotless = {name.rstrip(".") for name in lower}
        return len(folded & set(map(fold, names))), len(bare & dotless), len(exact & lower)

    best = max(lists, key=agreement)
    dotted = sum(word.endswith(".") for word in seen) > 0
    shaped = [_in_case(name if dotted else name.rstrip("."), seen) for name in best]
    place_of = month_of if kind == "month" else weekday_of
    for word in reversed(seen):
        place = place_of(word)
        if place is not None:
            shaped[place - (kind == "month")] = word
    return tuple(shaped)


def _in_case(name: str, words: list[str]) -> str:
    """A name in the capitals of the column's words."""
    if all(word.isupper() for word in words):
        return name.upper()
    return name.lower() if all(word.islower() for word in words) else name[:1].upper() + name[1:]
