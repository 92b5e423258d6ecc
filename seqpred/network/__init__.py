"""Recurrent networks in torch."""

from __future__ import annotations

import os

SPIN_COUNT = "GOMP_SPINCOUNT"


def _import_torch() -> None:
    """Import torch with threads that wait briefly in a busy loop before they sleep; the environment is unchanged.

    By default, OpenMP's threads wait for each other in a busy loop: next to other processes, a training step then
    takes fifty times as long instead of twice. OpenMP reads the variable when torch is imported.
    """
    if SPIN_COUNT in os.environ:
        return
    os.environ[SPIN_COUNT] = "1000"
    try:
        import torch  # noqa: F401
    finally:
        del os.environ[SPIN_COUNT]


_import_torch()
