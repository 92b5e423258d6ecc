"""The command line: one short file per command; options in, verb called, table out.

Only what parses options is imported at the top of these files; everything else comes inside the function that
needs it, so that `--help` is instant.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and leave with its exit code."""
    gc.set_threshold(100_000)  # half the collections would come while modules load, and find nothing
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else it searches all installed packages for some
    from seqpred.cli.app import app
    from seqpred.cli.terminal import run

    code = run(app)
    sys.stderr.flush()
    os._exit(code)  # all is flushed and closed; tearing down the modules would take as long as the help took
