"""Statistics of the covariates of a panel from its training split, and the panel with these applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from seqpred.arrays import Bool, Float, Int
from seqpred.calendar.holidays import KEY, Holidays, find_holidays
from seqpred.calendar.step import DAY
from seqpred.errors import ConfigError, DataError
from seqpred.features.calendar_cycles import approximate_length
from seqpred.features.covariates import Covariate, Covariates, last_marked
from seqpred.panel.panel import SINCE, Panel, Role
from seqpred.spool.mapped import SpillBuffer

SHOWN = 3
SAMPLE = 1_000_000  # rows that the usual interval is the median of


def fit_covariates(panel: Panel, cuts: Int, calendar: Sequence[str], holidays: Holidays | None = None) -> Covariates:
    """The covariates of a panel with the statistics of its training split.

    Args:
        panel: of `build_panel`, with its own categories.
        cuts: [S], rows of each series in the training split.
    """
    named = list(zip(panel.columns.values, panel.roles, strict=True))
    columns = [_fit(panel, i, name, role, cuts) for i, (name, role) in enumerate(named) if role != "target"]
    return Covariates(tuple(columns), tuple(calendar), holidays)


def holidays_of(panel: Panel, region: str | None) -> Holidays | None:
    """The holidays of a region around the rows of a panel; None if no region is given.

    Raises:
        ConfigError: the rows have no dates, no fixed step or one of more than a day, or the region is unknown.
    """
    if region is None:
        return None
    if not panel.clock.dated or panel.step.unit == "irregular" or approximate_length(panel.step) > DAY:
        step = f"; the step is {panel.step}" if panel.clock.dated else ""
        raise ConfigError(f"{KEY} needs dates with a fixed step of at most a day{step}", hint="Remove the key.")
    first, last = panel.clock.local(np.array([panel.origins.min(), panel.ends.max()])).tolist()
    return find_holidays(region, first, last)


def _fit(panel: Panel, index: int, name: str, role: Role, cuts: Int) -> Covariate:
    if name in panel.words:
        seen = sorted({int(word) for values in _training_values(panel, index, cuts) for word in np.unique(values)})
        words = tuple(panel.words[name][i] for i in seen)
        return Covariate(name, role, words, daily=role == "known" and _is_daily(panel, index, cuts))
    if name == SINCE:  # relative to the usual interval, on which long pauses have no influence
        every = max(1, len(panel.values) // SAMPLE)
        sample = np.concatenate([values[::every] for values in _training_values(panel, index, cuts)])
        return Covariate(name, role, None, 0.0, float(np.median(sample)) if len(sample) else 1.0)
    count, total = 0, 0.0
    for values in _training_values(panel, index, cuts):
        count, total = count + len(values), total + float(values.sum())
    if not count:
        return Covariate(name, role)
    mean = total / count
    squares = sum(float(((values - mean) ** 2).sum()) for values in _training_values(panel, index, cuts))
    return Covariate(name, role, None, mean, float(np.sqrt(squares / count)) or 1.0)


def _training_values(panel: Panel, index: int, cuts: Int) -> Iterator[Float]:
    """The present values of a column in the training split, piece by piece."""
    for _, values, present in _training_pieces(panel, index, cuts):
        yield values[present]


def _training_pieces(panel: Panel, index: int, cuts: Int) -> Iterator[tuple[Panel, Float, Bool]]:
    """The pieces of a panel, a column of each, and in which rows it is present and in the training split."""
    for first, row, piece in panel.pieces():
        rows = row_numbers(piece)
        rows[: piece.lengths[0]] += row
        values = piece.values[:, index]
        own = cuts[first : first + len(piece.names)]
        yield piece, values, (rows < np.repeat(own, piece.lengths)) & np.isfinite(values)


def _is_daily(panel: Panel, index: int, cuts: Int) -> bool:
    """Whether all categories but the most frequent occur at midnight only, although days have many rows."""
    if not panel.clock.dated or approximate_length(panel.step) >= DAY:
        return False
    counts: Counter[float] = Counter()
    for values in _training_values(panel, index, cuts):
        found, times = np.unique(values, return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    if len(counts) < 2:
        return False
    usual = min(counts, key=lambda word: (-counts[word], word))
    return not any(
        (local_times(piece)[present & (values != usual)] % DAY).any()
        for piece, values, present in _training_pieces(panel, index, cuts)
    )


def row_numbers(panel: Panel) -> Int:
    """The number of each row in its series, [rows]."""
    return np.arange(len(panel.values), dtype=np.int64) - np.repeat(panel.offsets[:-1], panel.lengths)


def local_times(panel: Panel) -> Int:
    """The local time of each row, [rows]."""
    if panel.stamps is not None:
        return panel.clock.local(panel.stamps)
    return panel.clock.local(panel.step.times(np.repeat(panel.origins, panel.lengths), row_numbers(panel)))


# ------------------------------------------------------------------ applied to a panel


def apply_covariates(panel: Panel, covariates: Covariates) -> Panel:
    """The panel with the model's category codes, and static and daily values carried forward to the rows they apply to.

    A static value applies from the first row that has it on, not to earlier rows.

    Raises:
        DataError: a static column that changes within a series.
    """
    if not covariates.columns:
        return panel
    notes, step = list(panel.notes), panel.step
    for column in covariates.columns:
        if column.name == SINCE:
            step = replace(step, count=max(1, int(column.spread)))  # the interval after a single row
        if column.words is not None:
            notes += _unknown_note(column.name, encode_categories(np.empty(0), panel.words[column.name], column)[1])
        if column.daily:
            notes.append(f"{column.name!r} changes at midnight only; its value is used for the whole day")
    before = np.full(len(covariates.columns), np.nan)  # static values of the last series of the previous piece
    with SpillBuffer() as values:
        for _, row, piece in panel.pieces():
            before = before if row else np.full(len(before), np.nan)
            values.add(_apply(piece, covariates, before))
        return replace(panel, values=values.result(), step=step, notes=tuple(notes))


def _apply(piece: Panel, covariates: Covariates, before: Float) -> Float:
    """The values of a piece of a panel for a model.

    Args:
        before: [columns], static values in earlier rows of the first series; set to those of the last series.
    """
    values, starts = piece.values.copy(), np.repeat(piece.offsets[:-1], piece.lengths)
    for i, column in enumerate(covariates.columns):
        own = values[:, piece.roles.count("target") + i]
        if column.words is not None:
            own[:] = encode_categories(own, piece.words[column.name], column)[0]
        if column.role == "static":
            before[i] = _hold_static(piece, own, starts, column, before[i])
        if column.daily:
            times = local_times(piece)
            last = last_marked(np.isfinite(own) & (times % DAY == 0))
            held = (last >= starts) & (times[last] // DAY == times // DAY)
            own[:] = np.where(held, own[last], own)
    return values


def _hold_static(piece: Panel, values: Float, starts: Int, column: Covariate, before: float) -> float:
    """Carry the value of a static column forward in each series; return the last one.

    Args:
        values: [rows], changed.
        starts: [rows], the first row of each row's series.
        before: the value in earlier rows of the first series; NaN if there is none.
    """
    present = np.isfinite(values)
    last = last_marked(present)
    held = np.where(last >= starts, values[last], np.where(starts == 0, before, np.nan))
    earlier = np.append(before, held[:-1])
    earlier[piece.offsets[1:-1]] = np.nan
    changed = np.flatnonzero(present & np.isfinite(earlier) & (values != earlier))
    if len(changed):
        series = int(np.searchsorted(piece.offsets, changed[0], "right")) - 1
        name = f"series {piece.names[series]!r}" if piece.names[series] else "its series"
        stamp = piece.clock.write(piece.times(series, changed[:1] - piece.offsets[series]))[0]
        raise DataError(
            f"static column {column.name!r} changes within {name} at {stamp}",
            hint="Name it in data.covariates.past or known instead.",
            where=piece.source,
        )
    values[:] = held
    return float(values[-1])


def encode_categories(values: Float, words: Sequence[str], column: Covariate) -> tuple[Float, list[str]]:
    """Indices into `words` as the codes of a model, 0 for unknown categories; and the unknown categories."""
    code = {word: i for i, word in enumerate(column.words or (), start=1)}
    table = np.array([code.get(word, 0) for word in words] or [0], np.float64)
    present = np.isfinite(values)
    codes = np.where(present, table[np.where(present, values, 0).astype(np.int64)], np.nan)
    return codes, [word for word in words if word not in code]


def _unknown_note(name: str, unknown: Sequence[str]) -> Iterator[str]:
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        shown = ", ".join(map(repr, unknown[:SHOWN]))
        yield f"column {name!r} contains {shown}{more}, absent from the training data, treated as an unknown category"
