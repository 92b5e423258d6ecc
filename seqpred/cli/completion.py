"""What the shell offers after Tab: the keys of a config, the columns of a file."""

from __future__ import annotations

import typer


def offer_keys(incomplete: str) -> list[str]:
    """The keys that begin so, each with its equals sign."""
    from seqpred.config.schema import config_fields

    return [f"{key}=" for key in config_fields() if key.startswith(incomplete)]


def offer_columns(ctx: typer.Context, incomplete: str) -> list[str]:
    """The columns that begin so, of the file that the line names before; none where it can't be read."""
    from seqpred.reading.frame import header
    from seqpred.sources.opening import open_source

    data = next(
        iter(filter(None, [ctx.params.get("data"), *ctx.args])), "-"
    )  # an option without its value ends parsing
    if data == "-":
        return []
    try:
        names = header(open_source(data))
    except Exception:  # noqa: BLE001, a shell that waits for names has no use for what is wrong with the file
        return []
    return [name for name in names if name.startswith(incomplete)]
