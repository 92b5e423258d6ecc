"""Files, standard input or a DataFrame become a table of numbers; pandas lives here, in `frames.py` and `dates.py`.

Faults carry the line of the file on which they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from seqpred.arrays import Int
from seqpred.calendar.zones import are_repeated
from seqpred.errors import DataError, did_you_mean
from seqpred.reading.frame import Wanted, find_nested, header, read_frame
from seqpred.reading.plain import read_plain
from seqpred.sources.columns import Columns
from seqpred.sources.dialect import EMPTY, LARGEST, LETTERS, Decimal, decide_decimal, to_numbers
from seqpred.sources.source import BROKEN, Source
from seqpred.timestamps.format import TimestampFormat
from seqpred.timestamps.reader import read_timestamps, stripped
from seqpred.timestamps.recognize import Recognized, recognize_numbers, recognize_texts
from seqpred.timestamps.units import Unit

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "whole", "time", "clock", "text", "empty"]
SAMPLE_ROWS = 2000
SAMPLE_TEXTS = 200  # distinct ones of a column, at most, that decide whether they are timestamps
FEW_ROWS = 3
LIKE_TIMES = r"(?=(?:.*\d){2}).{3,30}"  # short texts with two digits or more


class MarkError(DataError):
    """Cells among numbers that hold a mark such as `?`, the same in all of them, and no number.

    Args:
        mark: what they hold.
    """

    def __init__(self, fault: DataError, mark: str) -> None:
        super().__init__(fault.message, hint=fault.hint)
        self.mark = mark


@dataclass(frozen=True)
class ColumnProfile:
    """What the first rows say of a column.

    Attributes:
        dated: whether its timestamps are dates without a time of day.
        counted: whether it numbers the rows.
        part: the unit of a part of a timestamp that it holds, as `month` or `hour`.
        unreadable: why it is not a time column though it looks like one; empty for others.
    """

    name: str
    kind: Kind
    distinct: int
    rows: int
    dated: bool = False
    counted: bool = False
    part: Unit | None = None
    unreadable: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a source, as numbers, in the order in which they stand there.

    Attributes:
        names: the series, in order of appearance; one nameless series where there is no id column.
        codes: [rows], which series a row belongs to.
        times: [rows], see `timing`.
        values: [rows, columns], NaN where the cell is empty; of a column of categories, places in its `words`.
        words: the categories of each such column, as they stand there.
        notes: what was decided or taken as missing, for people.
        places: [rows], which row of the source each comes from, where that is another one.
        continues: whether its first series is the last one of the table before; see `store.Stored`.
    """

    source: Source
    columns: Columns
    clock: TimestampFormat
    names: list[str]
    codes: Int
    times: Int
    values: npt.NDArray[np.float64]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    places: Int | None = None
    continues: bool = False

    def parts(self) -> Iterator[Table]:
        """Itself: what is in memory is looked at in one go; see `store.Stored`."""
        yield self

    def where(self, row: int) -> str:
        """The place of a row in the file."""
        return self.source.where(row if self.places is None else int(self.places[row]))


# ------------------------------------------------------------------ the first rows


def profile_columns(source: Source) -> list[ColumnProfile]:
    """What each column seems to hold, from the first rows.

    Raises:
        DataError: empty, no header, only a header, or not a table at all.
    """
    if len(source.parts) > 1:
        header(source)  # the same in all of them
    frame = read_frame(source, rows=SAMPLE_ROWS)
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    return [_profile(frame[c], (*EMPTY, *source.dialect.missing_texts)) for c in frame.columns]


def name_columns(source: Source) -> list[ColumnProfile]:
    """The columns by name alone, for a model that knows what they hold; what has no plain header is sketched.

    Raises:
        DataError: as `sketch`.
    """
    try:
        names = header(source)
    except (UnicodeDecodeError, *BROKEN):
        names = []  # the sketch has the words for it
    return [ColumnProfile(name, "empty", 0, 0) for name in names] or profile_columns(source)


