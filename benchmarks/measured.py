"""Run a command and write its cost to a file.

    python measured.py COST.json COMMAND...

A child process inherits the peak memory of its parent, so this script imports nothing large.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time


def main() -> int:
    began = time.perf_counter()
    code = subprocess.run(sys.argv[2:], check=False).returncode
    wall = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024 / 1e6}
    with open(sys.argv[1], "w") as file:
        json.dump(cost, file)
    return code


if __name__ == "__main__":
    sys.exit(main())
