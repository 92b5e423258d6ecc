"""Training by several processes: speed relative to one, killed ranks, and two hosts of which one is lost.

Run: python benchmarks/ranks.py [speed] [slices] [kills [COUNT]] [sliced-kills [COUNT]] [hosts]; without arguments,
all of them with 50 kills. `speed` and `kills` distribute whole networks, `slices` and `sliced-kills` slices.
`hosts` makes two network namespaces, which needs root, and is skipped otherwise. The speed needs two idle cores.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import seqpred

SERIES, ROWS = 414, 700  # as M4 hourly, for the speed
LARGE = ("model.hidden_size=256", "model.depth=3", "model.members=1", "training.max_steps=40", "training.batch_size=32")
SMALL = """
data: {path: small.csv, target: y, time: ds, id: unique_id}
model: {members: 3, hidden_size: 16, start: blank}
forecast: {horizon: 6}
training: {max_steps: 200, patience: 1000, threads: 1}
"""
LATEST = 1.5  # a rank is killed at a random moment in so many times the time of an uninterrupted training
COUNT = 50
ADDRESSES, PORT = ("10.77.0.1", "10.77.0.2"), 29400


def write(path: Path, series: int, rows: int) -> None:
    """Write hourly series with a daily season that grows, which naive forecasts fall short of."""
    rng, hours = np.random.default_rng(0), np.arange(rows)
    y = (100 + 20 * np.sin(hours * np.pi / 12) + rng.normal(size=(series, rows))) * 1.003**hours
    ids = np.repeat([f"s{s}" for s in range(series)], rows)
    pd.DataFrame({"unique_id": ids, "ds": np.tile(hours, series), "y": y.ravel().round(2)}).to_csv(path, index=False)


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **variables}


def torchrun(*options: str) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", *options, "-m", "seqpred"]


# ------------------------------------------------------------------ speed


def write_hourly(place: Path) -> None:
    """Write the data and the config of a training, and the header of the table of times."""
    write(place / "hourly.csv", SERIES, ROWS)
    words = [sys.executable, "-m", "seqpred", "init", "hourly.csv", "--horizon", "48"]
    (place / "hourly.yaml").write_bytes(subprocess.run(words, cwd=place, stdout=subprocess.PIPE, check=True).stdout)
    print("| training | processes | wall time | of it training | processor time |\n|---|---|---|---|---|")


def measure_speed(place: Path) -> None:
    """Print the time of one process on one core, and of two processes that train whole networks."""
    write_hourly(place)
    compare(place, "init's config", train_alone(place, "init's config"))


def measure_slices(place: Path) -> None:
    """Print the time of one process on one core, with whole batches and with slices, and of two processes."""
    write_hourly(place)
    whole = train_alone(place, "LSTM 256 x 3, whole batches", *LARGE, "training.distribute=networks")
    one = train_alone(place, "LSTM 256 x 3, slices", *LARGE, "training.distribute=batches")
    print(f"\none process with slices: {whole / one:.2f} times as fast as with whole batches\n")
    compare(place, "LSTM 256 x 3, slices", one, *LARGE, "training.distribute=batches")


def words_of(settings: Sequence[str]) -> list[str]:
    return ["train", "hourly.yaml", "--quiet", "--force", *(w for s in settings for w in ("--set", s))]


def train_alone(place: Path, name: str, *settings: str) -> float:
    """Train in one process on one core; returns the seconds of training."""
    words = [sys.executable, "-m", "seqpred", *words_of(settings), "--out", "one"]
    return timed(place, name, 1, ["taskset", "-c", "0", *words])


def compare(place: Path, name: str, one: float, *settings: str) -> None:
    """Train in two processes, and print how much faster they are than one process."""
    words = [*torchrun("--standalone", "--nproc-per-node", "2"), *words_of(settings), "--out", "two"]
    two, apart = timed(place, name, 2, words), difference(place, "hourly")
    print(f"\n{name}: {one / two:.2f} times as fast; relative difference {apart:.1e}\n", flush=True)


def timed(place: Path, name: str, processes: int, command: Sequence[str]) -> float:
    """Run a training; returns its wall time without the start of the processes."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=place, env=environment())
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name}: exit status {os.waitstatus_to_exitcode(status)}")
    training = json.loads((place / ("one" if processes == 1 else "two") / "manifest.json").read_text())["duration"]
    wall, processor = time.perf_counter() - begin, used.ru_utime + used.ru_stime
    print(f"| {name} | {processes} | {wall:.1f} s | {training:.1f} s | {processor:.1f} s |", flush=True)
    return float(training)


def difference(place: Path, data: str, first: str = "one", second: str = "two") -> float:
    """The largest relative difference between the forecasts of two models."""
    models = (place / first, place / second)
    one, two = (seqpred.predict(m, place / f"{data}.csv").filter(regex="forecast|^q").to_numpy() for m in models)
    return float((np.abs(one - two) / np.abs(one)).max())


# ------------------------------------------------------------------ killed ranks


