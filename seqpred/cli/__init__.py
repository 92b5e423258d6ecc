"""The command line: one short module per command that reads options, calls `commands` and writes the result.

Only what parses options is imported at the top of these modules. Everything else is imported inside the function that
needs it, so that `--help` is instant.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command and exit with its code."""
    gc.set_threshold(100_000)  # half of the collections would run during imports and find nothing
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # pydantic would search all installed packages
    from seqpred.cli.standard_streams import open_standard_streams

    open_standard_streams()
    if "_SEQPRED_COMPLETE" in os.environ:
        from seqpred.cli.completion import join_split_words

        join_split_words()
    from seqpred.cli.app import app
    from seqpred.cli.run import run

    code = run(app, sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # everything is flushed; unloading the modules would take as long as printing the help


# Python stores the frames of running functions in chunks of 16 KB. A call that does not fit into the current chunk maps
# another one and unmaps it when it returns, so a loop that happens to run at such a depth is several times slower. With
# a large frame at the bottom, the first chunk has 256 KB, of which only the used pages are allocated.
main.__code__ = main.__code__.replace(co_stacksize=1 << 14)
