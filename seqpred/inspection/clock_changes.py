"""Recognize the clock changes of a time zone in local timestamps."""

from __future__ import annotations

import numpy as np

from seqpred.arrays import Int
from seqpred.calendar.zones import are_repeated, skips_between, to_instants, to_local

# Zones whose clocks change at different hours or dates; each represents its neighbors.
ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "America/Santiago",
)


def find_zone(times: Int, repeated: Int) -> str | None:
    """The zone in which just these local times occur twice, and skipped hours are absent; None if there is none.

    Args:
        times: all timestamps, [rows].
        repeated: those of duplicates.
    """
    distinct, twice = np.unique(times), np.unique(repeated)
    for zone in ZONES:
        if not are_repeated(zone, twice).all():
            continue
        instants = to_instants(zone, distinct)
        none_skipped = bool((to_local(zone, instants) == distinct).all())
        if none_skipped and skips_between(zone, int(instants[0]), int(instants[-1])):
            return zone
    return None
