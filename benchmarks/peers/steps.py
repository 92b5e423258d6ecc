"""Processor seconds of a training step of a peer's LSTM: the median over the steps after the first ones.

The network and the targets are those of `speed.py`: two layers of 64 units, 32 windows of 104 rows, 52 steps ahead and,
but for the Student's t distribution of DeepAR, nine quantile levels. As in training, data loading is part of a step.

python steps.py PEER CSV    (weekly rows: unique_id, ds, y, without gaps)
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch

WINDOW, HORIZON, BATCH, HIDDEN, DEPTH = 104, 52, 32, 64, 2
LEVELS = [level / 10 for level in range(1, 10)]
STEPS, FIRST = 60, 20
FREQUENCY = "W-SAT"
ends: list[float] = []


def recorder(base: type) -> Any:
    """A callback of Lightning, made from the base class of the release that the peer uses."""

    class Recorder(base):  # type: ignore[misc]
        def on_train_batch_end(self, *_: object) -> None:
            ends.append(time.thread_time())

    return Recorder()


def neuralforecast(rows: pd.DataFrame) -> None:
    """All windows of the series are in memory; a step draws 32 of them."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MQLoss
    from neuralforecast.models import LSTM
    from pytorch_lightning import Callback

    size = {"encoder_hidden_size": HIDDEN, "encoder_n_layers": DEPTH, "decoder_hidden_size": HIDDEN}
    quiet = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False}
    model = LSTM(
        h=HORIZON,
        input_size=WINDOW,
        max_steps=STEPS,
        windows_batch_size=BATCH,
        scaler_type="standard",
        loss=MQLoss(quantiles=LEVELS),
        callbacks=[recorder(Callback)],
        accelerator="cpu",
        **size,
        **quiet,
    )
    NeuralForecast(models=[model], freq=FREQUENCY).fit(df=rows)


def darts(rows: pd.DataFrame) -> None:
    """The network reads the window and the horizon; each row's target is the next one."""
    from darts import TimeSeries
    from darts.models import RNNModel
    from darts.utils.likelihood_models import QuantileRegression
    from pytorch_lightning import Callback

    trainer = {"accelerator": "cpu", "max_steps": STEPS, "enable_progress_bar": False, "logger": False}
    model = RNNModel(
        model="LSTM",
        hidden_dim=HIDDEN,
        n_rnn_layers=DEPTH,
        batch_size=BATCH,
        input_chunk_length=WINDOW,
        training_length=WINDOW + HORIZON,
        likelihood=QuantileRegression(LEVELS),
        n_epochs=STEPS,
        pl_trainer_kwargs={**trainer, "callbacks": [recorder(Callback)]},
    )
    model.fit(TimeSeries.from_dataframe(rows, "ds", "y", freq=FREQUENCY).astype(np.float32))


def gluonts(rows: pd.DataFrame) -> None:
    """The network reads the window and the horizon; the target is the next row of each row of the horizon."""
    from gluonts.dataset.common import ListDataset
    from gluonts.torch import DeepAREstimator
    from lightning.pytorch import Callback

    quiet = {"enable_progress_bar": False, "logger": False}
    trainer = {"max_epochs": 1, "accelerator": "cpu", "callbacks": [recorder(Callback)], **quiet}
    start = pd.Period(rows["ds"].iloc[0], freq=FREQUENCY)
    known = ListDataset([{"start": start, "target": rows["y"].to_numpy()}], freq=FREQUENCY)
    DeepAREstimator(
        freq=FREQUENCY,
        prediction_length=HORIZON,
        context_length=WINDOW,
        hidden_size=HIDDEN,
        num_layers=DEPTH,
        batch_size=BATCH,
        num_batches_per_epoch=STEPS,
        trainer_kwargs=trainer,
    ).train(known)


PEERS = {"neuralforecast": neuralforecast, "gluonts": gluonts, "darts": darts}

if __name__ == "__main__":
    torch.set_num_threads(1)
    PEERS[sys.argv[1]](pd.read_csv(sys.argv[2], parse_dates=["ds"], dtype={"unique_id": str}))
    assert len(ends) == STEPS, len(ends)
    print("seconds", statistics.median(after - before for before, after in pairwise(ends[FIRST:])))