def kill_ranks(place: Path, count: int, ways: Sequence[str] = ("networks", "auto")) -> None:
    """Kill ranks at random moments and resume on 1, 2 or 3 processes, until the training is complete.

    All bytes must be those of one process.

    Args:
        ways: values of `training.distribute`, in turn, which give the same bytes in one process.
    """
    write(place / "small.csv", 2, 300)
    (place / "small.yaml").write_text(SMALL)
    begin = time.perf_counter()
    shutil.rmtree(place / "one", ignore_errors=True)
    run_group(place, 1, ways[0], "one")
    longest = LATEST * (time.perf_counter() - begin)
    whole, rng, killed = (place / "one" / "model.safetensors").read_bytes(), random.Random(1), 0
    for i in range(count):
        distribute, path = ways[i % len(ways)], place / "two"
        shutil.rmtree(path, ignore_errors=True)
        while not (path / "manifest.json").exists():
            size, after = rng.choice((1, 2, 3)), rng.uniform(0, longest)
            killed += not run_group(place, size, distribute, "two", rng.randrange(size), after)
        if (path / "model.safetensors").read_bytes() != whole:
            worst = difference(place, "small")
            raise SystemExit(f"training {i} ({distribute}): other bytes; forecasts differ by {worst:.1e} of their size")
        print(
            f"{i + 1} of {count} trainings complete after {killed} killed groups, with the bytes of one process",
            flush=True,
        )


def run_group(place: Path, size: int, distribute: str, out: str, victim: int = 0, after: float | None = None) -> bool:
    """Train with so many processes, and kill one after so many seconds; returns whether the training is complete."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        shared = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(server.getsockname()[1])}
    words = ["train", "small.yaml", "--out", out, "--resume", "--quiet", "--set", f"training.distribute={distribute}"]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "seqpred", *words],
            cwd=place,
            env=environment(**shared, RANK=str(rank)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in range(size)
    ]
    if after is not None:
        try:
            ranks[victim].wait(after)
        except subprocess.TimeoutExpired:
            ranks[victim].kill()
    codes = [rank.wait(60) for rank in ranks]
    unexpected = {*codes} - {0, -signal.SIGKILL, 130, 2}  # 2: one was killed before the others had met it
    if unexpected:
        raise SystemExit(f"exit codes {codes}")
    return not any(codes)


# ------------------------------------------------------------------ two hosts


def lose_a_host(place: Path) -> None:
    """Train on two network namespaces; kill all processes of the second one, and start it again."""
    if os.geteuid() or not shutil.which("ip"):
        print("hosts: skipped, because network namespaces need root and the program ip")
        return
    if not (place / "one").exists():
        write(place / "small.csv", 2, 300)
        (place / "small.yaml").write_text(SMALL)
        run_group(place, 1, "networks", "one")
    shutil.rmtree(place / "two", ignore_errors=True)
    try:
        make_hosts()
        first, second = (start_host(place, host) for host in (0, 1))
        while not (place / "two" / "checkpoint" / "state").exists() and first.poll() is None:
            time.sleep(0.1)
        for pid in subprocess.check_output(["ip", "netns", "pids", "seqpred1"], text=True).split():
            os.kill(int(pid), signal.SIGKILL)
        second.wait()
        second = start_host(place, 1)
        codes = first.wait(300), second.wait(300)
    finally:
        for host in (0, 1):
            subprocess.run(["ip", "netns", "delete", f"seqpred{host}"], check=False)
    found = f"exit codes {codes}, relative difference {difference(place, 'small'):.1e}"
    print(f"two hosts, one killed and started again: {found}")


def make_hosts() -> None:
    """Make two network namespaces that are connected with each other."""
    for host in (0, 1):
        subprocess.run(["ip", "netns", "add", f"seqpred{host}"], check=True)
    pair = "ip link add net0 netns seqpred0 type veth peer name net0 netns seqpred1"
    subprocess.run(pair.split(), check=True)
    for host, address in enumerate(ADDRESSES):
        for line in (f"address add {address}/24 dev net0", "link set net0 up", "link set lo up"):
            subprocess.run(["ip", "-n", f"seqpred{host}", *line.split()], check=True)


def start_host(place: Path, host: int) -> subprocess.Popen[bytes]:
    """Start torchrun on one of the hosts."""
    options = f"--nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint {ADDRESSES[0]}:{PORT} --rdzv-id small"
    command = torchrun(
        *options.split(), "--rdzv-conf", f"is_host={1 - host}", "--local-addr", ADDRESSES[host], "--max-restarts", "3"
    )
    return subprocess.Popen(
        ["ip", "netns", "exec", f"seqpred{host}", *command, "train", "small.yaml", "--out", "two", "--quiet"],
        cwd=place,
        env=environment(GLOO_SOCKET_IFNAME="net0", TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1", TORCH_CPP_LOG_LEVEL="ERROR"),
    )


def main() -> None:
    words = sys.argv[1:] or ["speed", "slices", "kills", "sliced-kills", "hosts"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for i, word in enumerate(words):
            if word == "speed":
                measure_speed(place)
            elif word == "slices":
                measure_slices(place)
            elif word.endswith("kills"):
                count = int(words[i + 1]) if words[i + 1 :] and words[i + 1].isdigit() else COUNT
                kill_ranks(place, count, *[["batches"]] * (word == "sliced-kills"))
            elif word == "hosts":
                lose_a_host(place)


if __name__ == "__main__":
    main()
