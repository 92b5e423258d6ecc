"""A bare step with two threads relative to one: the table behind `seqpred/recipe/threads.py`.

Window 96, horizon 24, depth 2. Below 1 the second thread helps; 0.5 would be ideal.

Run: python benchmarks/threads.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import torch
from alternating import Ratio, compare, print_table, seconds
from bare import Size, make_step

from seqpred.network.machine import keep_memory
from seqpred.recipe.threads import choose_threads

HIDDEN, BATCHES, CELLS = (16, 32, 64, 128, 256), (32, 128), ("rnn", "lstm", "gru")
BLOCK = 0.06  # minimum seconds per measurement


def main() -> None:
    if (os.cpu_count() or 1) < 2:
        print("SKIPPED: one core has no second thread.", file=sys.stderr)
        return
    rows = []
    for cell in CELLS:
        for batch in BATCHES:
            ratios = [_ratio(Size(hidden, 2, batch, cell=cell)) for hidden in HIDDEN]
            shown = [f"{r}{'' if choose_threads(h, batch) == 1 else ' *'}" for h, r in zip(HIDDEN, ratios, strict=True)]
            rows.append((cell, batch, *shown))
    print_table(["cell", "batch", *(f"hidden {h}" for h in HIDDEN)], rows)
    print("\n`*`: the recipe takes more than one thread.")


def _ratio(size: Size) -> Ratio:
    step = make_step(size)
    step()
    times = max(1, round(BLOCK / seconds(step)))
    return compare(_with(2, step, times), _with(1, step, times), rounds=9)


def _with(threads: int, step: Callable[[], None], times: int) -> Callable[[], None]:
    def block() -> None:
        torch.set_num_threads(threads)
        for _ in range(times):
            step()

    return block


if __name__ == "__main__":
    keep_memory()
    main()
