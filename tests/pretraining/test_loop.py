"""Training on synthetic series: the same bytes from the same options, also after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from seqpred.errors import FolderError
from seqpred.network.machine import threads
from seqpred.network.weighing import WeighingNetwork
from seqpred.pretrained.weights import read_weights
from seqpred.pretraining.__main__ import main
from seqpred.pretraining.examples import make_examples
from seqpred.pretraining.loop import REFINED_RATE, WARM_UP, PretrainOptions, PretrainRun, loss_of, pretrain
from seqpred.synthetic.series import Batch, batch_rng, draw_batch

TINY = PretrainOptions("gru", steps=4, refine=4, hidden_size=3)


@pytest.mark.parametrize("stop", [2, 4, 6])  # within the first phase, at its end, within the second
def test_an_interrupted_training_ends_with_the_same_bytes(tmp_path: Path, stop: int) -> None:
    file = tmp_path / "checkpoint"
    pretrain(TINY, file, stop=stop)
    resumed, whole = pretrain(TINY, file), pretrain(TINY)
    assert save(resumed) == save(whole)
    with pytest.raises(FolderError, match="it is of a training with"):
        pretrain(PretrainOptions("gru", steps=5, hidden_size=3), file)


def test_the_second_phase_begins_at_the_mean_weights_of_the_first_with_a_new_optimizer() -> None:
    run = PretrainRun.start(TINY)
    with threads(1):
        while run.step < TINY.steps:
            run.advance()
    assert save(run.result()) == save(pretrain(replace(TINY, refine=0)))
    run.mean = {name: w + 1 for name, w in run.mean.items()}
    first = run.result()
    run.advance()
    moved = max(np.abs(w - first[name]).max() for name, w in run.result().items())
    assert 0 < moved < 1.1 * TINY.learning_rate * REFINED_RATE / WARM_UP
    assert run.optimizer.steps == 1


def test_the_command_writes_weights_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--steps", "2", "--refine", "1", "--hidden-size", "3", "--cells", "rnn", "--processes", "0"]
    main([*options, "--out", str(tmp_path), "--checkpoints", str(tmp_path / "unfinished")])
    network = read_weights("rnn", tmp_path)
    assert save(network.weights) == save(pretrain(PretrainOptions("rnn", steps=2, refine=1, hidden_size=3)))
    assert network.manifest["seed"] == 1


def test_examples_are_what_follows_each_position() -> None:
    batch = draw_batch(batch_rng(1, 0))
    line = Batch(np.tile(np.arange(float(batch.history + 8)), (2, 1)), batch.history, 1)
    examples = make_examples(line, batch_rng(1, 1))
    assert examples.targets[0, -1].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert np.allclose(examples.values[0, -1, :, 8], np.arange(1, 9))
    assert examples.usable[0, -1, 8]


def test_what_follows_does_not_change_the_importance_of_a_position() -> None:
    batch = draw_batch(batch_rng(1, 2))
    history, rng = batch.history, np.random.default_rng(1)
    other = Batch(np.where(np.arange(batch.values.shape[1]) < history, batch.values, 1e3 * rng.normal()), history, 4)
    one, two = (make_examples(own, batch_rng(1, 3)) for own in (Batch(batch.values, history, 4), other))
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(one.importance, two.importance)
    assert not np.array_equal(one.targets, two.targets)


def test_missing_targets_are_excluded_from_the_loss() -> None:
    batch = draw_batch(batch_rng(1, 0))
    batch.values[:, batch.history :] = np.nan
    loss = loss_of(WeighingNetwork("rnn", 1, 3), make_examples(batch, batch_rng(1, 1)))
    assert np.isfinite(float(loss.detach()))