def _profile(column: pd.Series, empty: Sequence[str]) -> ColumnProfile:
    from pandas.api import types

    filled = column[column.notna() & ~column.isin(empty)]
    name, distinct = str(column.name), int(column.nunique())
    found = _recognize(name, filled)
    kind = _kind(column, filled, found)
    counted = types.is_integer_dtype(column) and column.iloc[0] in (0, 1) and bool((column.diff()[1:] == 1).all())
    unreadable = found.unreadable if kind == "text" else ""
    if kind == "text" and distinct == len(column) >= FEW_ROWS and stripped(filled).str.fullmatch(LIKE_TIMES).all():
        unreadable = unreadable or f"{str(filled.iloc[0]).strip()!r} is not a timestamp"
    is_dated = kind == "time" and not found.has_clock
    return ColumnProfile(name, kind, distinct, len(column), is_dated, counted, found.part, unreadable)


def _recognize(name: str, filled: pd.Series) -> Recognized:
    """What a column could be in a timestamp."""
    from pandas.api import types

    if not len(filled) or types.is_bool_dtype(filled):
        return Recognized()
    if types.is_datetime64_any_dtype(filled):
        return Recognized(is_time=True, has_clock=bool((filled != filled.dt.normalize()).any()))
    texts = stripped(filled)
    if not types.is_numeric_dtype(filled):
        numbers = _plain_numbers(texts.iloc[:SAMPLE_TEXTS])
        if numbers.isna().any():
            return recognize_texts(name, list(texts.unique()[:SAMPLE_TEXTS]))
        filled = _plain_numbers(texts)
    return recognize_numbers(name, list(texts.unique()), filled.unique().tolist())


def _kind(column: pd.Series, filled: pd.Series, found: Recognized) -> Kind:
    from pandas.api import types

    if not len(filled):
        return "empty"
    if found.is_time or found.is_clock:
        return "time" if found.is_time else "clock"
    if len(filled) < len(column) and types.is_string_dtype(column):
        numbers = _plain_numbers(filled)  # but for words such as NA it may be one of numbers
        if numbers.notna().all():
            return "whole" if bool((numbers == numbers.round()).all()) else "number"
    if types.is_integer_dtype(column):
        return "whole"
    if types.is_numeric_dtype(column):
        return "number"
    texts = stripped(filled.iloc[:50])
    known = [text for text in texts.tolist() if not _is_mark(text)] if texts[texts.map(_is_mark)].nunique() == 1 else []
    known = known or texts.tolist()
    return "number" if any(np.isfinite(to_numbers(known, d)).all() for d in ".,") else "text"


def _is_mark(text: str) -> bool:
    """Whether a text has no letter or digit, as ? or --; it may stand for an empty cell."""
    return not any(map(str.isalnum, text))


# ------------------------------------------------------------------ the columns asked for


def read_table(source: Source, columns: Columns, categories: Collection[str] = ()) -> Table:
    """The rows of a source as numbers.

    Args:
        categories: the covariates that hold categories; what stands in their cells is a word, whatever it is.
    Raises:
        DataError: a column is absent, a cell is not what its column holds, a time or id is missing; the first
            three lines are named, and how many there are.
    """
    ignored = _check_columns(source, columns)
    plain = read_plain(source, columns, categories)
    if plain:
        notes = (*_id_notes(plain.names, columns.id), *_sentinel_notes(source, plain.marked))
        parts = (plain.clock, plain.names, plain.codes, plain.times, plain.values, plain.words)
        return Table(source, columns, *parts, notes)
    frame = read_frame(source, _wanted(source, columns, categories))
    if not len(frame):
        raise DataError("has a header but no rows", hint="Check the export that made it.", where=source.name)
    decimal, note = _decimal(source, frame, [name for name in columns.values if name not in categories])
    if decimal != source.dialect.decimal:
        table = read_table(source.with_dialect(replace(source.dialect, decimal=decimal)), columns, categories)
        return replace(table, notes=(note, *table.notes))
    names, codes = _series(source, frame, columns.id)
    stamps = read_timestamps(source, frame, columns.time, codes)
    values = np.empty((len(frame), len(columns.values)))
    words: dict[str, tuple[str, ...]] = {}
    marked = 0
    for i, name in enumerate(columns.values):
        if name in categories:
            values[:, i], words[name] = _categories(frame[name])
        else:
            values[:, i], count = _numbers(source, frame[name], name)
            marked += count
    ids = frame[columns.id].unique() if columns.id else ()
    notes = (*source.notes, *ignored, *_id_notes(ids, columns.id), *stamps.notes)
    notes += (*_once_notes(stamps.format, codes, stamps.times), *_sentinel_notes(source, marked))
    return Table(source, columns, stamps.format, names, codes, stamps.times, values, words, notes)


