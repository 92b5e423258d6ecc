"""Recurrent networks in torch."""

from __future__ import annotations

import os

SPINS = "GOMP_SPINCOUNT"


def _import_torch() -> None:
    """Import torch with threads that spin briefly before they sleep, and leave the environment as it was.

    By default OpenMP's threads wait for each other in a busy loop: beside other work a training step then takes not
    twice the time but fifty times. OpenMP reads the variable when torch is loaded.
    """
    if SPINS in os.environ:
        return
    os.environ[SPINS] = "1000"
    try:
        import torch  # noqa: F401
    finally:
        del os.environ[SPINS]


_import_torch()
