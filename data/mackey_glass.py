"""Write mackey_glass.csv: `python data/mackey_glass.py`.

The Mackey-Glass equation dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t) (Mackey & Glass 1977, Science 197) is a
common benchmark for recurrent networks: the series is chaotic, and its next value is a nonlinear function of the past.
It is integrated by the Runge-Kutta method of fourth order with steps of 0.1 and sampled every 6 units of time, with
noise of a standard deviation of 0.005.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

ROWS, SKIPPED, NOISE = 1000, 200, 0.005
DELAY, STEP, EVERY = 170, 0.1, 60  # delay and sampling interval in steps


def change(value: float, delayed: float) -> float:
    """The right-hand side of the equation."""
    return 0.2 * delayed / (1 + delayed**10) - 0.1 * value


def mackey_glass() -> npt.NDArray[np.float64]:
    """The sampled series without noise, after the first samples, which depend on the start."""
    values = [1.2] * (DELAY + 1)
    for i in range(DELAY, DELAY + (ROWS + SKIPPED) * EVERY):
        now, delayed, later = values[i], values[i - DELAY], values[i - DELAY + 1]
        middle = (delayed + later) / 2
        a = change(now, delayed)
        b = change(now + STEP / 2 * a, middle)
        c = change(now + STEP / 2 * b, middle)
        d = change(now + STEP * c, later)
        values.append(now + STEP * (a + 2 * b + 2 * c + d) / 6)
    return np.array(values[DELAY::EVERY][SKIPPED : SKIPPED + ROWS])


if __name__ == "__main__":
    noise = np.random.default_rng(1).normal(0, NOISE, ROWS)
    lines = [f"{t},{value:.4f}" for t, value in enumerate(mackey_glass() + noise)]
    Path(__file__).with_suffix(".csv").write_text("t,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