def _wanted(source: Source, columns: Columns, categories: Collection[str]) -> Wanted:
    """The columns that are read, and those whose cells stay as they are written."""
    texts = set(columns.values if source.dialect.decimal == "," else categories)
    texts |= set(columns.time)
    return Wanted(tuple(_names(columns)), columns.id, frozenset(texts), frozenset(categories))


def _names(columns: Columns) -> list[str]:
    return [c for c in (columns.id, *columns.time, *columns.values) if c is not None]


def _check_columns(source: Source, columns: Columns) -> list[str]:
    """Refuse columns that are absent or not unique; the notes on columns that are ignored."""
    there = header(source)
    nested = [] if source.is_csv else [name for part in source.parts if not part.is_csv for name in find_nested(part)]
    for name in _names(columns):
        if name in nested:
            hint = "Name columns of numbers, text or timestamps."
            raise DataError(f"column {name!r} is nested: its cells are lists or mappings", hint=hint, where=source.name)
        if name not in there:
            raise DataError(f"no column {name!r}", hint=did_you_mean(name, there), where=source.name)
        if there.count(name) > 1:
            raise DataError(f"two columns are called {name!r}", hint="Rename one.", where=source.name)
    return [f"nested columns are ignored: {', '.join(map(repr, dict.fromkeys(nested)))}"] if nested else []


def _sentinel_notes(source: Source, marked: int) -> Iterator[str]:
    if marked:
        signs = ", ".join(s if isinstance(s, str) else f"{s:g}" for s in source.dialect.sentinels)
        yield f"{marked} cells hold a sentinel ({signs}) and are taken as empty"


def _id_notes(ids: Iterable[object], id_name: str | None) -> Iterator[str]:
    """What to say of ids with blanks around them, and of those that are one but for capitals."""
    if id_name is None:
        return
    found = [str(i) for i in ids]
    if list(map(str.strip, found)) == found and len(set(map(str.casefold, found))) == len(found):
        return  # as in most files, of which some have very many series
    blank = sorted({i for i in found if i != i.strip()})
    if blank:
        yield f"blanks around the id are left out in {len(blank)} ids: {', '.join(map(repr, blank[:3]))}"
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(i.strip() for i in found):
        folded.setdefault(name.casefold(), []).append(name)
    alike = [" and ".join(map(repr, names)) for names in folded.values() if len(names) > 1]
    if alike:
        yield f"ids that differ in capitals alone are taken as different series: {', '.join(alike[:3])}"


def _once_notes(clock: TimestampFormat, codes: Int, times: Int) -> Iterator[str]:
    """What to say of times without an offset that the clock shows twice, and that stand there once."""
    if clock.tz is None or clock.is_local or clock.zone:
        return
    wall = clock.local(times)
    twice = are_repeated(clock.tz, wall)
    _, counts = np.unique(np.stack([codes[twice], wall[twice]]), axis=1, return_counts=True)
    once = int((counts == 1).sum())
    if once:
        yield f"{once} times that the clocks of {clock.tz} show twice stand there once: taken for the first"


def _series(source: Source, frame: pd.DataFrame, id_name: str | None) -> tuple[list[str], Int]:
    import pandas as pd

    if id_name is None:
        return [""], np.zeros(len(frame), np.int64)
    column = frame[id_name].astype("category")
    raw = column.cat.codes.to_numpy()
    empty = np.flatnonzero(raw < 0)
    if len(empty):
        raise source.fault(empty, f"column {id_name!r} is empty", "Every row needs its series.")
    if any(str(c) != str(c).strip() for c in column.cat.categories):
        column = column.astype(str).str.strip().astype("category")
        raw = column.cat.codes.to_numpy()
    order = pd.unique(raw)  # of appearance; the categories are in that of the alphabet
    place = np.empty(len(column.cat.categories), np.int64)
    place[order] = np.arange(len(order))
    labels = column.cat.categories.astype(str).tolist()
    return [labels[i] for i in order], place[raw]


def _categories(column: pd.Series) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """The words of a column, an empty cell being one of them, and the place in them of each row's, [rows]."""
    words = stripped(column.astype("object").where(column.notna(), "")).astype("category")
    return np.asarray(words.cat.codes, np.float64), tuple(words.cat.categories.tolist())


