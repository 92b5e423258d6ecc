"""Suggest covariates among the columns without a role."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

import numpy as np

from seqpred.errors import DataError
from seqpred.inspection.names import KNOWN_NAMES, is_calendar, words
from seqpred.inspection.times import Profiles
from seqpred.reading.column_profile import ColumnProfile
from seqpred.reading.table import read_table
from seqpred.sources.columns import Columns
from seqpred.sources.source import Source

CovariateRole: TypeAlias = Literal["known", "past", "static"]


def suggest_covariates(source: Source, profiles: Profiles, columns: Columns) -> dict[CovariateRole, list[str]]:
    """The other columns that may help a forecast, by their likely role.

    A column is static if it is constant within each series, known if it is named like something planned, else past.
    """
    used = {*columns.time, columns.id, *columns.values}
    candidates = [p for p in profiles if p.name not in used and _is_candidate(p)]
    static = _constant_within_series(source, candidates, columns) if columns.id and candidates else set()
    roles: dict[CovariateRole, list[str]] = {"known": [], "past": [], "static": []}
    for name in (p.name for p in candidates):
        role: CovariateRole = "static" if name in static else "known" if KNOWN_NAMES & {*words(name)} else "past"
        roles[role].append(name)
    return {role: names for role, names in roles.items() if names}


def _is_candidate(profile: ColumnProfile) -> bool:
    """Whether a column varies, is not a row number, and is not a part of the calendar, which is an input anyway."""
    is_part = is_calendar(profile.name) and "holiday" not in words(profile.name)
    if profile.counted or profile.distinct < 2 or is_part:
        return False
    return profile.kind in ("number", "whole") or (profile.kind == "text" and 2 * profile.distinct <= profile.rows)


def _constant_within_series(source: Source, candidates: Collection[ColumnProfile], columns: Columns) -> set[str]:
    names = tuple(p.name for p in candidates)
    texts = {p.name for p in candidates if p.kind == "text"}
    try:
        table = read_table(source, Columns(columns.time, columns.id, columns.targets[:1], static=names), texts)
    except DataError:
        return set()  # a malformed cell
    order = np.argsort(table.codes, kind="stable")
    codes, values = table.codes[order], table.values[order][:, 1:]
    changes = (codes[1:] == codes[:-1])[:, None] & (values[1:] != values[:-1])
    return {name for name, changed in zip(names, changes.any(axis=0).tolist(), strict=True) if not changed}
