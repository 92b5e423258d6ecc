"""darts: train an LSTM (RNNModel) of 64 units and two layers briefly and save it, or load it and forecast a CSV.

python load_darts.py train|predict FOLDER CSV
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.models import RNNModel
from darts.utils.likelihood_models import GaussianLikelihood

what, folder, path = sys.argv[1:]
rows = pd.read_csv(path, parse_dates=["ds"])
series = TimeSeries.from_dataframe(rows, "ds", "y", freq="MS").astype(np.float32)
saved = str(Path(folder, "model.pt"))
if what == "train":
    model = RNNModel(
        model="LSTM",
        hidden_dim=64,
        n_rnn_layers=2,
        input_chunk_length=24,
        training_length=36,
        likelihood=GaussianLikelihood(),
        n_epochs=1,
        pl_trainer_kwargs={"accelerator": "cpu", "max_steps": 10, "enable_progress_bar": False, "logger": False},
    )
    model.fit(series)
    model.save(saved, clean=True)
else:
    quiet = {"accelerator": "cpu", "enable_progress_bar": False, "logger": False}
    model = RNNModel.load(saved, pl_trainer_kwargs=quiet)
    found = model.predict(12, series=series, num_samples=100, verbose=False)
    pd.DataFrame(np.quantile(found.all_values()[:, 0], [0.1, 0.5, 0.9], axis=1).T).to_csv(sys.stdout)
