"""How many numbers are alive at the peak of a training step, for each number that a part of the network gives.

Each size in a process of its own, whose memory at its peak is the system's word; `training/memory.py` has the figures.
"""

from __future__ import annotations

import resource
import subprocess
import sys

SIZES = {  # cell, depth, hidden size, window, horizon, levels: the part that is large
    "head": [("lstm", 1, 8, 100, 100, 9)],
    "states": [("rnn", 1, 256, 400, 1, 1), ("gru", 1, 256, 400, 1, 1), ("lstm", 1, 256, 400, 1, 1)],
}
BATCH = 32


def step(cell: str, depth: int, hidden: int, window: int, horizon: int, levels: int) -> float:
    """Bytes that one step takes at its peak."""
    import torch

    from seqpred.network.network import Network
    from seqpred.runtime.shape import Shape
    from seqpred.training.adamw import AdamW
    from seqpred.training.loss import quantile_loss

    torch.set_num_threads(1)
    shape = Shape(8, horizon, tuple((i + 1) / (levels + 1) for i in range(levels)), cell, depth, hidden, False, 0.1)
    network = Network(shape)
    optimizer = AdamW(network.parameters(), weight_decay=1e-4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    quantiles = network(torch.randn(BATCH, window, 8))
    loss = quantile_loss(quantiles, torch.randn(BATCH, window, horizon), torch.tensor(shape.levels), "pinball")
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step(1e-3)
    return 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def main() -> None:
    if len(sys.argv) > 1:
        print(step(sys.argv[1], *(int(word) for word in sys.argv[2:])))
        return
    for part, sizes in SIZES.items():
        for cell, depth, hidden, window, horizon, levels in sizes:
            words = [cell, *map(str, (depth, hidden, window, horizon, levels))]
            done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True)
            numbers = BATCH * window * (horizon * levels if part == "head" else hidden * depth)
            print(f"{part:8}{cell:6}{float(done.stdout) / 4 / numbers:6.1f} numbers at the peak for each")


if __name__ == "__main__":
    main()
