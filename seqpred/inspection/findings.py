"""All that `check` finds: columns, timestamps, series, and how training would use them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqpred.errors import DataError
from seqpred.inspection.grid_report import GridReport
from seqpred.inspection.survey import Survey
from seqpred.reading.column_profile import ColumnProfile
from seqpred.sources.columns import Columns

LISTED = 1000  # tracks listed one by one
WORST = 10  # tracks listed next to them
KINDS = {
    "number": "numbers",
    "whole": "whole numbers",
    "time": "dates",
    "clock": "times of day",
    "text": "text",
    "empty": "nothing",
    "nested": "lists or mappings",
}


@dataclass
class Findings:
    """What is in a source, as far as it could be read.

    Attributes:
        columns: see `describe_columns`.
        rows: the timestamps.
        survey: each series; None if the rows are not on a grid.
        training: see `recipe.eligibility.training_view`.
        fault: why training would fail, if it would.
    """

    source: str
    columns: list[dict[str, str | None]] = field(default_factory=list)
    rows: GridReport | None = None
    survey: Survey | None = None
    training: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    fault: DataError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The object that `check --json` prints; of more than `LISTED` tracks the first, and the worst."""
        result: dict[str, Any] = {"source": self.source, "columns": self.columns, "notes": self.notes}
        if self.rows:
            result |= self.rows.to_dict()
        if self.survey:
            result["totals"] = self.survey.totals()
            result["tracks_in_all"] = self.survey.empty.size
            result["tracks"] = [self.survey.track(k) for k in range(min(LISTED, self.survey.empty.size))]
            result["worst"] = [self.survey.track(k) for k in self.survey.worst(WORST)]
        if self.training:
            result["training"] = dict(self.training)
        result["fault"] = self.fault and {"message": self.fault.message, "hint": self.fault.hint}
        return result


def describe_columns(
    profiles: Sequence[ColumnProfile],
    columns: Columns | None,
    reasons: Mapping[str, str],
    values: Collection[str] = (),
) -> list[dict[str, str | None]]:
    """Name, content, role and reason of every column, as in `check --json`; no roles if `columns` is None.

    Args:
        values: the columns of a wide table that are named by timestamps.
    """
    roles = dict.fromkeys(values, "value")
    for role in dataclasses.fields(columns) if columns else ():
        names = getattr(columns, role.name)
        for name in (names,) if isinstance(names, str) else names or ():
            roles[name] = role.name.removesuffix("s")
    if columns and columns.id and columns.id not in {p.name for p in profiles}:
        roles |= dict.fromkeys(columns.id.split(" + "), "id")  # of a wide table
    unused = "unused" if columns else None
    described = []
    for profile in profiles:
        role_name = roles.get(profile.name, unused)
        reason = reasons.get(role_name or "")
        described.append({"name": profile.name, "holds": KINDS[profile.kind], "role": role_name, "why": reason})
    return described
