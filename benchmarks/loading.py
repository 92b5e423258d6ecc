"""Time to load a trained LSTM and forecast one series in a new process: peers relative to `seqpred predict`.

    python benchmarks/loading.py [ENVIRONMENTS]

Each peer uses the environment that `peers.py` creates for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from alternating import compare, print_table
from peers import DATA, HERE, environment

PEERS = ("neuralforecast", "darts")
AIR = str(DATA / "air_passengers.csv")
SEQPRED = (sys.executable, "-m", "seqpred")
CONFIG = "data: {target: y}\nmodel: {hidden_size: 64, depth: 2}\nforecast: {horizon: 12}\ntraining: {max_steps: 10}\n"


def main() -> None:
    environments = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / ".peers"
    rows = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "c.yaml").write_text(CONFIG)
        model = str(place / "model")
        _process(place, *SEQPRED, "train", str(place / "c.yaml"), "--data", AIR, "--out", model, "--quiet")()
        own = _process(place, *SEQPRED, "predict", model, AIR, "--quantiles", "0.1,0.9")
        for peer in PEERS:
            command = (str(environment(peer, environments)), str(HERE / "peers" / f"load_{peer}.py"))
            (place / peer).mkdir()
            _process(place, *command, "train", str(place / peer), AIR)()
            rows.append((peer, compare(_process(place, *command, "predict", str(place / peer), AIR), own, rounds=5)))
    print_table(["load and predict, cold", "relative to `seqpred predict` with five members"], rows)


def _process(place: Path, *command: str) -> Callable[[], object]:
    def call() -> None:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode or ("predict" in command and not done.stdout):
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")

    return call


if __name__ == "__main__":
    main()
