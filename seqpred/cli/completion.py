"""What the shell offers after Tab: the keys of a config."""

from __future__ import annotations


def offer_keys(incomplete: str) -> list[str]:
    """The keys that begin so, each with its equals sign."""
    from seqpred.config import config_keys

    return [f"{key}=" for key in config_keys() if key.startswith(incomplete)]
