"""Choose how many CPU threads train a network."""

from __future__ import annotations

from seqpred.runtime.cores import cores

# Multiplications per step (hidden_size squared x batch_size) from which more threads are faster, as measured by
# benchmarks/threads.py. Below, a core trains another network instead: two take half the time, two threads 0.7 of it.
TWO, FOUR, EIGHT = 64**2 * 128, 128**3, 512**2 * 128


def choose_threads(hidden_size: int, batch_size: int) -> int:
    """Threads for a network of this size.

    A fixed table instead of a measurement at the start: a near tie could go either way, and the order of
    summation, hence the bytes of the result, depends on the number of threads.
    """
    work = hidden_size**2 * batch_size
    if work < TWO:
        return 1
    return min(cores(), 2 if work < FOUR else 4 if work < EIGHT else 8)
