"""Shell completion: config keys and column names."""

from __future__ import annotations

import typer


def offer_keys(incomplete: str) -> list[str]:
    """Config keys with this prefix, each followed by an equals sign."""
    from seqpred.config.schema import config_fields

    return [f"{key}=" for key in config_fields() if key.startswith(incomplete)]


def offer_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """Columns with this prefix of the data file on the command line; none if it cannot be read."""
    from seqpred.reading.header import header
    from seqpred.sources.opening import open_source

    # An option without its value ends parsing, so the data file may be among the remaining words.
    data = next(iter(filter(None, [ctx.params.get("data"), *ctx.args])), "-")
    if data == "-":
        return []
    try:
        names = header(open_source(data))
    except Exception:  # noqa: BLE001, completion has no place for an error message
        return []
    return [name for name in names if name.startswith(incomplete)]