def _decimal(source: Source, frame: pd.DataFrame, numbers: Sequence[str]) -> tuple[Decimal, str]:
    """The decimal sign that all columns of numbers decide together, and what to say of it; `auto` for plain ones."""
    said = source.dialect.decimal
    if said != "auto":
        return said, ""
    strange = {name: _strange(source, frame[name]) for name in numbers}
    texts = sorted({text for cells in strange.values() for text in cells.tolist()})
    numeral = np.isfinite(to_numbers(texts, ".")) | np.isfinite(to_numbers(texts, ","))
    either = [text for text, is_one in zip(texts, numeral, strict=True) if is_one]
    if not either:
        return said, ""
    columns = {name: stripped(frame[name].dropna()).tolist() for name, cells in strange.items() if len(cells)}
    marks = source.dialect.missing_texts
    decimal = decide_decimal([t for cells in columns.values() for t in cells if t not in marks])
    if decimal == "either":
        name = next(n for n, cells in strange.items() if len(cells))
        found = f"{either[0]!r} in column {name!r} may have a decimal comma or group thousands"
        rows = strange[name].index.to_numpy(np.intp)
        raise source.fault(rows, found, "No cell decides it: set data.decimal to '.' or ','.")
    shown = max(either, key=len)
    return decimal, f"numbers are read with the decimal sign {decimal!r}, as in {shown!r} (data.decimal)"


def _strange(source: Source, column: pd.Series) -> pd.Series:
    """The cells of text that are no plain numbers and no marks of a missing value."""
    from pandas.api import types

    if types.is_numeric_dtype(column):
        return column.iloc[:0].astype(str)
    plain = _plain_numbers(column).notna() | column.isna()
    texts = stripped(column[~plain])
    return texts[~texts.isin(source.dialect.missing_texts)]


def _plain_numbers(column: pd.Series) -> pd.Series:
    """The cells as numbers, missing where they are none that is written plainly."""
    import pandas as pd

    try:
        return pd.to_numeric(column, errors="coerce")
    except OverflowError:  # of a whole number of 400 digits among texts pandas makes none
        return pd.to_numeric(column.astype(str), errors="coerce")


def _numbers(source: Source, column: pd.Series, name: str) -> tuple[npt.NDArray[np.float64], int]:
    """The numbers in a column, [rows], and how many cells hold a sentinel."""
    from pandas.api import types

    dialect = source.dialect
    marked = np.zeros(len(column), bool)
    if types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        marked = stripped(column).isin(dialect.missing_texts).to_numpy() & column.notna().to_numpy()
        column = column.mask(marked)
        if dialect.decimal == "auto":
            values = _plain_numbers(column).to_numpy(np.float64, na_value=np.nan)
        else:
            values = to_numbers(column.astype(object).fillna("").astype(str).tolist(), dialect.decimal)
        bad = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
        if len(bad):
            raise _no_number(source, column, name, bad)
    marked |= np.isin(values, dialect.missing_numbers)
    values = np.where(marked, np.nan, values)
    huge = np.flatnonzero(np.abs(values) > LARGEST)
    if len(huge):
        found = f"{values[huge[0]]:g} in column {name!r} is infinite, or as good as"
        raise source.fault(huge, found, "Leave it empty if it is unknown.")
    return values, int(marked.sum())


def _no_number(source: Source, column: pd.Series, name: str, bad: npt.NDArray[np.intp]) -> DataError:
    shown = str(column.iloc[bad[0]]).strip()
    alike = stripped(column.iloc[bad]).nunique() == 1
    hint = "Mend these cells, or leave them empty."
    if alike:
        hint = f"Mend these cells, leave them empty, or say in data.sentinels that {shown[:LETTERS]!r} is no value."
    if source.dialect.decimal != "auto":
        hint = f"The decimal sign is {source.dialect.decimal!r} (data.decimal). {hint}"
    fault = source.fault(bad, f"{shown[:LETTERS]!r} in column {name!r} is not a number", hint)
    return MarkError(fault, shown) if alike and _is_mark(shown) else fault


# ------------------------------------------------------------------ and back


def to_frame(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A forecast table as a DataFrame, its columns in order."""
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame(dict(columns))
    return frame
