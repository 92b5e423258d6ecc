"""The command line: one short file per command; options in, verb called, table out.

Only what parses options is imported at the top of these files; everything else comes inside the function that
needs it, so that `--help` is instant.
"""

from __future__ import annotations


def main() -> None:
    """Run the command and leave with its exit code."""
    from seqpred.cli.app import app
    from seqpred.cli.terminal import run

    raise SystemExit(run(app))
