"""Train a network to weigh classical forecasts of synthetic series.

Batch i follows from the seed and i alone, so a training is resumed by continuing with the next batch. The same options
give the same bytes on one machine and version of torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqpred.arrays import Float32
from seqpred.errors import FolderError
from seqpred.network.machine import keep_memory, threads
from seqpred.network.weighing import WeighingNetwork, emit, relative_loss, weights_of
from seqpred.notes import no_op
from seqpred.pretraining.examples import Examples, make_examples
from seqpred.storage.atomic import replace_file
from seqpred.synthetic.priors import BROAD, FITTED
from seqpred.synthetic.series import batch_rng, draw_batch
from seqpred.training.adamw import AdamW
from seqpred.training.run import DECAY

MAX_GRADIENT_NORM, WEIGHT_DECAY, WARM_UP = 1.0, 1e-4, 100
CHECKPOINT_EVERY = 250  # steps
REFINED_RATE = 1 / 3  # learning rate of the second phase, relative to the first


@dataclass(frozen=True)
class PretrainOptions:
    """Everything that the weights depend on, besides the code.

    Attributes:
        steps: of the first phase, on series of the broad priors.
        refine: steps of the second phase, on series of the fitted priors; it starts at the mean weights of the first.
    """

    cell: str
    steps: int = 12_000
    refine: int = 0
    seed: int = 1
    hidden_size: int = 64
    depth: int = 1
    learning_rate: float = 0.003

    @property
    def total(self) -> int:
        """Steps of both phases."""
        return self.steps + self.refine


@dataclass(frozen=True)
class PretrainProgress:
    """How far a training is, and the mean loss since the last report."""

    step: int
    loss: float


@dataclass
class PretrainRun:
    """The state of a training between two steps.

    Attributes:
        mean: the moving mean of the weights, which is the result; see `training.run.Run.average`.
        losses: since the last report.
    """

    options: PretrainOptions
    network: WeighingNetwork
    optimizer: AdamW
    mean: dict[str, Tensor]
    step: int = 0
    losses: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, options: PretrainOptions) -> PretrainRun:
        """A run before its first step."""
        with torch.random.fork_rng([]):
            torch.manual_seed(options.seed)
            network = WeighingNetwork(options.cell, options.depth, options.hidden_size)
        mean = {name: w.clone() for name, w in network.state_dict().items()}
        return cls(options, network, AdamW(network.parameters(), WEIGHT_DECAY), mean)

    def advance(self) -> None:
        """One step along the gradient of the loss of the next batch."""
        if self.step == self.options.steps:
            self._start_second_phase()
        rng = batch_rng(self.options.seed, self.step)
        priors = BROAD if self.step < self.options.steps else FITTED
        loss = loss_of(self.network, make_examples(draw_batch(rng, priors), rng))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT_NORM)
        self.step += 1
        if math.isfinite(float(norm)):
            self.optimizer.step(self.options.learning_rate * self._rate_factor())
        current = list(self.network.state_dict().values())
        torch._foreach_lerp_(list(self.mean.values()), current, (1 + DECAY) / (self._phase()[0] + DECAY))
        self.losses.append(float(loss.detach()))

    def _start_second_phase(self) -> None:
        self.network.load_state_dict(self.mean)
        self.optimizer.reset()

    def _phase(self) -> tuple[int, int]:
        """The step within its phase, from 1, and the steps of the phase."""
        first = self.options.steps
        return (self.step, first) if self.step <= first else (self.step - first, self.options.refine)

    def _rate_factor(self) -> float:
        """The learning rate relative to its peak: in each phase a linear warm-up, then half a cosine."""
        step, steps = self._phase()
        peak = 1.0 if self.step <= self.options.steps else REFINED_RATE
        return peak * min(1.0, step / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))

    def result(self) -> dict[str, Float32]:
        """The mean of the weights, by name."""
        return {name: w.numpy().copy() for name, w in self.mean.items()}

    def save(self, path: Path) -> None:
        """Write a checkpoint, completely or not at all.

        Raises:
            WriteError: it could not be written.
        """
        from safetensors.numpy import save

        moments = self.optimizer.state_dict()
        arrays = {f"weights.{name}": w for name, w in weights_of(self.network).items()}
        arrays |= {f"mean.{name}": w for name, w in self.result().items()}
        arrays |= {f"{kind}.{i}": a for kind in ("exp_avg", "exp_avg_sq") for i, a in enumerate(moments[kind])}
        arrays["losses"] = np.array(self.losses)
        header = json.dumps({**asdict(self.options), "step": self.step}, sort_keys=True)
        replace_file(path, save(arrays, {"seqpred": header}))

    def load(self, path: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            FolderError: it is damaged, or of other options.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "np") as file:
                header = json.loads((file.metadata() or {})["seqpred"])
                arrays: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self.step = header.pop("step")
            if header != asdict(self.options):
                raise ValueError(f"it is of a training with {header}")
            below = {kind: _below(arrays, kind) for kind in ("weights", "mean", "exp_avg", "exp_avg_sq")}
            self.network.load_state_dict({name: torch.from_numpy(w) for name, w in below["weights"].items()})
            self.mean = {name: torch.from_numpy(below["mean"][name].copy()) for name in self.mean}
            count = len(below["exp_avg"])
            moments = {kind: [below[kind][str(i)] for i in range(count)] for kind in ("exp_avg", "exp_avg_sq")}
            self.optimizer.load_state_dict({"steps": self._phase()[0], **moments})
            self.losses = arrays["losses"].tolist()
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as e:
            raise FolderError(f"cannot be resumed ({e})", hint="Delete it to start over.", where=str(path)) from None


def _below(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(f"{prefix}."): a for name, a in arrays.items() if name.startswith(f"{prefix}.")}


def pretrain(
    options: PretrainOptions,
    checkpoint: Path | None = None,
    on_progress: Callable[[PretrainProgress], None] = no_op,
    stop: int | None = None,
) -> dict[str, Float32]:
    """The weights of a pretrained network, by name.

    Args:
        checkpoint: a file from which the training continues if it exists, and that is written along the way.
        stop: end after this step of both phases.
    """
    keep_memory()
    with threads(1):
        run = PretrainRun.start(options)
        if checkpoint is not None and checkpoint.exists():
            run.load(checkpoint)
        while run.step < min(options.total, stop or options.total):
            run.advance()
            if run.step % CHECKPOINT_EVERY == 0 or run.step == stop:
                on_progress(PretrainProgress(run.step, float(np.mean(run.losses))))
                run.losses.clear()
                if checkpoint is not None:
                    run.save(checkpoint)
    return run.result()


def loss_of(network: WeighingNetwork, examples: Examples) -> Tensor:
    """The loss of a network on a batch."""
    raw = network(torch.from_numpy(examples.x), torch.from_numpy(examples.positions), torch.from_numpy(examples.fit))
    values, usable = torch.from_numpy(examples.values), torch.from_numpy(examples.usable)
    quantiles = emit(raw, values, usable, torch.from_numpy(examples.near))
    return relative_loss(quantiles, torch.from_numpy(examples.targets), torch.from_numpy(examples.importance))
